"""`/api/departments`: groups of moderators, for admins. How their chats are given away: `routing`."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from pydantic import Field

from pulse.access import Person, by_moderator
from pulse.aggregates.department import NAME_LIMIT, Department, department_id
from pulse.aggregates.moderator import Moderator
from pulse.desk.answers import WRITTEN, Listed, Shown, Written, done, shows, whole
from pulse.desk.bodies import WITHOUT_NUL, Body
from pulse.desk.decisions import Decisions
from pulse.desk.guard import Guard
from pulse.errors import Refusal
from pulse.eventlog.store import EventStore
from pulse.http import answer
from pulse.projections import holding
from pulse.projections.reads import Reads
from pulse.shapes.chats import Named

AN_ID = "985a3857-a778-5627-9fc2-a8d60e434c7f"
NAMED_CHATS = 20


class DepartmentInUse(Refusal):
    """Sources send chats to this department, or open chats are in it. Move them first."""


class DepartmentBody(Body):
    name: Annotated[str, Field(min_length=1, max_length=NAME_LIMIT, pattern=WITHOUT_NUL, examples=["Support"])]


class PolicyShown(Shown):
    assign: Annotated[str, Field(examples=["least-busy"])]
    max_chats: Annotated[int | None, Field(examples=[10])]


class SourceTitle(Shown):
    id: Annotated[UUID, Field(examples=["a15f91a9-46f6-5fc1-a3ae-b4c6c8398268"])]
    title: Annotated[str, Field(examples=["Simulator"])]


class DepartmentRow(Shown):
    """`members` counts those who may sign in; `sources` may send chats here."""

    id: Annotated[UUID, Field(examples=[AN_ID])]
    name: Annotated[str, Field(examples=["Support"])]
    members: Annotated[int, Field(examples=[2])]
    policy: PolicyShown
    sources: list[SourceTitle]
    archived: Annotated[bool, Field(examples=[False])]


class WholeDepartment(DepartmentRow):
    """`people` are its members."""

    people: list[Named]


class MadeDepartment(Written):
    id: Annotated[UUID, Field(examples=[AN_ID])]


def department_routes(guard: Guard, store: EventStore, decisions: Decisions) -> APIRouter:
    router = APIRouter(prefix="/api/departments", tags=["departments"])
    directory = guard.directory
    Admin = Annotated[Person, Depends(guard.admin)]

    @router.get("", responses=shows(Listed[DepartmentRow]))
    async def list_departments(_: Admin) -> Response:
        """All of them, by name, the archived ones too."""
        found = sorted(directory.departments(), key=lambda department: department.name.casefold())
        return whole([row(guard, department) for department in found])

    @router.post("", status_code=201, responses=shows(MadeDepartment, "made", 201) | shows(MadeDepartment, "was there"))
    async def create_department(wanted: DepartmentBody, person: Admin) -> Response:
        """Makes a department. One of that name that is there stays as it is: 200.

        409 `name-taken` names the `department` that has the name, or was made by it and is called otherwise now.
        """
        made = department_id(wanted.name)
        directory.require_name_free(wanted.name, made)

        def decision(known: Department | None) -> Department:
            if known is not None:
                known.require_called(wanted.name)
            return known or Department.create(wanted.name, now=guard.clock())

        decided = await store.decide(Department, made, decision, by=by_moderator(person.id))
        await guard.learn(decided.position)
        return done(decided, 201 if decided.events else 200, id=str(made))

    @router.get("/{department_id}", responses=shows(WholeDepartment))
    async def show_department(department_id: UUID, _: Admin) -> Response:
        """One, with its members."""
        members = sorted(directory.members_of(department_id), key=lambda one: (one.name.casefold(), one.id))
        people = [{"id": one.id, "name": one.name} for one in members]
        return answer(row(guard, directory.require_department(department_id)) | {"people": people})

    @router.patch("/{department_id}", responses={200: WRITTEN})
    async def rename_department(department_id: UUID, wanted: DepartmentBody, person: Admin) -> Response:
        """Another name; the id stays. 409 `name-taken` if another `department` has it."""
        directory.require_department(department_id)
        directory.require_name_free(wanted.name, department_id)
        return done(
            await decisions.decide(
                person, Department, department_id, lambda found: found.rename(wanted.name, now=guard.clock())
            )
        )

    return router


def archive_routes(guard: Guard, store: EventStore, decisions: Decisions, reads: Reads) -> APIRouter:
    """What closes and opens a department."""
    router = APIRouter(prefix="/api/departments", tags=["departments"])
    Admin = Annotated[Person, Depends(guard.admin)]

    @router.post("/{department_id}/archive", responses={200: WRITTEN})
    async def archive_department(department_id: UUID, person: Admin) -> Response:
        """No new chats and no new members. 409 `department-in-use` names the `sources` and the open `chats` that are in
        the way. A chat that comes in at this very moment stays with its members."""
        if not guard.directory.require_department(department_id).archived:
            await reads.wait_for(await store.log.last_position())
            await require_unused(guard, reads, department_id)
        return done(
            await decisions.decide(person, Department, department_id, lambda found: found.archive(now=guard.clock()))
        )

    @router.post("/{department_id}/restore", responses={200: WRITTEN})
    async def restore_department(department_id: UUID, person: Admin) -> Response:
        """Opens an archived one again, with the members it had."""
        return done(
            await decisions.decide(person, Department, department_id, lambda found: found.restore(now=guard.clock()))
        )

    return router


def member_routes(guard: Guard, decisions: Decisions) -> APIRouter:
    """Who belongs to a department."""
    router = APIRouter(prefix="/api/departments", tags=["departments"])
    Admin = Annotated[Person, Depends(guard.admin)]

    @router.put("/{department_id}/members/{user_id}", responses={200: WRITTEN})
    async def add_member(department_id: UUID, user_id: UUID, person: Admin) -> Response:
        """From now on this person sees the department's chats, the older ones too."""
        guard.directory.require_department(department_id)
        guard.directory.require_departments([department_id])
        return done(
            await decisions.decide(
                person, Moderator, user_id, lambda found: found.join(department_id, now=guard.clock())
            )
        )

    @router.delete("/{department_id}/members/{user_id}", responses={200: WRITTEN})
    async def remove_member(department_id: UUID, user_id: UUID, person: Admin) -> Response:
        """A member no more. Chats of it that this person holds stay theirs until somebody takes them over."""
        guard.directory.require_department(department_id)
        return done(
            await decisions.decide(
                person, Moderator, user_id, lambda found: found.leave(department_id, now=guard.clock())
            )
        )

    return router


def row(guard: Guard, department: Department) -> dict[str, Any]:
    """As the API shows it."""
    return {
        "id": department.id, "name": department.name, "members": len(guard.directory.members_of(department.id)),
        "policy": {"assign": department.policy.assign, "max_chats": department.policy.max_chats},
        "sources": titles_of_sources(guard, department.id), "archived": department.archived,
    }  # fmt: skip


def titles_of_sources(guard: Guard, department: UUID) -> list[dict[str, Any]]:
    """Of those that may send chats there, by title."""
    found = sorted(guard.directory.sources_for(department), key=lambda source: source.title)
    return [{"id": source.id, "title": source.title} for source in found]


async def require_unused(guard: Guard, reads: Reads, department: UUID) -> None:
    """Raises DepartmentInUse."""
    sources = titles_of_sources(guard, department)
    chats = await holding.open_in(reads, department, NAMED_CHATS)
    if sources or chats:
        raise DepartmentInUse(sources=sources, chats=chats)
