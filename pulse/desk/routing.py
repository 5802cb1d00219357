"""`/api/sources/{id}/rules`, `/api/departments/{id}/policy` and `/api/routing/dry-run`: who gets new chats. For admins."""

from collections.abc import Callable
from contextlib import aclosing
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from pydantic import AwareDatetime, Field

from pulse.access import Person
from pulse.aggregates.department import Department
from pulse.aggregates.department_policy import Policy, require_policy
from pulse.aggregates.source import Source
from pulse.aggregates.source_rules import Rule, require_rules
from pulse.desk.answers import WRITTEN, Listed, Shown, done, refuses, shows
from pulse.desk.bodies import Body
from pulse.desk.chat_rows import At, Named
from pulse.desk.decisions import Decisions
from pulse.desk.guard import Guard
from pulse.directory import Directory
from pulse.dry_run import ASSUMED, DryRun, Question, shown
from pulse.errors import BadInput, NotFound, there
from pulse.eventlog.store import EventStore
from pulse.http import answer
from pulse.limits import Rate

MOST_EVENTS = 100_000
RULES = [{"department": "0f4d2c4e-9f0b-5b1a-8d52-6a5d7f1f2f11", "words": ["refund"]}]


class Rules(Body):
    """In the order they are asked; the first that fits decides."""

    rules: Annotated[tuple[Rule, ...], Field(examples=[RULES])]


class NewPolicy(Body):
    """`assign` is none, round-robin or least-busy."""

    assign: Annotated[str, Field(examples=["round-robin"])]
    max_chats: Annotated[int | None, Field(examples=[5])] = None

    def value(self) -> Policy:
        """Raises NotAPolicy."""
        policy = Policy(self.assign, self.max_chats)
        require_policy(policy)
        return policy


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


def routing_routes(guard: Guard, store: EventStore) -> APIRouter:
    router = APIRouter(prefix="/api", tags=["routing"])
    decisions = Decisions(guard, store)
    tries = Rate(per_second=0.5, burst=10, name="dry-runs")

    Admin = Annotated[Person, Depends(guard.admin)]

    @router.get("/sources/{source_id}/rules")
    async def show_rules(source_id: UUID, _: Admin) -> Rules:
        """A source's rules, in the order they are asked."""
        return Rules(rules=guard.directory.source(source_id).rules)

    @router.put("/sources/{source_id}/rules", responses={200: WRITTEN})
    async def change_rules(source_id: UUID, wanted: Rules, person: Admin) -> Response:
        """Replaces a source's rules. 400 `not-a-rule` with the `index` and the `field` of the first that is wrong."""

        def decision(source: Source) -> None:
            source.change_rules(wanted.rules, now=guard.clock())

        return done(await decisions.decide(person, Source, source_id, decision))

    @router.get("/departments/{department_id}/policy")
    async def show_policy(department_id: UUID, _: Admin) -> NewPolicy:
        """How a department's free chats find their moderators."""
        found = there(guard.directory.department(department_id))
        return NewPolicy(assign=found.policy.assign, max_chats=found.policy.max_chats)

    @router.put("/departments/{department_id}/policy", responses={200: WRITTEN})
    async def change_policy(department_id: UUID, wanted: NewPolicy, person: Admin) -> Response:
        """Sets how a department's free chats find their moderators."""

        def decision(department: Department) -> None:
            department.change_policy(wanted.value(), now=guard.clock())

        return done(await decisions.decide(person, Department, department_id, decision))

    @router.post("/routing/dry-run", responses=shows(DryRunShown, "tried") | refuses(NotFound))
    async def try_routing(asked: Asked, person: Admin) -> Response:
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
