"""Pusher protocol 7 on `/app/{key}`: what pusher-js and Laravel Echo need for private channels.

https://pusher.com/docs/channels/library_auth_reference/pusher-websockets-protocol/
"""

from __future__ import annotations

import hmac
from typing import Any
from uuid import UUID

import orjson

from pulse.push.codes import Code
from pulse.push.hub import Hub, Peer, refuse
from pulse.tokens import Signer

ACTIVITY_SECONDS = 30
CHANNELS = 100


class Pusher:
    """Serves sockets of one app key."""

    def __init__(self, hub: Hub, signer: Signer, key: str) -> None:
        self.hub = hub
        self.signer = signer
        self.key = key

    async def serve(self, peer: Peer, app_key: str) -> None:
        """Greets the socket and serves it until it closes."""
        if app_key != self.key:
            await refuse(peer.connection, Code.NO_SUCH_APP, "There is no app of this key.")
            return
        greeting = {"socket_id": peer.socket_id, "activity_timeout": ACTIVITY_SECONDS}
        await tell(peer, "pusher:connection_established", greeting)
        try:
            async for message in peer.connection:
                await self._hear(peer, message)
        finally:
            self.hub.leave(peer)

    async def _hear(self, peer: Peer, message: str | bytes) -> None:
        heard = _parse(message)
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
                await tell(peer, "pusher:error", {"code": None, "message": "This event is not understood."})

    async def _subscribe(self, peer: Peer, data: dict[str, Any]) -> None:
        channel = data.get("channel")
        if not isinstance(channel, str) or not 0 < len(channel) <= 200:
            await tell(peer, "pusher:error", {"code": None, "message": "A channel has a name of 1 to 200 letters."})
            return
        if len(peer.subscriptions) >= CHANNELS:
            await tell(peer, "pusher:error", {"code": None, "message": f"{CHANNELS} channels are the limit."})
            return
        person_id = None
        if channel.startswith(("private-", "presence-")):
            person_id = self._signed_in(peer, channel, data)
            if person_id is None:
                # Pusher-js shows this on the channel, and the error on the connection.
                refused = {"type": "AuthError", "error": "The signature does not fit.", "status": 401}
                await tell(peer, "pusher:subscription_error", refused, channel)
                return
        self.hub.subscribe(peer, channel, person_id)
        await tell(peer, "pusher_internal:subscription_succeeded", {}, channel)

    def _signed_in(self, peer: Peer, channel: str, data: dict[str, Any]) -> UUID | None:
        """Whom the auth endpoint signed this subscription for; None when the signature does not fit."""
        auth, channel_data = data.get("auth"), data.get("channel_data")
        if not isinstance(auth, str) or not isinstance(channel_data, str):
            return None
        expected = self.signer.subscription(self.key, peer.socket_id, channel, channel_data)
        if not hmac.compare_digest(expected.encode(), auth.encode("utf-8", "replace")):
            return None
        return UUID(orjson.loads(channel_data)["user_id"])


async def tell(peer: Peer, event: str, data: dict[str, Any], channel: str | None = None) -> None:
    """A frame of the protocol itself; its data is JSON in a string."""
    frame = {"event": event, "data": orjson.dumps(data).decode()}
    if channel is not None:
        frame["channel"] = channel
    await peer.connection.send(orjson.dumps(frame).decode())


def _parse(message: str | bytes) -> dict[str, Any]:
    try:
        heard = orjson.loads(message)
    except orjson.JSONDecodeError:
        return {}
    return heard if isinstance(heard, dict) else {}
