"""What was said in a chat, and pages of it."""

from __future__ import annotations

from uuid import UUID, uuid4

import psycopg
import pytest

from pulse.aggregates.chat import Chat
from pulse.aggregates.chat_so_far import random_id_of
from pulse.message import Attachment, Author, Incoming, Quoted
from pulse.projections import entries, thread
from tests.given import ANNA, NOW, VERA, a_chat, assigned_to, attempted, closed_by, replies, vera_edits, vera_writes
from tests.projections.conftest import append
from tests.projections.told import Told, kept, vera


def entries_after(*acts) -> list[dict]:
    """The entries that Vera's chat adds."""
    told = Told()
    told.of(a_chat(), *acts)
    return [row["entry"] for row in told.through(thread).rows("thread.insert_entries")]


def patches_after(*acts) -> list[tuple[int, dict]]:
    told = Told()
    told.of(a_chat(), *acts)
    return [(row["version"], row["patch"]) for row in told.through(thread).rows("thread.change_entries")]


def writes(**fields: object):
    incoming = Incoming(**{"external_id": "u1", "author": VERA, "message_id": "m1", **fields})
    return lambda chat: chat.receive(incoming, raw="{}", now=NOW)


# New entries


def test_a_message_is_an_entry_whose_id_is_the_chats_version():
    [entry] = entries_after(vera_writes("u1", "m1", "Hello"))
    assert entry["id"] == 2
    assert entry["sender_type"] == "customer"
    assert entry["sender"] == {"id": "77", "name": "Vera", "username": None}
    assert (entry["text"], entry["attachments"], entry["created_at"]) == ("Hello", [], NOW)


def test_a_reply_names_its_moderator_and_the_clients_own_id():
    [entry] = entries_after(replies(ANNA, "Good day", "c1"))
    assert (entry["sender_type"], entry["sender"]) == ("moderator", {"id": ANNA})
    assert (entry["text"], entry["client_msg_id"]) == ("Good day", "c1")


def test_a_reply_written_elsewhere_is_shown_as_from_outside():
    def echo(chat: Chat) -> None:
        chat.echo(text="Hi", attachments=(Attachment("photo"),), message_id="m9", random_id=0, outside_author="5",
                  external_id="e1", raw="{}", now=NOW)  # fmt: skip

    [entry] = entries_after(echo)
    assert (entry["sender_type"], entry["sender"]) == ("outside", {"id": "5"})
    assert entry["attachments"] == [{"kind": "photo"}]


def echo(external_id: str, random_id: int = 0, outside_author: str | None = None):
    return lambda chat: chat.echo(
        text="Hi", attachments=(), message_id=external_id, random_id=random_id, outside_author=outside_author,
        external_id=external_id, raw="{}", now=NOW,
    )  # fmt: skip


def test_our_own_reply_is_not_shown_a_second_time():
    acts = (replies(ANNA, "Hi"), attempted(3), echo("e1", random_id_of(a_chat().id, 3)))
    assert [entry["sender_type"] for entry in entries_after(*acts)] == ["moderator"]
    assert [(of, patch["status"]) for of, patch in patches_after(*acts)] == [(3, "sent")]


def test_what_another_program_sent_is_shown_as_from_outside():
    ours, program = entries_after(replies(ANNA, "Hi"), echo("e1", random_id=5))
    assert (ours["sender_type"], program["sender_type"], program["sender"]) == ("moderator", "outside", {"id": None})


def test_a_pressed_button_is_an_entry():
    def press(chat: Chat) -> None:
        chat.press(author=Author("77", "Vera"), payload="yes", query_id="q", message_id="m1", external_id="u1",
                   raw="{}", now=NOW)  # fmt: skip

    [entry] = entries_after(press)
    assert (entry["notice"], entry["payload"], entry["sender"]["name"]) == ("button", "yes", "Vera")


