"""How sources do: what came in, what went wrong, and which replies wait."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pulse.aggregates.chat_replies import Failure
from pulse.aggregates.delivery import Delivery
from pulse.aggregates.source import Source
from pulse.eventlog.jetstream import Log
from pulse.projections import health
from pulse.projections.projector import Projector
from pulse.projections.reads import Reads
from tests.given import ANNA, NOW, SALES, SHOP, a_chat, vera_writes
from tests.projections.conftest import append
from tests.projections.told import Told

LATER = NOW + timedelta(minutes=5)


def reply(text: str = "Good day", at=NOW):
    return lambda chat: chat.reply(text, moderator_id=ANNA, client_msg_id=text, now=at)


def attempt(of: int, parts: int = 1, number: int = 1, part: int = 0):
    return lambda chat: chat.attempt(of, part=part, parts=parts, attempt=number, now=NOW)


def sent(of: int, part: int = 0):
    return lambda chat: chat.sent(of, part=part, message_id=f"m{of}.{part}", now=NOW)


def failed(of: int, **more):
    failure = Failure("Telegram is busy.", **more)
    return lambda chat: chat.fail(of, part=0, attempt=1, failure=failure, now=LATER)


async def shown(log: Log, projector: Projector, reads: Reads, *acts):
    told = Told()
    told.of(a_chat(), vera_writes("u1"), *acts)
    await append(log, told)
    await projector.catch_up()
    row = await health.of(reads, SHOP)
    assert row is not None
    assert (await health.of_all(reads))[SHOP] == row
    return row


async def test_a_source_that_nothing_happened_to_has_no_row(projector: Projector, reads: Reads) -> None:
    await projector.catch_up()
    assert (await health.of(reads, SHOP), await health.of_all(reads)) == (None, {})


async def test_the_last_delivery_and_the_last_event_are_told(log, projector, reads):
    row = await shown(log, projector, reads, reply())
    assert row["delivery_position"] < row["event_position"] == await log.last_position()
    assert (row["event_type"], row["event_at"], row["delivery_at"]) == ("chat.reply-written", NOW, NOW)
    assert (row["error"], row["error_at"]) == (None, None)


async def test_a_written_reply_waits_until_all_of_it_has_left(log, projector, reads):
    row = await shown(log, projector, reads, reply(), reply("Another", LATER))
    assert (row["pending"], row["oldest_at"]) == (2, NOW)


@pytest.mark.parametrize(
    ("acts", "pending"),
    [
        ((attempt(4), sent(4)), 0),
        ((attempt(4, parts=2), sent(4)), 1),
        ((attempt(4, parts=2), sent(4), attempt(4, parts=2, part=1, number=2), sent(4, part=1)), 0),
        ((attempt(4), failed(4)), 0),
        ((attempt(4), failed(4, again_at=LATER)), 1),
        ((attempt(4), lambda chat: chat.doubt(4, attempt=1, reason="It hung up.", now=NOW)), 0),
        ((attempt(4), failed(4), lambda chat: chat.send_again(4, moderator_id=ANNA, now=NOW)), 1),
    ],
    ids=["sent", "half sent", "sent in two", "failed", "tried again", "uncertain", "failed and sent again"],
)
async def test_a_reply_waits_or_does_not(log, projector, reads, acts, pending):
    row = await shown(log, projector, reads, reply(), *acts)
    assert row["pending"] == pending
    assert (row["oldest_at"] is not None) == bool(pending)


async def test_one_that_is_sent_again_waits_since_then_also_in_one_batch(log, projector, reads):
    row = await shown(
        log, projector, reads, reply(), attempt(4), failed(4),
        lambda chat: chat.send_again(4, moderator_id=ANNA, now=LATER),
    )  # fmt: skip
    assert (row["pending"], row["oldest_at"]) == (1, LATER)


async def test_the_last_error_is_kept_after_things_go_well(log, projector, reads):
    row = await shown(
        log, projector, reads, reply(), attempt(4), failed(4, again_at=LATER), attempt(4, number=2), sent(4)
    )
    assert (row["error"], row["error_at"], row["pending"]) == ("Telegram is busy.", LATER, 0)


async def test_a_halt_and_a_delivery_that_can_not_be_read_are_errors(log, projector, reads):
    told = Told()
    source = Source.connect(
        channel="telegram", identifier="1", title="Shop", departments=(SALES,), settings={}, secrets={}, now=NOW
    )
    told.of(source, lambda s: s.halt("Unauthorized", code="401", until=None, now=NOW))
    await append(log, told)
    await projector.catch_up()
    assert (await health.of(reads, source.id))["error"] == "Unauthorized"
    later = Told()
    later.of(
        Delivery.keep(
            source_id=source.id, channel="telegram", outcome="quarantined", kind="", reason="The body is not JSON.",
            external_id="x", raw="{", raw_base64=None, now=LATER,
        )
    )  # fmt: skip
    await append(log, later)
    await projector.catch_up()
    row = await health.of(reads, source.id)
    assert (row["error"], row["error_at"], row["delivery_at"]) == ("The body is not JSON.", LATER, LATER)


async def test_the_oldest_that_waits_is_found_by_an_index(log, projector, reads):
    await shown(log, projector, reads, reply())
    [index] = await reads.fetch("select indexdef from pg_indexes where indexname = 'pending_replies_by_age'")
    assert "(source_id, at)" in index["indexdef"]
