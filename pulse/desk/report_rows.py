"""What reports are asked for and what they look like in the API."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
)

from pulse.desk.answers import Shown
from pulse.desk.bodies import WITHOUT_NUL
from pulse.desk.deliveries import known_channel
from pulse.desk.report_times import Moment
from pulse.shapes.chats import At, Count, Named, Version

By = Literal["moderator", "channel", "department", "source", "tag", "day", "week"]
HoursKind = Literal["working", "clock"]
Metric = Literal["opened", "assigned", "replies", "closed", "first_reply", "resolution", "open", "waiting"]


def id_or_none(sent: Any, read: ValidatorFunctionWrapHandler) -> UUID | Literal["none"] | None:
    """Raises ValidationError."""
    found: UUID | None = None if sent == "none" else read(sent)
    return "none" if sent == "none" else found


EITHER = {"anyOf": [{"type": "string", "format": "uuid"}, {"const": "none"}]}
Whose = Annotated[
    UUID | None, WrapValidator(id_or_none), WithJsonSchema(EITHER),
    Field(description="an id, or `none`: what is nobody's"),
]  # fmt: skip
Tag = Annotated[
    str | None, Field(max_length=100, pattern=WITHOUT_NUL, description="one that the chat had; empty: it had none")
]


def known_zone(name: str | None) -> str | None:
    """Raises ValueError, which names the field."""
    try:
        return None if name is None else ZoneInfo(name).key
    except (LookupError, ValueError, OSError):
        raise ValueError("A zone is one such as Europe/Moscow.") from None


class Asked(BaseModel):
    """What a report is of; what is left out is everything. The last seven days, unless `from` and `to` say otherwise."""

    model_config = ConfigDict(extra="forbid")

    since: Annotated[Moment | None, Field(alias="from")] = None
    to: Moment | None = None
    department: Whose = None
    channel: Annotated[str | None, AfterValidator(known_channel)] = None
    source: UUID | None = None
    zone: Annotated[
        str | None, Field(max_length=64, description="whose days, if not those of the working hours"),
        AfterValidator(known_zone),
    ] = None  # fmt: skip


class AskedBacklog(Asked):
    format: Annotated[Literal["json", "csv"], Field(description="`Accept: text/csv` does the same")] = "json"
    separator: Annotated[
        Literal["comma", "semicolon"],
        Field(description="between the columns of a table: Excel wants what its country does"),
    ] = "comma"
    links: Annotated[bool, Field(description="also in a table, a column for each number")] = False


class AskedMine(AskedBacklog):
    by: Annotated[By, Field(description="what the rows are")] = "day"
    hours: Annotated[HoursKind, Field(description="in the departments' working hours, or on the clock")] = "working"
    tag: Tag = None


class AskedReport(AskedMine):
    moderator: Whose = None


class AskedEvents(Asked):
    metric: Annotated[Metric, Field(description="which number")]
    moderator: Whose = None
    hours: Annotated[HoursKind, Field(description="in the departments' working hours, or on the clock")] = "working"
    tag: Tag = None
    limit: Annotated[int, Field(ge=1, le=200, description="how many, 200 at most")] = 50
    cursor: str | None = None


Seconds = Annotated[float | None, Field(examples=[312.5])]
Link = Annotated[str, Field(examples=["/api/reports/events?metric=first_reply"])]


class Figures(Shown):
    """Seconds; null where there were none."""

    n: Count
    median: Seconds
    p90: Seconds
    mean: Seconds


class Links(Shown):
    """Where the events behind each number are listed; nobody waits on a day that is over."""

    opened: Link
    assigned: Link
    replies: Link
    closed: Link
    first_reply: Link
    resolution: Link
    waiting: Link | None


class ReportRow(Shown):
    """The numbers of a moderator, channel, department, source, tag, day or week. `waiting` is now; a day has none."""

    key: Annotated[str | None, Field(examples=["2026-11-20"])]
    name: Annotated[str, Field(examples=["2026-11-20"])]
    opened: Count
    assigned: Count
    replies: Count
    closed: Count
    waiting: Annotated[int | None, Field(examples=[3])]
    first_reply: Figures
    resolution: Figures
    events: Links


class Report(Shown):
    """A row each, and what all of it comes to."""

    since: Annotated[datetime, Field(alias="from")]
    to: datetime
    by: By
    hours: HoursKind
    zone: Annotated[str, Field(examples=["Europe/Moscow"])]
    items: list[ReportRow]
    total: ReportRow


class StoodLinks(Shown):
    open: Link
    waiting: Link


class BacklogRow(Shown):
    """How many chats were open, and how many of those waited for an answer, when the day ended: `at`."""

    day: date
    at: datetime
    open: Count
    waiting: Count
    events: StoodLinks


class Backlog(Shown):
    since: Annotated[datetime, Field(alias="from")]
    to: datetime
    zone: Annotated[str, Field(examples=["Europe/Moscow"])]
    items: list[BacklogRow]


class Mark(Shown):
    """One event of a chat."""

    version: Version
    position: At
    at: datetime


class StretchRow(Shown):
    """What one number counts: from one event to another, or one alone. The links show a chat from its first event on."""

    chat_id: UUID
    moderator: Named | None
    department: Named | None
    start: Annotated[Mark | None, Field(alias="from")]
    to: Mark | None
    seconds: Seconds
    events: Annotated[str, Field(examples=["/api/chats/73803345-05ec-5922-81a8-7f2f572c0bdc/events?afterId=1"])]
    messages: Annotated[str, Field(examples=["/api/chats/73803345-05ec-5922-81a8-7f2f572c0bdc/messages?afterId=1"])]


CSV: dict[str, Any] = {
    "text/csv": {"schema": {"type": "string", "examples": ["\ufeffkey,name,opened\r\n2026-11-20,2026-11-20,7\r\n"]}}
}


def table(model: type[Shown]) -> dict[int | str, dict[str, Any]]:
    """A report as JSON or as a table, for the API's document."""
    return {200: {"description": "summed", "model": model, "content": CSV}}
