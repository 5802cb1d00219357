"""`/api/callbacks`: who asked to be called, and what came of it."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path
from fastapi.responses import Response
from pydantic import Field

from pulse.access import Person, reach_of
from pulse.desk.answers import WRITTEN, Listed, Shown, paged, shows
from pulse.desk.bodies import WITHOUT_NUL, Body, Cursor, Limit
from pulse.desk.chat_commands import OnChat, on_chat
from pulse.desk.chat_desk import ChatDesk
from pulse.desk.guard import Guard
from pulse.projections import callbacks
from pulse.shapes.chats import At, Name, Named, Version


class CallbackOutcome(Body):
    """What came of the call, in a few words; the customer does not see them."""

    outcome: Annotated[str, Field(min_length=1, max_length=500, pattern=WITHOUT_NUL, examples=["Called, all is well."])]


class CallbackRow(Shown):
    """A request to be called; its id is its number in its chat."""

    id: Version
    chat_id: UUID
    name: Name
    position: At
    department_id: UUID | None
    holder_id: UUID | None
    status: Literal["open", "done"]
    phone: Annotated[str, Field(examples=["+79990001122"])]
    wanted_at: datetime | None
    comment: Annotated[str, Field(examples=["About my order"])]
    at: datetime
    outcome: Annotated[str | None, Field(examples=["Called, all is well."])]
    done_by: Named | None
    done_at: datetime | None


def callback_routes(guard: Guard, desk: ChatDesk) -> APIRouter:
    router = APIRouter(prefix="/api", tags=["callbacks"])

    @router.get("/callbacks", responses=shows(Listed[CallbackRow]))
    async def list_callbacks(
        person: Annotated[Person, Depends(guard.reader)], status: Literal["open", "done"] = "open",
        limit: Limit = 50, cursor: Cursor = None,
    ) -> Response:  # fmt: skip
        """Requests to be called in chats you may see, the newest first."""
        page = await callbacks.page(desk.reads, status=status, **reach_of(person), limit=limit, cursor=cursor)
        return paged(page, [with_caller(desk, request) for request in page.items])

    @router.post("/chats/{chat_id}/callbacks/{number}/done", responses={200: WRITTEN})
    async def finish_callback(
        on: Annotated[OnChat, Depends(on_chat(desk, guard.person))], number: Annotated[int, Path(ge=1, le=2**31 - 1)],
        said: CallbackOutcome,
    ) -> Response:  # fmt: skip
        """Somebody was called, or nobody answered: the request is done. Done once, it keeps its first outcome."""
        return await on.decide("callback", None, lambda chat, _: chat.finish_callback(
            number, moderator_id=on.person.id, outcome=said.outcome, now=on.now()
        ))  # fmt: skip

    return router


def with_caller(desk: ChatDesk, request: dict[str, Any]) -> dict[str, Any]:
    return {**request, "done_by": desk.named(request["done_by"]) if request["done_by"] else None}
