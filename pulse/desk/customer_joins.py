"""`/api/customers/{id}/join` and `/part`: which customers are one person."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from pydantic import Field

from pulse.access import Person
from pulse.aggregates.customer import Customer
from pulse.desk.answers import WRITTEN, done
from pulse.desk.bodies import Body
from pulse.desk.customer_desk import CustomerDesk
from pulse.desk.guard import Guard


class Join(Body):
    with_: Annotated[UUID, Field(alias="with")]


class Parting(Body):
    """Without `with`, every join of this customer is taken back."""

    with_: Annotated[UUID | None, Field(alias="with")] = None


def customer_join_routes(guard: Guard, desk: CustomerDesk) -> APIRouter:
    router = APIRouter(prefix="/api/customers/{customer_id}", tags=["customers"])
    Asking = Annotated[Person, Depends(guard.person)]

    @router.post("/join", responses={200: WRITTEN})
    async def join_customers(customer_id: UUID, other: Join, person: Asking) -> Response:
        """Two customers are one person. It has no direction and changes nothing of either; `part` takes it back."""
        both = [await desk.seen_by(person, customer_id), await desk.seen_by(person, other.with_)]

        def decision(one: Customer, two: Customer) -> None:
            one.join(two.id, now=guard.clock())
            two.join(one.id, now=guard.clock())

        return done(await desk.command(person, [known.row for known in both], decision))

    @router.post("/part", responses={200: WRITTEN})
    async def part_customers(customer_id: UUID, person: Asking, other: Parting | None = None) -> Response:
        """Takes back a join with another customer, or every join of this one. Other joins stay as they are."""
        known = await desk.seen_by(person, customer_id)
        wanted = [other.with_] if other and other.with_ else known.joined
        others = [row for row in known.identities if row["id"] in wanted and row["id"] != customer_id]

        def decision(one: Customer, *rest: Customer) -> None:
            for two in rest:
                one.part(two.id, now=guard.clock())
                two.part(one.id, now=guard.clock())

        return done(await desk.command(person, [known.row, *others], decision))

    return router
