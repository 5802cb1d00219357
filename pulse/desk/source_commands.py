"""`/api/sources`: admins connect accounts, change them, switch them off and on, and replace their secrets."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from pydantic import Field

from pulse.access import Person, by_moderator
from pulse.aggregates.source import source_id as source_named
from pulse.desk.answers import WRITTEN, shows
from pulse.desk.bodies import WITHOUT_NUL, Body
from pulse.desk.guard import Guard
from pulse.desk.source_rows import Connected, Rotated
from pulse.errors import Refusal
from pulse.sources.connecting import ROTATED, Connecting, Wanted
from pulse.sources.providers import Providers

SOURCES_LIMIT = 1000

Name = Annotated[str, Field(min_length=1, max_length=100, pattern=WITHOUT_NUL)]
Text = Annotated[str, Field(max_length=4000, pattern=WITHOUT_NUL)]
Title = Annotated[str, Field(max_length=100, pattern=WITHOUT_NUL, examples=["Shop bot"])]
Departments = Annotated[
    tuple[UUID, ...], Field(min_length=1, max_length=100, examples=[["985a3857-a778-5627-9fc2-a8d60e434c7f"]])
]
Settings = Annotated[dict[Name, Text], Field(max_length=20, examples=[{"file_limit_mb": "20"}])]
Secrets = Annotated[dict[Name, Text], Field(max_length=10, examples=[{"token": "7000000001:AAF…"}])]


class TooManySources(Refusal):
    """There are as many sources as Pulse has room for."""


class NewSource(Body):
    """Its id follows from `type` and `identifier`: sent again, it changes nothing. The first department is for chats
    without any. A webhook's secret is made up where none is given."""

    type: Annotated[str, Field(max_length=100, examples=["simulator"])]
    identifier: Annotated[str, Field(max_length=100, pattern=WITHOUT_NUL, examples=["shop"])]
    title: Title = ""
    departments: Departments
    settings: Settings = Field(default_factory=dict)
    secrets: Secrets = Field(default_factory=dict)


class ChangedSource(Body):
    """What is given is changed, the rest stays; an empty setting is as good as none. Secrets are replaced at once."""

    title: Title | None = None
    departments: Departments | None = None
    settings: Settings = Field(default_factory=dict)
    secrets: Secrets = Field(default_factory=dict)


class NewSourceSecret(Body):
    """A new webhook secret; without a `value` one is made up. The old one is good for so many hours; 0 ends it."""

    name: Annotated[str, Field(max_length=100, examples=["secret"])] = ROTATED
    value: Annotated[str | None, Field(max_length=4000, pattern=WITHOUT_NUL, examples=["a-secret-of-yours"])] = None
    oldHours: Annotated[int, Field(ge=0, le=168, examples=[24])] = 24


class SourceDesk:
    """What the commands share."""

    def __init__(self, guard: Guard, connecting: Connecting, providers: Providers) -> None:
        self.guard = guard
        self.connecting = connecting
        self.providers = providers

    def require_room(self, source: UUID) -> None:
        """Raises TooManySources."""
        known = self.guard.directory
        if known.find_source(source) is None and len(known.sources()) >= SOURCES_LIMIT:
            raise TooManySources

    async def connect(self, wanted: NewSource, by: str) -> Response:
        source = source_named(wanted.type, wanted.identifier.strip())
        self.require_room(source)
        having = Wanted(wanted.title, wanted.departments, wanted.settings, wanted.secrets)
        decided, secret = await self.connecting.connect(wanted.type, wanted.identifier, having, by=by)
        made = await self.connecting.one(source)
        return await self.guard.done(
            decided, 201 if decided.events else 200,
            id=str(source), webhook_url=self.providers.address(made), secret=secret,
        )  # fmt: skip


def source_command_routes(guard: Guard, desk: SourceDesk) -> APIRouter:
    router = APIRouter(prefix="/api/sources", tags=["sources"])
    connecting = desk.connecting
    Admin = Annotated[Person, Depends(guard.admin)]

    @router.post("", status_code=201, responses=shows(Connected, "connected", 201) | shows(Connected, "there already"))
    async def connect_source(wanted: NewSource, person: Admin) -> Response:
        """Connects a channel account. One that is there already stays as it is."""
        return await desk.connect(wanted, by_moderator(person.id))

    @router.patch("/{source_id}", responses={200: WRITTEN})
    async def change_source(source_id: UUID, wanted: ChangedSource, person: Admin) -> Response:
        """Another title, other departments, settings or secrets. Whatever halted it may be mended: it sends again."""
        having = Wanted(wanted.title, wanted.departments, wanted.settings, wanted.secrets)
        return await guard.done(await connecting.change(source_id, having, by=by_moderator(person.id)))

    @router.post("/{source_id}/resume", responses={200: WRITTEN})
    async def resume_source(source_id: UUID, person: Admin) -> Response:
        """Sends again what has waited, once whatever halted the source is mended. A new token does the same."""
        return await guard.done(await connecting.resume(source_id, by=by_moderator(person.id)))

    @router.post("/{source_id}/disable", responses={200: WRITTEN})
    async def disable_source(source_id: UUID, person: Admin) -> Response:
        """Switches it off: deliveries are answered as for an unknown source, replies wait."""
        return await guard.done(await connecting.disable(source_id, by=by_moderator(person.id)))

    @router.post("/{source_id}/enable", responses={200: WRITTEN})
    async def enable_source(source_id: UUID, person: Admin) -> Response:
        """Switches it on again: what has waited leaves."""
        return await guard.done(await connecting.enable(source_id, by=by_moderator(person.id)))

    return router


def source_secret_routes(guard: Guard, desk: SourceDesk) -> APIRouter:
    router = APIRouter(prefix="/api/sources", tags=["sources"])

    @router.post("/{source_id}/secrets", responses=shows(Rotated, "replaced"))
    async def rotate_source_secret(
        source_id: UUID, person: Annotated[Person, Depends(guard.admin)], wanted: NewSourceSecret
    ) -> Response:
        """Replaces the webhook's secret; the one before is as good until its time. Then set the webhook, which tells the
        provider."""
        decided, secret = await desk.connecting.rotate(
            source_id, wanted.name, wanted.value, old=timedelta(hours=wanted.oldHours), by=by_moderator(person.id)
        )
        return await guard.done(decided, secret=secret)

    return router
