"""The whole log from its first event, for those who must not miss one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from pulse.errors import Trouble
from pulse.eventlog.appends import Stored
from pulse.eventlog.jetstream import Log

PAGE = 1000

Tell = Callable[[int, int], None]
Pages = Callable[[], AsyncIterator[list[Stored]]]


class LogTooShort(Trouble):
    """The event log has holes or lost its end, so nobody can say which files it named. Nothing was removed."""


async def whole(log: Log, reached: int, tell: Tell, rest: float = 0.0) -> AsyncIterator[list[Stored]]:
    """Page by page, what is stored meanwhile too. `tell` hears how far it is, of how much.

    `reached` is where the read models are: a shorter log is not the one they were made of. `rest` are seconds after each
    page. Raises LogTooShort, LogDown.
    """
    goal, position = await log.last_position(), 0
    if goal < reached:
        raise LogTooShort
    while page := await log.read(position + 1, limit=PAGE):
        if [stored.position for stored in page] != list(range(position + 1, position + 1 + len(page))):
            raise LogTooShort
        yield page
        position = page[-1].position
        tell(position, max(goal, position))
        await asyncio.sleep(rest)
    if position < goal:
        raise LogTooShort
