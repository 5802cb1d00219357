"""Files of a chat are awaited until they are ours or lost, and decided once."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest

from pulse.aggregates.chat import Chat
from pulse.aggregates.chat_files import AttachmentLost, AttachmentStored
from pulse.message import Attachment, Incoming, Quoted
from tests.given import NOW, VERA, a_chat, given

CAT, DOG = Attachment("photo", ref="cat"), Attachment("document", ref="dog")
OURS = Attachment("photo", name="cat.jpg", mime="image/png", size=7, file=str(UUID(int=1)), sha256="a" * 64)


def vera_sends(*attachments: Attachment, **more: object) -> Callable[[Chat], None]:
    said = Incoming("1", VERA, message_id="1", attachments=attachments, **more)  # type: ignore[arg-type]
    return lambda chat: chat.receive(said, raw="{}", now=NOW)


def vera_edits(*attachments: Attachment) -> Callable[[Chat], None]:
    said = Incoming("2", VERA, message_id="1", attachments=attachments)
    return lambda chat: chat.edit(said, raw="{}", now=NOW)


def echoed(*attachments: Attachment, random_id: int = 0) -> Callable[[Chat], None]:
    return lambda chat: chat.echo(
        text="", attachments=attachments, message_id="9", random_id=random_id, outside_author="5", external_id="9",
        raw="{}", now=NOW,
    )  # fmt: skip


def kept(of: int, index: int, edit: int | None = None) -> Callable[[Chat], None]:
    return lambda chat: chat.store_attachment(OURS, of=of, edit=edit, index=index, now=NOW)


def lost(of: int, index: int, edit: int | None = None) -> Callable[[Chat], None]:
    return lambda chat: chat.lose_attachment(of=of, edit=edit, index=index, reason="It is gone.", now=NOW)


def test_a_file_is_stored_once() -> None:
    done = given(a_chat(), vera_sends(CAT, DOG)).when(kept(2, 0)).then(AttachmentStored).now(awaited={"2.1"})
    assert (done.events[0].file, done.events[0].sha256, done.events[0].mime) == (OURS.file, "a" * 64, "image/png")
    for late in (kept(2, 0), lost(2, 0)):
        given(a_chat(), vera_sends(CAT, DOG), kept(2, 0)).when(late).then_nothing()


def test_a_lost_file_stays_lost() -> None:
    given(a_chat(), vera_sends(CAT)).when(lost(2, 0)).then(AttachmentLost).now(awaited=set())
    given(a_chat(), vera_sends(CAT), lost(2, 0)).when(kept(2, 0)).then_nothing()


@pytest.mark.parametrize(("of", "index"), [(2, 1), (3, 0), (1, 0)])
def test_a_file_that_is_not_there_is_not_stored(of: int, index: int) -> None:
    given(a_chat(), vera_sends(CAT)).when(kept(of, index)).then_nothing()


def test_only_files_that_lie_elsewhere_are_awaited() -> None:
    others = (Attachment("sticker", ref="x"), Attachment("location", latitude=1.0), Attachment("photo"), OURS, CAT)
    given(a_chat(), vera_sends(*others)).when(lambda chat: chat.awaited).now(awaited={"2.4"})


def test_files_of_what_is_answered_and_forwarded_are_counted_through() -> None:
    quoted = vera_sends(
        CAT, reply_to=Quoted("", attachments=(DOG,)), forwarded=(Quoted(""), Quoted("", attachments=(CAT,)))
    )
    given(a_chat(), quoted).when(kept(2, 2)).then(AttachmentStored).now(awaited={"2.0", "2.1"})


def test_an_edits_files_are_its_own() -> None:
    both = (vera_sends(CAT), vera_edits(DOG))
    given(a_chat(), *both).when(kept(2, 0, edit=3)).then(AttachmentStored).now(awaited={"2.0"})
    given(a_chat(), *both).when(kept(2, 0)).then(AttachmentStored).now(awaited={"3.0"})


def test_a_reply_from_outside_brings_files_and_our_own_does_not() -> None:
    given(a_chat(), echoed(CAT)).when(kept(2, 0)).then(AttachmentStored)


def expired(of: int, index: int, edit: int | None = None, days: int = 30) -> Callable[[Chat], None]:
    return lambda chat: chat.expire_attachment(str(UUID(int=1)), of=of, edit=edit, index=index, days=days, now=NOW)


def test_a_file_that_was_kept_long_enough_is_told_to_be_gone_once() -> None:
    chat = given(a_chat(), vera_sends(CAT), kept(2, 0))
    [told] = chat.when(expired(2, 0)).then(AttachmentLost).now(expired={"2.0"}).events
    assert (told.reason, told.file) == ("Files are kept for 30 days.", str(UUID(int=1)))
    chat.when(expired(2, 0, days=1)).then_nothing()
