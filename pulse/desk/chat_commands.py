"""A command on one chat as it comes in: who gives it, under which id of their client, and what they saw before."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header
from fastapi.responses import Response
from pydantic import Field

from pulse.access import Person
from pulse.aggregates.chat import Chat
from pulse.desk.answers import done
from pulse.desk.bodies import Body, ClientId
from pulse.desk.chat_desk import ChatDesk, command_key
from pulse.errors import BadInput
from pulse.projections import thread

SeenVersion = Annotated[int, Field(ge=0, le=thread.END, examples=[7])]
IfMatch = Annotated[str | None, Header(alias="If-Match", description="the version you saw, as `seen_version`")]
Holder = Annotated[UUID | None, Field(alias="from", examples=["76b3650b-e037-5e26-acd4-70d922a03793"])]

Act = Callable[[Chat, int | None], object]


class Command(Body):
    """`clientId` is the client's own id for this command on this chat: however often it is sent, it is done once."""

    clientId: ClientId | None = None


class Taking(Command):
    """What may take a chat out of somebody's hands. `from` is whom you saw holding it, `seen_version` (or `If-Match`) the
    chat's version that you saw: if it has changed hands since, it is refused."""

    from_: Holder = None
    seen_version: SeenVersion | None = None


class OnChat:
    """The commands of one person on one chat, for as long as a request lasts."""

    def __init__(self, desk: ChatDesk, person: Person, chat_id: UUID) -> None:
        self.person = person
        self._desk = desk
        self._chat_id = chat_id

    def now(self) -> datetime:
        return self._desk.guard.clock()

    async def decide(self, what: str, command: Command | None, act: Act) -> Response:
        """Decides, once per `clientId`; `act` gets the key that the chat will know the command by. Raises NotFound."""
        key = command_key(self.person, what, command.clientId if command else None)
        decided = await self._desk.command(self.person, self._chat_id, lambda chat: act(chat, key), key)
        return done(decided)


def on_chat(desk: ChatDesk, asking: Callable[..., Awaitable[Person]]) -> Callable[..., OnChat]:
    """The dependency of a route: who asks (`asking` is the guard's question), and on which chat."""

    def found(chat_id: UUID, person: Annotated[Person, Depends(asking)]) -> OnChat:
        return OnChat(desk, person, chat_id)

    return found


def seen(version: int | None, if_match: str | None) -> int | None:
    """The chat's version that the author saw; None if they don't say. Raises BadInput."""
    return version if if_match is None else version_of(if_match)


def version_of(if_match: str) -> int:
    """The version in an `If-Match` header, written as `GET /api/chats/{id}` gives it (`ETag`). Raises BadInput."""
    digits = if_match.strip().removeprefix("W/").strip('"')
    if not digits.isdecimal() or len(digits) > 10:
        raise BadInput('If-Match must be a version of the chat, such as "7".')
    return int(digits)
