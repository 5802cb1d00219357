"""The life of a reply after it was written, without any server."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given as hypothesis_given
from hypothesis import strategies as st

from pulse.aggregates.chat import Chat
from pulse.aggregates.chat_events import ReplyEchoed, SeenByCustomer
from pulse.aggregates.chat_replies import (
    Failure,
    NotStuck,
    ReplyAttempted,
    ReplyDelivered,
    ReplyFailed,
    ReplyRead,
    ReplyRequeued,
    ReplySent,
    ReplyUncertain,
    ReplyVouched,
)
from pulse.aggregates.chat_so_far import random_id_of
from pulse.projections.entries import status_of
from tests.given import ANNA, NOW, Given, a_chat, attempted, given, replies, sent

Act = Callable[[Chat], object]


def a_reply(*acts: Act) -> Given[Chat]:
    """Anna's reply, which is version 3 of the chat."""
    return given(a_chat(), replies(ANNA), *acts)


def failed(attempt: int = 1, *, final: bool = True, of: int = 3, part: int = 0, maybe: bool = False) -> Act:
    failure = Failure("busy", "429", None if final else NOW + timedelta(seconds=5), maybe=maybe)
    return lambda chat: chat.fail(of, part=part, attempt=attempt, failure=failure, now=NOW)


def doubted(attempt: int = 1, of: int = 3) -> Act:
    return lambda chat: chat.doubt(of, attempt=attempt, reason="no answer", now=NOW)


def sent_again(of: int = 3) -> Act:
    return lambda chat: chat.send_again(of, moderator_id=ANNA, now=NOW)


def vouched(of: int = 3) -> Act:
    return lambda chat: chat.vouch(of, moderator_id=ANNA, now=NOW)


def receipt(message_id: str, external_id: str = "r1") -> Act:
    return lambda chat: chat.deliver(message_id, external_id=external_id, raw="{}", now=NOW)


def read_mark(message_id: str) -> Act:
    return lambda chat: chat.see_as_customer(chat.version_of(message_id), message_id=message_id, now=NOW)


def echoed(random_id: int, message_id: str = "m1") -> Act:
    return lambda chat: chat.echo(
        text="Good day", attachments=(), message_id=message_id, random_id=random_id, outside_author=None,
        external_id=f"e-{message_id}", raw="{}", now=NOW,
    )  # fmt: skip


def test_a_reply_is_attempted_before_it_is_sent():
    a_reply().when(sent(3)).then_nothing()
    a_reply().when(attempted(3)).then(ReplyAttempted)
    a_reply(attempted(3)).when(sent(3)).then(ReplySent)


def test_of_two_senders_one_gets_the_attempt():
    a_reply(attempted(3)).when(attempted(3)).then_nothing()
    a_reply(attempted(3)).when(attempted(3, attempt=2)).then(ReplyAttempted)


def test_a_reply_in_pieces_is_sent_when_the_last_is():
    chat = a_reply(attempted(3, parts=2))
    first = chat.when(sent(3, "m1")).then(ReplySent)
    assert status_of(first.events[0]) == ((3,), {"status": "sending", "error": None})
    first.now(reached={})
    chat.when(attempted(3, part=0, attempt=2)).then_nothing()
    chat.when(attempted(3, part=1, parts=2, attempt=2)).then(ReplyAttempted)
    chat.when(sent(3, "m2", part=1)).then(ReplySent).now(reached={3: 1}, outgoing={})


def test_a_failure_with_a_time_to_come_back_is_not_the_end():
    chat = a_reply(attempted(3))
    chat.when(failed(final=False)).then(ReplyFailed)
    assert chat.aggregate.outgoing[3].again_at == NOW + timedelta(seconds=5)
    chat.when(attempted(3, attempt=2)).then(ReplyAttempted)
    chat.when(failed(attempt=1)).then_nothing()
    chat.when(failed(attempt=2)).then(ReplyFailed)
    chat.when(attempted(3, attempt=3)).then_nothing()


def test_what_failed_is_sent_again_only_when_a_moderator_says_so():
    chat = a_reply(attempted(3), failed())
    chat.when(attempted(3, attempt=2)).then_nothing()
    chat.when(sent_again()).then(ReplyRequeued)
    chat.when(attempted(3, attempt=2)).then(ReplyAttempted)


