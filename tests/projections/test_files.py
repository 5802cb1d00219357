"""Whose each of our own copies is."""

from __future__ import annotations

from uuid import UUID

from pulse.aggregates.chat import Chat
from pulse.message import Attachment, Incoming
from pulse.projections import files
from tests.aggregates.test_chat_files import CAT, OURS, expired, kept, lost, vera_sends
from tests.given import ANNA, NOW, VERA, a_chat
from tests.projections.told import Told


def rows_after(*acts) -> list[dict]:
    told = Told()
    told.of(a_chat(), *acts)
    return told.through(files).rows("files.insert_files")


def test_a_stored_file_is_its_chats():
    [row] = rows_after(vera_sends(CAT), kept(2, 0))
    shown = {field: row[field] for field in ("file_id", "chat_id", "kind", "sha256", "size", "mime", "name")}
    assert shown == {
        "file_id": str(UUID(int=1)), "chat_id": a_chat().id, "kind": "photo", "sha256": "a" * 64, "size": 7,
        "mime": "image/png", "name": "cat.jpg",
    }  # fmt: skip


def test_what_waits_or_is_lost_is_no_file():
    assert rows_after(vera_sends(CAT, CAT), lost(2, 0)) == []


def test_files_of_replies_and_of_visitors_are_there_at_once():
    def reply(chat: Chat) -> None:
        chat.reply("", moderator_id=ANNA, client_msg_id=None, attachments=(OURS,), now=NOW)

    def write(chat: Chat) -> None:
        photo = Attachment("photo", file=str(UUID(int=2)), sha256="b" * 64)
        chat.receive(Incoming("w1", VERA, attachments=(photo,)), raw="{}", now=NOW)

    assert [row["file_id"] for row in rows_after(reply, write)] == [str(UUID(int=1)), str(UUID(int=2))]


def test_a_file_that_was_kept_long_enough_is_forgotten():
    told = Told()
    told.of(a_chat(), vera_sends(CAT), kept(2, 0), expired(2, 0))
    assert [row["file_id"] for row in told.through(files).rows("files.forget_files")] == [str(UUID(int=1))]
    told = Told()
    told.of(a_chat(), vera_sends(CAT), lost(2, 0))
    assert told.through(files).rows("files.forget_files") == []
