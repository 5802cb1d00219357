"""`/api/sources/{id}/rules` and `/api/departments/{id}/policy`: who gets new chats. For admins."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from pydantic import Field

from pulse.access import Person
from pulse.aggregates.department import Department
from pulse.aggregates.department_policy import Policy, require_policy
from pulse.aggregates.source import Source
from pulse.aggregates.source_rules import Rule
from pulse.desk.answers import WRITTEN, done
from pulse.desk.bodies import Body
from pulse.desk.decisions import Decisions
from pulse.desk.guard import Guard

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


def routing_routes(guard: Guard, decisions: Decisions) -> APIRouter:
    router = APIRouter(prefix="/api", tags=["routing"])
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
        found = guard.directory.require_department(department_id)
        return NewPolicy(assign=found.policy.assign, max_chats=found.policy.max_chats)

    @router.put("/departments/{department_id}/policy", responses={200: WRITTEN})
    async def change_policy(department_id: UUID, wanted: NewPolicy, person: Admin) -> Response:
        """Sets how a department's free chats find their moderators."""

        def decision(department: Department) -> None:
            department.change_policy(wanted.value(), now=guard.clock())

        return done(await decisions.decide(person, Department, department_id, decision))

    return router
