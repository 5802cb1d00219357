"""The chat list: a row per chat, and pages of it."""

from __future__ import annotations

from uuid import UUID, uuid4

import psycopg
import pytest

from pulse.aggregates.chat import Chat
from pulse.aggregates.chat_so_far import random_id_of
from pulse.message import Attachment, Incoming, Quoted
from pulse.projections import inbox
from tests.given import (
    ANNA,
    BORIS,
    NOW,
    SALES,
    SUPPORT,
    VERA,
    a_chat,
    assigned_to,
    attempted,
    closed_by,
    replies,
    vera_edits,
    vera_writes,
)
from tests.projections.conftest import append
from tests.projections.told import Told, kept, vera


def row_after(*acts) -> dict:
    """What Vera's chat changes in its row."""
    told = Told()
    told.of(a_chat(), *acts)
    [row] = told.through(inbox).rows("inbox.update_chats")
    return row


def some(row: dict, *names: str) -> list:
    return [row.get(name) for name in names]


# What an event makes of the row


def test_an_opened_chat_gets_a_row_with_all_that_the_list_shows():
    told = Told()
    told.of(a_chat())
    changes = told.through(inbox)
    [row] = changes.rows("inbox.insert_chats")
    assert some(row, "channel", "peer", "name", "is_group") == ["telegram", "77", "Vera", False]
    assert row["department_id"] == SALES
    assert row["last_position"] == 1


def test_a_message_is_the_last_word_and_unread():
    row = row_after(vera_writes("u1", "m1", "Where is my order?"))
    assert some(row, "last_text", "last_kind", "last_sender") == ["Where is my order?", "text", "customer"]
    assert some(row, "last_position", "last_version", "version") == [2, 2, 2]
    assert some(row, "unread_by_staff", "unread_by_customer") == [1, 0]


def test_a_reply_is_the_last_word_and_clears_what_waited():
    row = row_after(vera_writes("u1"), replies(ANNA, "Good day"))
    assert some(row, "last_text", "last_sender", "unread_by_staff", "unread_by_customer") == [
        "Good day",
        "moderator",
        0,
        1,
    ]
    assert row["holder_id"] == ANNA


def test_a_reply_written_elsewhere_is_the_last_word_from_outside():
    def echo(chat: Chat) -> None:
        chat.echo(text="From VK itself", attachments=(), message_id="m9", random_id=0, outside_author="5",
                  external_id="e1", raw="{}", now=NOW)  # fmt: skip

    assert some(row_after(echo), "last_text", "last_sender") == ["From VK itself", "outside"]


def test_our_own_reply_echoed_is_no_new_word():
    def echoed(chat: Chat) -> None:
        chat.echo(text="Good day", attachments=(), message_id="m9", random_id=random_id_of(chat.id, 3),
                  outside_author=None, external_id="e1", raw="{}", now=NOW)  # fmt: skip

    row = row_after(replies(ANNA, "Good day"), attempted(3), echoed)
    assert some(row, "last_sender", "last_version", "version", "unread_by_customer") == ["moderator", 3, 6, 1]


def test_long_words_are_shortened():
    assert len(row_after(vera_writes("u1", text="я" * 5000))["last_text"]) == 200
    assert len(row_after(replies(ANNA, "a" * 5000))["last_text"]) == 200


def test_closing_and_writing_again_move_the_status():
    closed = row_after(closed_by(ANNA))
    assert some(closed, "status", "holder_id") == ["closed", None]
    again = row_after(closed_by(ANNA), vera_writes("u1"))
    assert again["status"] == "open"


def test_holder_and_department_follow_the_chat():
    held = row_after(assigned_to(ANNA), assigned_to(BORIS, seen=ANNA))
    assert held["holder_id"] == BORIS
    moved = row_after(assigned_to(ANNA), lambda chat: chat.transfer(SUPPORT, now=NOW))
    assert some(moved, "department_id", "holder_id") == [SUPPORT, None]


