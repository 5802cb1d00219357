"""Pusher protocol 7 on `/app/{key}`: what pusher-js and Laravel Echo need for private channels, and our own verbs.

https://pusher.com/docs/channels/library_auth_reference/pusher-websockets-protocol/
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from functools import partial
from typing import Any
from uuid import UUID

from msgspec import convert

from pulse.access import Subscription, needs_signature
from pulse.errors import BadInput, NotAuthentic, PulseError
from pulse.http import json_object
from pulse.push.acks import Acks
from pulse.push.codes import Code
from pulse.push.cursors import NotACursor
from pulse.push.encoding import ECHO, Wire, event_wire
from pulse.push.peers import Peer
from pulse.push.resuming import MustSnapshot, Reason, Resuming
from pulse.push.telling import Telling
from pulse.tokens import NO_SESSION, Session, Signer, Staff

ACTIVITY_SECONDS = 30
CHANNELS = 100
CHANNEL_NAME = re.compile(r"[A-Za-z0-9_\-=@,.;]{1,200}")
ECHO_KEY = "-echo"

Data = dict[str, Any]


class Pusher:
    """Serves sockets of one app key; those that come with `<key>-echo` are told events by Laravel's names."""

    def __init__(self, telling: Telling, resuming: Resuming, acks: Acks, signer: Signer, key: str) -> None:
        self.telling = telling
        self.resuming = resuming
        self.acks = acks
        self.hub = telling.hub
        self.directory = telling.directory
        self.signer = signer
        self.key = key

    async def serve(self, peer: Peer, app_key: str, query: Mapping[str, str]) -> None:
        """Greets a client and serves it until it closes."""
        if app_key not in (self.key, self.key + ECHO_KEY):
            await peer.close(Code.NO_SUCH_APP)
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

    def cursor_wire(self) -> Wire:
        """Says that everything up to here was told."""
        cursor = self._head()
        return event_wire("pulse:cursor", {"cursor": cursor}, cursor=cursor)

    def _greet(self, peer: Peer) -> None:
        ours = {"cursor": self._head()} if peer.resumes else {}
        greeting = {"socket_id": peer.socket_id, "activity_timeout": ACTIVITY_SECONDS}
        say(peer, "pusher:connection_established", greeting | ours)

    async def _hear(self, peer: Peer, message: str | bytes) -> None:
        try:
            heard = json_object(message)
            data = heard.get("data")
            match heard.get("event"):
                case "pusher:ping":
                    say(peer, "pusher:pong", {})
                case "pusher:subscribe" if isinstance(data, dict):
                    await self._subscribe(peer, data)
                case "pusher:unsubscribe" if isinstance(data, dict):
                    self.hub.unsubscribe(peer, str(data.get("channel", "")))
                case "pulse:resume" if isinstance(data, dict):
                    self._resume(peer, data)
                case "pulse:ack" if isinstance(data, dict):
                    await self._acknowledge(peer, data)
                case "pusher:pong":
                    pass
                case _:
                    raise BadInput("This event is not understood.")
        except PulseError as error:
            complain(peer, str(error))

    # Subscribing

    async def _subscribe(self, peer: Peer, data: Data) -> None:
        channel = data.get("channel")
        if not isinstance(channel, str) or not CHANNEL_NAME.fullmatch(channel):
            raise BadInput("A channel has a name of 1 to 200 letters, digits and _-=@,.;")
        if len(peer.subscriptions - {channel}) >= CHANNELS:
            raise BadInput(f"{CHANNELS} channels are the limit.")
        try:
            staff = self._signed_for(peer, channel, data) if needs_signature(channel) else None
        except NotAuthentic as refusal:
            # Pusher-js shows this on the channel, and the error on the connection.
            refused = {"type": "AuthError", "error": str(refusal), "status": refusal.status}
            say(peer, "pusher:subscription_error", refused, channel)
            return
        await self._let_in(peer, channel, staff, self._since(peer, data))

    async def _let_in(self, peer: Peer, channel: str, staff: Staff | None, since: str | None) -> None:
        """Reads what was missed, then registers and tells it in one step."""
        person = staff.person if staff else None
        missed, reason = await self._missed(peer, channel, person, since)
        if staff is not None:
            if self.directory.signed_in(staff) is None:  # ended meanwhile
                peer.dismiss(Code.SESSION_ENDED)
                return
            self.hub.sign(peer, staff)
        self.hub.subscribe(peer, channel, person)
        said: Data = {"cursor": self._head()} if peer.resumes else {}
        if since is not None:
            said |= {"recovered": reason is None, "reason": reason}
        say(peer, "pusher_internal:subscription_succeeded", said, channel)
        if reason is not None:
            say(peer, "pulse:resync", {"reason": reason}, channel)
        for wire in missed:
            peer.take(wire)

    def _signed_for(self, peer: Peer, channel: str, data: Data) -> Staff | None:
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

    # Coming back

    def _resume(self, peer: Peer, data: Data) -> None:
        """Whatever is subscribed to from now on begins with what was missed since. Raises NotACursor."""
        peer.resumes = True
        peer.since = str(data.get("cursor", ""))

    def _since(self, peer: Peer, data: Data) -> str | None:
        """The cursor beside a subscription, or inside what was signed (stock clients can put it there only)."""
        since = data.get("since", peer.since)
        if since is None and isinstance(data.get("channel_data"), str) and '"since"' in data["channel_data"]:
            since = json_object(data["channel_data"]).get("since")
        peer.resumes |= since is not None
        return None if since is None else str(since)

    async def _missed(
        self, peer: Peer, channel: str, person: UUID | None, since: str | None
    ) -> tuple[list[Wire], Reason | None]:
        if since is None:
            return [], None
        try:
            missed = await self.resuming.missed(self.telling.cursors.read(since), person)
            return missed.wires(partial(self.telling.for_channel, channel, person, peer.namespace)), None
        except NotACursor:
            return [], Reason.EPOCH
        except MustSnapshot as must:
            return [], must.reason

    def _head(self) -> str:
        return self.telling.cursors.write(self.telling.ring.head)

    async def _acknowledge(self, peer: Peer, data: Data) -> None:
        """`{"channel":"private-chat.{id}","last_id":n}` moves last seen of the chat, by whom the channel was signed for."""
        channel = str(data.get("channel"))
        person = self.hub.channels.get(channel, {}).get(peer)
        named = Subscription.named(channel)
        if person is None or named is None or not isinstance(named.id, UUID):
            raise BadInput("Only a chat's channel that you subscribed to can be acknowledged.")
        await self.acks.take(named.id, data.get("last_id"), person)


def say(peer: Peer, event: str, data: Data, channel: str | None = None) -> None:
    """A frame of the protocol itself."""
    peer.take(event_wire(event, data, channel))


def complain(peer: Peer, message: str, code: int | None = None) -> None:
    """An error that the connection survives."""
    say(peer, "pusher:error", {"code": code, "message": message})


def _named_in(channel_data: str) -> Staff:
    try:
        said = json_object(channel_data)
        session = convert(said["session"], Session) if "session" in said else NO_SESSION
        return Staff(UUID(said["user_id"]), session)
    except (BadInput, KeyError, ValueError, AttributeError, TypeError):
        raise NotAuthentic("The signature names nobody here.") from None
