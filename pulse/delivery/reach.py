"""What sending tells about reach: a provider says that somebody can't be written to any more."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pulse.aggregates.chat import Chat, chat_id
from pulse.aggregates.customer import Customer, customer_id
from pulse.eventlog.commands import Decided
from pulse.eventlog.store import EventStore


async def lose_customer(store: EventStore, source_id: UUID, peer: str, *, reason: str, now: datetime) -> Decided:
    """Customer and private chat learn it in one step. Their next message takes it back. Raises Trouble."""

    def lost(chat: Chat | None, customer: Customer | None) -> tuple[Chat | None, Customer | None]:
        if chat is not None:
            chat.lose_customer(reason, now=now)
        if customer is not None:
            customer.unreachable(reason, now=now)
        return chat, customer

    keys = [(Chat, chat_id(source_id, peer)), (Customer, customer_id(source_id, peer))]
    return await store.decide_together(keys, lost, by="system")
