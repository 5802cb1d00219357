"""What whoever listens to the roster is told: the same in every process, once per person and not per connection."""

from __future__ import annotations

from pulse.roster.words import Info
from pulse.values import value


@value
class MemberAdded:
    channel: str
    user_id: str
    user_info: Info


@value
class MemberRemoved:
    """The last connection went, and none came for as long as the grace is."""

    channel: str
    user_id: str


@value
class MemberBack:
    """Somebody came back before it was told that they went. Clients hear nothing of it; routing has to know."""

    channel: str
    user_id: str


@value
class Occupied:
    """A channel has its first subscription."""

    channel: str


@value
class Vacated:
    """The last subscription went, and none came for as long as the grace is."""

    channel: str


@value
class Counted:
    """How many subscriptions a channel has now; that it has none is told by Vacated."""

    channel: str
    subscriptions: int


@value
class CameOnline:
    """Somebody signed in, on whatever process first."""

    user_id: str


@value
class WentOffline:
    user_id: str


Change = MemberAdded | MemberRemoved | MemberBack | Occupied | Vacated | Counted | CameOnline | WentOffline
