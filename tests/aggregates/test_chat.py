"""The rules of a chat, without any server."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import given as hypothesis_given
from hypothesis import strategies as st

from pulse.aggregates.chat import Chat, EmptyReply, chat_id
from pulse.aggregates.chat_events import (
    ButtonPressed,
    ChatAssigned,
    ChatClosed,
    ChatOpened,
    ChatReopened,
    ChatTransferred,
    ChatUnassigned,
    MessageEdited,
    MessageReacted,
    MessageReceived,
    MessageReread,
    MessagesDeleted,
    ReplyEchoed,
    ReplyWritten,
    SeenByCustomer,
    SeenByStaff,
)
from pulse.aggregates.chat_replies import ReplySent
from pulse.aggregates.chat_so_far import random_id_of
from pulse.aggregates.chat_standing import ChatIsClosed, HeldByAnother
from pulse.eventlog.envelope import new_event_id, open_envelope, seal, subject_of
from pulse.ingest.intake import RAW_IN_EVENT
from pulse.ingest.webhooks import LIMIT
from pulse.message import Attachment, Incoming, Quoted
from tests.given import (
    ANNA,
    BORIS,
    NOW,
    SALES,
    SHOP,
    SUPPORT,
    VERA,
    a_chat,
    assigned_to,
    attempted,
    closed_by,
    given,
    message,
    read_back,
    replies,
    vera_edits,
    vera_writes,
)

MAX_PAYLOAD = 2 * 1024 * 1024  # nats/server.conf


def sees(who: UUID, up_to: int):
    return lambda chat: chat.see(who, up_to, now=NOW)


def customer_sees(up_to: int):
    return lambda chat: chat.see_as_customer(up_to, now=NOW)


def transferred_to(department: UUID):
    return lambda chat: chat.transfer(department, now=NOW)


def deletes(external_id: str, *message_ids: str):
    return lambda chat: chat.delete(message_ids, external_id=external_id, raw="{}", now=NOW)


def echo(external_id: str, message_id: str | None = None, outside_author: str | None = None, random_id: int = 5):
    return lambda chat: chat.echo(
        text="Good day", attachments=(), message_id=message_id, random_id=random_id,
        outside_author=outside_author, external_id=external_id, raw="{}", now=NOW,
    )  # fmt: skip


def our_echo(external_id: str, message_id: str, of: int):
    return echo(external_id, message_id, random_id=random_id_of(a_chat().id, of))


def reacts(external_id: str, message_id: str, *reactions: str):
    return lambda chat: chat.react(
        author=VERA, message_id=message_id, reactions=reactions, external_id=external_id, raw="{}", now=NOW
    )


def presses(external_id: str):
    return lambda chat: chat.press(
        author=VERA, payload="yes", query_id="q", message_id="m1", external_id=external_id, raw="{}", now=NOW
    )


# Receiving


def test_a_chats_id_follows_from_source_and_peer():
    assert a_chat("77").id == a_chat("77").id == chat_id(SHOP, "77")
    assert len({chat_id(SHOP, "77"), chat_id(SHOP, "78"), chat_id(uuid4(), "77")}) == 3


def test_a_chat_begins_with_one_event_that_says_all():
    chat = a_chat()
    (opened,) = chat.collect_events()
    assert isinstance(opened, ChatOpened)
    assert (opened.source_id, opened.peer, opened.department_id, opened.group) == (SHOP, "77", SALES, False)


def test_a_message_is_received_and_waits():
    given(a_chat()).when(vera_writes("1")).then(MessageReceived).now(unread=[2])


def test_the_same_delivery_again_changes_nothing():
    given(a_chat(), vera_writes("1")).when(vera_writes("1")).then_nothing()


def test_the_same_message_in_another_delivery_changes_nothing():
    given(a_chat(), vera_writes("1", "m1")).when(vera_writes("2", "m1")).then_nothing()


def test_messages_without_an_id_are_told_apart_by_their_delivery():
    given(a_chat(), vera_writes("1")).when(vera_writes("2")).then(MessageReceived)


def test_a_closed_chat_opens_again_when_the_customer_writes():
    given(a_chat(), closed_by(ANNA)).when(vera_writes("1")).then(ChatReopened, MessageReceived).now(closed=False)


def test_a_repeated_delivery_does_not_open_a_closed_chat():
    given(a_chat(), vera_writes("1"), closed_by(ANNA)).when(vera_writes("1")).then_nothing().now(closed=True)


def test_a_reopened_chat_is_held_by_nobody():
    given(a_chat(), assigned_to(ANNA), closed_by(ANNA)).when(vera_writes("1")).then(ChatReopened, MessageReceived).now(
        holder_id=None
    )


def test_every_part_of_a_message_survives_the_log():
    photo = Attachment(kind="photo", name="кот.jpg", mime="image/jpeg", size=5, ref="r", width=1, height=2)
    place = Attachment(kind="location", latitude=55.75, longitude=-37.6, phone="+7", seconds=3)
    whole = Incoming(
        external_id="1", author=VERA, text="Привет \u2028 👋", message_id="m1", sent_at=datetime(2026, 1, 1, tzinfo=UTC),
        attachments=(photo, place), reply_to=Quoted("before", "Anna", "m0", (photo,)), forwarded=(Quoted("far"),),
        album="a", payload="p", notice="n",
    )  # fmt: skip
    chat = a_chat()
    chat.receive(whole, raw='{"a": 1}', now=NOW)
    received = chat.collect_events()[1]
    body = seal(received, event_id=new_event_id(), by="customer")
    assert open_envelope(2, subject_of("chat", chat.id), body).event == received


# Editing, deleting, reacting, pressing


def test_an_edit_names_the_edited_messages_version():
    outcome = given(a_chat(), vera_writes("1", "m1"), vera_writes("2", "m2")).when(vera_edits("3", "m2"))
    outcome.then(MessageEdited)
    assert outcome.events[0].of == 3


def test_the_same_edit_again_changes_nothing():
    given(a_chat(), vera_writes("1", "m1"), vera_edits("2", "m1")).when(vera_edits("2", "m1")).then_nothing()


def test_a_message_may_be_edited_again():
    given(a_chat(), vera_writes("1", "m1"), vera_edits("2", "m1")).when(vera_edits("3", "m1")).then(MessageEdited)


def test_an_edit_of_an_unknown_message_is_received_as_it_now_reads():
    outcome = given(a_chat()).when(vera_edits("1", "m1", "Hello!")).then(MessageReceived)
    assert outcome.events[0].message.text == "Hello!"


def test_an_edit_that_came_before_its_message_counts_and_the_message_does_not():
    given(a_chat(), vera_edits("2", "m1")).when(vera_writes("1", "m1")).then_nothing()


def test_an_edit_without_a_message_id_is_received():
    given(a_chat(), vera_writes("1")).when(vera_edits("2", None)).then(MessageReceived)


def test_an_edit_of_an_unknown_message_opens_a_closed_chat():
    given(a_chat(), closed_by(ANNA)).when(vera_edits("1", "m1")).then(ChatReopened, MessageReceived)


def test_an_edit_of_a_known_message_leaves_a_closed_chat_closed():
    given(a_chat(), vera_writes("1", "m1"), closed_by(ANNA)).when(vera_edits("2", "m1")).then(MessageEdited).now(
        closed=True
    )


def test_a_deletion_is_one_event_that_names_each_known_message_once():
    chat = given(a_chat(), vera_writes("1", "m1"), vera_writes("2", "m2"))
    assert chat.when(deletes("3", "m2", "m9", "m1", "m2")).then(MessagesDeleted).events[0].of == (3, 2)


def test_deleting_only_messages_we_never_saw_changes_nothing():
    given(a_chat(), vera_writes("1", "m1")).when(deletes("2", "m8", "m9")).then_nothing()
    given(a_chat(), vera_writes("1", "m1")).when(deletes("2")).then_nothing()


def test_what_was_deleted_waits_for_nobody():
    chat = given(a_chat(), vera_writes("1", "m1"), vera_writes("2", "m2"), vera_writes("3", "m3"))
    chat.when(deletes("4", "m1", "m3")).then(MessagesDeleted).now(unread=[3])
    outside = given(a_chat(), echo("1", "m1", outside_author="42"), echo("2", "m2", outside_author="42"))
    outside.when(deletes("3", "m1")).then(MessagesDeleted).now(unread_by_customer=[3])


@pytest.mark.parametrize("size", [RAW_IN_EVENT, LIMIT])
def test_a_body_full_of_ids_is_one_event_that_the_log_takes(size):
    """The largest body that lies in its event, and the largest of all, in a chat whose versions are long."""
    ids, length = [], 0
    for number in range(size):
        ids.append(number)
        length += len(f"{number},")
        if length >= size:
            break
    chat = a_chat()
    chat.messages |= {number: 10**7 + number for number in ids}
    raw = ",".join(map(str, ids)) if size <= RAW_IN_EVENT else "blob:sha256:"
    chat.delete(tuple(map(str, ids)), external_id="1", raw=raw, now=NOW)
    assert len(seal(chat.collect_events()[-1], event_id=new_event_id(), by="customer")) < MAX_PAYLOAD


def test_deleting_again_in_the_same_delivery_changes_nothing():
    chat = given(a_chat(), vera_writes("1", "m1"), deletes("2", "m1"))
    chat.when(deletes("2", "m1")).then_nothing()
    chat.when(deletes("2", "m1", "m1")).then_nothing()
    chat.when(deletes("3", "m1")).then(MessagesDeleted)


def test_a_reaction_counts_once_per_delivery():
    chat = given(a_chat(), vera_writes("1", "m1"))
    assert chat.when(reacts("2", "m1", "👍")).then(MessageReacted).events[0].of == 2
    chat.when(reacts("2", "m1", "👍")).then_nothing()
    chat.when(reacts("3", "m1")).then(MessageReacted)


def test_a_reaction_to_an_unknown_message_names_none():
    assert given(a_chat()).when(reacts("1", "m9", "👍")).then(MessageReacted).events[0].of is None


def test_a_button_counts_once_per_delivery():
    chat = given(a_chat())
    chat.when(presses("1")).then(ButtonPressed)
    chat.when(presses("1")).then_nothing()
    chat.when(presses("2")).then(ButtonPressed)


# Echoes


def test_an_echo_counts_once_per_delivery_and_per_message():
    chat = given(a_chat())
    chat.when(echo("1", "m1")).then(ReplyEchoed)
    chat.when(echo("1")).then_nothing()
    chat.when(echo("2", "m1")).then_nothing()
    chat.when(echo("3")).then(ReplyEchoed)


def test_an_echo_with_a_random_id_of_ours_confirms_that_reply():
    chat = given(a_chat(), replies(ANNA), replies(ANNA), attempted(3), attempted(4))
    assert chat.when(our_echo("1", "m1", of=3)).then(ReplyEchoed, ReplySent).events[0].confirms == 3
    assert chat.when(our_echo("2", "m2", of=4)).then(ReplyEchoed, ReplySent).events[0].confirms == 4


def test_a_confirmed_reply_is_known_by_the_channels_id():
    chat = given(a_chat(), replies(ANNA), attempted(3), our_echo("1", "20", of=3), vera_writes("2", "21"))
    assert [chat.aggregate.version_of(message_id) for message_id in ("20", "21")] == [3, 7]
    chat.when(our_echo("3", "20", of=3)).then_nothing()
    assert chat.when(reacts("4", "20", "👍")).events[0].of == 3


def test_our_own_echo_leaves_unread_what_the_customer_wrote_since_the_reply():
    chat = given(a_chat(), vera_writes("1"), replies(ANNA), attempted(4), vera_writes("2"))
    chat.when(our_echo("3", "m3", of=4)).then(ReplyEchoed, ReplySent).now(unread=[6])


def test_our_own_echo_is_not_a_second_unread_reply():
    chat = given(a_chat(), replies(ANNA), attempted(3))
    chat.when(our_echo("1", "m1", of=3)).then(ReplyEchoed, ReplySent).now(unread_by_customer=[3])


@pytest.mark.parametrize("author", ["42", None], ids=["a person", "a program"])
@pytest.mark.parametrize("random_id", [0, 5])
def test_an_echo_of_somebody_else_confirms_nothing(author, random_id):
    outcome = given(a_chat(), replies(ANNA)).when(echo("1", "m1", author, random_id)).then(ReplyEchoed)
    assert outcome.events[0].confirms is None
    outcome.now(unread_by_customer=[3, 4])


def test_another_chats_random_id_confirms_nothing():
    elsewhere = random_id_of(a_chat("78").id, 3)
    assert given(a_chat(), replies(ANNA)).when(echo("1", random_id=elsewhere)).events[0].confirms is None


def test_what_another_program_sends_answers_nobody():
    given(a_chat(), vera_writes("1")).when(echo("2", "m2")).then(ReplyEchoed).now(unread=[2], unread_by_customer=[3])


@hypothesis_given(st.uuids(), st.integers(1, 10**7))
def test_a_random_id_has_31_bits_is_never_zero_and_always_the_same(chat, version):
    assert 0 < random_id_of(chat, version) < 2**31
    assert random_id_of(chat, version) == random_id_of(chat, version)


def test_a_chats_replies_leave_with_different_random_ids():
    assert len({random_id_of(a_chat().id, version, part) for version in range(300) for part in range(3)}) == 900


def test_a_reply_written_outside_answers_the_customer():
    chat = given(a_chat(), vera_writes("1"))
    chat.when(echo("2", "m2", outside_author="42")).then(ReplyEchoed).now(unread=[], unread_by_customer=[3])


# Replying


def test_a_reply_takes_a_free_chat_and_answers_it():
    outcome = given(a_chat(), vera_writes("1")).when(replies(ANNA)).then(ChatAssigned, ReplyWritten)
    outcome.now(holder_id=ANNA, unread=[], unread_by_customer=[4])
    assert outcome.answer == 4


def test_a_held_chat_may_be_answered_by_another_and_stays_where_it_is():
    given(a_chat(), assigned_to(ANNA)).when(replies(BORIS)).then(ReplyWritten).now(holder_id=ANNA)


def test_a_closed_chat_takes_no_reply():
    given(a_chat(), closed_by(ANNA)).when(replies(ANNA)).then_refused(ChatIsClosed)


@pytest.mark.parametrize("text", ["", " ", "\n\t\u00a0"])
def test_a_reply_needs_a_text(text):
    given(a_chat()).when(replies(ANNA, text)).then_refused(EmptyReply)


def test_the_same_client_message_is_the_same_reply_however_often_it_is_sent():
    chat = given(a_chat(), replies(ANNA, client_msg_id="c1"), vera_writes("1"))
    assert chat.when(replies(ANNA, "Other words", "c1")).then_nothing().answer == 3


def test_a_client_message_counts_once_per_person():
    chat = given(a_chat(), replies(ANNA, client_msg_id="c1"))
    assert chat.when(replies(BORIS, client_msg_id="c1")).then(ReplyWritten).answer == 4


def test_a_repeated_client_message_is_answered_though_the_chat_was_closed_since():
    chat = given(a_chat(), replies(ANNA, client_msg_id="c1"), closed_by(BORIS))
    assert chat.when(replies(ANNA, client_msg_id="c1")).then_nothing().answer == 3


def test_replies_without_a_client_message_id_are_all_written():
    given(a_chat(), replies(ANNA)).when(replies(ANNA)).then(ReplyWritten)


# Holding


def test_opening_a_free_chat_takes_it():
    given(a_chat()).when(lambda chat: chat.take(ANNA, now=NOW)).then(ChatAssigned).now(holder_id=ANNA)


def test_opening_a_held_chat_leaves_it_where_it_is():
    given(a_chat(), assigned_to(ANNA)).when(lambda chat: chat.take(BORIS, now=NOW)).then_nothing().now(holder_id=ANNA)


def test_opening_a_closed_chat_takes_nothing():
    given(a_chat(), closed_by(ANNA)).when(lambda chat: chat.take(BORIS, now=NOW)).then_nothing()


def test_assigning_to_its_holder_changes_nothing():
    given(a_chat(), assigned_to(ANNA)).when(assigned_to(ANNA)).then_nothing()


def test_a_chat_held_by_another_is_refused_and_the_refusal_says_by_whom():
    refusal = given(a_chat(), assigned_to(ANNA)).when(assigned_to(BORIS)).then_refused(HeldByAnother)
    assert refusal.details == {"holder": str(ANNA)}
    assert str(refusal) == "Somebody else holds this chat."
    assert (refusal.code, refusal.status) == ("held-by-another", 409)


def test_a_chat_may_be_taken_over_from_the_holder_one_knows_of():
    outcome = given(a_chat(), assigned_to(ANNA)).when(assigned_to(BORIS, seen=ANNA)).then(ChatAssigned)
    assert (outcome.events[0].moderator_id, outcome.events[0].from_moderator_id) == (BORIS, ANNA)


def test_a_chat_may_not_be_taken_over_from_a_holder_one_did_not_know_of():
    carol = uuid4()
    given(a_chat(), assigned_to(ANNA)).when(assigned_to(BORIS, seen=carol)).then_refused(HeldByAnother)


def test_a_chat_that_became_free_may_be_taken_by_who_thought_it_held():
    given(a_chat()).when(assigned_to(BORIS, seen=ANNA)).then(ChatAssigned)


def test_a_closed_chat_is_not_assigned():
    given(a_chat(), closed_by(ANNA)).when(assigned_to(BORIS)).then_refused(ChatIsClosed)


def test_a_transfer_names_the_old_audience_and_frees_the_chat():
    outcome = given(a_chat(), assigned_to(ANNA)).when(transferred_to(SUPPORT)).then(ChatTransferred)
    moved = outcome.now(department_id=SUPPORT, holder_id=None).events[0]
    assert (moved.department_id, moved.from_department_id, moved.from_moderator_id) == (SUPPORT, SALES, ANNA)


def test_a_free_chat_is_not_transferred_to_where_it_is():
    given(a_chat()).when(transferred_to(SALES)).then_nothing()


def test_a_chat_whose_holder_has_gone_is_free_again_in_its_department():
    chat = given(a_chat(), assigned_to(ANNA))
    chat.when(lambda c: c.let_go(BORIS, now=NOW)).then_nothing()
    [freed] = chat.when(lambda c: c.let_go(ANNA, now=NOW)).then(ChatUnassigned).now(holder_id=None).events
    assert freed.from_moderator_id == ANNA
    chat.when(lambda c: c.let_go(ANNA, now=NOW)).then_nothing()


def test_a_chat_without_a_department_may_be_transferred():
    assert (
        given(a_chat(department=None)).when(transferred_to(SALES)).then(ChatTransferred).events[0].from_department_id
        is None
    )


def test_a_closed_chat_is_not_transferred():
    given(a_chat(), closed_by(ANNA)).when(transferred_to(SUPPORT)).then_refused(ChatIsClosed)


def test_closing_frees_the_chat_and_nothing_waits_in_it():
    given(a_chat(), vera_writes("1"), assigned_to(ANNA)).when(closed_by(BORIS)).then(ChatClosed).now(
        closed=True, holder_id=None, unread=[]
    )


def test_closing_a_closed_chat_changes_nothing():
    given(a_chat(), closed_by(ANNA)).when(closed_by(BORIS)).then_nothing()


# Seeing


def test_what_was_seen_is_no_longer_unread():
    chat = given(a_chat(), vera_writes("1"), vera_writes("2"), vera_writes("3"))
    chat.when(sees(ANNA, 3)).then(SeenByStaff).now(unread=[4], seen_by={ANNA: 3})


def test_marks_only_move_up():
    chat = given(a_chat(), vera_writes("1"), vera_writes("2"), sees(ANNA, 3))
    chat.when(sees(ANNA, 2)).then_nothing()
    chat.when(sees(ANNA, 3)).then_nothing()


def test_each_moderator_has_a_mark_of_their_own():
    given(a_chat(), vera_writes("1"), sees(ANNA, 2)).when(sees(BORIS, 2)).then(SeenByStaff)


def test_nobody_sees_what_is_not_there_yet():
    chat = given(a_chat(), vera_writes("1"))
    chat.when(sees(ANNA, 3)).then_nothing()
    chat.when(customer_sees(3)).then_nothing()
    chat.when(sees(ANNA, 0)).then_nothing()
    chat.when(customer_sees(-1)).then_nothing()


def test_the_customers_mark_only_moves_up_and_clears_replies():
    chat = given(a_chat(), replies(ANNA), replies(ANNA))
    chat.when(customer_sees(3)).then(SeenByCustomer).now(unread_by_customer=[4])
    chat.when(customer_sees(3)).then_nothing()
    chat.when(customer_sees(4)).then(SeenByCustomer).now(unread_by_customer=[])


def test_a_message_the_channel_names_is_found_or_the_newest_before_it():
    chat = given(a_chat(), vera_writes("1", "10"), vera_writes("2", "20"), vera_writes("3", "web-a")).aggregate
    assert [chat.version_of(each) for each in ("10", "20", "web-a")] == [2, 3, 4]
    assert [chat.version_of(each) for each in ("9", "15", "25")] == [0, 2, 3]
    assert chat.version_of("web-b") == 0


def test_the_scope_says_who_may_see_and_how_much_waits():
    chat = given(a_chat(), vera_writes("1"), vera_writes("2")).aggregate
    assert chat.scope() == {
        "source": SHOP, "group": False, "department": SALES, "holder": None, "unread": 2, "unread_by_customer": 0,
        "messages": 2, "waiting_since": NOW,
    }  # fmt: skip


# Read again with a mended driver


def rereads(of, text, was=None, message_id="m1"):
    return lambda chat: chat.reread(of, message("u1", message_id, text), was=was or message("u1", "m1"), now=NOW)


def test_a_message_that_a_mended_driver_reads_otherwise_is_corrected_once():
    chat = given(a_chat(), vera_writes("u1", "m1"))
    chat.when(rereads(2, "Hello")).then_nothing()
    chat.when(rereads(2, "Hello, you")).then(MessageReread).now(unread=[2])
    chat.when(rereads(2, "Hello, you")).then_nothing()
    chat.when(rereads(2, "Hello")).then(MessageReread)


def test_what_its_author_changed_later_stands():
    chat = given(a_chat(), vera_writes("u1", "m1"), rereads(2, "Mended"), vera_edits("u2", "m1", "Edited"))
    chat.when(rereads(2, "Mended again")).then_nothing()
    edit = message("u2", "m1", "Edited")
    chat.when(lambda chat: chat.reread(2, edit, was=edit, now=NOW)).then_nothing()
    chat.when(lambda chat: chat.reread(2, message("u2", "m1", "Mended"), was=edit, now=NOW)).then(MessageReread)
    chat.when(deletes("u3", "m1")).then(MessagesDeleted)
    chat.when(rereads(2, "Back again")).then_nothing()
    chat.when(lambda chat: chat.reread(2, edit, was=edit, now=NOW)).then_nothing()


def test_a_message_id_that_only_a_mended_driver_finds_counts_from_then_on():
    chat = given(a_chat(), vera_writes("u1"))
    chat.when(rereads(2, "Hello", was=message("u1"), message_id="m7")).then(MessageReread)
    chat.when(vera_edits("u2", "m7")).then(MessageEdited)


# Whatever the order

deliveries = st.tuples(st.sampled_from("abcdef"), st.sampled_from([None, "m1", "m2", "m3"]))
acts = st.one_of(
    st.builds(lambda d: vera_writes(*d), deliveries),
    st.builds(lambda d: vera_edits(*d), deliveries),
    st.builds(lambda d: echo(*d, outside_author="42"), deliveries),
    st.builds(lambda d: deletes(d[0], d[1] or "m9"), deliveries),
    st.builds(lambda d: reacts(d[0], d[1] or "m9", "👍"), deliveries),
    st.builds(presses, st.sampled_from("abcdef")),
    st.builds(sees, st.sampled_from([ANNA, BORIS]), st.integers(0, 20)),
    st.builds(customer_sees, st.integers(0, 20)),
    st.just(closed_by(ANNA)),
)


@hypothesis_given(st.lists(acts, max_size=25))
def test_whatever_comes_each_delivery_and_each_message_is_taken_in_at_most_once(sequence):
    chat = a_chat()
    for act in sequence:
        act(chat)
    events = chat.collect_events()
    received = [event for event in events if isinstance(event, MessageReceived)]
    taken = [
        getattr(e, "external_id", None) or getattr(getattr(e, "message", None), "external_id", None) for e in events
    ]
    ids = [external_id for external_id in taken if external_id is not None]
    messages = [event.message.message_id for event in received if event.message.message_id is not None]
    assert len(ids) == len(set(ids))
    assert len(messages) == len(set(messages))
    assert [event.originator_version for event in events] == list(range(1, len(events) + 1))


@hypothesis_given(st.lists(acts, max_size=25))
def test_whatever_comes_the_chat_reads_back_as_it_was(sequence):
    chat = a_chat()
    for act in sequence:
        act(chat)
    again = read_back(Chat, chat.collect_events())
    assert {**vars(again), "_pending_events": []} == {**vars(chat), "_pending_events": []}
    assert all(2 <= version <= chat.version for version in chat.unread)
    assert chat.unread == sorted(set(chat.unread))


@hypothesis_given(st.lists(st.integers(0, 40), unique=True, max_size=12), st.integers(0, 45))
def test_a_message_that_was_not_seen_stands_for_the_newest_before_it(ids, wanted):
    chat = a_chat()
    for number in ids:
        vera_writes(f"u{number}", str(number))(chat)
    versions = {number: version for version, number in enumerate(ids, 2)}
    before = max((versions[number] for number in ids if number <= wanted), default=0)
    assert chat.version_of(str(wanted)) == versions.get(wanted, before)


def test_a_policy_gives_away_free_chats_of_its_department_only():
    def give(chat: Chat) -> None:
        chat.give(ANNA, department_id=SALES, now=NOW)

    given(a_chat()).when(give).then(ChatAssigned).now(holder_id=ANNA)
    given(a_chat(), assigned_to(BORIS)).when(give).then_nothing().now(holder_id=BORIS)
    given(a_chat(), closed_by(BORIS)).when(give).then_nothing()
    given(a_chat(department=SUPPORT)).when(give).then_nothing()
