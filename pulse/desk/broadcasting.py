"""`/broadcasting/…`: Laravel Echo and pusher-js ask here whether they may subscribe; access.py decides."""

from typing import Annotated, Any, Literal
from urllib.parse import parse_qs

import structlog
from fastapi import APIRouter, Depends, Request
from pydantic import Field

from pulse.desk.answers import Shown, refuses
from pulse.desk.bodies import Body
from pulse.desk.guard import Caller, Guard
from pulse.desk.subscription_desk import NotYourChannel, Signed, SignedUser, SubscriptionDesk
from pulse.errors import BadInput
from pulse.http import json_object, read_body
from pulse.limits import Rate
from pulse.pusher_app import CHANNELS, AppDisabled
from pulse.socket_ids import SOCKET_ID

log = structlog.get_logger(__name__)

LIMIT = 8 * 1024
NAME = 200
# Twenty windows may come back at once; a hundred channels each is a hundred chats to look at.
BATCHES_PER_SECOND, BATCHES_AT_ONCE = 2, 40

SOCKET = {"type": "string", "examples": ["1234.5678"]}
CHANNEL = {"type": "string", "examples": ["private-chat.73803345-05ec-5922-81a8-7f2f572c0bdc"]}


def form_or_json(**properties: dict[str, Any]) -> dict[str, Any]:
    """The body as the document shows it: all of it is needed."""
    asked = {"type": "object", "required": [*properties], "properties": properties}
    kinds = ("application/x-www-form-urlencoded", "application/json")
    return {"requestBody": {"required": True, "content": {kind: {"schema": asked} for kind in kinds}}}


class Wanted(Body):
    """A socket and its channels, as many as one socket may have."""

    socket_id: Annotated[str, Field(pattern=f"^{SOCKET_ID.pattern}$", max_length=41, examples=["1234.5678"])]
    channel_names: Annotated[
        list[Annotated[str, Field(max_length=NAME)]],
        Field(min_length=1, max_length=CHANNELS, examples=[["private-chat", "presence-chat"]]),
    ]


class SignedChannel(Signed):
    """One that is yours."""

    channel: Annotated[str, Field(examples=["private-chat"])]
    status: Annotated[Literal[200], Field(examples=[200])]


class RefusedChannel(Shown):
    """One that is not: what asking for it alone would have been answered."""

    channel: Annotated[str, Field(examples=["private-chat.73803345-05ec-5922-81a8-7f2f572c0bdc"])]
    status: Annotated[Literal[403], Field(examples=[403])]
    code: Annotated[str, Field(examples=["not-your-channel"])]
    title: Annotated[str, Field(examples=["You may not subscribe to this channel."])]


class SignedChannels(Shown):
    """In the order in which they were asked for."""

    channels: list[SignedChannel | RefusedChannel]


def broadcasting_routes(guard: Guard, desk: SubscriptionDesk) -> APIRouter:
    router = APIRouter(prefix="/broadcasting", tags=["push"])
    batches = Rate(BATCHES_PER_SECOND, BATCHES_AT_ONCE, name="batches")
    asks = Annotated[Caller, Depends(guard.caller)]
    one, user = form_or_json(socket_id=SOCKET, channel_name=CHANNEL), form_or_json(socket_id=SOCKET)

    @router.post(
        "/auth", openapi_extra=one, response_model_exclude_none=True, responses=refuses(AppDisabled, NotYourChannel)
    )
    async def sign_subscription(request: Request, caller: asks) -> Signed:
        """Signs a subscription for this socket. 403 when the channel is not for you."""
        asked = await _asked(request)
        return await desk.sign(caller, _socket_id(asked), _text(asked, "channel_name")[:NAME])

    @router.post("/auth/batch", response_model_exclude_none=True, responses=refuses(AppDisabled))
    async def sign_subscriptions(wanted: Wanted, caller: asks) -> SignedChannels:
        """Signs as many as a socket may have, in one request: one that is not yours leaves the others alone."""
        batches.require(caller.person.id)
        signed = await desk.sign_each(caller, wanted.socket_id, wanted.channel_names)
        if refused := signed.count(None):
            log.warning("push.refused", account=str(caller.person.id), channels=refused)
        each = zip(wanted.channel_names, signed, strict=True)
        return SignedChannels(channels=[_answered(channel, found) for channel, found in each])

    @router.post("/user-auth", openapi_extra=user, responses=refuses(AppDisabled))
    async def sign_user(request: Request, caller: asks) -> SignedUser:
        """Signs that this socket is yours, for `pusher:signin`, and names the colleagues that you watch."""
        return desk.sign_user(caller, _socket_id(await _asked(request)))

    return router


def _answered(channel: str, signed: Signed | None) -> SignedChannel | RefusedChannel:
    if signed is not None:
        return SignedChannel(channel=channel, status=200, **signed.model_dump())
    refusal = NotYourChannel()
    return RefusedChannel(channel=channel, status=403, code=refusal.code, title=str(refusal))


async def _asked(request: Request) -> dict[str, Any]:
    body = await read_body(request.headers, request.receive, LIMIT)
    if request.headers.get("content-type", "").startswith("application/json"):
        return json_object(body)
    return {name: values[0] for name, values in parse_qs(body.decode(errors="replace")).items()}


def _socket_id(asked: dict[str, Any]) -> str:
    socket_id = _text(asked, "socket_id")
    if not SOCKET_ID.fullmatch(socket_id):
        raise BadInput("This is not a socket_id.")
    return socket_id


def _text(asked: dict[str, Any], name: str) -> str:
    found = asked.get(name)
    if not isinstance(found, str):
        raise BadInput(f"{name} is needed.")
    return found
