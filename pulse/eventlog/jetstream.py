"""One connection to the log: appends with an expected sequence, atomic batches, reads by position.

nats-py keeps the connection; appends use one reply inbox and a table of waiting replies instead of `js.publish`
(half the CPU a message). Server errors are told apart by code (https://docs.nats.io/reference/reference-protocols).
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import nats
import orjson
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from pulse.errors import LogDown, TooLarge, Trouble

STREAM = "PULSE"
ACK_SECONDS = 5.0
PAGE = 1000
PAGE_BYTES = 8 * 1024 * 1024

log = structlog.get_logger(__name__)


class AppendRefused(Trouble):
    """The log refused an append. Nothing of it was stored."""

    def __init__(self, code: int, description: str) -> None:
        super().__init__(f"{description} ({code})")
        self.err_code = code


class WrongSequence(AppendRefused):
    """Somebody appended to this subject first."""


class StillInFlight(AppendRefused):
    """The same subject or message id is being stored at this moment."""


class BatchHasDuplicate(AppendRefused):
    """A message of the batch is already stored."""


class BatchLost(AppendRefused):
    """The server let go of the batch; a new one may be sent."""


class LogFull(LogDown):
    """The event log has reached its size limit, so nothing was accepted. An operator has to make room."""


class AckLost(LogDown):
    """No answer came, so this may or may not be stored. Send the same again with the same id; it counts once."""


REFUSALS: dict[int, type[AppendRefused]] = {
    10071: WrongSequence,
    10164: StillInFlight,
    10158: StillInFlight,
    10201: BatchHasDuplicate,
    10176: BatchLost,
    10210: BatchLost,
}
FULL = frozenset({10077, 10023, 10047})


@dataclass(slots=True)
class Append:
    """A message to append. `expect` is the subject's last sequence as the writer knows it, None for no condition."""

    subject: str
    body: bytes
    expect: int | None = None
    msg_id: str | None = None

    def headers(self) -> dict[str, str]:
        found: dict[str, str] = {}
        if self.expect is not None:
            found["Nats-Expected-Last-Subject-Sequence"] = str(self.expect)
        if self.msg_id is not None:
            found["Nats-Msg-Id"] = self.msg_id
        return found


@dataclass(frozen=True, slots=True)
class Stored:
    """A message as it lies in the log."""

    position: int
    subject: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Ack:
    """`position` of the (last) message; `duplicate` when the log already had this message id."""

    position: int
    duplicate: bool