def test_a_seen_mark_moves_the_counter_and_not_the_place():
    row = row_after(vera_writes("u1"), vera_writes("u2"), lambda chat: chat.see(ANNA, 2, now=NOW))
    assert some(row, "unread_by_staff", "last_version", "version") == [1, 3, 4]


def test_what_a_chat_is_called_follows_who_writes_in_it():
    assert row_after(vera_writes("u1"))["name"] == "Vera"
    nameless = Incoming(external_id="u1", author=type(VERA)(id="77"))
    assert "name" not in row_after(lambda chat: chat.receive(nameless, raw="{}", now=NOW))


def test_an_edit_and_a_deletion_name_the_word_they_change():
    told = Told()
    told.of(
        a_chat(),
        vera_writes("u1", "m1", "Helo"),
        vera_edits("u2", "m1", "Hello"),
        vera_writes("u3", "m2"),
        lambda chat: chat.delete(("m2",), external_id="u4", raw="{}", now=NOW),
    )
    words = told.through(inbox).rows("inbox.change_words")
    assert [some(word, "version", "last_text", "last_kind") for word in words] == [
        [2, "Hello", "text"],
        [4, "", "deleted"],
    ]


def test_a_word_that_is_read_otherwise_shows_as_it_is_read_now():
    told = Told()
    was = Incoming("u1", VERA, "Helo", "m1")
    told.of(a_chat(), lambda chat: chat.receive(was, raw="{}", now=NOW),
            lambda chat: chat.reread(2, Incoming("u1", VERA, "Hello", "m1"), was=was, now=NOW))  # fmt: skip
    [word] = told.through(inbox).rows("inbox.change_words")
    assert some(word, "version", "last_text", "last_kind") == [2, "Hello", "text"]


def test_a_deletion_of_several_messages_names_the_latest_and_takes_them_off_what_waits():
    told = Told()
    told.of(
        a_chat(),
        *(vera_writes(f"u{number}", f"m{number}") for number in (1, 2, 3)),
        lambda chat: chat.delete(("m3", "m2"), external_id="u4", raw="{}", now=NOW),
    )
    changes = told.through(inbox)
    assert [word["version"] for word in changes.rows("inbox.change_words")] == [4]
    assert changes.rows("inbox.update_chats")[0]["unread_by_staff"] == 1


def test_other_aggregates_change_nothing_here():
    told = Told()
    told.of(vera())
    told.of(kept())
    assert told.through(inbox).encoded() == {}


# How a message looks in the list

KINDS = [
    "photo",
    "document",
    "voice",
    "audio",
    "video",
    "animation",
    "sticker",
    "location",
    "contact",
    "link",
    "unsupported",
]


@pytest.mark.parametrize("kind", KINDS)
def test_a_message_without_text_is_shown_by_what_came_with_it(kind: str):
    bare = Incoming("u1", VERA, attachments=(Attachment(kind), Attachment("photo", name="second.jpg")))
    named = Incoming("u1", VERA, attachments=(Attachment(kind, name="order.pdf"),))
    assert inbox.preview_of(bare) == ("", kind)
    assert inbox.preview_of(named) == ("order.pdf", kind)


def test_text_comes_before_attachments_then_forwards_then_notices():
    forward = Quoted("as he said", attachments=(Attachment("photo"),))
    assert inbox.preview_of(Incoming("u", VERA, "look", attachments=(Attachment("photo"),))) == ("look", "text")
    assert inbox.preview_of(Incoming("u", VERA, forwarded=(forward,))) == ("as he said", "forward")
    assert inbox.preview_of(Incoming("u", VERA, notice="joined")) == ("joined", "notice")
    assert inbox.preview_of(Incoming("u", VERA)) == ("", "notice")


# Rows as they lie in the table


