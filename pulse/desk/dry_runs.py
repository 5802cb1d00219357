"""`/api/routing/dry-run`: who would have got recorded chats, by other rules or another policy. For admins."""

from collections.abc import Callable
from contextlib import aclosing
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from pydantic import AwareDatetime, Field

from pulse.access import Person
from pulse.aggregates.source_rules import Rule, require_rules
from pulse.desk.answers import Listed, Shown, refuses, shows
from pulse.desk.bodies import Body
from pulse.desk.guard import Guard
from pulse.desk.routing import RULES, NewPolicy
from pulse.directory import Directory
from pulse.dry_run import ASSUMED, DryRun, Question, shown
from pulse.errors import BadInput, NotFound
from pulse.eventlog.store import EventStore
from pulse.http import answer
from pulse.limits import Rate
from pulse.shapes.chats import At, Named

MOST_EVENTS = 100_000


class Asked(Body):
    """What to try; what is left out is as it is today. `cursor` is the `next` of an earlier answer."""

    source: UUID | None = None
    rules: Annotated[tuple[Rule, ...] | None, Field(examples=[RULES])] = None
    policy: NewPolicy | None = None
    from_: Annotated[AwareDatetime | None, Field(alias="from")] = None
    to: AwareDatetime | None = None
    limit: Annotated[int, Field(ge=1, le=1000, examples=[100])] = 100
    moderators: Annotated[
        frozenset[UUID] | None, Field(max_length=1000, examples=[["76b3650b-e037-5e26-acd4-70d922a03793"]])
    ] = None
    cursor: Annotated[str | None, Field(pattern="^[0-9]{1,18}$", examples=["1042"])] = None


class ByRules(Shown):
    """Where the rules would have sent it; `rule` is the index of the one that fits."""

    department: Named | None
    rule: Annotated[int | None, Field(examples=[0])]


class ByPolicy(Shown):
    moderator: Named | None


class VerdictRow(Shown):
    """Who would have got one chat."""

    chat_id: UUID
    source_id: UUID
    position: At
    opened_at: datetime
    department: Named | None
    by_rules: ByRules
    by_policy: ByPolicy


class DryRunShown(Listed[VerdictRow]):
    next: Annotated[str | None, Field(examples=["1042"])]
    assumed_online: Annotated[str, Field(examples=[ASSUMED])]


def dry_run_routes(guard: Guard, store: EventStore) -> APIRouter:
    router = APIRouter(prefix="/api/routing", tags=["routing"])
    tries = Rate(per_second=0.5, burst=10, name="dry-runs")

    @router.post("/dry-run", responses=shows(DryRunShown, "tried") | refuses(NotFound))
    async def try_routing(asked: Asked, person: Annotated[Person, Depends(guard.admin)]) -> Response:
        """Who would have got these chats, by other rules or another policy. Reads the log and changes nothing.

        `by_policy` treats everybody in `moderators`, or all of the department's, as online.
        """
        tries.require(person.id)
        run = DryRun(store.log, guard.directory, question(asked, guard.directory))
        async with aclosing(run.verdicts(MOST_EVENTS)) as verdicts:
            items = [shown(verdict, name_in(guard.directory)) async for verdict in verdicts]
        body: dict[str, Any] = {"items": items, "next": None if run.done else str(run.position), "prev": None}
        return answer(body | {"assumed_online": ASSUMED})

    return router


def question(asked: Asked, directory: Directory) -> Question:
    """Raises NotFound, NotARule, NotAPolicy, BadInput."""
    source = None if asked.source is None else directory.source(asked.source)
    if asked.rules is not None:
        if source is None:
            raise BadInput("Rules are of one source; say which.")
        require_rules(asked.rules, source.departments)
    policy = None if asked.policy is None else asked.policy.value()
    return Question(
        source=asked.source, rules=asked.rules, policy=policy, since=asked.from_, until=asked.to, limit=asked.limit,
        after=int(asked.cursor or 0), moderators=asked.moderators,
    )  # fmt: skip


def name_in(directory: Directory) -> Callable[[UUID], str]:
    """What a department or a person is called."""

    def named(one: UUID) -> str:
        department = directory.department(one)
        return department.name if department else directory.name_of(one)

    return named
