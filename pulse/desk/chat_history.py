"""`/api/chats/{id}/events`: a chat's own history for people, out of the log itself: who did what, and when."""

from collections.abc import Callable
from contextlib import suppress
from typing import Annotated, Any
from uuid import UUID

from eventsourcing.domain import AggregateEvent
from fastapi import APIRouter, Depends
from fastapi.responses import Response

from pulse.access import Person, moderator_in
from pulse.aggregates.chat_events import (
    CallbackDone,
    CallbackRequested,
    ChatAssigned,
    ChatClosed,
    ChatOpened,
    ChatRenamed,
    ChatReopened,
    ChatTransferred,
    ChatUnassigned,
    CustomerFound,
    CustomerLost,
    MessageEdited,
    MessageReceived,
    MessageReread,
    MessagesDeleted,
    ReplyEchoed,
    ReplyWritten,
)
from pulse.aggregates.chat_replies import ReplyFailed, ReplyRequeued, ReplySent, ReplyUncertain, ReplyVouched
from pulse.aggregates.chat_work import ChatSnoozed, ChatWoken, NoteWritten, PriorityChanged, TagsChanged
from pulse.desk.answers import Listed, shows
from pulse.desk.bodies import Bound, Limit
from pulse.desk.chat_desk import ChatDesk
from pulse.desk.chat_rows import Deed
from pulse.desk.guard import Guard
from pulse.errors import BadInput
from pulse.eventlog.envelope import NEWER, Recorded, open_stored, subject_of
from pulse.http import answer
from pulse.projections import thread

Row = dict[str, Any]
READ_AT_ONCE = 500
# What says no more than its type, or what the thread shows under the same id.
PLAIN = (
    MessageReceived, ReplyWritten, NoteWritten, CallbackRequested, ChatReopened, ChatWoken, ChatRenamed, CustomerLost,
    CustomerFound,
)  # fmt: skip


def chat_history_routes(guard: Guard, desk: ChatDesk) -> APIRouter:
    router = APIRouter(prefix="/api/chats", tags=["chats"])

    @router.get("/{chat_id}/events", responses=shows(Listed[Deed]))
    async def list_chat_events(
        chat_id: UUID, person: Annotated[Person, Depends(guard.reader)], limit: Limit = 200,
        beforeId: Bound = None, afterId: Bound = None,
    ) -> Response:  # fmt: skip
        """What happened in the chat, oldest first; the newest page unless `beforeId` or `afterId` asks for another.

        A page covers `limit` versions of the chat. Some of them tell people nothing, so it may show fewer.
        """
        chat = await desk.seen_by(person, chat_id)
        first, last = span(chat["version"], limit, before=beforeId, after=afterId)
        found = await read_versions(desk, chat_id, first, last) if first <= last else []
        items = [shown for recorded in found if (shown := deed(recorded, desk, chat)) is not None]
        after, before = str(last) if last < chat["version"] else None, str(first) if first > 1 else None
        return answer({"items": items, "next": after, "prev": before})

    return router


def span(newest: int, limit: int, *, before: int | None, after: int | None) -> tuple[int, int]:
    """The first and the last version of a page. Raises BadInput."""
    if before is not None and after is not None:
        raise BadInput("Ask for `beforeId` or for `afterId`, not for both.")
    if after is not None:
        return after + 1, min(after + limit, newest)
    last = min(newest, newest if before is None else before - 1)
    return max(last - limit + 1, 1), last


async def read_versions(desk: ChatDesk, chat_id: UUID, first: int, last: int) -> list[Recorded]:
    """A stretch of a chat's events. It begins to read where the thread knows an event's place, or at the start.

    What only a newer Pulse knows is left out.
    """
    subject, found, version = subject_of("chat", chat_id), list[Recorded](), 0
    position = await thread.place_of(desk.reads, chat_id, first)
    while version < last and (page := await desk.store.log.read(position, subject=subject, limit=READ_AT_ONCE)):
        for stored in page:
            with suppress(*NEWER):
                recorded = open_stored(stored)
                version = recorded.ver
                if first <= version <= last:
                    found.append(recorded)
        position = page[-1].position + 1
    return found


def deed(recorded: Recorded, desk: ChatDesk, chat: Row) -> Row | None:
    """One event as people read it; None for what is no news to them. Nothing of a delivery's body is in it."""
    told = _said(recorded.event, desk.named, desk.department)
    if told is None:
        return None
    kind, who = recorded.envelope.by.partition(":")[0], moderator_in(recorded.envelope.by)
    moderator = desk.named(who) if who else None
    by = {"kind": kind or "system", "id": None, "name": chat["name"] if kind == "customer" else ""}
    place = {"id": recorded.ver, "position": recorded.position, "type": recorded.envelope.type, "at": recorded.at}
    return place | {"by": by | (moderator or {})} | {field: value for field, value in told.items() if value is not None}


def _said(
    event: AggregateEvent, named: Callable[[UUID], Row], department: Callable[[UUID | None], Row | None]
) -> Row | None:
    """What an event tells beside its type."""

    def person(moderator: UUID | None) -> Row | None:
        return named(moderator) if moderator else None

    told: Row | None = None
    match event:
        case ChatOpened(department_id=to):
            told = {"department": department(to)}
        case ChatAssigned(moderator_id=to, from_moderator_id=was):
            told = {"moderator": person(to), "from_moderator": person(was)}
        case ChatUnassigned(from_moderator_id=was) | ChatClosed(from_moderator_id=was):
            told = {"from_moderator": person(was)}
        case ChatTransferred(department_id=to, from_department_id=left, from_moderator_id=was):
            told = {"department": department(to), "from_department": department(left), "from_moderator": person(was)}
        case ChatSnoozed(until=until):
            told = {"until": until}
        case TagsChanged(tags=tags):
            told = {"tags": tags}
        case PriorityChanged(priority=priority):
            told = {"priority": priority}
        case event if isinstance(event, PLAIN) or (isinstance(event, ReplyEchoed) and event.confirms is None):
            told = {}
        case _:
            told = _said_of_messages(event)
    return told


def _said_of_messages(event: AggregateEvent) -> Row | None:
    """What became of messages and replies."""
    match event:
        case MessageEdited(of=of) | MessageReread(of=of) | CallbackDone(of=of) | ReplyRequeued(of=of):
            return {"of": [of]}
        case MessagesDeleted(of=several):
            return {"of": several}
        case ReplySent(of=of, part=part, parts=parts) | ReplyVouched(of=of, part=part, parts=parts):
            return {"of": [of]} if part + 1 == parts else None
        case ReplyFailed(of=of, reason=reason, again_at=None, anew=False) | ReplyUncertain(of=of, reason=reason):
            return {"of": [of], "reason": reason}
    return None
