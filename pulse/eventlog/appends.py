"""What goes into the log and what lies in it: messages, acknowledgements, and the server's refusals by their code."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from pulse.errors import LogDown, Trouble
from pulse.values import value


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
    """A message to append. `expect` is the subject's last sequence as the writer knows it, None for no condition.

    A `msg_id` is plain ASCII without line breaks. After `seconds` the server forgets it (never in the log itself).
    """

    subject: str
    body: bytes
    expect: int | None = None
    msg_id: str | None = None
    seconds: int | None = None

    def headers(self, batch: str = "") -> bytes:
        """A NATS header block (ADR-4), empty where there is nothing to say. `batch` holds finished lines."""
        lines = batch
        if self.expect is not None:
            lines += f"Nats-Expected-Last-Subject-Sequence: {self.expect}\r\n"
        if self.msg_id is not None:
            lines += f"Nats-Msg-Id: {self.msg_id}\r\n"
        if self.seconds is not None:
            lines += f"Nats-TTL: {self.seconds}s\r\n"
        return f"NATS/1.0\r\n{lines}\r\n".encode("ascii") if lines else b""


@value
class Stored:
    """A message as it lies in the log."""

    position: int
    subject: str
    body: bytes


@value
class Ack:
    """`position` of the (last) message; `duplicate` when the log already had this message id."""

    position: int
    duplicate: bool


def ack_of(answer: bytes) -> Ack:
    found = orjson.loads(answer)
    error = found.get("error")
    if error is None:
        return Ack(found["seq"], found.get("duplicate", False))
    code, description = error.get("err_code", 0), error.get("description", "")
    if code in FULL:
        raise LogFull
    raise REFUSALS.get(code, AppendRefused)(code, description)
