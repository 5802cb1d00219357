"""Replies out of one source, alone and while another source's channel hangs; at the channel's own limit, and without one.

The limit of the second is the same HTTP client making the same calls, sixteen at once, with nothing before or after.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from uuid import UUID

import httpx2
import uvloop

from bench.child import Child, coming_orders, say
from bench.machine import MEASURED, REST
from bench.report import Figure, Report, Size, Verdict
from bench.world import opened_world
from pulse.accounts import Accounts
from pulse.aggregates.chat import Chat, chat_id
from pulse.aggregates.department import department_id
from pulse.aggregates.source import source_id
from pulse.channels import File
from pulse.channels.telegram import Telegram
from pulse.delivery.outbox import Outbox
from pulse.delivery.sender import AT_ONCE, Parts
from pulse.directory import Directory
from pulse.drivers import Drivers
from pulse.eventlog.jetstream import Log
from pulse.eventlog.store import EventStore
from pulse.eventlog.streams import reconcile, wanted_streams
from pulse.house import NATS_FOLDER, now
from pulse.logs import configure_logs
from pulse.message import Attachment
from pulse.serving import tune_gc
from pulse.vault import Vault

WELL, HANGING = "7000000011", "7000000012"
HANG_SECONDS = 30.0
STUCK = 200
LOOK_SECONDS = 0.005
REACH = 0.95
ANSWER = b'{"ok":true,"result":{"message_id":1}}'
ALONE, BESIDE = "alone", "with another source hanging"


def main(size: Size) -> Report:
    report = Report("replies", "replies out of one source, alone and with another source hanging for 30 s")
    with opened_world() as world, Child("bench.replies:run_channel", REST) as channel:
        address = f"http://127.0.0.1:{channel.ready['port']}"
        for limited in (True, False):
            with Child(
                "bench.replies:run_pulse", MEASURED, nats_url=world.addresses.nats_url, address=address, limited=limited
            ) as pulse:
                _measure(report, pulse, size, limited=limited)
    return report


def _measure(report: Report, pulse: Child, size: Size, *, limited: bool) -> None:
    # The first thirty leave at once: the channel's limit shows after them.
    replies, at_once = (int(30 * size.seconds) + 30, 30) if limited else (int(300 * size.seconds), 0)
    found: dict[str, list[float]] = {ALONE: [], BESIDE: []}
    for number in range(size.rounds * 2):
        hanging = bool(number % 2)
        took = pulse.ask(do="send", number=number, replies=replies, hanging=hanging)["seconds"]
        found[BESIDE if hanging else ALONE].append((replies - at_once) / took)
    named = "at 30/s" if limited else "as fast as it goes"
    figures = [Figure(f"{named}, {state}", rates, "/s") for state, rates in found.items()]
    report.figures += figures
    report.verdicts.append(
        Verdict(f"beside a hanging source : alone, {named}", figures[1].value / figures[0].value, REACH)
    )
    if not limited:
        bare = pulse.ask(do="bare", replies=replies)["seconds"]
        limit = Figure(f"the same calls by httpx2, {AT_ONCE} at once", [replies / bare], "/s")
        report.figures.append(limit)
        report.notes.append(
            f"{figures[0].value / limit.value:.2f} of the bare client: two events on disk beside each call"
        )


def run_channel() -> None:
    """A child's function: answers `sendMessage` at once, or after 30 s for the bot that hangs."""
    uvloop.run(_serve_channel())


async def _serve_channel() -> None:
    server = await asyncio.start_server(_answer, "127.0.0.1", 0)
    say(port=server.sockets[0].getsockname()[1])
    async for _ in coming_orders():
        pass


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(ANSWER)}\r\n\r\n".encode()
    try:
        while True:
            asked = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(asked.partition(b"content-length:")[2].split(b"\r\n", 1)[0] or 0)
            await reader.readexactly(length)
            if HANGING.encode() in asked:
                await asyncio.sleep(HANG_SECONDS)
            writer.write(head + ANSWER)
    except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
        writer.close()


def run_pulse(nats_url: str, address: str, limited: bool) -> None:
    """A child's function: an outbox with two sources."""
    configure_logs("error")
    if not limited:
        Telegram.capabilities = replace(Telegram.capabilities, per_second=100_000, per_peer=100_000)
    uvloop.run(_pulse(nats_url, address))


async def _pulse(nats_url: str, address: str) -> None:
    log = await Log.connect(nats_url)
    epoch = await reconcile(log, wanted_streams(NATS_FOLDER / "streams.json"), max_bytes=1 << 33)
    directory, store = Directory(log), EventStore(log)
    following = asyncio.ensure_future(directory.run())
    accounts = Accounts(store, Vault(bytes(32)), now)
    await accounts.create_department("Sales")
    for bot in (WELL, HANGING):
        connected = await accounts.connect_source(
            "telegram", bot, bot, (department_id("Sales"),),
            settings={"api_url": address}, secrets={"token": f"{bot}:token"},
        )  # fmt: skip
        await directory.wait_for(connected.position)
    async with httpx2.AsyncClient(timeout=60) as http:
        outbox = Outbox(Parts(store, directory, Drivers(directory, accounts.vault, http), _no_file, now), epoch)
        sending = asyncio.ensure_future(outbox.run())
        await outbox.begun.wait()
        tune_gc()
        say(ready=True)
        async for order in coming_orders():
            if order["do"] == "bare":
                say(seconds=await _bare(http, address, order["replies"]))
            else:
                say(seconds=await _send(store, outbox, order))
        sending.cancel()
        following.cancel()
        await asyncio.wait([sending, following])


async def _send(store: EventStore, outbox: Outbox, order: dict[str, int]) -> float:
    """Seconds from the first reply written until the last has left. Whatever hangs is left hanging."""
    if order["hanging"]:
        await _write(store, HANGING, order["number"], STUCK)
    began = time.perf_counter()
    await _write(store, WELL, order["number"], order["replies"])
    last = await store.log.last_position()
    source = source_id("telegram", WELL)
    while outbox.position < last or outbox.open_replies(source):
        await asyncio.sleep(LOOK_SECONDS)
    return time.perf_counter() - began


async def _write(store: EventStore, bot: str, number: int, replies: int) -> None:
    source = source_id("telegram", bot)

    async def one(peer: str) -> None:
        def decision(known: Chat | None) -> Chat:
            chat = known or Chat.open(
                source_id=source, channel="telegram", peer=peer, title="Vera", group=False,
                department_id=department_id("Sales"), customer_id=UUID(int=77), now=now(),
            )  # fmt: skip
            chat.reply("It is on its way, Vera.", moderator_id=UUID(int=1), client_msg_id=None, now=now())
            return chat

        await store.decide(Chat, chat_id(source, peer), decision, by="moderator")

    for first in range(0, replies, 64):
        await asyncio.gather(*(one(f"{number}-{peer}") for peer in range(first, min(first + 64, replies))))


async def _bare(http: httpx2.AsyncClient, address: str, replies: int) -> float:
    left = iter(range(replies))

    async def caller() -> None:
        for peer in left:
            await http.post(
                f"{address}/bot{WELL}:token/sendMessage", json={"chat_id": peer, "text": "It is on its way."}
            )

    began = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(AT_ONCE)))
    return time.perf_counter() - began


async def _no_file(attachment: Attachment) -> File:
    raise AssertionError(attachment)
