"""Deliveries that are kept because nobody could take them in."""

from pulse.aggregates.delivery import Delivery, DeliveryKept, delivery_id
from tests.given import NOW, SHOP, read_back


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