def test_an_uncertain_reply_waits_for_a_word():
    a_reply(attempted(3), doubted()).when(attempted(3, attempt=2)).then_nothing()
    a_reply(attempted(3), doubted()).when(vouched()).then(ReplyVouched).now(reached={3: 1}, outgoing={})
    a_reply(attempted(3), doubted()).when(sent_again()).then(ReplyRequeued)


def test_a_piece_that_a_moderator_has_seen_is_followed_by_the_next():
    chat = a_reply(attempted(3, parts=2), doubted())
    seen = chat.when(vouched()).then(ReplyVouched)
    assert status_of(seen.events[0]) == ((3,), {"status": "sending", "error": None})
    seen.now(reached={})
    chat.when(attempted(3, part=1, parts=2, attempt=2)).then(ReplyAttempted)
    chat.when(doubted(attempt=2)).then(ReplyUncertain)
    last = chat.when(vouched()).then(ReplyVouched).now(reached={3: 1}, outgoing={})
    assert status_of(last.events[0]) == ((3,), {"status": "sent", "error": None})


def test_nothing_is_decided_about_a_reply_that_is_on_its_way_or_has_arrived():
    for acts in ((), (attempted(3),), (attempted(3), sent(3))):
        a_reply(*acts).when(sent_again()).then_refused(NotStuck)
        a_reply(*acts).when(vouched()).then_refused(NotStuck)
    a_reply(attempted(3), failed()).when(vouched()).then_refused(NotStuck)


def test_only_a_call_without_an_end_can_be_in_doubt():
    a_reply().when(doubted(attempt=0)).then_nothing()
    a_reply(attempted(3), sent(3)).when(doubted()).then_nothing()
    a_reply(attempted(3)).when(doubted()).then(ReplyUncertain)


def test_a_late_failure_of_another_piece_tells_nothing():
    chat = a_reply(attempted(3, parts=2), echoed(random_id_of(a_chat().id, 3)))
    chat.when(failed(1)).then_nothing()
    chat.when(attempted(3, part=1, parts=2, attempt=2)).then(ReplyAttempted)
    chat.when(failed(1, part=0)).then_nothing()
    chat.when(failed(2, part=1)).then(ReplyFailed)


def test_a_failure_is_recorded_once():
    a_reply(attempted(3), failed(1, final=False)).when(failed(1, final=False)).then_nothing()


def test_a_piece_that_may_have_arrived_can_be_doubted_after_its_call():
    chat = a_reply(attempted(3), failed(1, final=False, maybe=True))
    chat.when(doubted(1)).then(ReplyUncertain)
    a_reply(attempted(3), failed(1, final=False)).when(doubted(1)).then_nothing()


def test_a_vouched_piece_is_followed_by_the_rest():
    chat = a_reply(attempted(3, parts=2), doubted())
    vouched_for = chat.when(vouched()).then(ReplyVouched)
    assert status_of(vouched_for.events[0]) == ((3,), {"status": "sending", "error": None})
    chat.when(attempted(3, part=1, parts=2, attempt=2)).then(ReplyAttempted)


def test_what_is_sent_again_begins_anew():
    chat = a_reply(attempted(3), failed(1, maybe=True))
    chat.when(sent_again()).then(ReplyRequeued)
    sending = chat.aggregate.outgoing[3]
    assert (sending.since, sending.trying_since, sending.maybe) == (None, None, False)


def test_an_echo_that_comes_first_is_the_sending():
    chat = a_reply(attempted(3))
    chat.when(echoed(random_id_of(a_chat().id, 3))).then(ReplyEchoed, ReplySent)
    chat.when(sent(3, "m1")).then_nothing()


def test_an_echo_proves_that_an_uncertain_or_failed_reply_arrived():
    for trouble in (doubted(), failed()):
        chat = a_reply(attempted(3), trouble)
        chat.when(echoed(random_id_of(a_chat().id, 3))).then(ReplyEchoed, ReplySent).now(reached={3: 1})


def test_an_echo_of_the_second_piece_is_that_piece():
    chat = a_reply(attempted(3, parts=2), sent(3, "m1"), attempted(3, part=1, parts=2, attempt=2))
    outcome = chat.when(echoed(random_id_of(a_chat().id, 3, 1), "m2")).then(ReplyEchoed, ReplySent)
    assert (outcome.events[1].part, outcome.events[1].message_id) == (1, "m2")


