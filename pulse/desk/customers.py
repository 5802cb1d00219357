"""`/api/customers`: who writes to us."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from pulse.access import Person, reach_of
from pulse.desk.answers import Listed, paged, shows
from pulse.desk.bodies import WITHOUT_NUL, Cursor, Limit
from pulse.desk.customer_desk import CustomerDesk
from pulse.desk.customer_rows import CustomerRow, CustomerShown
from pulse.desk.guard import Guard
from pulse.http import answer
from pulse.projections import customers
from pulse.projections.reads import Reads


def customer_routes(guard: Guard, desk: CustomerDesk, reads: Reads) -> APIRouter:
    router = APIRouter(prefix="/api/customers", tags=["customers"])
    Reading = Annotated[Person, Depends(guard.reader)]

    @router.get("", responses=shows(Listed[CustomerRow]))
    async def list_customers(
        person: Reading, limit: Limit = 50, cursor: Cursor = None,
        name: Annotated[str | None, Query(min_length=1, max_length=100, pattern=WITHOUT_NUL)] = None,
    ) -> Response:  # fmt: skip
        """Customers whose chats you may see, the newest word first; with `name`, whose name begins so, by name."""
        if name is None:
            page = await customers.page(reads, **reach_of(person), limit=limit, cursor=cursor)
        else:
            page = await customers.named(reads, name, **reach_of(person), limit=limit, cursor=cursor)
        return paged(page, [desk.chats.with_block(row) for row in page.items])

    @router.get("/{customer_id}", responses=shows(CustomerShown))
    async def show_customer(customer_id: UUID, person: Reading) -> Response:
        """One customer, everybody who is the same person, and those of their chats that you may see."""
        return answer(await desk.page(await desk.seen_by(person, customer_id)))

    return router
