"""What the rows of a report are: whose number each one is, how it is called, and where its events are listed."""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from pulse.desk.report_rows import Asked, AskedReport
from pulse.directory import Directory
from pulse.projections.facts import KINDS, STRETCHES, Wanted
from pulse.reports import days

EVENTS = "/api/reports/events"
DAYS = {"day": 1, "week": 7}  # of each row
# The name of each kind's count.
NUMBERS = {kind: name for name, kind in KINDS.items()}


class Keys:
    """The keys of one report: ids, the names of channels, tags, or days; None for what is nobody's."""

    def __init__(self, directory: Directory, asked: AskedReport, wanted: Wanted, zone: ZoneInfo, now: datetime) -> None:
        self.directory = directory
        self.by = asked.by
        self.filters = filters_of(asked, wanted) | {"hours": asked.hours}
        if asked.moderator is not None:
            self.filters["moderator"] = str(asked.moderator)
        if wanted.any_tag is False:
            self.filters["tag"] = wanted.tag or ""
        self.now = {"from": (now - timedelta(days=1)).isoformat(), "to": now.isoformat()}
        self.spans: dict[str | None, tuple[datetime, datetime]] = {}
        if asked.by in DAYS:
            found = days(wanted.since, wanted.until, zone, each=DAYS[asked.by])
            self.spans = {str(day): (since, until) for day, since, until in found}

    def name(self, key: str | None) -> str:
        """Empty for what is nobody's."""
        if key is None or self.by not in ("moderator", "department", "source"):
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
        if self.spans:
            since, until = self.spans[key]
            return self._links({"from": since.isoformat(), "to": until.isoformat()}) | {"waiting": None}
        return self._links({self.by: key or ("" if self.by == "tag" else "none")})

    def total(self) -> dict[str, str | None]:
        """The same of all rows together."""
        return self._links({})

    def _links(self, whose: dict[str, str]) -> dict[str, str | None]:
        filters = self.filters | whose
        return {**links_to((*KINDS, *STRETCHES), filters), **links_to(("waiting",), filters | self.now)}


def filters_of(asked: Asked, wanted: Wanted) -> dict[str, str]:
    """What was asked for, as an address asks for it."""
    chosen = {"department": asked.department, "channel": asked.channel, "source": asked.source}
    times = {"from": wanted.since.isoformat(), "to": wanted.until.isoformat()}
    return times | {name: str(one) for name, one in chosen.items() if one is not None}


def links_to(metrics: tuple[str, ...], filters: dict[str, str]) -> dict[str, str]:
    return {metric: f"{EVENTS}?{urlencode({'metric': metric} | filters)}" for metric in metrics}
