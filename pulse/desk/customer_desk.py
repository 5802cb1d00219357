"""What the routes of customers share: who may see one, and commands on them.

A customer is seen by whoever sees a chat of theirs, on any of the sources where they are the same person.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pulse.access import Person, Place, by_moderator, may_see_customer, reach_of
from pulse.aggregates.blocklist import Blocklist, blocklist_id
from pulse.aggregates.customer import Customer
from pulse.desk.chat_desk import ChatDesk
from pulse.errors import NotFound
from pulse.eventlog.commands import Decided
from pulse.projections import customers, inbox, joins

CHATS_SHOWN = 200

Row = dict[str, Any]


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
    """Customers as a signed-in person may see and change them."""

    def __init__(self, chats: ChatDesk) -> None:
        self.chats = chats
        self.guard, self.store, self.reads = chats.guard, chats.store, chats.reads

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
            **self.chats.with_block(known.row),
            "identities": [self.chats.with_block(row) for row in known.identities],
            "joins": [{"customers": [pair["customer_id"], pair["other_id"]], "at": pair["at"]} for pair in known.pairs],
            "chats": [self.chats.with_names(chat) for chat in known.chats],
        }

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

    async def block(self, person: Person, source_id: UUID, peer: str, *, reason: str) -> Decided:
        return await self._in_blocklist(
            person, source_id, lambda listed: listed.block(peer, reason=reason, now=self.guard.clock())
        )

    async def unblock(self, person: Person, source_id: UUID, peer: str) -> Decided:
        return await self._in_blocklist(person, source_id, lambda listed: listed.unblock(peer, now=self.guard.clock()))

    async def _in_blocklist(self, person: Person, source_id: UUID, decision: Callable[[Blocklist], None]) -> Decided:
        """Decides on a source's blocklist; this process knows it before it answers, or half a second later."""

        def listed(known: Blocklist | None) -> Blocklist | None:
            blocklist = known or Blocklist.begin(source_id, now=self.guard.clock())
            decision(blocklist)
            return blocklist if known or blocklist.blocks else None

        by = by_moderator(person.id)
        decided = await self.store.decide(Blocklist, blocklist_id(source_id), listed, by=by)
        await self.guard.learn(decided.position)
        return decided

    def _meet(self, row: Row) -> Customer:
        return Customer.meet(
            source_id=row["source_id"], peer=row["peer"], name=row["name"], username=row["username"],
            language=row["language"], now=self.guard.clock(),
        )  # fmt: skip
