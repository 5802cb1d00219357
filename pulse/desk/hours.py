"""`/api/departments/{id}/hours`: when people work in a department, by which reports measure. For admins."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from pydantic import Field

from pulse.access import Person
from pulse.aggregates.department import Department
from pulse.aggregates.department_hours import Hours
from pulse.desk.answers import WRITTEN, done, refuses, shows
from pulse.desk.bodies import Body
from pulse.desk.decisions import Decisions
from pulse.desk.guard import Guard
from pulse.errors import NotFound

OFFICE = {
    "zone": "Europe/Moscow",
    "days": {"mon": ["09:00-13:00", "14:00-18:00"], "fri": ["09:00-17:00"]},
    "closed": ["2027-01-01"],
}


class WorkingHours(Body):
    """Null: around the clock."""

    hours: Annotated[Hours | None, Field(examples=[OFFICE])]


def hour_routes(guard: Guard, decisions: Decisions) -> APIRouter:
    router = APIRouter(prefix="/api/departments", tags=["routing"])
    Admin = Annotated[Person, Depends(guard.admin)]

    @router.get("/{department_id}/hours", responses=shows(WorkingHours) | refuses(NotFound))
    async def show_hours(department_id: UUID, _: Admin) -> WorkingHours:
        """When people work in a department; null is around the clock."""
        return WorkingHours(hours=guard.directory.require_department(department_id).hours)

    @router.put("/{department_id}/hours", responses={200: WRITTEN})
    async def change_hours(department_id: UUID, wanted: WorkingHours, person: Admin) -> Response:
        """Sets when people work in a department. 400 `not-working-hours` says what is wrong. Reports measure by them,
        also what is long past.
        """

        def decision(department: Department) -> None:
            department.change_hours(wanted.hours, now=guard.clock())

        return done(await decisions.decide(person, Department, department_id, decision))

    return router
