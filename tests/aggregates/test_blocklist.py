"""Who is blocked on a source, and why."""

from pulse.aggregates.blocklist import Block, Blocklist, CustomerBlocked, CustomerUnblocked, blocklist_id
from tests.given import NOW, SHOP, given


def blocks(peer: str, reason: str = "spam"):
    return lambda blocklist: blocklist.block(peer, reason=reason, now=NOW)


def unblocks(peer: str):
    return lambda blocklist: blocklist.unblock(peer, now=NOW)


def test_a_source_has_one_blocklist():
    assert Blocklist.begin(SHOP, now=NOW).id == blocklist_id(SHOP)


def test_somebody_is_blocked_for_the_first_reason_until_they_are_unblocked():
    blocklist = given(Blocklist.begin(SHOP, now=NOW))
    blocklist.when(blocks("77")).then(CustomerBlocked).now(blocks={"77": Block("spam", NOW)})
    blocklist.when(blocks("77", "threats")).then_nothing().now(blocks={"77": Block("spam", NOW)})
    blocklist.when(blocks("78")).then(CustomerBlocked)
    blocklist.when(unblocks("77")).then(CustomerUnblocked).now(blocks={"78": Block("spam", NOW)})
    blocklist.when(unblocks("77")).then_nothing()
