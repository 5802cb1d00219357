"""What sending tells about reach."""

from __future__ import annotations

import pytest

from pulse.aggregates.chat import Chat, CustomerUnreachable, chat_id
from pulse.aggregates.customer import Customer, customer_id
from pulse.delivery.reach import lose_customer
from pulse.eventlog.envelope import open_envelope
from pulse.eventlog.jetstream import Log
from pulse.eventlog.store import EventStore
from tests.given import ANNA, NOW, SHOP, a_chat, replies, vera_writes
from tests.projections.told import vera


async def meet(store: EventStore) -> None:
    def both(_: Chat | None, __: Customer | None) -> tuple[Chat, Customer]:
        chat = a_chat()
        vera_writes("1")(chat)
        return chat, vera()

    keys = [(Chat, chat_id(SHOP, "77")), (Customer, customer_id(SHOP, "77"))]
    await store.decide_together(keys, both, by="customer")


async def test_a_provider_that_refuses_for_good_is_told_to_customer_and_chat_at_once(
    log: Log, store: EventStore
) -> None:
    await meet(store)
    for _ in range(2):
        await lose_customer(store, SHOP, "77", reason="blocked the bot", now=NOW)
    stored = await log.read(4)
    kinds = [open_envelope(one.position, one.subject, one.body).envelope.type for one in stored]
    assert kinds == ["chat.customer-lost", "customer.left"]
    chat = await store.load(Chat, chat_id(SHOP, "77"))
    assert chat is not None
    with pytest.raises(CustomerUnreachable):
        replies(ANNA)(chat)


async def test_nobody_is_lost_where_nobody_was(log: Log, store: EventStore) -> None:
    await lose_customer(store, SHOP, "78", reason="blocked the bot", now=NOW)
    assert await log.last_position() == 0
