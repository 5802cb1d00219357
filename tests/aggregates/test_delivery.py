"""Deliveries that are kept because nobody could take them in."""

import pytest

from pulse.aggregates.delivery import Delivery, DeliveryKept, DeliveryProcessed, cause_of, delivery_id, position_in
from tests.given import NOW, SHOP, given, read_back


def kept(external_id: str = "1", raw_base64: str | None = None) -> Delivery:
    return Delivery.keep(
        source_id=SHOP, channel="telegram", outcome="quarantined", kind="message", reason="no chat",
        external_id=external_id, raw="{", raw_base64=raw_base64, now=NOW,
    )  # fmt: skip


def test_a_deliverys_id_follows_from_source_and_external_id():
    assert kept("1").id == kept("1").id == delivery_id(SHOP, "1")
    assert kept("2").id != kept("1").id


def test_a_body_that_is_not_text_is_kept_whole():
    delivery = kept(raw_base64="/w==")
    (event,) = delivery.collect_events()
    assert isinstance(event, DeliveryKept)
    assert (event.raw, event.raw_base64, event.outcome) == ("{", "/w==", "quarantined")
    assert read_back(Delivery, [event]).outcome == "quarantined"


def processes(outcome: str, reason: str = ""):
    return lambda delivery: delivery.process(outcome=outcome, kind="message", reason=reason, now=NOW)


def test_a_delivery_that_is_read_again_notes_what_came_of_it_once():
    delivery = given(kept())
    delivery.when(processes("processed")).then(DeliveryProcessed).now(outcome="processed", reason="")
    delivery.when(processes("processed", "It was taken in before.")).then_nothing()
    delivery.when(processes("quarantined", "no JSON")).then_nothing().now(outcome="processed")


def test_a_delivery_that_still_can_not_be_read_notes_only_another_reason():
    delivery = given(kept())
    delivery.when(processes("quarantined", "no chat")).then_nothing()
    delivery.when(processes("quarantined", "no text")).then(DeliveryProcessed).now(reason="no text")
    delivery.when(processes("unhandled")).then(DeliveryProcessed).now(outcome="unhandled")


@pytest.mark.parametrize("cause", [None, "", "17", "delivery:", "delivery:x", "delivery:-1"])
def test_other_causes_name_no_delivery(cause):
    assert position_in(cause) is None
    assert position_in(cause_of(17)) == 17