def test_an_entry_shows_what_came_with_it_and_never_how_to_fetch_it():
    photo = Attachment("photo", name="cat.jpg", mime="image/jpeg", size=5, ref="https://cdn/secret", width=1, height=2)
    [entry] = entries_after(
        writes(
            attachments=(photo,),
            reply_to=Quoted("before", author="Anna", message_id="m0"),
            forwarded=(Quoted("elsewhere", attachments=(Attachment("voice", seconds=3),)),),
            album="a1",
            payload="p",
            notice="n",
            sent_at=NOW,
        )
    )
    assert entry["attachments"] == [
        {"id": "2.0", "kind": "photo", "name": "cat.jpg", "mime": "image/jpeg", "size": 5, "width": 1, "height": 2}
    ]
    assert entry["reply_to"] == {"text": "before", "author": "Anna", "attachments": []}
    assert entry["forwarded"] == [{"text": "elsewhere", "author": "", "attachments": [{"kind": "voice", "seconds": 3}]}]
    assert [entry[name] for name in ("album", "payload", "notice", "sent_at")] == ["a1", "p", "n", NOW]
    assert "secret" not in repr(entry)


def test_what_is_not_said_is_no_entry():
    assert entries_after(assigned_to(ANNA), lambda chat: chat.see(ANNA, 1, now=NOW), closed_by(ANNA)) == []
    told = Told()
    told.of(vera())
    told.of(kept())
    assert told.through(thread).encoded() == {}


# Changes


def test_an_edit_lays_the_new_words_over_the_entry():
    [(version, patch)] = patches_after(vera_writes("u1", "m1", "Helo"), vera_edits("u2", "m1", "Hello"))
    assert version == 2
    assert (patch["text"], patch["edited_at"]) == ("Hello", NOW)


def test_reading_again_lays_the_new_content_over_the_entry_and_takes_away_what_is_gone():
    told = Told()
    was = Incoming("u1", VERA, text="", message_id="m1", notice="unsupported", payload="p")
    told.of(a_chat(), lambda chat: chat.receive(was, raw="{}", now=NOW),
            lambda chat: chat.reread(2, Incoming("u1", VERA, text="Hello", message_id="m1"), was=was, now=NOW))  # fmt: skip
    [change] = told.through(thread).rows("thread.change_entries")
    patch = change["patch"]
    assert (change["version"], patch["text"], patch["notice"], patch["payload"]) == (2, "Hello", None, None)
    assert (patch["reread_at"], patch["sender"]["name"]) == (NOW, "Vera")


def test_a_deletion_leaves_nothing_of_what_was_said():
    [(version, patch)] = patches_after(
        writes(text="secret", attachments=(Attachment("photo"),), forwarded=(Quoted("secret"),), payload="secret"),
        lambda chat: chat.delete(("m1",), external_id="u2", raw="{}", now=NOW),
    )
    assert version == 2
    gone = {"text": "", "attachments": [], "forwarded": [], "reply_to": None, "payload": None}
    assert patch == gone | {"deleted_at": NOW}


def test_a_deletion_of_several_messages_changes_each_entry():
    said = (vera_writes("u1", "m1"), vera_writes("u2", "m2"), vera_writes("u3", "m3"))
    patches = patches_after(*said, lambda chat: chat.delete(("m3", "m1"), external_id="u4", raw="{}", now=NOW))
    assert [(version, patch["text"], patch["deleted_at"]) for version, patch in patches] == [(4, "", NOW), (2, "", NOW)]


KIRILL = Author("78", "Kirill")


def react(external_id: str, who: Author, *reactions: str, to: str = "m1"):
    return lambda chat: chat.react(
        author=who, message_id=to, reactions=reactions, external_id=external_id, raw="{}", now=NOW
    )


def test_a_persons_reactions_replace_each_other_and_ones_to_unseen_messages_are_passed_over():
    [(version, patch)] = patches_after(
        vera_writes("u1", "m1"), react("u2", VERA, "❤", "👍"), react("u3", VERA, "👍"), react("u4", VERA, "❤", to="m?")
    )
    assert (version, patch) == (2, {"reactions": {"77": ["👍"]}})


