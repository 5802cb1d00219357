"""Decisions on feeds: an event counts once."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest

from pulse.aggregates.feed import CloudEvent, EventPublished, Feed, Telling, feed_id
from tests.given import NOW, given

SHOP = UUID(int=0x5)
TOLD = Telling("private-orders.7", "OrderPaid", "staff")


def a_feed() -> Feed:
    return Feed.open(SHOP, "private-orders.7", now=NOW)


def publishes(event_id: str, source: str = "/shop", delivery: str | None = None) -> Callable[[Feed], None]:
    event = CloudEvent(event_id, source, "order.paid", data={"order": 7})
    return lambda feed: feed.publish(event, TOLD, delivery=delivery, now=NOW)


def test_a_feeds_id_follows_from_producer_and_channel() -> None:
    assert a_feed().id == feed_id(SHOP, "private-orders.7")
    assert len({feed_id(SHOP, "a"), feed_id(SHOP, "b"), feed_id(UUID(int=6), "a")}) == 3


def test_an_event_is_published_as_it_came() -> None:
    [event] = given(a_feed()).when(publishes("1", delivery="m1")).then(EventPublished).events
    assert (event.published.data, event.telling, event.delivery) == ({"order": 7}, TOLD, "m1")


@pytest.mark.parametrize(
    "again",
    [publishes("1"), publishes("1", delivery="m2"), publishes("2", delivery="m1"), publishes("1", "/shop", "m1")],
)
def test_what_has_the_same_source_and_id_or_came_with_the_same_delivery_counts_once(
    again: Callable[[Feed], None],
) -> None:
    given(a_feed(), publishes("1", delivery="m1"), publishes("3")).when(again).then_nothing()


@pytest.mark.parametrize("other", [publishes("2"), publishes("1", "/shop2"), publishes("m1"), publishes("p1", "/sho")])
def test_another_source_or_id_is_another_event(other: Callable[[Feed], None]) -> None:
    given(a_feed(), publishes("1", delivery="m1")).when(other).then(EventPublished)


def test_a_feed_remembers_for_good() -> None:
    known = given(a_feed(), *(publishes(f"e{number}") for number in range(3000)))
    for number in range(3000):
        known.when(publishes(f"e{number}")).then_nothing()
