"""Secrets of a source that were replaced and still prove deliveries for a while. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from pulse.values import value

KEPT = 3


@value
class OldSecret:
    """Sealed by the vault, like the one that replaced it; it counts `until` then."""

    name: str
    sealed: str
    until: datetime

    def counts(self, now: datetime) -> bool:
        return now < self.until


def retired(
    sealed: OldSecret | None, older: tuple[OldSecret, ...], *, until: datetime, now: datetime
) -> tuple[OldSecret, ...]:
    """The one that is replaced now and those before it, none for longer than `until`; the newest first."""
    ending = [replace(old, until=min(old.until, until)) for old in older]
    found = ending if sealed is None else [sealed, *ending]
    return tuple(old for old in found if old.counts(now))[:KEPT]
