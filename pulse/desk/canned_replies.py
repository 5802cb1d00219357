"""`/api/canned-replies`: texts that are written often, by shortcut; per department, in Russian and English."""

from collections.abc import Callable
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import Response
from pydantic import Field

from pulse.access import Person, by_moderator, may_use_phrasebook
from pulse.aggregates.chat import Chat
from pulse.aggregates.phrasebook import LANGUAGES, Phrasebook, clean_shortcut, filled, phrasebook_id, variables_of
from pulse.desk.answers import WRITTEN, Listed, Shown, done, shows, whole
from pulse.desk.bodies import WITHOUT_NUL, Body
from pulse.desk.chat_desk import ChatDesk
from pulse.desk.guard import Guard
from pulse.errors import NotFound
from pulse.eventlog.commands import Decided
from pulse.http import answer

Language = Literal["ru", "en"]
Shortcut = Annotated[str, Path(max_length=80, pattern=WITHOUT_NUL, description="without the `/`", examples=["hello"])]
Department = Annotated[UUID | None, Query(description="whose phrasebook; everybody's without")]
Text = Annotated[str, Field(max_length=8000, pattern=WITHOUT_NUL, examples=["Hello, {customer}! How can I help?"])]


class CannedReply(Body):
    """`texts` by language. {customer}, {moderator} and {department} are filled in."""

    texts: Annotated[dict[Language, Text], Field(min_length=1, examples=[{"en": "Hello, {customer}!"}])]
    departmentId: UUID | None = None


class Filling(Body):
    """For which chat, and in which language; without one, in the first there is of `ru` and `en`."""

    chatId: Annotated[UUID, Field(examples=["73803345-05ec-5922-81a8-7f2f572c0bdc"])]
    language: Annotated[Language | None, Field(examples=["en"])] = None


class CannedReplyRow(Shown):
    shortcut: Annotated[str, Field(examples=["hello"])]
    department_id: Annotated[UUID | None, Field(examples=["985a3857-a778-5627-9fc2-a8d60e434c7f"])]
    texts: Annotated[dict[str, str], Field(examples=[{"en": "Hello, {customer}!"}])]


class FilledText(Shown):
    text: Annotated[str, Field(examples=["Hello, Vera!"])]
    language: Annotated[Language, Field(examples=["en"])]
    missing: Annotated[
        list[str], Field(examples=[[]], description="variables that nothing is known for; they stand as they are")
    ]


def canned_reply_routes(guard: Guard, desk: ChatDesk) -> APIRouter:
    router = APIRouter(prefix="/api/canned-replies", tags=["canned replies"])
    Asking = Annotated[Person, Depends(guard.person)]
    Admin = Annotated[Person, Depends(guard.admin)]

    @router.get("", responses=shows(Listed[CannedReplyRow]))
    async def list_canned_replies(
        person: Asking, begins: Annotated[str, Query(max_length=80, description="of the shortcut, as it is typed")] = ""
    ) -> Response:
        """Those of your departments and of everybody, by shortcut; admins see all."""
        prefix = begins.strip().removeprefix("/").lower()
        return whole([row for row in _rows(guard, person) if row["shortcut"].startswith(prefix)])

    @router.put("/{shortcut}", responses={200: WRITTEN})
    async def keep_canned_reply(shortcut: Shortcut, reply: CannedReply, person: Admin) -> Response:
        """Keeps a canned reply under a shortcut, in place of what it stood for."""
        if reply.departmentId is not None:
            guard.directory.require_department(reply.departmentId)
        texts = {str(language): text for language, text in reply.texts.items()}
        return done(await _change(
            guard, desk, person, reply.departmentId, lambda book: book.keep(shortcut, texts, now=guard.clock())
        ))  # fmt: skip

    @router.delete("/{shortcut}", responses={200: WRITTEN})
    async def remove_canned_reply(shortcut: Shortcut, person: Admin, departmentId: Department = None) -> Response:
        """Takes a canned reply out of its phrasebook."""
        return done(await _change(
            guard, desk, person, departmentId, lambda book: book.remove(shortcut, now=guard.clock())
        ))  # fmt: skip

    @router.post("/{shortcut}/fill", responses=shows(FilledText))
    async def fill_canned_reply(shortcut: Shortcut, wanted: Filling, person: Asking) -> Response:
        """The text as it would be sent to a chat's customer; its department's phrasebook counts before everybody's."""
        chat = await desk.known_to(person, wanted.chatId)
        texts = _find(guard, chat, clean_shortcut(shortcut))
        return answer(_filled(texts, wanted.language, _values(guard, person, chat)))

    return router


def _rows(guard: Guard, person: Person) -> list[dict[str, Any]]:
    """What somebody may use, by shortcut."""
    rows = [
        {"shortcut": shortcut, "department_id": book.department_id, "texts": texts}
        for book in guard.directory.phrasebooks()
        if may_use_phrasebook(person, book.department_id)
        for shortcut, texts in book.replies.items()
    ]
    return sorted(rows, key=lambda row: (row["shortcut"], str(row["department_id"] or "")))


def _find(guard: Guard, chat: Chat, shortcut: str) -> dict[str, str]:
    for department in (chat.department_id, None):
        book = guard.directory.phrasebook(department)
        if book is not None and shortcut in book.replies:
            return book.replies[shortcut]
    raise NotFound("There is no canned reply of this shortcut.")


def _filled(texts: dict[str, str], wanted: str | None, values: dict[str, str]) -> dict[str, Any]:
    language = next((one for one in (wanted, *LANGUAGES) if one in texts), LANGUAGES[0])
    missing = sorted(variables_of(texts[language]) - values.keys())
    return {"text": filled(texts[language], values), "language": language, "missing": missing}


def _values(guard: Guard, person: Person, chat: Chat) -> dict[str, str]:
    department = guard.directory.department(chat.department_id) if chat.department_id else None
    values = {"customer": chat.title, "moderator": person.name, "department": department.name if department else ""}
    return {variable: value for variable, value in values.items() if value}


async def _change(
    guard: Guard, desk: ChatDesk, person: Person, department: UUID | None, decision: Callable[[Phrasebook], None]
) -> Decided:
    def on_book(known: Phrasebook | None) -> Phrasebook | None:
        book = known or Phrasebook.begin(department, now=guard.clock())
        decision(book)
        return book if known or book.replies else None

    decided = await desk.store.decide(Phrasebook, phrasebook_id(department), on_book, by=by_moderator(person.id))
    await guard.learn(decided.position)
    return decided