Reply = Callable[[Msg], None]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request without an answer so far. `lost` makes the error that a lost answer means."""

    reply: Reply
    future: asyncio.Future[Any]
    deadline: float
    lost: Callable[[], LogDown]


class Log:
    """A connection to one stream. Open it with `connect`, end it with `close`."""

    def __init__(self, client: Client, stream: str = STREAM) -> None:
        self.client = client
        self.stream = stream
        self.when_lost: set[Callable[[], None]] = set()
        self._inbox = client.new_inbox()
        self._waiting: dict[str, Waiting] = {}
        self._tokens = itertools.count()
        self._sweeper: asyncio.TimerHandle | None = None

    @classmethod
    async def connect(cls, url: str, *, name: str = "pulse", stream: str = STREAM) -> Log:
        """Connects and stays connected: pings every 5 s, reconnects for ever. Raises LogDown when nobody answers."""
        holder: list[Log] = []

        async def lost() -> None:
            for opened in holder:
                opened.forget_waiting()

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
        opened = cls(client, stream)
        holder.append(opened)
        await client.subscribe(f"{opened._inbox}.*", cb=opened._on_reply, pending_msgs_limit=0, pending_bytes_limit=0)
        return opened

    async def close(self) -> None:
        self.forget_waiting()
        await self.client.close()

    @property
    def up(self) -> bool:
        return bool(self.client.is_connected)

    async def append(self, message: Append) -> Ack:
        """Appends one message; returns when it is on disk. Raises AppendRefused, LogDown (AckLost, LogFull), TooLarge."""
        return await self._acknowledged(message.subject, message.body, message.headers())

    async def append_batch(self, messages: list[Append]) -> Ack:
        """Appends all or none, next to each other; one condition per subject counts, on its first message."""
        batch_id = f"{next(self._tokens):x}{self._inbox[-8:]}"
        for number, message in enumerate(messages[:-1], 1):
            headers = {"Nats-Batch-Id": batch_id, "Nats-Batch-Sequence": str(number)} | message.headers()
            await self._send(message.subject, message.body, "", headers)
        last = messages[-1]
        headers = {"Nats-Batch-Id": batch_id, "Nats-Batch-Sequence": str(len(messages)), "Nats-Batch-Commit": "1"}
        return await self._acknowledged(last.subject, last.body, headers | last.headers())

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
        found: list[Stored] = []
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def collect(message: Msg) -> None:
            headers = message.headers or {}
            status = headers.get("Status")
            if status is None:
                found.append(Stored(int(headers["Nats-Sequence"]), headers["Nats-Subject"], message.data))
            elif not done.done() and status in ("204", "404"):
                done.set_result(int(headers.get("Nats-Num-Pending", 0)))
            else:
                _fail(done, LogDown(f"Reading the log failed ({status})."))

        pending = await self._publish(f"$JS.API.DIRECT.GET.{self.stream}", orjson.dumps(query), None, collect, done)
        return found, int(pending)

    async def last_position(self) -> int:
        """The position of the newest message; 0 in an empty log."""
        info = await self.api(f"STREAM.INFO.{self.stream}")
        return int(info["state"]["last_seq"])

    async def api(self, name: str, body: object = None) -> dict[str, Any]:
        """A JetStream API call. Raises LogDown without an answer, AppendRefused with the server's code."""
        answer = await self._publish(f"$JS.API.{name}", orjson.dumps(body) if body is not None else b"")
        found: dict[str, Any] = orjson.loads(answer)
        if error := found.get("error"):
            raise REFUSALS.get(error.get("err_code"), AppendRefused)(error.get("err_code", 0), error["description"])
        return found

    async def tell(self, subject: str, body: bytes) -> None:
        """Says something live on core NATS; nobody keeps it, and it is lost while disconnected."""
        if self.up:
            await self.client.publish(subject, body)

    async def listen(self, subject: str, heard: Callable[[bytes], Awaitable[None]]) -> None:
        """Calls `heard` with the body of everything said on a subject, also after a reconnect."""

        async def pass_on(message: Msg) -> None:
            await heard(message.data)

        await self.client.subscribe(subject, cb=pass_on)

    async def open_inbox(self, heard: Callable[[Msg], Awaitable[None]]) -> Subscription:
        """An address of its own (a pull consumer's messages keep their subjects); unbounded, so nothing is dropped."""
        return await self.client.subscribe(
            self.client.new_inbox(), cb=heard, pending_msgs_limit=0, pending_bytes_limit=0
        )

    async def ask(self, subject: str, body: bytes, reply: str) -> None:
        """Sends a request whose answers go to an open inbox. Raises LogDown."""
        await self._send(subject, body, reply, None)

    def forget_waiting(self) -> None:
        """The connection is gone: whatever was on its way may or may not have arrived, no answer will."""
        for told in list(self.when_lost):
            told()
        for waiting in list(self._waiting.values()):
            _fail(waiting.future, waiting.lost())
        self._waiting.clear()

    async def _acknowledged(self, subject: str, body: bytes, headers: dict[str, str]) -> Ack:
        found = orjson.loads(await self._publish(subject, body, headers, lost=AckLost))
        error = found.get("error")
        if error is None:
            return Ack(found["seq"], found.get("duplicate", False))
        code, description = error.get("err_code", 0), error.get("description", "")
        if code in FULL:
            raise LogFull
        raise REFUSALS.get(code, AppendRefused)(code, description)

    async def _publish(
        self,
        subject: str,
        body: bytes,
        headers: dict[str, str] | None = None,
        collect: Reply | None = None,
        done: asyncio.Future[Any] | None = None,
        lost: Callable[[], LogDown] = lambda: LogDown("The event log did not answer."),
    ) -> bytes:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = done or loop.create_future()
        token = f"{next(self._tokens):x}"
        reply = collect or (lambda message: _answer(future, message))
        self._waiting[token] = Waiting(reply, future, loop.time() + ACK_SECONDS, lost)
        if self._sweeper is None:
            self._sweeper = loop.call_later(1, self._sweep)
        try:
            await self._send(subject, body, f"{self._inbox}.{token}", headers)
            answer: bytes = await future
            return answer
        finally:
            self._waiting.pop(token, None)

    async def _send(self, subject: str, body: bytes, reply: str, headers: dict[str, str] | None) -> None:
        if not self.up:
            raise LogDown
        try:
            await self.client.publish(subject, body, reply, headers or None)
        except nats.errors.MaxPayloadError as error:
            raise TooLarge("An event is larger than the log accepts.") from error
        except nats.errors.Error as error:
            raise LogDown(f"NATS did not take the message: {error}") from error

    async def _on_reply(self, message: Msg) -> None:
        token = message.subject[len(self._inbox) + 1 :]
        if token in self._waiting:
            self._waiting[token].reply(message)

    def _sweep(self) -> None:
        """One timer for all waiting replies: a timer each costs more than the publish."""
        loop = asyncio.get_running_loop()
        for waiting in list(self._waiting.values()):
            if waiting.deadline < loop.time():
                _fail(waiting.future, waiting.lost())
        self._sweeper = loop.call_later(1, self._sweep) if self._waiting else None


def _answer(future: asyncio.Future[Any], message: Msg) -> None:
    status = (message.headers or {}).get("Status")
    if future.done():
        return
    if status is None:
        future.set_result(message.data)
    else:
        future.set_exception(LogDown(f"The event log is not ready ({status})."))


def _fail(future: asyncio.Future[Any], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
