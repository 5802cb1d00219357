"""Letting go, passing on, opening again, and replies that a colleague was faster than: by given, when, then."""

from __future__ import annotations

from uuid import UUID

import pytest

from pulse.aggregates.chat import StaleReply
from pulse.aggregates.chat_events import ChatAssigned, ChatReopened, ChatTransferred, ChatUnassigned, ReplyWritten
from pulse.aggregates.chat_standing import ChangedHands, ChatIsClosed, Handover, HeldByAnother, NotItsVersion, Seen
from pulse.aggregates.chat_work import ChatWoken, NoteWritten
from tests.aggregates.test_chat_work import snoozed
from tests.given import ANNA, BORIS, NOW, SALES, SUPPORT, a_chat, assigned_to, closed_by, given, replies, vera_writes

CAROL = UUID(int=0xCA)


def test_a_holder_lets_go():
    chat = given(a_chat(), assigned_to(ANNA))
    chat.when(lambda chat: chat.unassign(seen=Seen(BORIS), now=NOW)).then_refused(HeldByAnother)
    chat.when(lambda chat: chat.unassign(seen=Seen(ANNA), now=NOW)).then(ChatUnassigned).now(holder_id=None)
    chat.when(lambda chat: chat.unassign(seen=Seen(ANNA), now=NOW)).then_nothing()


def test_a_chat_is_passed_on_with_a_note_that_comes_first():
    chat = given(a_chat(), assigned_to(ANNA), snoozed())
    note = Handover(ANNA, "She asks about an invoice.")
    chat.when(lambda chat: chat.assign(BORIS, seen=Seen(ANNA), handover=note, now=NOW)).then(
        ChatWoken, NoteWritten, ChatAssigned
    ).now(holder_id=BORIS, snoozed_until=None)
    chat.when(lambda chat: chat.transfer(SUPPORT, handover=note, now=NOW)).then(NoteWritten, ChatTransferred)
    chat.when(lambda chat: chat.transfer(SUPPORT, handover=note, now=NOW)).then(NoteWritten)
    chat.when(lambda chat: chat.transfer(SUPPORT, now=NOW)).then_nothing()


def test_a_department_gets_its_own_chat_back_from_its_holder():
    chat = given(a_chat(), assigned_to(ANNA))
    note = Handover(ANNA, "She calls at five.")
    chat.when(lambda chat: chat.assign(ANNA, handover=note, now=NOW)).then(NoteWritten).now(holder_id=ANNA)
    chat.when(lambda chat: chat.transfer(SALES, handover=note, now=NOW)).then(NoteWritten, ChatUnassigned).now(
        holder_id=None, department_id=SALES
    )


def test_a_closed_chat_is_opened_again_by_hand():
    chat = given(a_chat(), closed_by(ANNA))
    chat.when(lambda chat: chat.transfer(SUPPORT, now=NOW)).then_refused(ChatIsClosed)
    chat.when(lambda chat: chat.reopen(now=NOW)).then(ChatReopened).now(closed=False, holder_id=None)
    chat.when(lambda chat: chat.reopen(now=NOW)).then_nothing()


def test_a_policy_gives_nobody_a_chat_that_is_put_off():
    chat = given(a_chat(), snoozed())
    chat.when(lambda chat: chat.give(ANNA, department_id=SALES, now=NOW)).then_nothing()
    chat.when(lambda chat: chat.take(ANNA, now=NOW)).then(ChatWoken, ChatAssigned)


def answers(who, seen_version, client_msg_id=None):
    return lambda chat: chat.reply(
        "Good day", moderator_id=who, client_msg_id=client_msg_id, seen_version=seen_version, now=NOW
    )


def test_a_reply_is_stale_when_a_colleague_has_answered_since():
    chat = given(a_chat(), vera_writes("1"), replies(BORIS))  # 3: it becomes Boris's, 4: his reply
    refused = chat.when(answers(ANNA, 2)).then_refused(StaleReply)
    assert refused.details == {"version": 4}
    chat.when(answers(ANNA, 4)).then(ReplyWritten)


def test_what_only_the_customer_or_oneself_wrote_makes_no_reply_stale():
    chat = given(a_chat(), vera_writes("1"), replies(ANNA), vera_writes("2"))
    chat.when(answers(ANNA, 2)).then(ReplyWritten)


def test_an_answer_from_outside_makes_a_reply_stale_and_a_program_does_not():
    def echo(author):
        return lambda chat: chat.echo(
            text="By phone", attachments=(), message_id=None, random_id=0, outside_author=author,
            external_id=f"e-{author}", raw="{}", now=NOW,
        )  # fmt: skip

    chat = given(a_chat(), vera_writes("1"), echo(None))
    chat.when(answers(ANNA, 2)).then(ChatAssigned, ReplyWritten)
    given(a_chat(), vera_writes("1"), echo("owner-1")).when(answers(ANNA, 2)).then_refused(StaleReply)


