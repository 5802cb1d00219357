"""`/api/producers`: services that post signed business events, for admins."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from pydantic import Field

from pulse.access import Person, by_moderator
from pulse.aggregates.producer import Producer, producer_id
from pulse.desk.answers import WRITTEN, Listed, Shown, WithSecret, shows, whole
from pulse.desk.bodies import WITHOUT_NUL, Body
from pulse.desk.guard import Guard
from pulse.errors import there
from pulse.eventlog.commands import Decided
from pulse.http import answer
from pulse.producers import Configuration, Described, Producers, events_url, made_secret, require_configuration

AN_ID = "9d4fdd9f-de72-51a4-99a8-f302fa61f8fc"
A_TYPE = {
    "type": "campaign.updated", "channel": "private-campaign.{data.campaign_id}", "audience": "staff",
    "event": "CampaignUpdated", "schema": {"type": "object", "required": ["campaign_id"]},
}  # fmt: skip

Secret = Annotated[str, Field(min_length=1, max_length=1024, pattern=WITHOUT_NUL, examples=[None])]
Types = Annotated[list[Described], Field(min_length=1, max_length=100, examples=[[A_TYPE]])]


class EventTypes(Body):
    """Replaces all of a producer's event types."""

    event_types: Types


class NewProducer(EventTypes):
    """`secret` where the service makes it up itself; else one is made, and shown once."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,99}$", examples=["campaigns"])]
    scheme: Annotated[str, Field(max_length=20, examples=["standard"])] = "standard"
    secret: Secret | None = None


class NewSecret(Body):
    """Without a `secret` one is made, where the scheme lets us."""

    secret: Secret | None = None


class ProducerRow(Shown):
    """`secrets` are the ids of those that are good, the oldest first; what they are is never shown."""

    id: Annotated[UUID, Field(examples=[AN_ID])]
    name: Annotated[str, Field(examples=["campaigns"])]
    scheme: Annotated[str, Field(examples=["standard"])]
    event_types: Annotated[list[dict[str, Any]], Field(examples=[[A_TYPE]])]
    secrets: Annotated[list[UUID], Field(examples=[["5f0c8a0e-6f0d-4a2c-9b57-0a9d9d1f4c11"]])]
    disabled: Annotated[bool, Field(examples=[False])]
    webhook_url: Annotated[str, Field(examples=[f"https://pulse.example/webhook/events/{AN_ID}"])]


class ProducerDesk:
    """What the routes share."""

    def __init__(self, guard: Guard, producers: Producers) -> None:
        self.guard = guard
        self.producers = producers

    def find(self, producer: UUID) -> Producer:
        """Raises NotFound."""
        return there(self.guard.directory.find_producer(producer))

    async def done(self, producer: UUID, decided: Decided, status: int = 200, **more: object) -> Response:
        """Once this process knows it."""
        return await self.guard.done(decided, status, **({"id": str(producer)} | more if more else {}))


def producer_routes(guard: Guard, desk: ProducerDesk, public_url: str) -> APIRouter:
    router = APIRouter(prefix="/api/producers", tags=["producers"])
    Admin = Annotated[Person, Depends(guard.admin)]

    @router.get("", responses=shows(Listed[ProducerRow]))
    async def list_producers(_: Admin) -> Response:
        """All of them, by name, the disabled ones too."""
        found = sorted(guard.directory.producers(), key=lambda producer: producer.name)
        return whole([row(producer, public_url) for producer in found])

    @router.post("", status_code=201, responses=shows(WithSecret, "made", 201) | shows(WithSecret, "was there already"))
    async def register_producer(wanted: NewProducer, person: Admin) -> Response:
        """Registers a service. One of that name that is there already stays as it is: 200, and no secret."""
        configuration = configured(wanted.name, wanted.scheme, wanted.event_types)
        chosen = wanted.secret or made_secret(wanted.scheme)
        decided = await desk.producers.acting(by_moderator(person.id)).add(configuration, chosen)
        shown = chosen if decided.events and not wanted.secret else None
        return await desk.done(producer_id(wanted.name), decided, 201 if decided.events else 200, secret=shown)

    @router.get("/{producer_id}", responses=shows(ProducerRow))
    async def show_producer(producer_id: UUID, _: Admin) -> Response:
        """One, with what it may say."""
        return answer(row(desk.find(producer_id), public_url))

    @router.put("/{producer_id}/event-types", responses={200: WRITTEN})
    async def configure_producer(producer_id: UUID, wanted: EventTypes, person: Admin) -> Response:
        """What it may say from now on; what was told before stays as it was."""
        found = desk.find(producer_id)
        configuration = configured(found.name, found.scheme, wanted.event_types)
        return await desk.done(
            producer_id, await desk.producers.acting(by_moderator(person.id)).configure(configuration)
        )

    return router


def producer_secret_routes(guard: Guard, desk: ProducerDesk) -> APIRouter:
    """What a producer signs with, and whether it is listened to."""
    router = APIRouter(prefix="/api/producers", tags=["producers"])
    Admin = Annotated[Person, Depends(guard.admin)]

    @router.post("/{producer_id}/secrets", status_code=201, responses=shows(WithSecret, "made", 201))
    async def add_producer_secret(producer_id: UUID, wanted: NewSecret, person: Admin) -> Response:
        """One more secret, shown this once. The newest one before it stays good until it is retired; older ones end."""
        found = desk.find(producer_id)
        chosen = wanted.secret or made_secret(found.scheme)
        decided = await desk.producers.acting(by_moderator(person.id)).rotate(found.name, chosen)
        return await desk.done(producer_id, decided, 201, secret=None if wanted.secret else chosen)

    @router.delete("/{producer_id}/secrets/{secret_id}", responses={200: WRITTEN})
    async def retire_producer_secret(producer_id: UUID, secret_id: UUID, person: Admin) -> Response:
        """Good no more. The only one stays: 409 `last-secret`."""
        acting = desk.producers.acting(by_moderator(person.id))
        return await desk.done(producer_id, await acting.retire(desk.find(producer_id).name, secret_id))

    @router.post("/{producer_id}/disable", responses={200: WRITTEN})
    async def disable_producer(producer_id: UUID, person: Admin) -> Response:
        """Its posts are refused from now on, like a stranger's."""
        acting = desk.producers.acting(by_moderator(person.id))
        return await desk.done(producer_id, await acting.disable(desk.find(producer_id).name))

    @router.post("/{producer_id}/enable", responses={200: WRITTEN})
    async def enable_producer(producer_id: UUID, person: Admin) -> Response:
        """Its posts are taken again."""
        acting = desk.producers.acting(by_moderator(person.id))
        return await desk.done(producer_id, await acting.enable(desk.find(producer_id).name))

    return router


def configured(name: str, scheme: str, event_types: list[Described]) -> Configuration:
    """Raises NotAConfiguration."""
    found = Configuration(name=name, scheme=scheme, event_types=event_types)
    require_configuration(found)
    return found


def row(producer: Producer, public_url: str) -> dict[str, Any]:
    """A producer without its secrets."""
    return {
        "id": producer.id, "name": producer.name, "scheme": producer.scheme,
        "event_types": list(producer.event_types.values()), "secrets": list(producer.secrets),
        "disabled": producer.disabled, "webhook_url": events_url(public_url, producer.name),
    }  # fmt: skip
