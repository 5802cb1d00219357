"""Decisions about producers."""

from __future__ import annotations

from uuid import UUID

from pulse.aggregates.producer import (
    AnotherScheme,
    EventType,
    LastSecret,
    Producer,
    ProducerConfigured,
    ProducerDisabled,
    ProducerEnabled,
    ProducerSecretAdded,
    ProducerSecretRetired,
    producer_id,
)
from tests.given import NOW, given

PAID = EventType("order.paid", "private-orders.{data.order}", "staff", "OrderPaid", {"type": "object"})
OPENED = EventType("order.opened", "private-orders.{data.order}", "staff", "OrderOpened", {})
FIRST, SECOND, THIRD = (UUID(int=number) for number in (1, 2, 3))


def a_shop() -> Producer:
    return Producer.register("shop", "standard", now=NOW)


def with_secrets(*ids: UUID) -> Producer:
    shop = a_shop()
    for secret_id in ids:
        shop.add_secret(secret_id, f"sealed {secret_id.int}", now=NOW)
    return shop


def test_a_producers_id_follows_from_its_name() -> None:
    assert a_shop().id == producer_id("shop") != producer_id("shop2")


def test_a_configuration_replaces_the_one_before() -> None:
    known = given(a_shop(), lambda shop: shop.configure("standard", (PAID,), now=NOW))
    known.when(lambda shop: shop.configure("standard", (OPENED,), now=NOW)).then(ProducerConfigured).now(
        event_types={"order.opened": OPENED}
    )


def test_the_same_configuration_again_is_no_event() -> None:
    known = given(a_shop(), lambda shop: shop.configure("standard", (PAID, OPENED), now=NOW))
    known.when(lambda shop: shop.configure("standard", (PAID, OPENED), now=NOW)).then_nothing()


def test_secrets_are_for_one_way_of_signing() -> None:
    given(a_shop()).when(lambda shop: shop.configure("github", (PAID,), now=NOW)).then_refused(AnotherScheme)


def test_a_new_secret_is_as_good_as_the_old_one() -> None:
    known = given(with_secrets(FIRST))
    known.when(lambda shop: shop.add_secret(SECOND, "sealed", now=NOW)).then(ProducerSecretAdded)
    assert list(known.aggregate.secrets) == [FIRST, SECOND]


def test_the_oldest_secrets_are_retired_first() -> None:
    known = given(with_secrets(FIRST, SECOND, THIRD))
    retired = known.when(lambda shop: shop.retire_all_but(1, now=NOW))
    retired.then(ProducerSecretRetired, ProducerSecretRetired).now(secrets={THIRD: "sealed 3"})


def test_nothing_is_retired_where_there_are_no_more() -> None:
    given(with_secrets(FIRST, SECOND)).when(lambda shop: shop.retire_all_but(2, now=NOW)).then_nothing()


def test_the_last_secret_stays() -> None:
    given(with_secrets(FIRST)).when(lambda shop: shop.retire_all_but(0, now=NOW)).then_refused(LastSecret)


def test_a_producer_is_disabled_and_enabled_once() -> None:
    known = given(a_shop())
    known.when(lambda shop: shop.enable(now=NOW)).then_nothing()
    known.when(lambda shop: shop.disable(now=NOW)).then(ProducerDisabled).now(disabled=True)
    known.when(lambda shop: shop.disable(now=NOW)).then_nothing()
    known.when(lambda shop: shop.enable(now=NOW)).then(ProducerEnabled).now(disabled=False)


def test_a_secret_is_sealed_for_its_own_place() -> None:
    shop, other = a_shop(), Producer.register("other", "standard", now=NOW)
    assert len({shop.seal_purpose(FIRST), shop.seal_purpose(SECOND), other.seal_purpose(FIRST)}) == 3


def test_one_secret_is_retired_and_the_last_one_never() -> None:
    known = given(with_secrets(FIRST, SECOND))
    known.when(lambda shop: shop.retire_secret(THIRD, now=NOW)).then_nothing()
    known.when(lambda shop: shop.retire_secret(FIRST, now=NOW)).then(ProducerSecretRetired)
    known.when(lambda shop: shop.retire_secret(FIRST, now=NOW)).then_nothing()
    known.when(lambda shop: shop.retire_secret(SECOND, now=NOW)).then_refused(LastSecret)