def test_nobody_answers_a_version_that_is_still_to_come():
    chat = given(a_chat(), vera_writes("1"))
    refused = chat.when(answers(ANNA, 3)).then_refused(NotItsVersion)
    assert refused.details == {"version": 2}
    chat.when(answers(ANNA, 2)).then(ChatAssigned, ReplyWritten)


def test_a_reply_that_was_taken_is_not_stale_when_it_is_sent_again():
    chat = given(a_chat(), vera_writes("1"), answers(ANNA, 2, "c1"), replies(BORIS))
    chat.when(answers(ANNA, 2, "c1")).then_nothing()


TAKERS = {
    "assigned": lambda chat, **seen: chat.assign(BORIS, now=NOW, **seen),
    "let go": lambda chat, **seen: chat.unassign(now=NOW, **{"seen": Seen(BORIS)} | seen),
    "transferred": lambda chat, **seen: chat.transfer(SUPPORT, now=NOW, **seen),
    "back": lambda chat, **seen: chat.transfer(SALES, now=NOW, **seen),
    "closed": lambda chat, **seen: chat.close(BORIS, now=NOW, **seen),
}


@pytest.mark.parametrize("take", TAKERS.values(), ids=TAKERS)
def test_whatever_takes_a_chat_is_refused_to_who_saw_what_is_to_come(take):
    chat = given(a_chat(), assigned_to(CAROL), vera_writes("1"))
    chat.when(lambda chat: take(chat, seen=Seen(version=1000))).then_refused(NotItsVersion)


@pytest.mark.parametrize("take", TAKERS.values(), ids=TAKERS)
def test_whatever_takes_a_chat_is_refused_to_who_saw_another_holder(take):
    chat = given(a_chat(), assigned_to(CAROL), vera_writes("1"))
    refusal = chat.when(lambda chat: take(chat, seen=Seen(ANNA))).then_refused(HeldByAnother)
    assert refusal.details == {"holder": str(CAROL)}
    assert chat.when(lambda chat: take(chat, seen=Seen(CAROL))).refusal is None


@pytest.mark.parametrize("take", TAKERS.values(), ids=TAKERS)
def test_whatever_takes_a_chat_is_refused_to_who_saw_it_before_it_changed_hands(take):
    chat = given(a_chat(), assigned_to(ANNA), assigned_to(CAROL, ANNA), vera_writes("1"))  # 2: Anna's, 3: Carol's
    refusal = chat.when(lambda chat: take(chat, seen=Seen(version=2))).then_refused(ChangedHands)
    assert refusal.details == {"holder": str(CAROL)}
    assert chat.when(lambda chat: take(chat, seen=Seen(version=3))).refusal is None


@pytest.mark.parametrize("take", TAKERS.values(), ids=TAKERS)
def test_a_version_that_was_seen_counts_more_than_the_holder(take):
    chat = given(a_chat(), assigned_to(CAROL))  # 2: Carol's
    assert chat.when(lambda chat: take(chat, seen=Seen(ANNA, 2))).refusal is None


@pytest.mark.parametrize("name", ["assigned", "let go"])
def test_who_does_not_say_what_they_saw_takes_no_chat_that_another_holds(name):
    given(a_chat(), assigned_to(CAROL)).when(TAKERS[name]).then_refused(HeldByAnother)


@pytest.mark.parametrize("name", ["transferred", "back", "closed"])
def test_who_does_not_say_what_they_saw_moves_and_closes_a_chat_whoever_holds_it(name):
    given(a_chat(), assigned_to(CAROL)).when(TAKERS[name]).now(holder_id=None)


@pytest.mark.parametrize("name", ["transferred", "back", "closed"])
def test_who_says_that_they_saw_it_free_takes_it_from_nobody(name):
    given(a_chat(), assigned_to(CAROL)).when(lambda chat: TAKERS[name](chat, seen=Seen())).then_refused(HeldByAnother)


def test_a_chat_that_was_let_go_since_has_changed_hands_and_is_nobodys():
    chat = given(a_chat(), assigned_to(ANNA), lambda chat: chat.transfer(SUPPORT, now=NOW))
    stale = Seen(version=2)
    refusal = chat.when(lambda chat: chat.close(BORIS, now=NOW, seen=stale)).then_refused(ChangedHands)
    assert refusal.details == {"holder": None}


def test_where_there_is_nothing_to_do_no_picture_is_stale():
    stale = Seen(version=1)
    given(a_chat(), assigned_to(BORIS)).when(lambda chat: chat.assign(BORIS, now=NOW, seen=stale)).then_nothing()
    closed = given(a_chat(), assigned_to(ANNA), closed_by(ANNA))
    closed.when(lambda chat: chat.close(BORIS, now=NOW, seen=stale)).then_nothing()
    closed.when(lambda chat: chat.unassign(seen=stale, now=NOW)).then_nothing()


def test_a_handover_says_how_its_note_begins():
    chat = given(a_chat(), assigned_to(ANNA))
    outcome = chat.when(lambda chat: chat.transfer(SUPPORT, handover=Handover(ANNA, f"  {'x' * 300}"), now=NOW))
    assert [event.note for event in outcome.events if isinstance(event, ChatTransferred)] == ["x" * 200]
