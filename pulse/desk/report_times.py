"""Times that reports are asked for: moments, or whole days as they are where people work."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, Field, ValidatorFunctionWrapHandler, WithJsonSchema, WrapValidator

from pulse.directory import Directory
from pulse.reports import midnight

FIRST, LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
EITHER = {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}]}


def day_or_moment(sent: Any, read: ValidatorFunctionWrapHandler) -> datetime | date:
    """A day as a date. Raises ValidationError."""
    if isinstance(sent, date) and not isinstance(sent, datetime):
        return sent
    if isinstance(sent, str) and DAY.fullmatch(sent):
        read(f"{sent}T00:00:00Z")
        return date.fromisoformat(sent)
    found: datetime = read(sent)
    return found


Moment = Annotated[
    AwareDatetime, Field(ge=FIRST, le=LAST), WrapValidator(day_or_moment), WithJsonSchema(EITHER),
    Field(description="a time with its zone, or a day of `zone`, the whole of it", examples=["2026-11-21"]),
]  # fmt: skip


def moment(asked: datetime | date | None, zone: ZoneInfo, *, ends: bool = False) -> datetime | None:
    """When a day begins in a zone, or `ends`; a moment is itself."""
    if asked is None or isinstance(asked, datetime):
        return asked
    return midnight(asked + timedelta(days=ends), zone)


def zone_of(directory: Directory, asked: str | None, department: UUID | str | None) -> ZoneInfo:
    """The zone asked for, else the one in which the department works, or all of them do that have hours; else UTC."""
    if asked is not None:
        return ZoneInfo(asked)
    here = [one for one in directory.departments() if department in (None, one.id) and one.hours and not one.archived]
    zones = {one.hours.zone for one in here if one.hours}
    return ZoneInfo(zones.pop() if len(zones) == 1 else "UTC")
