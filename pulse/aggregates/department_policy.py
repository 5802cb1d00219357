"""Policy: how a department's free chats are given to its moderators. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from pulse.errors import BadInput
from pulse.values import value

WAYS = ("none", "round-robin", "least-busy")
MOST_CHATS = 1000


class NotAPolicy(BadInput):
    """A policy assigns `none`, `round-robin` or `least-busy`, and `max_chats` is 1 to 1000."""


@value
class Policy:
    """`assign`: nobody, everybody in turn, or whoever holds the fewest open chats; nobody gets more than `max_chats`."""

    assign: str = "none"
    max_chats: int | None = None

    @property
    def assigns(self) -> bool:
        return self.assign != "none"


BY_HAND = Policy()


@value
class Candidate:
    """Somebody who could get a chat: how many open ones they hold, and when they last got one (0: never)."""

    id: UUID
    held: int
    turn: int


def choose(policy: Policy, candidates: Iterable[Candidate]) -> UUID | None:
    """Who gets the next chat; None when nobody has room. In turn: whose last one is longest ago."""
    room = [one for one in candidates if policy.max_chats is None or one.held < policy.max_chats]
    if not policy.assigns or not room:
        return None
    busy = policy.assign == "least-busy"
    return min(room, key=lambda one: (one.held if busy else 0, one.turn, one.id)).id


def require_policy(policy: Policy) -> None:
    """Raises NotAPolicy."""
    if policy.assign not in WAYS or not (policy.max_chats is None or 1 <= policy.max_chats <= MOST_CHATS):
        raise NotAPolicy
