"""docs/channels.md tells the truth: its lists are the drivers', its curl works, and the driver it shows is one."""

from __future__ import annotations

import asyncio
import hmac
import json
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import orjson
import pytest

from pulse import wiring
from pulse.aggregates.chat import chat_id
from pulse.channels import FILES, Capabilities, telegram, vk
from pulse.channels.simulator import TROUBLES
from pulse.channels.table import CHANNELS
from pulse.embedded import Addresses
from pulse.eventlog.jetstream import Log
from tests.channels.conformance import Conforms
from tests.channels.documented import PIGEON, TEXT
from tests.conftest import running_pulse
from tests.fakes.serving import served
from tests.insisting import insist
from tests.world import Desk, connect

POSTED = orjson.dumps({"kind": "message", "id": "p1", "from": "vera", "text": "Coo?", "sent_at": 1795165200})


@pytest.mark.parametrize("case", [PIGEON], ids=["pigeon"])
class TestTheDriverItShows(Conforms):
    """All that every driver must hold."""


async def test_a_message_comes_in_and_a_reply_goes_out_through_one_line_in_the_table(
    addresses: Addresses, log: Log, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CHANNELS, "pigeon", PIGEON.driver)
    asked: list[tuple[str, Any]] = []

    async def provider(scope: Any, receive: Any, send: Any) -> None:
        asked.append((dict(scope["headers"])[b"authorization"].decode(), json.loads((await receive())["body"])))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b'{"id": "out-1"}'})

    own = Addresses(addresses.nats_url, addresses.nats_monitor_url, database_url)
    async with served(provider) as address, running_pulse(own, tmp_path, wiring.ROLES) as pulse:
        desk, known = Desk(pulse), {"secret": "s3cret", "token": "t0ken"}
        source = await connect(pulse, "pigeon", "shop", settings={"api_url": address}, secrets=known)
        proof = {"x-pigeon-signature": hmac.digest(b"s3cret", POSTED, "sha256").hex()}
        for headers, status in (({}, 401), (proof, 200), (proof, 200)):
            answer = await pulse.http.post(f"/webhook/pigeon/{source}", content=POSTED, headers=headers)
            assert answer.status_code == status, answer.text
        chat = chat_id(source, "vera")
        assert (await desk.reply("anna", chat, "Coo!")).status_code == 201

        async def last() -> dict[str, Any]:
            return (await desk.thread("anna", chat))[-1]

        entry = await insist(last, lambda found: found.get("status") == "sent")
        assert entry["text"] == "Coo!"
        assert [one["text"] for one in await desk.thread("anna", chat)] == ["Coo?", "Coo!"]
    [(proof_of_us, said)] = asked
    assert proof_of_us == "Bearer t0ken"
    assert (said["to"], said["text"]) == ("vera", "Coo!")


# Its lists


def rows(heading: str) -> list[list[str]]:
    """The cells of the table under a heading, its head first."""
    part = TEXT.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in (lines[0], *lines[2:])]


def spelled(can: Capabilities) -> list[str]:
    """What the page says of a channel, in the order of its lines."""
    units = "UTF-16 units" if can.units == "utf-16" else "characters"
    repeats = {0: "never", 3600: "1 hour", float("inf"): "ever"}[can.repeat_seconds]
    return [
        f"{can.text_limit:,} {units}", f"{can.caption_limit:,}", f"{can.file_limit // 2**20} MB",
        "all six" if can.kinds == FILES else "none", yes(can.receipts), yes(can.typing), repeats,
        f"{can.per_second:,}, {can.per_peer:,}", f"{can.per_group_minute:,}", yes(can.profiles),
    ]  # fmt: skip


def yes(it: bool) -> str:
    return "yes" if it else "no"


def test_it_says_of_each_channel_what_its_driver_says() -> None:
    head, *lines = rows("What each channel can do")
    columns = {name: [line[at] for line in lines] for at, name in enumerate(head) if name}
    assert columns == {name: spelled(driver.capabilities) for name, driver in CHANNELS.items()}


def test_it_names_every_behaviour_of_the_simulator() -> None:
    told = [re.sub(r"[`']|( \d+)", "", line[0]) for line in rows("The simulator")[1:]]
    assert sorted(told) == sorted(["", "slow", *TROUBLES])


def test_it_switches_on_every_event_of_vk_that_is_read() -> None:
    part = TEXT.split("**Event types**")[1].split("Any other")[0]
    assert sorted(re.findall(r"`(\w+)`", part)) == sorted(vk.KINDS)


@pytest.fixture
async def told() -> AsyncIterator[tuple[str, list[tuple[str, dict[str, list[str]]]]]]:
    """Somebody to curl: the address, and the paths and forms that came."""
    came: list[tuple[str, dict[str, list[str]]]] = []

    async def listen(scope: Any, receive: Any, send: Any) -> None:
        came.append((scope["path"], parse_qs((await receive())["body"].decode())))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b'{"ok":true,"result":true}'})

    async with served(listen) as address:
        yield address, came


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
async def test_its_curl_tells_telegram_the_address_the_secret_and_every_update_that_is_read(
    told: tuple[str, list[tuple[str, dict[str, list[str]]]]],
) -> None:
    address, came = told
    found = re.search(r"   (curl -sS -K.*?END)\n   ```", TEXT, re.DOTALL)
    assert found is not None
    script = found[1].replace("\n   ", "\n").replace("https://api.telegram.org", address)
    for name, value in (("<TOKEN>", "7:AAF"), ("<webhook_url>", "https://a.example/w"), ("<secret>", "s3cret")):
        script = script.replace(name, value)
    process = await asyncio.create_subprocess_exec("bash", "-c", script)
    assert await process.wait() == 0
    [(path, form)] = came
    assert path == "/bot7:AAF/setWebhook"
    assert (form["url"], form["secret_token"]) == (["https://a.example/w"], ["s3cret"])
    assert sorted(json.loads(form["allowed_updates"][0])) == sorted(telegram.KINDS)
