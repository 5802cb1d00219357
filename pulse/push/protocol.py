"""Pusher protocol 7 on `/app/{key}`, for pusher-js and Laravel Echo unchanged, and our own verbs on the same socket.

https://pusher.com/docs/channels/library_auth_reference/pusher-websockets-protocol/
"""

from __future__ import annotations

from collections.abc import Mapping

from pulse.access import Subscription
from pulse.errors import BadInput, PulseError
from pulse.eventlog.envelope import NEWER_HISTORY
from pulse.http import json_object
from pulse.push.acks import WRITTEN_BY_NEWER, Acks
from pulse.push.client_events import ClientEvents
from pulse.push.codes import Code
from pulse.push.encoding import CURSOR, ECHO, Wire, event_wire
from pulse.push.frames import Data
from pulse.push.peers import Peer, Speaker, complain, say
from pulse.push.subscriptions import Subscriptions
from pulse.push.telling import Telling
from pulse.push.user_sign_in import UserSignIn

ACTIVITY_SECONDS = 30
PROTOCOLS = range(5, 8)
ECHO_KEY = "-echo"


class Pusher:
    """Serves sockets of one app key; those that come with `<key>-echo` are told events by Laravel's names."""

    def __init__(
        self, telling: Telling, subscriptions: Subscriptions, user_sign_in: UserSignIn, client_events: ClientEvents,
        acks: Acks, *, enabled: bool = True,
    ) -> None:  # fmt: skip
        self.telling = telling
        self.subscriptions = subscriptions
        self.user_sign_in = user_sign_in
        self.client_events = client_events
        self.acks = acks
        self.hub = telling.hub
        self.key = subscriptions.tickets.key
        self.enabled = enabled

    async def serve(self, peer: Speaker, app_key: str, query: Mapping[str, str]) -> None:
        """Greets a client and serves it until it closes."""
        if (refusal := self._refusal(app_key, query)) is not None:
            await peer.close(refusal)
            return
        peer.namespace = ECHO if app_key != self.key else ""
        peer.resumes = query.get("pulse") == "1"
        self.hub.peers.add(peer)
        try:
            self._greet(peer)
            async for message in peer.messages():
                await self.hub.pace(peer)
                await self._hear(peer, message)
        finally:
            self.hub.leave(peer)

    def _refusal(self, app_key: str, query: Mapping[str, str]) -> Code | None:
        """Why this socket is not served, if it isn't."""
        if app_key.partition("/")[0] not in (self.key, self.key + ECHO_KEY):
            return Code.NO_SUCH_APP
        if not self.enabled:
            return Code.APP_DISABLED
        if "/" in app_key:
            return Code.NO_SUCH_PATH
        if "protocol" not in query:
            return Code.NO_VERSION
        if not (query["protocol"].isascii() and query["protocol"].isdigit()):
            return Code.NOT_A_VERSION
        return None if int(query["protocol"][:3]) in PROTOCOLS else Code.OLD_PROTOCOL

    def cursor_wire(self) -> Wire:
        """Says that everything up to here was told."""
        cursor = self.telling.head()
        return event_wire(CURSOR, {"cursor": cursor}, cursor=cursor)

    def _greet(self, peer: Peer) -> None:
        greeting = {"socket_id": peer.socket_id, "activity_timeout": ACTIVITY_SECONDS}
        say(peer, "pusher:connection_established", greeting)
        self.telling.warn(peer)

    async def _hear(self, peer: Peer, message: str | bytes) -> None:
        try:
            heard = json_object(message)
            data = heard.get("data")
            match heard.get("event"):
                case "pusher:ping":
                    say(peer, "pusher:pong", {})
                case "pusher:subscribe" if isinstance(data, dict):
                    await self.subscriptions.subscribe(peer, data)
                case "pusher:signin" if isinstance(data, dict):
                    self.user_sign_in.sign_in(peer, data)
                    if peer.user is not None:
                        await self.subscriptions.signed_in(peer)
                case str(event) if event.startswith("client-"):
                    await self.client_events.say(peer, heard)
                case "pusher:unsubscribe" if isinstance(data, dict):
                    self.subscriptions.unsubscribe(peer, _text(data, "channel"))
                case "pulse:resume" if isinstance(data, dict):
                    self.subscriptions.come_back(peer, _text(data, "cursor"))
                case "pulse:ack" if isinstance(data, dict):
                    await self._acknowledge(peer, data)
                case "pusher:pong":
                    pass
                case _:
                    raise BadInput("This event is not understood.")
        except NEWER_HISTORY:
            complain(peer, WRITTEN_BY_NEWER)
        except PulseError as error:
            complain(peer, str(error))

    async def _acknowledge(self, peer: Peer, data: Data) -> None:
        """`{"channel":"private-chat.{id}","last_id":n}` moves last seen of the chat, for whom it was signed."""
        channel = _text(data, "channel")
        person = self.hub.channels.get(channel, {}).get(peer)
        named = Subscription.named(channel)
        if person is None or named is None or named.chat is None:
            raise BadInput("Only a chat's channel that you subscribed to can be acknowledged.")
        await self.acks.take(named.chat, data.get("last_id"), person)


def _text(data: Data, name: str) -> str:
    """Raises BadInput."""
    if not isinstance(text := data.get(name, ""), str):
        raise BadInput(f"{name} must be a text.")
    return text
