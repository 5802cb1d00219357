"""Whose turn it is, without any server."""

from __future__ import annotations

from datetime import datetime, timedelta

from pulse.aggregates.chat import Chat
from pulse.aggregates.chat_replies import Failure, ReplyAttempted, ReplyUncertain
from pulse.channels import Capabilities
from pulse.delivery.turns import Terms, Turn, take_turn
from tests.given import ANNA, NOW, a_chat, attempted, given, replies, sent

ONCE = Capabilities(text_limit=10, file_limit=0, receipts=False, typing=False, repeat_seconds=3600)
TWICE = Capabilities(text_limit=10, file_limit=0, receipts=False, typing=False)


def now_terms(capabilities: Capabilities = TWICE, delay: float = 0, *not_called: tuple[int, int]) -> Terms:
    def may_call_at(chat: Chat) -> datetime:
        return NOW + timedelta(seconds=delay)

    return Terms(capabilities, may_call_at, not_called)


def test_the_oldest_reply_goes_first():
    chat = given(a_chat(), replies(ANNA, "one"), replies(ANNA, "two"))
    turn = chat.when(lambda chat: take_turn(chat, now_terms(), NOW)).then(ReplyAttempted).answer
    assert isinstance(turn, Turn)
    assert (turn.of, turn.piece.text, turn.attempt) == (3, "one", 1)


def test_a_turn_that_has_to_wait_says_until_when():
    chat = given(a_chat(), replies(ANNA, "one"))
    assert chat.when(lambda chat: take_turn(chat, now_terms(delay=3), NOW)).then_nothing().answer == NOW + timedelta(
        seconds=3
    )


def test_the_next_piece_goes_on_where_the_last_one_ended():
    chat = given(a_chat(), replies(ANNA, "one two three four"), attempted(3, parts=2), sent(3, "m1"))
    turn = chat.when(lambda chat: take_turn(chat, now_terms(), NOW)).then(ReplyAttempted).answer
    assert isinstance(turn, Turn)
    assert (turn.part, turn.piece.text, turn.attempt) == (1, "three four", 2)


def test_a_call_that_was_cut_off_is_in_doubt_where_it_would_count_twice():
    chat = given(a_chat(), replies(ANNA, "one"), attempted(3))
    chat.when(lambda chat: take_turn(chat, now_terms(TWICE), NOW)).then(ReplyUncertain)
    chat = given(a_chat(), replies(ANNA, "one"), attempted(3))
    chat.when(lambda chat: take_turn(chat, now_terms(ONCE), NOW)).then(ReplyAttempted)


def test_an_attempt_that_was_surely_not_made_is_no_doubt():
    chat = given(a_chat(), replies(ANNA, "one"), attempted(3))
    turn = chat.when(lambda chat: take_turn(chat, now_terms(TWICE, 0, (3, 1)), NOW)).then(ReplyAttempted).answer
    assert isinstance(turn, Turn)
    assert turn.attempt == 2
    chat.when(lambda chat: take_turn(chat, now_terms(TWICE, 0, (3, 1)), NOW)).then(ReplyUncertain)


def test_nothing_waits_where_everything_is_stuck_or_gone():
    chat = given(a_chat(), replies(ANNA, "one"), attempted(3), sent(3))
    assert chat.when(lambda chat: take_turn(chat, now_terms(), NOW)).then_nothing().answer is None


def test_a_failure_after_an_attempt_that_was_surely_not_made_is_tried_again():
    failed = Failure("busy", again_at=NOW)
    chat = given(
        a_chat(), replies(ANNA, "one"), attempted(3), attempted(3, attempt=2),
        lambda chat: chat.fail(3, part=0, attempt=2, failure=failed, now=NOW),
    )  # fmt: skip
    chat.when(lambda chat: take_turn(chat, now_terms(), NOW)).then(ReplyAttempted)


def test_a_repeat_that_is_refused_leaves_the_first_call_in_doubt():
    chat = given(a_chat(), replies(ANNA, "one"), attempted(3))
    chat.when(lambda chat: take_turn(chat, now_terms(ONCE), NOW)).then(ReplyAttempted)
    assert chat.aggregate.outgoing[3].maybe
