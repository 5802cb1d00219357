"""`/api/settings/sessions`: where one is signed in, and ending it. The log tells every process and socket at once."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response
from psycopg.rows import DictRow
from pydantic import Field

from pulse.aggregates.moderator import Moderator
from pulse.desk.answers import WRITTEN, Listed, Shown, done, shows, whole
from pulse.desk.decisions import Decisions
from pulse.desk.guard import Caller, Guard
from pulse.desk.sign_in import SignIn
from pulse.errors import NotFound
from pulse.eventlog.commands import Decided
from pulse.eventlog.store import EventStore

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


class MySessions:
    """Reads and ends one's own sessions. The event comes first: a row that stays behind lets nobody in."""

    def __init__(self, guard: Guard, store: EventStore) -> None:
        self.guard = guard
        self.decisions = Decisions(guard, store)

    async def rows(self, caller: Caller) -> list[DictRow]:
        """Those that hold, the last seen first."""
        moderator = self.guard.directory.moderator(caller.person.id)
        rows = await self.guard.sessions.of_moderator(caller.person.id, now=self.guard.clock())
        return [row for row in rows if moderator is not None and moderator.holds(row["id"], row["since"])]

    async def end_one(self, caller: Caller, session: UUID) -> Decided:
        """Raises NotFound for what is not one's own. What has ended already stays so."""
        there = {row["id"] for row in await self.rows(caller)}

        def decision(myself: Moderator) -> None:
            if session not in there and session not in myself.ended.single:
                raise NotFound
            myself.end_session(session, now=self.guard.clock())

        decided = await self.decisions.decide(caller.person, Moderator, caller.person.id, decision)
        await self.guard.sessions.end_one(caller.person.id, session)
        return decided

    async def end_others(self, caller: Caller, keeping: UUID | None) -> Decided:
        """All of them but one; all, when none is kept."""

        def decision(myself: Moderator) -> None:
            myself.end_sessions(keeping=keeping, now=self.guard.clock())

        decided = await self.decisions.decide(caller.person, Moderator, caller.person.id, decision)
        await self.guard.sessions.end_others(caller.person.id, keeping)
        return decided


def my_session_routes(guard: Guard, store: EventStore) -> APIRouter:
    router = APIRouter(prefix="/api/settings/sessions", tags=["settings"])
    mine, sign_in = MySessions(guard, store), SignIn(guard, store)
    Asking = Annotated[Caller, Depends(guard.caller)]

    @router.get("", responses=shows(Listed[SessionRow]))
    async def list_my_sessions(caller: Asking) -> Response:
        """Where you are signed in, the last seen first."""
        rows = [_shown(row, this=row["id"] == caller.session.id) for row in await mine.rows(caller)]
        return whole(rows)

    @router.delete("/{session_id}", responses={200: WRITTEN})
    async def end_my_session(session_id: UUID, caller: Asking) -> Response:
        """Ends one: its cookie, its tokens and its sockets, within a second."""
        return done(await mine.end_one(caller, session_id))

    @router.delete("", responses={200: WRITTEN})
    async def end_my_sessions(
        caller: Asking, others: Annotated[bool, Query(description="keep the one that asks")] = False
    ) -> Response:
        """Ends all of them, or all others."""
        response = done(await mine.end_others(caller, caller.session.id if others else None))
        if not others:
            sign_in.forget_session(response)
        return response

    return router


def _shown(row: DictRow, *, this: bool) -> DictRow:
    return {name: row[name] for name in SessionRow.model_fields if name != "this"} | {"this": this}