def test_reactions_stand_beside_each_other_by_author_and_beside_an_edit():
    [(_, patch)] = patches_after(
        vera_writes("u1", "m1"), react("u2", VERA, "❤"), vera_edits("u3", "m1", "Hello"), react("u4", KIRILL, "👍"),
        react("u5", VERA),
    )  # fmt: skip
    assert patch["reactions"] == {"77": None, "78": ["👍"]}
    assert patch["text"] == "Hello"


@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "one after the other"])
async def test_one_persons_reactions_leave_the_others_as_they_are(log, projector, reads, together):
    told = Told()
    chat = told.of(a_chat(), vera_writes("u1", "m1"))
    seen = []
    acts = (react("u2", VERA, "❤"), react("u3", KIRILL, "👍", "🔥"), react("u4", VERA), react("u5", KIRILL))
    for act in acts:
        told.of(chat, act)
        if not together:
            await append(log, told)
            told = Told()
            await projector.catch_up()
            seen += [entry["reactions"] for entry in await newest(reads, chat.id)]
    await append(log, told)
    await projector.catch_up()
    seen += [entry["reactions"] for entry in await newest(reads, chat.id)]
    assert seen[-1] == {}
    assert together or seen[:4] == [{"77": ["❤"]}, {"77": ["❤"], "78": ["👍", "🔥"]}, {"78": ["👍", "🔥"]}, {}]


async def newest(reads, chat_id: UUID) -> list[dict]:
    return (await thread.page(reads, chat_id, limit=10, before=None, after=None)).items


async def test_changes_reach_the_row_in_the_same_batch_and_later(log, projector, reads):
    told = Told()
    chat = told.of(a_chat(), vera_writes("u1", "m1", "Helo"), vera_edits("u2", "m1", "Hello"))
    await append(log, told)
    await projector.catch_up()
    [entry] = (await thread.page(reads, chat.id, limit=10, before=None, after=None)).items
    assert entry["text"] == "Hello"
    later = Told()
    later.of(chat, lambda c: c.delete(("m1",), external_id="u3", raw="{}", now=NOW))
    await append(log, later)
    await projector.catch_up()
    [entry] = (await thread.page(reads, chat.id, limit=10, before=None, after=None)).items
    assert (entry["id"], entry["text"], entry["sender"]["name"]) == (2, "", "Vera")
    assert {"edited_at", "deleted_at"} <= entry.keys()


# Pages


@pytest.fixture
async def said(log, projector) -> UUID:
    """A chat of 23 messages (versions 2 to 24), and another beside it."""
    told = Told()
    chat, other = told.of(a_chat()), told.of(a_chat(peer="78"))
    for number in range(23):
        told.of(chat, vera_writes(f"u{number}", text=str(number)))
        told.of(other, vera_writes(f"u{number}", text="other"))
    await append(log, told)
    await projector.catch_up()
    return chat.id


async def test_pages_show_every_entry_both_ways(said, reads):
    wanted = [str(number) for number in range(23)]
    for limit in (1, 5, 23, 100):
        page = await thread.page(reads, said, limit=limit, before=None, after=None)
        assert page.next is None
        back = list(page.items)
        while page.prev:
            page = await thread.page(reads, said, limit=limit, before=int(page.prev), after=None)
            back = [*page.items, *back]
        assert [entry["text"] for entry in back] == wanted
        page = await thread.page(reads, said, limit=limit, before=None, after=0)
        assert page.prev is None
        forth = list(page.items)
        while page.next:
            page = await thread.page(reads, said, limit=limit, before=None, after=int(page.next))
            forth += page.items
        assert [entry["text"] for entry in forth] == wanted


async def test_a_page_in_the_middle_leads_both_ways(said, reads):
    page = await thread.page(reads, said, limit=5, before=12, after=None)
    assert ([entry["id"] for entry in page.items], page.prev, page.next) == ([7, 8, 9, 10, 11], "7", "11")
    page = await thread.page(reads, said, limit=5, before=None, after=11)
    assert ([entry["id"] for entry in page.items], page.prev, page.next) == ([12, 13, 14, 15, 16], "12", "16")


