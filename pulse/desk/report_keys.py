"""What the rows of a report are: whose number each one is, how it is called, and where its events are listed."""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from pulse.desk.report_rows import Asked, AskedReport
from pulse.directory import Directory
from pulse.projections.changes import Row
from pulse.projections.facts import KINDS, STRETCHES, Wanted
from pulse.reports import days

EVENTS = "/api/reports/events"
# The name of each kind's count.
NUMBERS = {kind: name for name, kind in KINDS.items()}


class Keys:
    """The keys of one report: ids, the names of channels, or days; None for what is nobody's."""

    def __init__(self, directory: Directory, asked: AskedReport, wanted: Wanted, now: datetime) -> None:
        self.directory = directory
        self.by = asked.by
        self.zone = ZoneInfo(asked.zone)
        self.filters = filters_of(asked, wanted) | {"hours": asked.hours}
        if asked.moderator is not None:
            self.filters["moderator"] = str(asked.moderator)
        self.now = {"from": (now - timedelta(days=1)).isoformat(), "to": now.isoformat()}
        self.days = {str(day): part for day, *part in days(wanted.since, wanted.until, self.zone)}

    def of_count(self, key: str | None) -> str | None:
        """From what the counts are grouped by."""
        return self._channel(UUID(key)) if self.by == "channel" and key is not None else key

    def of_fact(self, fact: Row) -> str | None:
        match self.by:
            case "day":
                at: datetime = fact["at"]
                return str(at.astimezone(self.zone).date())
            case "channel":
                return self.of_count(str(fact["source_id"]))
        found = fact[f"{self.by}_id"]
        return None if found is None else str(found)

    def name(self, key: str | None) -> str:
        """Empty for what is nobody's."""
        if key is None or self.by in ("day", "channel"):
            return key or ""
        match self.by:
            case "moderator":
                return self.directory.name_of(UUID(key))
            case "department":
                department = self.directory.department(UUID(key))
                return department.name if department else ""
        source = self.directory.find_source(UUID(key))
        return source.title if source else ""

    def links(self, key: str | None) -> dict[str, str | None]:
        """Where the events behind a row's numbers are listed."""
        if self.by == "day":
            since, until = self.days[str(key)]
            return self._links({"from": since.isoformat(), "to": until.isoformat()}) | {"waiting": None}
        return self._links({self.by: key or "none"})

    def total(self) -> dict[str, str | None]:
        """The same of all rows together."""
        return self._links({})

    def _links(self, whose: dict[str, str]) -> dict[str, str | None]:
        filters = self.filters | whose
        return {**links_to((*KINDS, *STRETCHES), filters), **links_to(("waiting",), filters | self.now)}

    def _channel(self, source: UUID) -> str | None:
        found = self.directory.find_source(source)
        return found.channel if found else None


def filters_of(asked: Asked, wanted: Wanted) -> dict[str, str]:
    """What was asked for, as an address asks for it."""
    chosen = {"department": asked.department, "channel": asked.channel, "source": asked.source}
    times = {"from": wanted.since.isoformat(), "to": wanted.until.isoformat()}
    return times | {name: str(one) for name, one in chosen.items() if one is not None}


def links_to(metrics: tuple[str, ...], filters: dict[str, str]) -> dict[str, str]:
    return {metric: f"{EVENTS}?{urlencode({'metric': metric} | filters)}" for metric in metrics}
