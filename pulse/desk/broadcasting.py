"""`POST /broadcasting/auth`: Laravel Echo and pusher-js ask here whether they may subscribe; access.py decides."""

import re
from typing import Annotated, Any
from urllib.parse import parse_qs
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Request

from pulse.access import Person, Place, may_follow_person, may_see
from pulse.aggregates.chat import Chat
from pulse.desk.guard import Guard
from pulse.errors import BadInput, NotAllowed
from pulse.eventlog.store import EventStore
from pulse.http import read_body

LIMIT = 8 * 1024

# As Pusher's own libraries check it: a socket id with a colon in it would sign another channel than the asked one.
SOCKET_ID = re.compile(r"[0-9]{1,20}\.[0-9]{1,20}")


class NotYourChannel(NotAllowed):
    """You may not subscribe to this channel."""


def broadcasting_routes(guard: Guard, store: EventStore, push_key: str) -> APIRouter:
    router = APIRouter(prefix="/broadcasting", tags=["push"])

    @router.post("/auth")
    async def authorise(request: Request, person: Annotated[Person, Depends(guard.person)]) -> dict[str, str]:
        """Signs a subscription for this socket. 403 when the channel is not for you."""
        socket_id, channel = await _asked(request)
        if not await may_subscribe(person, channel, store):
            raise NotYourChannel
        # The person is signed in, so that rights can be checked again at every frame.
        channel_data = orjson.dumps({"user_id": str(person.id), "user_info": {"name": person.name}}).decode()
        auth = guard.signer.subscription(push_key, socket_id, channel, channel_data)
        return {"auth": auth, "channel_data": channel_data}

    return router


async def may_subscribe(person: Person, channel: str, store: EventStore) -> bool:
    """`private-chat.{id}` for who may see the chat, `private-moderator.{id}` and `private-user.{id}` for oneself."""
    name, _, wanted = channel.partition(".")
    try:
        wanted_id = UUID(wanted)
    except ValueError:
        return False
    if str(wanted_id) != wanted:
        return False
    if name == "private-chat":
        chat = await store.load(Chat, wanted_id)
        return chat is not None and may_see(person, Place(chat.department_id, chat.holder_id))
    return name in ("private-moderator", "private-user") and may_follow_person(person, wanted_id)


async def _asked(request: Request) -> tuple[str, str]:
    body = await read_body(request, LIMIT)
    if request.headers.get("content-type", "").startswith("application/json"):
        asked: Any = _json_object(body)
    else:
        asked = {name: values[0] for name, values in parse_qs(body.decode(errors="replace")).items()}
    socket_id, channel = asked.get("socket_id"), asked.get("channel_name")
    if not isinstance(socket_id, str) or not isinstance(channel, str):
        raise BadInput("socket_id and channel_name are needed.")
    if not SOCKET_ID.fullmatch(socket_id):
        raise BadInput("This is not a socket_id.")
    return socket_id, channel[:200]


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadInput("The body is not JSON.") from None
    if not isinstance(parsed, dict):
        raise BadInput("The body is JSON, but not an object.")
    return parsed
