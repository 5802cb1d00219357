"""A session that another process holds: balancers need no stickiness, because its process is asked over core NATS."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pulse.eventlog.jetstream import Log
from pulse.eventlog.live import XHR
from pulse.limits import TooOften
from pulse.push.xhr_session import Parcel, XhrSession


class Asked(msgspec.Struct, frozen=True):
    """What another process wants of a session; nothing at all asks only whether it is there."""

    reader: str = ""
    seconds: float = 0.0
    begins: bool = False
    said: list[str] = []


class Elsewhere:
    """Answers like the session itself. Everything raises LogDown: then nobody knows how far its client was told."""

    def __init__(self, log: Log, name: str) -> None:
        self._log = log
        self._subject = subject_of(name)

    async def is_there(self) -> bool:
        return await self._ask(Asked()) is not None

    async def parcel(self, reader: str, seconds: float, *, begins: bool = False) -> Parcel:
        answer = await self._ask(Asked(reader, seconds, begins))
        return Parcel(stale=True) if answer is None else answer

    async def hear(self, messages: Sequence[str]) -> bool:
        """False when there is no such session. Raises TooOften."""
        answer = await self._ask(Asked(said=list(messages)))
        if answer is not None and answer.stale:
            raise TooOften
        return answer is not None

    async def _ask(self, asked: Asked) -> Parcel | None:
        answer = await self._log.ask_others(self._subject, msgspec.json.encode(asked))
        return None if answer is None else msgspec.json.decode(answer, type=Parcel)


async def answer_for(session: XhrSession, asked: bytes) -> bytes:
    """What the process that holds it says to another."""
    want = msgspec.json.decode(asked, type=Asked)
    parcel = Parcel()
    if want.reader:
        parcel = await session.parcel(want.reader, want.seconds, begins=want.begins)
    elif want.said:
        try:
            await session.hear(want.said)
        except TooOften:
            parcel = Parcel(stale=True)
    return msgspec.json.encode(parcel)


def subject_of(name: str) -> str:
    return f"{XHR}.{name}"
