"""Pusher protocol 7 on `/app/{key}`: what pusher-js and Laravel Echo need for private channels.

https://pusher.com/docs/channels/library_auth_reference/pusher-websockets-protocol/
"""

from __future__ import annotations

import hmac
import re
from typing import Any
from uuid import UUID

import orjson
from msgspec import convert

from pulse.access import needs_signature
from pulse.directory import Directory
from pulse.errors import BadInput, NotAuthentic
from pulse.http import json_object
from pulse.push.codes import Code
from pulse.push.hub import Hub, Peer, refuse
from pulse.tokens import NO_SESSION, Session, Signer, Staff

ACTIVITY_SECONDS = 30
CHANNELS = 100
CHANNEL_NAME = re.compile(r"[A-Za-z0-9_\-=@,.;]{1,200}")


class Pusher:
    """Serves sockets of one app key."""

    def __init__(self, hub: Hub, directory: Directory, signer: Signer, key: str) -> None:
        self.hub = hub
        self.directory = directory
        self.signer = signer
        self.key = key

    async def serve(self, peer: Peer, app_key: str) -> None:
        """Greets the socket and serves it until it closes."""
        if app_key != self.key:
            await refuse(peer.connection, Code.NO_SUCH_APP)
            return
        greeting = {"socket_id": peer.socket_id, "activity_timeout": ACTIVITY_SECONDS}
        await tell(peer, "pusher:connection_established", greeting)
        try:
            async for message in peer.connection:
                await self.hub.pace(peer)
                await self._hear(peer, message)
        finally:
            self.hub.leave(peer)

    async def _hear(self, peer: Peer, message: str | bytes) -> None:
        try:
            heard = json_object(message)
        except BadInput as error:
            await complain(peer, str(error))
            return
        data = heard.get("data")
        match heard.get("event"):
            case "pusher:ping":
                await tell(peer, "pusher:pong", {})
            case "pusher:subscribe" if isinstance(data, dict):
                await self._subscribe(peer, data)
            case "pusher:unsubscribe" if isinstance(data, dict):
                self.hub.unsubscribe(peer, str(data.get("channel", "")))
            case "pusher:pong":
                pass
            case _:
                await complain(peer, "This event is not understood.")

    async def _subscribe(self, peer: Peer, data: dict[str, Any]) -> None:
        channel = data.get("channel")
        if not isinstance(channel, str) or not CHANNEL_NAME.fullmatch(channel):
            await complain(peer, "A channel has a name of 1 to 200 letters, digits and _-=@,.;")
            return
        if len(peer.subscriptions - {channel}) >= CHANNELS:
            await complain(peer, f"{CHANNELS} channels are the limit.")
            return
        try:
            staff = self._signed_for(peer, channel, data) if needs_signature(channel) else None
        except NotAuthentic as refusal:
            # Pusher-js shows this on the channel, and the error on the connection.
            refused = {"type": "AuthError", "error": str(refusal), "status": refusal.status}
            await tell(peer, "pusher:subscription_error", refused, channel)
            return
        if staff is not None:
            self.hub.sign(peer, staff)
        self.hub.subscribe(peer, channel, staff.person if staff else None)
        await tell(peer, "pusher_internal:subscription_succeeded", {}, channel)

    def _signed_for(self, peer: Peer, channel: str, data: dict[str, Any]) -> Staff | None:
        """Whom this subscription was signed for, and by which session of theirs. Raises NotAuthentic.

        None when nobody is named: our auth endpoint always names the moderator, so this is somebody who holds the
        app's secret, like any Pusher server library, and answers for what it asks for.
        """
        auth, channel_data = data.get("auth"), data.get("channel_data")
        if not isinstance(auth, str) or not isinstance(channel_data, str | None):
            raise NotAuthentic
        expected = self.signer.subscription(self.key, peer.socket_id, channel, channel_data)
        if not hmac.compare_digest(expected.encode(), auth.encode("utf-8", "replace")):
            raise NotAuthentic("The signature does not fit.")
        staff = None if channel_data is None else _named_in(channel_data)
        if staff is not None and self.directory.signed_in(staff) is None:
            raise NotAuthentic("Sign in first.")
        return staff


async def tell(peer: Peer, event: str, data: dict[str, Any], channel: str | None = None) -> None:
    """A frame of the protocol itself; its data is JSON in a string."""
    frame = {"event": event, "data": orjson.dumps(data).decode()}
    if channel is not None:
        frame["channel"] = channel
    await peer.connection.send(orjson.dumps(frame).decode())


async def complain(peer: Peer, message: str) -> None:
    """An error that the connection survives."""
    await tell(peer, "pusher:error", {"code": None, "message": message})


def _named_in(channel_data: str) -> Staff:
    try:
        said = json_object(channel_data)
        session = convert(said["session"], Session) if "session" in said else NO_SESSION
        return Staff(UUID(said["user_id"]), session)
    except (BadInput, KeyError, ValueError, AttributeError, TypeError):
        raise NotAuthentic("The signature names nobody here.") from None
