"""One connection to the log: appends with an expected sequence, atomic batches, reads by position, live words."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import itertools
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import ParseResult

import nats
import orjson
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from pulse.errors import LogDown
from pulse.eventlog.appends import REFUSALS, Ack, AckLost, Append, AppendRefused, Stored, ack_of
from pulse.eventlog.asked import Asked, AskedOthers, AskedPage, unanswered
from pulse.eventlog.wire import Wire
from pulse.logs import Outage

STREAM = "PULSE"
ACK_SECONDS = 5.0
HAND_OVER_SECONDS = 2
PAGE = 1000
PAGE_BYTES = 8 * 1024 * 1024
REDIAL_SECONDS = 0.25

log = structlog.get_logger(__name__)


class Log:
    """A connection to one stream. Open it with `connect`, end it with `close`.

    It is two: a `Wire` for whatever asks and is answered, and nats-py's client for whatever is only heard (live
    words, pull consumers), which also knows the servers of a cluster. It is up while both are. `following` is on while
    somebody who follows the log can't: a server that hangs shows there long before its connections break.
    """

    def __init__(self, client: Client, name: str, stream: str) -> None:
        self.client = client
        self.stream = stream
        self.when_lost: set[Callable[[], None]] = set()
        self._name = name
        self._loop = asyncio.get_running_loop()
        self._home = client.connected_url or ParseResult("nats", "localhost", "", "", "", "")
        self._inbox = client.new_inbox()
        self._token_at = len(self._inbox) + 1
        self._wire: Wire | None = None
        self._redialling: asyncio.Task[None] | None = None
        self._closed = False
        self._outage = Outage("log")
        self.following = Outage("follow")
        self._asked: dict[bytes, Asked] = {}
        self._tokens = itertools.count()
        self._sweeper: asyncio.TimerHandle | None = None

    @classmethod
    async def connect(cls, url: str, *, name: str = "pulse", stream: str = STREAM) -> Log:
        """Connects and stays connected: pings every 5 s, reconnects for ever. Raises LogDown when nobody answers."""
        holder: list[Log] = []

        async def lost() -> None:
            for opened in holder:
                opened._tell_lost()

        async def told(error: Exception) -> None:
            log.warning("nats", error=repr(error))

        try:
            client = await nats.connect(
                url, name=name, ping_interval=5, max_outstanding_pings=2, max_reconnect_attempts=1,
                reconnect_time_wait=0.25, connect_timeout=2, allow_reconnect=True, pending_size=0,
                disconnected_cb=lost, error_cb=told, skip_subject_validation=True,
            )  # fmt: skip
        except (OSError, nats.errors.Error, TimeoutError) as error:
            raise LogDown(f"NATS does not answer: {error}") from error
        client.options["max_reconnect_attempts"] = -1  # from the start, nats-py would wait here for ever
        opened = cls(client, name, stream)
        holder.append(opened)
        try:
            await opened._dial()
        except BaseException:
            await client.close()
            raise
        return opened

    async def close(self) -> None:
        self._closed = True
        if self._redialling is not None:
            self._redialling.cancel()
            await asyncio.wait([self._redialling])
        if self._wire is not None:
            self._wire.close()
        self._tell_lost()
        self.forget_waiting()
        await self.client.close()

    @property
    def up(self) -> bool:
        return self._wire is not None and self._wire.up and bool(self.client.is_connected)

    def append_all(self, messages: list[Append]) -> Awaitable[Ack]:
        """Appends one message, or several as a batch."""
        return self.append(messages[0]) if len(messages) == 1 else self.append_batch(messages)

    async def append(self, message: Append) -> Ack:
        """Appends one; returns when it is on disk. Raises AppendRefused, LogDown (AckLost, LogFull), TooLarge."""
        return ack_of(await self._ask(message.subject, message.body, message.headers(), AckLost))

    async def append_batch(self, messages: list[Append]) -> Ack:
        """Appends all or none, next to each other; one condition per subject counts, on its first message."""
        batch = f"Nats-Batch-Id: {next(self._tokens):x}{self._inbox[-8:]}\r\nNats-Batch-Sequence: "
        wire = self._open_wire()
        for number, message in enumerate(messages[:-1], 1):
            wire.publish(message.subject, message.body, headers=message.headers(f"{batch}{number}\r\n"))
        last = messages[-1]
        headers = last.headers(f"{batch}{len(messages)}\r\nNats-Batch-Commit: 1\r\n")
        return ack_of(await self._ask(last.subject, last.body, headers, AckLost))

    async def read_all(self, subject: str, start: int = 1) -> list[Stored]:
        """Every message of one subject from a position on."""
        found, pending = await self._read_page(start, subject, PAGE)
        while pending:
            page, pending = await self._read_page(found[-1].position + 1, subject, PAGE)
            found += page
        return found

    async def read(self, start: int, *, subject: str = ">", limit: int = PAGE) -> list[Stored]:
        """Messages from a position on, in order, at most `limit` (and 8 MiB); empty at the end of the log."""
        return (await self._read_page(start, subject, limit))[0]

    async def _read_page(self, start: int, subject: str, limit: int) -> tuple[list[Stored], int]:
        """A page, and how many messages come after it. A batched direct get (ADR-31): answers, then 204."""
        query = {"seq": max(start, 1), "batch": limit, "max_bytes": PAGE_BYTES, "next_by_subj": subject}
        asked = self._ask(f"$JS.API.DIRECT.GET.{self.stream}", orjson.dumps(query), kind=AskedPage)
        page: tuple[list[Stored], int] = await asked
        return page

    async def first_position(self) -> int:
        """The position of the oldest message that is still there."""
        info = await self.api(f"STREAM.INFO.{self.stream}")
        return int(info["state"]["first_seq"])

    async def last_position(self) -> int:
        """The position of the newest message; 0 in an empty log."""
        info = await self.api(f"STREAM.INFO.{self.stream}")
        return int(info["state"]["last_seq"])

    async def api(self, name: str, body: object = None) -> dict[str, Any]:
        """A JetStream API call. Raises LogDown without an answer, AppendRefused with the server's code."""
        answer = await self._ask(f"$JS.API.{name}", orjson.dumps(body) if body is not None else b"")
        found: dict[str, Any] = orjson.loads(answer)
        if error := found.get("error"):
            raise REFUSALS.get(error.get("err_code"), AppendRefused)(error.get("err_code", 0), error["description"])
        return found

    async def tell(self, subject: str, body: bytes) -> None:
        """Says something live on core NATS; nobody keeps it, and it is lost while disconnected."""
        if self.up:
            await self.client.publish(subject, body)

    async def hand_over(self, subject: str, bodies: Sequence[bytes]) -> None:
        """Says things live, in order; returns once NATS has taken them. Raises LogDown: some may have been said."""
        if not self.up:
            raise LogDown
        try:
            for body in bodies:
                await self.client.publish(subject, body)
            await self.client.flush(HAND_OVER_SECONDS)
        except (nats.errors.Error, TimeoutError) as error:
            raise LogDown(f"NATS did not take the message: {error}") from error

    async def listen(self, subject: str, heard: Callable[[bytes], Awaitable[None]]) -> None:
        """Calls `heard` with the body of everything said on a subject, also after a reconnect."""

        async def pass_on(message: Msg) -> None:
            await heard(message.data)

        await self.client.subscribe(subject, cb=pass_on)
        if self.up:
            with contextlib.suppress(nats.errors.Error, TimeoutError):  # then it counts from the reconnect on
                await self.client.flush(int(ACK_SECONDS))

    async def answer(self, subject: str, answer: Callable[[bytes], Awaitable[bytes]]) -> Subscription:
        """Answers whoever asks on a subject, several at a time; others can ask once this returns. Raises LogDown."""
        answering: set[asyncio.Task[None]] = set()

        async def reply(message: Msg) -> None:
            with contextlib.suppress(nats.errors.Error):  # whoever asked hears nothing, and asks no more
                await message.respond(await answer(message.data))

        async def on_asked(message: Msg) -> None:
            task = asyncio.create_task(reply(message))
            answering.add(task)
            task.add_done_callback(answering.discard)

        if not self.up:
            raise LogDown
        try:
            subscription = await self.client.subscribe(subject, cb=on_asked)
            await self.client.flush(HAND_OVER_SECONDS)
        except (nats.errors.Error, TimeoutError) as error:
            raise LogDown(f"NATS does not answer: {error}") from error
        return subscription

    async def ask_others(self, subject: str, body: bytes) -> bytes | None:
        """What the process that listens on a subject answers; None when there is none. Raises LogDown."""
        answer: bytes | None = await self._ask(subject, body, kind=AskedOthers)
        return answer

    async def open_inbox(self, heard: Callable[[Msg], Awaitable[None]]) -> Subscription:
        """An address of its own (a pull consumer's messages keep their subjects); unbounded, so nothing is dropped."""
        return await self.client.subscribe(
            self.client.new_inbox(), cb=heard, pending_msgs_limit=0, pending_bytes_limit=0
        )

    async def ask(self, subject: str, body: bytes, reply: str) -> None:
        """Sends a request whose answers go to an open inbox. Raises LogDown."""
        if not self.up:
            raise LogDown
        try:
            await self.client.publish(subject, body, reply)
        except nats.errors.Error as error:
            raise LogDown(f"NATS did not take the message: {error}") from error

    def forget_waiting(self) -> None:
        """The wire is gone: whatever was on its way may or may not have arrived, no answer will."""
        for asked in self._asked.values():
            asked.fail()
        self._asked.clear()

    def _ask(
        self, subject: str, body: bytes, headers: bytes = b"", lost: Callable[[], LogDown] = unanswered,
        kind: type[Asked] = Asked,
    ) -> asyncio.Future[Any]:  # fmt: skip
        """The answer to come. Raises LogDown, TooLarge at once when it can't be asked."""
        loop = self._loop
        token = b"%x" % next(self._tokens)
        self._open_wire().publish(subject, body, f"{self._inbox}.{token.decode()}", headers)
        future: asyncio.Future[Any] = loop.create_future()
        self._asked[token] = kind(future, loop.time() + ACK_SECONDS, lost)
        if self._sweeper is None:
            self._sweeper = loop.call_later(1, self._sweep)
        return future

    def _open_wire(self) -> Wire:
        if self._wire is None or not self.up:
            raise LogDown
        return self._wire

    def _on_answer(self, subject: bytes, headers: bytes, body: bytes) -> None:
        token = subject[self._token_at :]
        asked = self._asked.get(token)
        if asked is not None and asked.take(headers, body):
            del self._asked[token]

    def _sweep(self) -> None:
        """One timer for all waiting answers: a timer each costs more than the publish."""
        loop = self._loop
        for token, asked in list(self._asked.items()):
            if asked.deadline < loop.time():
                asked.fail()
                del self._asked[token]
        self._sweeper = loop.call_later(1, self._sweep) if self._asked else None

    # Staying connected

    async def _dial(self) -> None:
        """Connects to the server that nats-py found, with the credentials we were given. Raises LogDown."""
        home, found = self._home, self.client.connected_url or self._home
        user, _, _ = home.netloc.rpartition("@")
        url = found._replace(netloc=f"{user}@{found.netloc.rpartition('@')[2]}" if user else found.netloc)
        # As nats-py has it: a server that the cluster told of by its address proves itself by the name we were given.
        name = (home if _is_address(found.hostname) else found).hostname or ""
        self._wire = await Wire.dial(
            url, self._name, f"{self._inbox}.*", self._on_answer, self._on_wire_lost, tls_name=name
        )

    def _on_wire_lost(self) -> None:
        self.forget_waiting()
        if not self._closed:
            self._redialling = asyncio.get_running_loop().create_task(self._redial())

    async def _redial(self) -> None:
        while True:
            try:
                await self._dial()
            except LogDown as down:
                self._outage.began(down)
                await asyncio.sleep(REDIAL_SECONDS)
            else:
                self._outage.ended()
                return

    def _tell_lost(self) -> None:
        for told in list(self.when_lost):
            told()


def _is_address(host: str | None) -> bool:
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(host or "")
        return True
    return False
