"""Notes, tags, priority and snoozing: decisions by given, when, then."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from pulse.aggregates.chat_events import ChatReopened, MessageReceived
from pulse.aggregates.chat_work import (
    TAGS,
    ChatSnoozed,
    ChatWoken,
    CommandTaken,
    EmptyNote,
    NotAhead,
    NotAPriority,
    NotATag,
    NoteWritten,
    NothingToPutOff,
    PriorityChanged,
    TagsChanged,
    TooManyTags,
)
from tests.given import ANNA, BORIS, NOW, a_chat, closed_by, given, replies, vera_writes

TOMORROW = NOW + timedelta(days=1)


def snoozed(until=TOMORROW):
    return lambda chat: chat.snooze(until, moderator_id=ANNA, now=NOW)


def tagged(tag, command=None):
    return lambda chat: chat.tag(tag, now=NOW, command=command)


def noted(text="Careful", command=None):
    return lambda chat: chat.note(text, moderator_id=ANNA, mentions=(BORIS,), now=NOW, command=command)


def test_a_note_answers_nobody_and_takes_no_chat():
    chat = given(a_chat(), vera_writes("1"))
    chat.when(noted()).then(NoteWritten).now(holder_id=None, unread=[2], waiting_since=NOW)


def test_a_closed_chat_takes_notes():
    given(a_chat(), closed_by(ANNA)).when(noted()).then(NoteWritten)


def test_a_note_needs_a_text():
    given(a_chat()).when(noted(" \n")).then_refused(EmptyNote)


def test_a_note_that_is_sent_twice_is_one_note():
    chat = given(a_chat(), noted(command=5))
    chat.when(noted(command=5)).then_nothing()
    chat.when(noted(command=6)).then(NoteWritten)


def test_a_command_that_had_nothing_to_do_is_remembered_once():
    chat = given(a_chat())
    chat.when(lambda chat: chat.remember(5, now=NOW)).then(CommandTaken).now(client_msgs={5: 2})
    chat.when(lambda chat: chat.remember(5, now=NOW)).then_nothing()


def test_a_tag_has_one_spelling():
    chat = given(a_chat())
    chat.when(tagged("  Late   DELIVERY ")).then(TagsChanged).now(tags=("late delivery",))
    chat.when(tagged("late delivery")).then_nothing()
    chat.when(lambda chat: chat.untag("LATE delivery", now=NOW)).then(TagsChanged).now(tags=())
    chat.when(lambda chat: chat.untag("late delivery", now=NOW)).then_nothing()


@pytest.mark.parametrize("tag", ["", "   ", "x" * 41, "a\u202eb", "a\0b"])
def test_what_is_no_tag_is_refused(tag):
    given(a_chat()).when(tagged(tag)).then_refused(NotATag)


def test_a_chat_has_only_so_many_tags():
    chat = given(a_chat(), *(tagged(f"tag {number}") for number in range(TAGS)))
    chat.when(tagged("one more")).then_refused(TooManyTags)
    chat.when(tagged("tag 3")).then_nothing()


def test_a_priority_is_one_of_four():
    chat = given(a_chat())
    chat.when(lambda chat: chat.prioritise("urgent", now=NOW)).then(PriorityChanged).now(priority="urgent")
    chat.when(lambda chat: chat.prioritise("urgent", now=NOW)).then_nothing()
    chat.when(lambda chat: chat.prioritise("asap", now=NOW)).then_refused(NotAPriority)


def test_a_chat_that_is_put_off_wakes_when_the_customer_writes():
    chat = given(a_chat(), snoozed())
    chat.when(vera_writes("1")).then(ChatWoken, MessageReceived).now(snoozed_until=None)


def test_a_chat_that_is_put_off_wakes_when_its_time_has_come():
    chat = given(a_chat(), snoozed())
    chat.when(lambda chat: chat.wake(now=TOMORROW - timedelta(seconds=1), due=True)).then_nothing()
    chat.when(lambda chat: chat.wake(now=TOMORROW, due=True)).then(ChatWoken).now(snoozed_until=None)
    chat.when(lambda chat: chat.wake(now=TOMORROW, due=True)).then_nothing()


def test_a_snooze_can_be_moved_and_ended():
    chat = given(a_chat(), snoozed())
    chat.when(snoozed()).then_nothing()
    chat.when(snoozed(TOMORROW + timedelta(days=1))).then(ChatSnoozed)
    chat.when(lambda chat: chat.wake(now=NOW)).then(ChatWoken).now(snoozed_until=None)


def test_only_an_open_chat_is_put_off_and_only_ahead():
    given(a_chat(), closed_by(ANNA)).when(snoozed()).then_refused(NothingToPutOff)
    given(a_chat()).when(snoozed(NOW)).then_refused(NotAhead)
    given(a_chat()).when(snoozed(datetime(9999, 12, 31, 23, 59, tzinfo=timezone(timedelta(hours=-12))))).then_refused(
        NotAhead
    )


def test_closing_ends_the_snooze():
    chat = given(a_chat(), snoozed(), closed_by(ANNA))
    chat.when(vera_writes("1")).then(ChatReopened, MessageReceived).now(snoozed_until=None)


def test_a_customer_waits_from_their_first_word_that_nobody_answered():
    chat = given(a_chat(), vera_writes("1"))
    assert chat.aggregate.waiting_since == NOW
    chat.when(lambda chat: chat.see(ANNA, 2, now=NOW)).now(waiting_since=NOW)
    chat.when(replies(ANNA)).now(waiting_since=None)
    assert "waiting_since" not in chat.aggregate.scope()
