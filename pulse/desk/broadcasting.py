"""`POST /broadcasting/auth`: Laravel Echo and pusher-js ask here whether they may subscribe; access.py decides."""

import re
from typing import Annotated, Any
from urllib.parse import parse_qs
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Request
from msgspec import to_builtins
from pydantic import Field

from pulse.access import Place, Subscription, may_subscribe
from pulse.aggregates.chat import Chat
from pulse.desk.answers import Shown
from pulse.desk.guard import Caller, Guard
from pulse.errors import BadInput, NotAllowed
from pulse.eventlog.store import EventStore
from pulse.http import json_object, read_body

LIMIT = 8 * 1024

ASKED = {
    "type": "object",
    "required": ["socket_id", "channel_name"],
    "properties": {
        "socket_id": {"type": "string", "examples": ["1234.5678"]},
        "channel_name": {"type": "string", "examples": ["private-chat.73803345-05ec-5922-81a8-7f2f572c0bdc"]},
    },
}
BODY = {
    "required": True,
    "content": {kind: {"schema": ASKED} for kind in ("application/x-www-form-urlencoded", "application/json")},
}

# As Pusher's own libraries check it: a socket id with a colon in it would sign another channel than the asked one.
SOCKET_ID = re.compile(r"[0-9]{1,20}\.[0-9]{1,20}")


class Signed(Shown):
    """What a client sends on as it is: `channel_data` is signed too."""

    auth: Annotated[str, Field(examples=["pulse:3f1a…"])]
    channel_data: Annotated[str, Field(examples=['{"user_id":"76b3650b-e037-5e26-acd4-70d922a03793"}'])]


class NotYourChannel(NotAllowed):
    """You may not subscribe to this channel."""


def broadcasting_routes(guard: Guard, store: EventStore, push_key: str) -> APIRouter:
    router = APIRouter(prefix="/broadcasting", tags=["push"])

    @router.post("/auth", openapi_extra={"requestBody": BODY})
    async def sign_subscription(request: Request, caller: Annotated[Caller, Depends(guard.caller)]) -> Signed:
        """Signs a subscription for this socket. 403 when the channel is not for you."""
        socket_id, channel = await _asked(request)
        person = caller.person
        asked = Subscription.named(channel)
        audiences = guard.directory.audiences_of(asked.kind) if asked else ()
        if asked is None or not may_subscribe(person, asked, await _place(store, asked), audiences):
            raise NotYourChannel
        # Person and session are signed, so that rights can be checked again at every frame, and the socket ends with it.
        said = {"user_id": str(person.id), "user_info": {"name": person.name}, "session": to_builtins(caller.session)}
        channel_data = orjson.dumps(said).decode()
        auth = guard.signer.subscription(push_key, socket_id, channel, channel_data)
        return Signed(auth=auth, channel_data=channel_data)

    return router


async def _place(store: EventStore, channel: Subscription) -> Place | None:
    """Where the chat of a channel stands; None for a channel of anything else, and for a chat that isn't there."""
    if channel.kind != "private-chat" or not isinstance(channel.id, UUID):
        return None
    chat = await store.look(Chat, channel.id)
    return None if chat is None else Place(chat.department_id, chat.holder_id)


async def _asked(request: Request) -> tuple[str, str]:
    body = await read_body(request.headers, request.receive, LIMIT)
    if request.headers.get("content-type", "").startswith("application/json"):
        asked: dict[str, Any] = json_object(body)
    else:
        asked = {name: values[0] for name, values in parse_qs(body.decode(errors="replace")).items()}
    socket_id, channel = asked.get("socket_id"), asked.get("channel_name")
    if not isinstance(socket_id, str) or not isinstance(channel, str):
        raise BadInput("socket_id and channel_name are needed.")
    if not SOCKET_ID.fullmatch(socket_id):
        raise BadInput("This is not a socket_id.")
    return socket_id, channel[:200]