async def test_an_edited_last_word_shows_and_an_older_one_does_not(log, projector, reads):
    told = Told()
    chat = told.of(a_chat(), vera_writes("u1", "m1", "first"), vera_writes("u2", "m2", "secnd"))
    told.of(chat, vera_edits("u3", "m2", "second"), vera_edits("u4", "m1", "FIRST"))
    await append(log, told)
    await projector.catch_up()
    assert (await inbox.one(reads, chat.id))["last_text"] == "second"
    later = Told()
    later.of(chat, lambda c: c.delete(("m2",), external_id="u5", raw="{}", now=NOW))
    await append(log, later)
    await projector.catch_up()
    row = await inbox.one(reads, chat.id)
    assert some(row, "last_text", "last_kind", "version") == ["", "deleted", 6]


async def test_a_group_keeps_its_title_and_a_person_gets_the_newest_name(log, projector, reads):
    told = Told()
    person = told.of(a_chat())
    group = told.of(
        Chat.open(source_id=person.source_id, channel="telegram", peer="-5", title="Neighbours", group=True,
                  department_id=SALES, customer_id=person.customer_id, now=NOW)
    )  # fmt: skip
    renamed = Incoming("u1", type(VERA)(id="77", name="Vera Smirnova"), "Hello")
    for chat in (person, group):
        told.of(chat, lambda c: c.receive(renamed, raw="{}", now=NOW))
    await append(log, told)
    await projector.catch_up()
    assert (await inbox.one(reads, person.id))["name"] == "Vera Smirnova"
    assert (await inbox.one(reads, group.id))["name"] == "Neighbours"


async def test_a_chat_that_nobody_opened_is_not_there(projector, reads):
    await projector.catch_up()
    assert await inbox.one(reads, uuid4()) is None


# Plans

FILL = """
insert into read.inbox (chat_id, source_id, channel, peer, customer_id, name, is_group, department_id, holder_id,
    opened_at, last_at, last_position, version)
select gen_random_uuid(), %(source)s, 'telegram', n::text, gen_random_uuid(), 'Vera', false,
    case when n %% 50 = 0 then %(sales)s when n %% 50 = 1 then %(support)s else gen_random_uuid() end,
    case when n %% 500 = 7 then %(anna)s end, now(), now(), n, 1
from generate_series(1, 50000) as n
"""


def plan(database_url: str, statement: str, parameters: dict) -> str:
    with psycopg.connect(database_url, autocommit=True, options="-c search_path=read") as connection:
        return "\n".join(line for (line,) in connection.execute(f"explain {statement}", parameters).fetchall())


async def test_the_open_chats_among_many_closed_ones_are_read_by_their_index(database_url, projector, query):
    await projector.catch_up()
    query(FILL, {"source": uuid4(), "sales": SALES, "support": SUPPORT, "anna": ANNA})
    query("update read.inbox set status = 'closed', holder_id = null where last_position % 1000 <> 50")
    query("analyze read.inbox")
    found = plan(database_url, inbox.SQL["open_chats"], {"departments": [SALES], "position": 0, "limit": 500})
    assert "inbox_by_" in found, found
    assert "Seq Scan" not in found


async def test_open_chats_are_those_that_are_held_or_wait_in_a_department(log, projector, reads):
    told = Told()
    waits, held = told.of(a_chat("1"), vera_writes("u1")).id, told.of(a_chat("2"), assigned_to(ANNA)).id
    told.of(a_chat("3"), closed_by(ANNA))
    elsewhere = told.of(a_chat("4", department=SUPPORT), vera_writes("u4")).id
    held_elsewhere = told.of(a_chat("5", department=SUPPORT), assigned_to(BORIS)).id
    await append(log, told)
    await projector.catch_up()

    async def found(*departments: UUID) -> list[UUID]:
        rows, after = list[UUID](), 0
        while page := await inbox.open_chats(reads, list(departments), after, 2):
            rows, after = rows + [row["chat_id"] for row in page], page[-1]["last_position"]
        return rows

    assert await found(SALES) == [waits, held, held_elsewhere]
    assert await found(SALES, SUPPORT) == [waits, held, elsewhere, held_elsewhere]
    assert await found() == [held, held_elsewhere]
