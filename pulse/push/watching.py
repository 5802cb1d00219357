"""Who of a user's watchlist is online: told to whoever signed in with it, for as long as they may know.

https://pusher.com/docs/channels/using_channels/watchlist-events/
"""

from __future__ import annotations

from uuid import UUID

from pulse.access import Person, may_watch
from pulse.directory import Directory
from pulse.push.encoding import Wire, event_wire
from pulse.push.hub import Hub
from pulse.push.peers import User


class Watching:
    """A watchlist was signed once; `may_watch` is asked at each telling. Who holds the app's secret watches anybody."""

    def __init__(self, hub: Hub, directory: Directory) -> None:
        self.hub = hub
        self.directory = directory

    def greeting(self, user: User) -> Wire | None:
        """Those who are online now, if any are."""
        online = [who for who in user.watchlist if self.hub.roster.is_online(who) and self._may_know(user, who)]
        return watchlist_wire("online", online) if online else None

    def tell(self, how: str, user_id: str) -> None:
        """Somebody came online, or went offline."""
        peers = self.hub.watchers.get(user_id, ())
        told = [peer for peer in peers if peer.user is not None and self._may_know(peer.user, user_id)]
        if told:
            self.hub.post.send(told, watchlist_wire(how, [user_id]))

    def _may_know(self, user: User, watched: str) -> bool:
        if user.staff is None:
            return True
        person = self.directory.signed_in(user.staff)
        return person is not None and self._may_watch(person, watched)

    def _may_watch(self, person: Person, watched: str) -> bool:
        """Of moderators only colleagues, as they are or were; others are users of the app, whose server named them."""
        try:
            known = self.directory.find_moderator(UUID(watched))
        except ValueError:
            return True
        if known is None:
            return True
        return may_watch(person, Person(known.id, known.name, known.role, frozenset(known.departments)))


def watchlist_wire(how: str, user_ids: list[str]) -> Wire:
    return event_wire("pusher_internal:watchlist_events", {"events": [{"name": how, "user_ids": user_ids}]})
