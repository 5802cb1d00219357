"""Who is online: the moderators whom the roster has on `presence-chat`, for whoever routes chats or shows colleagues."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from uuid import UUID

from pulse.roster import ONLINE, Roster
from pulse.roster.changes import Change, MemberAdded, MemberBack

KNOWN = 10_000


class Presence:
    """Keeps nothing of its own. Whoever stands in `when_came` is called when somebody comes online."""

    def __init__(self, roster: Roster) -> None:
        self.when_came: set[Callable[[], None]] = set()
        self._roster = roster
        roster.when_changed.add(self._hear)

    def online(self) -> frozenset[UUID]:
        """Who has an open staff socket now."""
        return _people(self._roster.here(ONLINE))

    def around(self) -> frozenset[UUID]:
        """Who is online or was a moment ago: for showing, so that loading a page again makes nobody vanish."""
        return _people(self._roster.members(ONLINE))

    def _hear(self, change: Change) -> None:
        if isinstance(change, MemberAdded | MemberBack) and change.channel == ONLINE:
            for called in list(self.when_came):
                called()


def _people(user_ids: Iterable[str]) -> frozenset[UUID]:
    """Whoever holds the app's secret may let others in, who are no moderators."""
    return frozenset(person for person in map(_person, user_ids) if person is not None)


@lru_cache(KNOWN)
def _person(user_id: str) -> UUID | None:
    try:
        return UUID(user_id)
    except ValueError:
        return None
