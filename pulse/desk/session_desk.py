"""What the routes of sessions share, one's own and those that admins look after: rows, and ending them."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from psycopg.rows import DictRow
from pydantic import Field

from pulse.access import Person
from pulse.aggregates.moderator import Moderator
from pulse.desk.answers import Shown
from pulse.desk.decisions import Decisions
from pulse.desk.guard import Caller, Guard
from pulse.errors import NotFound
from pulse.eventlog.commands import Decided

SessionId = Annotated[UUID, Field(examples=["0198a1f2-6c1e-7c6e-9a43-0d3f3b0a7a11"])]
Moment = Annotated[datetime, Field(examples=["2026-11-21T09:30:00Z"])]


class SessionRow(Shown):
    """A sign-in: where from, with what, and when it was last used (to the minute). `this` is the one that asks."""

    id: SessionId
    address: Annotated[str, Field(examples=["192.0.2.7"])]
    agent: Annotated[str, Field(examples=["Mozilla/5.0 (X11; Linux x86_64)"])]
    created_at: Moment
    seen_at: Moment
    expires_at: Moment
    this: Annotated[bool, Field(examples=[True])]


class SessionDesk:
    """Whoever calls it has made sure that they may. The event comes first: a row that stays behind lets nobody in."""

    def __init__(self, guard: Guard, decisions: Decisions) -> None:
        self.guard = guard
        self.decisions = decisions

    async def rows(self, whose: UUID, caller: Caller) -> list[DictRow]:
        """Those that hold, the last seen first. Raises NotFound."""
        return [_shown(row, this=row["id"] == caller.session.id) for row in await self._holding(whose)]

    async def end_one(self, by: Person, whose: UUID, session: UUID) -> Decided:
        """Raises NotFound for what is not that person's. What has ended already stays so."""
        held = {row["id"] for row in await self._holding(whose)}

        def decision(owner: Moderator) -> None:
            if session not in held and session not in owner.ended.single:
                raise NotFound
            owner.end_session(session, now=self.guard.clock())

        decided = await self.decisions.decide(by, Moderator, whose, decision)
        await self.guard.sessions.end_one(whose, session)
        return decided

    async def end_sessions(self, by: Person, whose: UUID, keeping: UUID | None = None) -> Decided:
        """All of them but one; all, when none is kept. Raises NotFound."""

        def decision(owner: Moderator) -> None:
            owner.end_sessions(keeping=keeping, now=self.guard.clock())

        decided = await self.decisions.decide(by, Moderator, whose, decision)
        await self.guard.sessions.end_others(whose, keeping)
        return decided

    async def _holding(self, whose: UUID) -> list[DictRow]:
        owner = self.guard.directory.require_moderator(whose)
        rows = await self.guard.sessions.of_moderator(whose, now=self.guard.clock())
        return [row for row in rows if owner.holds(row["id"], row["since"])]


def _shown(row: DictRow, *, this: bool) -> DictRow:
    return {name: row[name] for name in SessionRow.model_fields if name != "this"} | {"this": this}
