"""`/api/colleagues`: who else answers here, for assigning chats and mentioning people."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from pydantic import Field

from pulse.access import Person, shared_departments
from pulse.desk.answers import Listed, Shown, shows, whole
from pulse.desk.guard import Guard
from pulse.presence import Presence


class ColleagueRow(Shown):
    """`departments` are those you share; an admin sees all."""

    id: Annotated[UUID, Field(examples=["76b3650b-e037-5e26-acd4-70d922a03793"])]
    name: Annotated[str, Field(examples=["Boris"])]
    online: Annotated[bool, Field(examples=[True])]
    away: Annotated[bool, Field(examples=[False])]
    departments: Annotated[list[UUID], Field(examples=[["985a3857-a778-5627-9fc2-a8d60e434c7f"]])]


class DestinationRow(Shown):
    """`members` counts those who may sign in."""

    id: Annotated[UUID, Field(examples=["985a3857-a778-5627-9fc2-a8d60e434c7f"])]
    name: Annotated[str, Field(examples=["Support"])]
    members: Annotated[int, Field(examples=[2])]


def colleague_routes(guard: Guard, presence: Presence) -> APIRouter:
    router = APIRouter(prefix="/api/colleagues", tags=["users"])

    @router.get("", responses=shows(Listed[ColleagueRow]))
    async def list_colleagues(person: Annotated[Person, Depends(guard.person)]) -> Response:
        """Everybody who may sign in, yourself too, by name."""
        online = presence.around()
        items = [
            {
                "id": one.id, "name": one.name, "online": one.id in online, "away": one.away,
                "departments": sorted(shared_departments(person, one)),
            }
            for one in sorted(guard.directory.active(), key=lambda one: (one.name.casefold(), one.id))
        ]  # fmt: skip
        return whole(items)

    @router.get("/departments", responses=shows(Listed[DestinationRow]))
    async def list_destinations(_: Annotated[Person, Depends(guard.person)]) -> Response:
        """The departments that a chat can be passed to, by name: somebody works there, and they are not archived."""
        found = [(one, len(guard.directory.members_of(one.id))) for one in guard.directory.departments()]
        rows = [{"id": one.id, "name": one.name, "members": many} for one, many in found if many and not one.archived]
        return whole(sorted(rows, key=lambda row: (row["name"].casefold(), row["id"])))

    return router
