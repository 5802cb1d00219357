"""`/api/customers`: who writes to us, which of them are one person, and whose words are refused.

A customer is seen by whoever sees a chat of theirs, on any of the sources where they are the same person.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response
from pydantic import Field

from pulse.access import Person, Place, by_moderator, may_see_customer, reach_of
from pulse.aggregates.blocklist import Blocklist, blocklist_id
from pulse.aggregates.customer import Customer
from pulse.desk.answers import WRITTEN, Listed, done, paged, shows
from pulse.desk.bodies import WITHOUT_NUL, Body, Limit
from pulse.desk.chat_desk import ChatDesk
from pulse.desk.customer_rows import CustomerRow, CustomerShown
from pulse.desk.guard import Guard
from pulse.errors import NotFound
from pulse.eventlog.commands import Decided
from pulse.eventlog.store import EventStore
from pulse.http import answer
from pulse.projections import customers, inbox, joins
from pulse.projections.reads import Reads

CHATS_SHOWN = 200

Row = dict[str, Any]


class Join(Body):
    with_: Annotated[UUID, Field(alias="with")]


class Part(Body):
    """Without `with`, every join of this customer is taken back."""

    with_: Annotated[UUID | None, Field(alias="with")] = None


class Reason(Body):
    reason: Annotated[str, Field(min_length=1, max_length=500, pattern=WITHOUT_NUL, examples=["Advertising"])]


def customer_routes(guard: Guard, store: EventStore, reads: Reads) -> APIRouter:
    router = APIRouter(prefix="/api/customers", tags=["customers"])
    Asking = Annotated[Person, Depends(guard.person)]
    Reading = Annotated[Person, Depends(guard.reader)]
    desk = CustomerDesk(guard, store, reads)

    @router.get("", responses=shows(Listed[CustomerRow]))
    async def list_customers(
        person: Reading, limit: Limit = 50, cursor: Annotated[str | None, Query()] = None,
        name: Annotated[str | None, Query(min_length=1, max_length=100, pattern=WITHOUT_NUL)] = None,
    ) -> Response:  # fmt: skip
        """Customers whose chats you may see, the newest word first; with `name`, whose name begins so, by name."""
        if name is None:
            page = await customers.page(reads, **reach_of(person), limit=limit, cursor=cursor)
        else:
            page = await customers.named(reads, name, **reach_of(person), limit=limit, cursor=cursor)
        return paged(page, [desk.with_block(row) for row in page.items])

    @router.get("/{customer_id}", responses=shows(CustomerShown))
    async def show_customer(customer_id: UUID, person: Reading) -> Response:
        """One customer, everybody who is the same person, and those of their chats that you may see."""
        return answer(await desk.page(await desk.seen_by(person, customer_id)))

    @router.post("/{customer_id}/join", responses={200: WRITTEN})
    async def join_customers(customer_id: UUID, other: Join, person: Asking) -> Response:
        """Two customers are one person. It has no direction and changes nothing of either; `part` takes it back."""
        both = [await desk.seen_by(person, customer_id), await desk.seen_by(person, other.with_)]

        def decision(one: Customer, two: Customer) -> None:
            one.join(two.id, now=guard.clock())
            two.join(one.id, now=guard.clock())

        return done(await desk.command(person, [known.row for known in both], decision))

    @router.post("/{customer_id}/part", responses={200: WRITTEN})
    async def part_customers(customer_id: UUID, person: Asking, other: Part | None = None) -> Response:
        """Takes back a join with another customer, or every join of this one. Other joins stay as they are."""
        known = await desk.seen_by(person, customer_id)
        wanted = [other.with_] if other and other.with_ else known.joined
        others = [row for row in known.identities if row["id"] in wanted and row["id"] != customer_id]

        def decision(one: Customer, *rest: Customer) -> None:
            for two in rest:
                one.part(two.id, now=guard.clock())
                two.part(one.id, now=guard.clock())

        return done(await desk.command(person, [known.row, *others], decision))

    @router.post("/{customer_id}/block", responses={200: WRITTEN})
    async def block_customer(customer_id: UUID, why: Reason, person: Asking) -> Response:
        """From now on nothing of theirs on this source is taken in: it is answered, counted, and gone."""
        row = (await desk.seen_by(person, customer_id)).row
        return done(await desk.in_blocklist(
            person, row["source_id"], lambda listed: listed.block(row["peer"], reason=why.reason, now=guard.clock())
        ))  # fmt: skip

    @router.post("/{customer_id}/unblock", responses={200: WRITTEN})
    async def unblock_customer(customer_id: UUID, person: Asking) -> Response:
        """Takes them in again; what they sent meanwhile is gone."""
        row = (await desk.seen_by(person, customer_id)).row
        return done(await desk.in_blocklist(
            person, row["source_id"], lambda listed: listed.unblock(row["peer"], now=guard.clock())
        ))  # fmt: skip

    return router


@dataclass(frozen=True, slots=True)
class Known:
    """A customer as somebody sees them: everybody who is the same person, the pairs that say so, their chats."""

    person: Person
    row: Row
    identities: list[Row]
    pairs: list[Row]
    chats: list[Row]

    @property
    def joined(self) -> list[UUID]:
        """Whom the customer is joined with by a join of their own."""
        pairs = [{pair["customer_id"], pair["other_id"]} for pair in self.pairs]
        return [other for pair in pairs if self.row["id"] in pair for other in pair - {self.row["id"]}]


class CustomerDesk:
    """What the routes share: who may see a customer, and commands on them."""

    def __init__(self, guard: Guard, store: EventStore, reads: Reads) -> None:
        self.guard = guard
        self.store = store
        self.reads = reads
        self.chats = ChatDesk(guard, store, reads)

    async def seen_by(self, person: Person, customer_id: UUID) -> Known:
        """To somebody who may see no chat of theirs, the customer does not exist. Raises NotFound."""
        ids = await joins.identities(self.reads, customer_id)
        rows = [customers.shown(row) for row in await customers.several(self.reads, ids)]
        mine = next((row for row in rows if row["id"] == customer_id), None)
        chats = await inbox.of_customers(self.reads, ids, **reach_of(person), limit=CHATS_SHOWN)
        places = [Place(chat["department_id"], chat["holder_id"]) for chat in chats]
        if mine is None or not may_see_customer(person, places):
            raise NotFound
        return Known(person, mine, rows, await joins.among(self.reads, ids), chats)

    async def page(self, known: Known) -> Row:
        return {
            **self.with_block(known.row),
            "identities": [self.with_block(row) for row in known.identities],
            "joins": [{"customers": [pair["customer_id"], pair["other_id"]], "at": pair["at"]} for pair in known.pairs],
            "chats": [self.chats.with_names(chat) for chat in known.chats],
        }

    def with_block(self, row: Row) -> Row:
        """The blocklist is in memory, so it is always up to date."""
        found = self.guard.directory.block_of(row["source_id"], row["peer"])
        return {**row, "blocked": {"reason": found.reason, "at": found.at} if found else None}

    async def command(self, person: Person, rows: list[Row], decision: Callable[..., None]) -> Decided:
        """Decides on customers together. Whoever only ever spoke in a group is met here, as their row names them.

        Nobody is met for nothing.
        """

        def permitted(*known: Customer | None) -> list[Customer | None]:
            met = [customer or self._meet(row) for customer, row in zip(known, rows, strict=True)]
            decision(*met)
            return [one if one is was or one.version > 1 else None for was, one in zip(known, met, strict=True)]

        keys = [(Customer, row["id"]) for row in rows]
        return await self.store.decide_together(keys, permitted, by=by_moderator(person.id))

    def _meet(self, row: Row) -> Customer:
        return Customer.meet(
            source_id=row["source_id"], peer=row["peer"], name=row["name"], username=row["username"],
            language=row["language"], now=self.guard.clock(),
        )  # fmt: skip

    async def in_blocklist(self, person: Person, source_id: UUID, decision: Callable[[Blocklist], None]) -> Decided:
        """Decides on a source's blocklist; this process knows it before it answers, or half a second later."""

        def listed(known: Blocklist | None) -> Blocklist | None:
            blocklist = known or Blocklist.begin(source_id, now=self.guard.clock())
            decision(blocklist)
            return blocklist if known or blocklist.blocks else None

        by = by_moderator(person.id)
        decided = await self.store.decide(Blocklist, blocklist_id(source_id), listed, by=by)
        await self.guard.learn(decided.position)
        return decided
