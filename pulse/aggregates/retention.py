"""Retention: for how many days customers' and moderators' files are kept. The log's events stay for good."""

from __future__ import annotations

from datetime import datetime
from typing import Self
from uuid import UUID

from eventsourcing.domain import Aggregate, AggregateCreated, AggregateEvent

from pulse.errors import BadInput
from pulse.values import value

RETENTION = UUID("0f5a2f57-52a1-5b7e-8c6e-6f2f5f0f7d21")
LONGEST_DAYS = 36_500
MOST_SOURCES = 1000


class NotARetention(BadInput):
    """Files are kept for 1 to 36,500 days, or for good; each source is named once."""


@value
class SourceDays:
    """One source's own number; None keeps its files for good, whatever holds elsewhere."""

    source: UUID
    days: int | None


@value
class Limits:
    """`days` holds for every source that is not in `sources`; None: for good."""

    days: int | None = None
    sources: tuple[SourceDays, ...] = ()

    def days_of(self, source: UUID | None) -> int | None:
        """For how long a source's files are kept."""
        own = {one.source: one.days for one in self.sources}
        return own.get(source, self.days) if source is not None else self.days

    @property
    def shortest(self) -> int | None:
        """The fewest days that hold anywhere; None where all is kept."""
        return min(
            (days for days in (self.days, *(one.days for one in self.sources)) if days is not None), default=None
        )


FOR_GOOD = Limits()


class RetentionBegun(AggregateCreated):
    """Until something is changed, files are kept for good."""


class RetentionChanged(AggregateEvent):
    """Replaces all limits."""

    limits: Limits

    def apply(self, retention: Retention) -> None:
        retention.limits = self.limits


class Retention(Aggregate):
    """There is one, `RETENTION`."""

    limits: Limits = FOR_GOOD

    @classmethod
    def begin(cls, *, now: datetime) -> Self:
        return cls._create(RetentionBegun, id=RETENTION, timestamp=now)

    def change(self, limits: Limits, *, now: datetime) -> None:
        """Sets how long files are kept from the next sweep on. Raises NotARetention."""
        require_limits(limits)
        if limits != self.limits:
            self.trigger_event(RetentionChanged, limits=limits, timestamp=now)


def require_limits(limits: Limits) -> None:
    """Raises NotARetention."""
    named = {one.source for one in limits.sources}
    days = [days for days in (limits.days, *(one.days for one in limits.sources)) if days is not None]
    if len(named) < len(limits.sources) or len(named) > MOST_SOURCES:
        raise NotARetention
    if not all(1 <= each <= LONGEST_DAYS for each in days):
        raise NotARetention
