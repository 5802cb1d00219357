"""Tells frames: to the windows of staff, to visitors, and on Pusher channels; and keeps them for those who come back.

Rights are asked at each frame, not only when somebody subscribes: who loses a department stops hearing from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from uuid import UUID

from pulse.cursors import Cursors
from pulse.directory import Directory
from pulse.push.encoding import Told, Wire, event_wire, wire_of
from pulse.push.frames import Frame
from pulse.push.hub import Hub
from pulse.push.names import cached
from pulse.push.peers import Peer
from pulse.push.ring import Ring

# By whether it is a window, and whether the feed is stale.
STALE = {
    (is_window, stale): wire_of({"type": "pulse:feed", "data": {"stale": stale}})
    if is_window
    else event_wire("pulse:feed", {"stale": stale})
    for is_window in (True, False)
    for stale in (True, False)
}


class Telling:
    def __init__(self, hub: Hub, directory: Directory, ring: Ring, cursors: Cursors) -> None:
        self.hub = hub
        self.directory = directory
        self.ring = ring
        self.cursors = cursors
        self.stale = False

    async def tell(self, frame: Frame, size: int = 0) -> None:
        """Who gets it is settled in one step, with its place in the ring: whoever comes while it is being written
        finds it there, once. `size` is its event's, in bytes."""
        told = Told(frame, self.cursors, size)
        if frame.position is not None:
            self.ring.keep(told)
        for peers, wire in self._letters(told):
            self.hub.post.send(peers, wire)
        await self.hub.post.room()

    def head(self) -> str:
        """A cursor: everything up to here was told."""
        return self.cursors.write(self.ring.head)

    def tell_stale(self, stale: bool) -> None:
        """To everybody: what happens now is told later, or all of it has been told."""
        self.stale = stale
        for peer in self.hub.peers:
            peer.take(STALE[peer.is_window, stale])

    def warn(self, peer: Peer) -> None:
        """Whoever comes while the feed is stale."""
        if self.stale:
            peer.take(STALE[peer.is_window, True])

    def hears(self, who: UUID, told: Told) -> bool:
        """May this person be told, as things are now? A stranger is somebody whose account was closed."""
        person = self.directory.person(who)
        return person is not None and told.frame.hears(person)

    def for_staff(self, who: UUID, told: Told) -> Wire | None:
        """What a window of theirs is told, if anything."""
        return told.for_staff() if told.frame.type is not None and self.hears(who, told) else None

    def for_visitor(self, chat: UUID, told: Told) -> Wire | None:
        return told.for_visitor() if told.frame.about == chat and told.frame.for_visitor is not None else None

    def for_channel(self, channel: str, who: UUID | None, namespace: str, told: Told) -> Wire | None:
        """What a subscriber is told on a channel; None is whoever holds the app's secret."""
        here = told.frame.is_told_on(channel) and (who is None or self.hears(who, told))
        return told.for_channel(channel, namespace) if here else None

    def _letters(self, told: Told) -> list[tuple[list[Peer], Wire]]:
        """Every audience that anybody is in, with what it gets."""
        hears = _remembered(lambda who: self.hears(who, told))
        audiences = chain(self._to_visitors(told), self._to_staff(told, hears), self._to_channels(told, hears))
        return [(_without(told.frame.besides, peers), wire) for peers, wire in audiences]

    def _to_visitors(self, told: Told) -> Iterator[tuple[Iterable[Peer], Wire]]:
        frame = told.frame
        if frame.for_visitor is not None and frame.about is not None and (here := self.hub.visitors.get(frame.about)):
            yield here, told.for_visitor()

    def _to_staff(self, told: Told, hears: Callable[[UUID], bool]) -> Iterator[tuple[Iterable[Peer], Wire]]:
        if told.frame.type is not None:
            here = [peer for who, peers in self.hub.staff.items() if hears(who) for peer in peers]
            if here:
                yield here, told.for_staff()

    def _to_channels(self, told: Told, hears: Callable[[UUID], bool]) -> Iterator[tuple[Iterable[Peer], Wire]]:
        for channel in chain.from_iterable((plain, cached(plain)) for plain in told.frame.channels):
            here: dict[str, list[Peer]] = {}
            for peer, who in self.hub.channels.get(channel, {}).items():
                if who is None or hears(who):
                    here.setdefault(peer.namespace, []).append(peer)
            for namespace, peers in here.items():
                yield peers, told.for_channel(channel, namespace)


def _remembered(ask: Callable[[UUID], bool]) -> Callable[[UUID], bool]:
    """One person has many windows; each is asked about once."""
    known: dict[UUID, bool] = {}

    def answer(who: UUID) -> bool:
        if who not in known:
            known[who] = ask(who)
        return known[who]

    return answer


def _without(socket_id: str | None, peers: Iterable[Peer]) -> list[Peer]:
    return [peer for peer in peers if socket_id is None or peer.socket_id != socket_id]