async def test_past_the_end_and_in_an_unknown_chat_there_is_nothing(said, reads):
    for chat, before, after in ((said, None, 24), (said, 2, None), (uuid4(), None, None)):
        page = await thread.page(reads, chat, limit=5, before=before, after=after)
        assert (page.items, page.next, page.prev) == ([], None, None)


FILL = """
insert into read.thread (chat_id, version, position, inside, entry)
select ('00000000-0000-0000-0000-' || lpad((n %% 50)::text, 12, '0'))::uuid, n / 50 + 2, n, false, '{"text": "Hello"}'
from generate_series(1, 50000) as n where %(all)s
"""


async def test_fifty_thousand_entries_are_read_by_their_index(database_url, projector, query):
    await projector.catch_up()
    query(FILL, {"all": True})
    query("analyze read.thread")
    with psycopg.connect(database_url, autocommit=True, options="-c search_path=read") as connection:
        for name, bound in (("newest", {"before": thread.END}), ("newest", {"before": 500}), ("after", {"after": 500})):
            values = {"chat_id": UUID(int=7), "limit": 51, "inside": True, **bound}
            rows = connection.execute(f"explain {thread.SQL[name]}", values).fetchall()
            found = "\n".join(line for (line,) in rows)
            assert "thread_pkey" in found, found
            assert "Seq Scan" not in found, found
            assert "Sort" not in found, found


# Files


PHOTO = Attachment("photo", name="cat.jpg", size=5, ref="secret-ref")
HERE = {"file": "00000000-0000-0000-0000-000000000001", "mime": "image/png", "size": 7}


def test_a_file_that_is_not_ours_yet_has_an_id_by_which_it_is_told_of_later():
    [entry] = entries_after(writes(attachments=(Attachment("location"), PHOTO)))
    assert entry["attachments"][1] == {"id": "2.1", "kind": "photo", "name": "cat.jpg", "size": 5}
    assert "id" not in entry["attachments"][0]


def test_what_became_of_files_goes_by_their_ids():
    patches = patches_after(writes(attachments=(PHOTO, PHOTO)), stored(2, 0), gone(2, 1))
    assert patches == [(2, {"files": {"2.0": HERE, "2.1": {"lost": "It is gone."}}})]


def test_files_are_laid_over_wherever_they_are_in_an_entry():
    quoted = Quoted("", attachments=(PHOTO,))
    [entry] = entries_after(writes(attachments=(PHOTO,), reply_to=quoted, forwarded=(quoted, quoted)))
    files = {f"2.{number}": {"file": str(number)} for number in range(4)}
    shown = entries.with_files(entry | {"files": files})
    assert [one["file"] for one in shown["attachments"]] == ["0"]
    assert shown["reply_to"]["attachments"][0]["file"] == "1"
    assert [one["attachments"][0]["file"] for one in shown["forwarded"]] == ["2", "3"]
    assert "files" not in shown


def test_a_file_that_comes_after_an_edit_replaced_it_is_not_laid_over_the_new_one():
    edit = Incoming(external_id="u2", author=VERA, message_id="m1", attachments=(PHOTO,))
    acts = (writes(attachments=(PHOTO,)), lambda chat: chat.edit(edit, raw="{}", now=NOW), stored(2, 0))
    [(version, patch)] = patches_after(*acts)
    assert (version, list(patch["files"])) == (2, ["2.0"])
    [shown] = entries.with_files(patch)["attachments"]
    assert (shown["id"], shown.get("file")) == ("3.0", None)


def stored(of: int, index: int):
    ours = Attachment("photo", mime="image/png", size=7, file=HERE["file"], sha256="a" * 64)
    return lambda chat: chat.store_attachment(ours, of=of, edit=None, index=index, now=NOW)


def gone(of: int, index: int):
    return lambda chat: chat.lose_attachment(of=of, edit=None, index=index, reason="It is gone.", now=NOW)
