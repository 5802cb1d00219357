"""What clients tell each other on a channel (`client-typing`): told to whoever else is there, in every process, and
kept nowhere.

https://pusher.com/docs/channels/using_channels/events/#triggering-client-events
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec
import orjson

from pulse.errors import BadInput, NotAllowed
from pulse.eventlog.jetstream import Log
from pulse.eventlog.live import CLIENT_EVENTS
from pulse.limits import Rate
from pulse.metrics import Metrics
from pulse.push.encoding import wire_of
from pulse.push.hearers import Hearers
from pulse.push.names import DATA_BYTES, ENCRYPTED, EVENT_LENGTH, PRESENCE
from pulse.push.peers import Peer, complain

PER_SECOND = 10
TOO_OFTEN = 4301


class ClientEvent(msgspec.Struct, frozen=True):
    """What one socket said on a channel; `user_id` is theirs on a presence channel."""

    channel: str
    event: str
    data: str
    socket_id: str
    user_id: str | None = None


class ClientEvents:
    """`when_heard` is called with each that one of this process' sockets says."""

    def __init__(
        self, log: Log, hearers: Hearers, metrics: Metrics, clock: Callable[[], float] = time.monotonic
    ) -> None:  # fmt: skip
        self.log = log
        self.hearers = hearers
        self.hub = hearers.hub
        self.metrics = metrics
        self.when_heard: Callable[[ClientEvent], None] | None = None
        self._rate = Rate(PER_SECOND, PER_SECOND, clock)

    async def begin(self) -> None:
        """Begins to hear what is said in other processes, and here."""
        await self.log.listen(CLIENT_EVENTS, self._hear)

    async def say(self, peer: Peer, heard: dict[str, Any]) -> None:
        """One of a socket's. Raises BadInput, NotAllowed; too many are refused with 4301."""
        if not self._rate.allows(peer.socket_id):
            self.metrics.client_event_rejects.labels("rate").inc()
            complain(peer, f"A client may send {PER_SECOND} events a second.", TOO_OFTEN)
            return
        try:
            said = _read(peer, heard)
        except BadInput:
            self.metrics.client_event_rejects.labels("malformed").inc()
            raise
        person = self.hub.channels.get(said.channel, {}).get(peer)
        if not await self.hearers.may_speak(said.channel, person):
            self.metrics.client_event_rejects.labels("rights").inc()
            raise NotAllowed("You may not be on this channel any more.")
        if self.when_heard is not None:
            self.when_heard(said)
        await self.log.tell(CLIENT_EVENTS, msgspec.json.encode(said))

    async def _hear(self, body: bytes) -> None:
        try:
            said = msgspec.json.decode(body, type=ClientEvent)
        except msgspec.MsgspecError:
            return  # a newer Pulse said it
        here = {peer for peer in self.hub.channels.get(said.channel, ()) if peer.socket_id != said.socket_id}
        if not here:  # before anything is looked up
            return
        await self.hub.post.room()
        told = {"event": said.event, "channel": said.channel, "data": orjson.Fragment(said.data)}
        if said.user_id is not None:
            told["user_id"] = said.user_id
        wire = wire_of(told)
        self.hub.post.send([peer for peer in await self.hearers.on(said.channel) if peer in here], wire)


def _read(peer: Peer, heard: dict[str, Any]) -> ClientEvent:
    """Rebuilt from what is expected: nothing else of a client's frame goes on. Raises BadInput."""
    event, channel = heard["event"], heard.get("channel")
    if len(event) > EVENT_LENGTH:
        raise BadInput(f"An event's name has at most {EVENT_LENGTH} characters.")
    if not isinstance(channel, str) or not channel.startswith(("private-", PRESENCE)):
        raise BadInput("Clients may speak on private and presence channels only.")
    if channel.startswith(ENCRYPTED):
        raise BadInput("Clients may not speak on encrypted channels.")
    if channel not in peer.subscriptions:
        raise BadInput("Subscribe to a channel before you speak there.")
    try:
        data = orjson.dumps(heard.get("data"))
    except orjson.JSONEncodeError:
        raise BadInput("An event's data goes 250 levels deep at most.") from None
    if len(data) > DATA_BYTES:
        raise BadInput("An event's data has at most 10 KB.")
    return ClientEvent(channel, event, data.decode(), peer.socket_id, peer.members.get(channel))
