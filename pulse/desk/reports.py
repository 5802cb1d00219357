"""`/api/reports`: first replies, resolutions and backlog, every number with the events behind it; for admins, and one's own."""

from datetime import timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Header, Query
from fastapi.responses import Response

from pulse.access import Person, may_see_numbers
from pulse.desk.answers import Listed, refuses, shows
from pulse.desk.guard import AdminsOnly, Guard
from pulse.desk.report_desk import ReportDesk
from pulse.desk.report_rows import (
    AskedBacklog,
    AskedEvents,
    AskedMine,
    AskedReport,
    Backlog,
    Report,
    StretchRow,
    table,
)
from pulse.http import answer
from pulse.limits import Rate
from pulse.projections.changes import Row
from pulse.projections.facts import TooMuch
from pulse.projections.reads import Reads
from pulse.reports import as_csv

SEPARATORS = {"comma": ",", "semicolon": ";"}

Accept = Annotated[str | None, Header(include_in_schema=False)]


def report_routes(guard: Guard, reads: Reads) -> APIRouter:
    router = APIRouter(prefix="/api/reports", tags=["reports"])
    desk, rate = ReportDesk(guard.directory, reads, guard.clock), Rate(per_second=1, burst=30, name="reports")
    event_rate = Rate(per_second=10, burst=200, name="report-events")
    Admin = Annotated[Person, Depends(guard.reading_admin)]
    Asking = Annotated[Person, Depends(guard.reader)]

    @router.get("", responses=table(Report) | refuses(TooMuch))
    async def show_report(asked: Annotated[AskedReport, Query()], person: Admin, accept: Accept = None) -> Response:
        """Counts, and times in seconds, of each moderator, channel, department, source, tag, day or week, and of all."""
        rate.require(person.id)
        found = await desk.report(asked)
        return as_table(f"report-by-{asked.by}", found, asked) if wants_csv(asked, accept) else answer(found)

    @router.get("/mine", responses=table(Report) | refuses(TooMuch))
    async def show_my_report(asked: Annotated[AskedMine, Query()], person: Asking, accept: Accept = None) -> Response:
        """The same report of what you did yourself."""
        rate.require(person.id)
        mine = AskedReport.model_construct(**dict(asked), moderator=person.id)
        found = await desk.report(mine)
        return as_table(f"my-report-by-{asked.by}", found, asked) if wants_csv(asked, accept) else answer(found)

    @router.get("/backlog", responses=table(Backlog))
    async def show_backlog(asked: Annotated[AskedBacklog, Query()], person: Admin, accept: Accept = None) -> Response:
        """How many chats were open, and how many of them waited for an answer, at the end of each day."""
        rate.require(person.id)
        found = await desk.backlog(asked)
        return as_table("backlog", found, asked) if wants_csv(asked, accept) else answer(found)

    @router.get("/events", responses=shows(Listed[StretchRow]) | refuses(AdminsOnly))
    async def list_report_events(asked: Annotated[AskedEvents, Query()], person: Asking) -> Response:
        """What one number counts, the newest first: from which event of a chat to which one, and how long it took.

        `open` and `waiting` are as it was at `to`. Moderators name themselves as `moderator`.
        """
        if not may_see_numbers(person, asked.moderator):
            raise AdminsOnly
        event_rate.require(person.id)
        return answer(await desk.events(asked))

    return router


def wants_csv(asked: AskedBacklog, accept: str | None) -> bool:
    return asked.format == "csv" or (accept or "").startswith("text/csv")


def as_table(what: str, found: Row, asked: AskedBacklog) -> Response:
    """Names in it may be anybody's, so that no cell is a formula. The file's name says what it holds, and of which days."""
    rows = [*found["items"], found["total"]] if "total" in found else found["items"]
    if not asked.links:
        rows = [{name: cell for name, cell in row.items() if name != "events"} for row in rows]
    zone = ZoneInfo(found["zone"])
    first, last = found["from"], found["to"] - timedelta(microseconds=1)
    name = f"{what}-{first.astimezone(zone):%Y-%m-%d}-to-{last.astimezone(zone):%Y-%m-%d}.csv"
    table = as_csv(rows, separator=SEPARATORS[asked.separator])
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(table, media_type="text/csv; charset=utf-8", headers=headers)