def test_a_receipt_moves_a_sent_reply():
    chat = a_reply(attempted(3), sent(3, "m1"))
    chat.when(receipt("m1")).then(ReplyDelivered).now(reached={3: 2})
    chat.when(receipt("m1")).then_nothing()
    chat.when(receipt("m1", "r2")).then_nothing()


def test_a_receipt_before_the_messages_id_waits_for_it():
    chat = a_reply(attempted(3))
    assert chat.when(receipt("m1")).then(ReplyDelivered).events[0].of is None
    chat.when(sent(3, "m1")).then(ReplySent, ReplyDelivered).now(reached={3: 2}, receipts=set())


def test_a_read_mark_reads_what_was_sent_before_it():
    chat = a_reply(attempted(3), sent(3, "10"), replies(ANNA), attempted(6), sent(6, "11"))
    assert chat.when(read_mark("10")).then(SeenByCustomer, ReplyRead).events[1].of == (3,)
    assert chat.when(read_mark("11")).then(SeenByCustomer, ReplyRead).events[1].of == (6,)
    chat.when(read_mark("10")).then_nothing()


def test_a_read_mark_before_the_messages_id_waits_for_it():
    chat = a_reply(attempted(3))
    chat.when(read_mark("57")).then(SeenByCustomer)
    outcome = chat.when(sent(3, "57")).then(ReplySent, ReplyRead)
    outcome.now(reached={3: 3}, unread_by_customer=[])


def test_a_late_receipt_takes_nothing_back_from_a_read_reply():
    a_reply(attempted(3), sent(3, "10"), read_mark("10")).when(receipt("10")).then_nothing()


ACTS = [
    *[attempted(3, part=part, parts=2, attempt=attempt) for part in (0, 1) for attempt in (1, 2, 3)],
    *[sent(3, f"1{part}", part=part) for part in (0, 1)],
    *[failed(attempt, final=final) for attempt in (1, 2, 3) for final in (True, False)],
    *[doubted(attempt) for attempt in (1, 2, 3)],
    *[receipt(f"1{part}", f"r{part}") for part in (0, 1)],
    *[echoed(random_id_of(a_chat().id, 3, part), f"1{part}") for part in (0, 1)],
    sent_again(), vouched(), read_mark("10"), read_mark("11"),
]  # fmt: skip
RANKS = {"pending": 0, "sending": 1, "waiting": 1, "failed": 2, "uncertain": 2, "sent": 3, "delivered": 4, "read": 5}


@hypothesis_given(st.lists(st.sampled_from(ACTS), max_size=30))
def test_within_a_try_a_status_never_runs_backwards(acts: list[Act]):
    chat = a_reply()
    rank = 0
    for act in acts:
        for event in chat.when(act).events:
            if isinstance(event, ReplyRequeued):
                rank = 0
                continue
            change = status_of(event)
            if change is None or 3 not in change[0]:
                continue
            now = RANKS[change[1]["status"]]
            known_to_be_there = rank == 2 and isinstance(event, ReplySent | ReplyVouched)
            assert now >= rank or known_to_be_there, f"{event} after rank {rank}"
            rank = now


@hypothesis_given(st.lists(st.sampled_from(ACTS), max_size=30))
def test_a_failure_is_cleared_only_by_a_moderator_or_by_proof(acts: list[Act]):
    chat = a_reply()
    stuck = False
    for act in acts:
        for event in chat.when(act).events:
            if stuck:
                assert not isinstance(event, ReplyAttempted | ReplyFailed | ReplyUncertain)
            if isinstance(event, ReplyFailed | ReplyUncertain):
                stuck = getattr(event, "again_at", None) is None
            elif isinstance(event, ReplyRequeued | ReplySent | ReplyVouched):
                stuck = False


@pytest.mark.parametrize(
    "late", [attempted(9), sent(9), failed(of=9), doubted(of=9)], ids=["attempted", "sent", "failed", "doubted"]
)
def test_a_reply_that_nobody_wrote_can_not_be_sent(late: Act):
    a_reply().when(late).then_nothing()
