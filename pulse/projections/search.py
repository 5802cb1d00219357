"""Search: what was said in all chats, whose chats they are, and where each word stands. Kept on a shelf of its own."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any
from uuid import UUID

from pulse.aggregates.chat import chat_id
from pulse.aggregates.chat_events import (
    ButtonPressed,
    CallbackRequested,
    ChatOpened,
    ChatRenamed,
    MessageEdited,
    MessageReceived,
    MessageReread,
    MessagesDeleted,
    ReplyEchoed,
    ReplyWritten,
)
from pulse.aggregates.chat_work import NoteWritten
from pulse.aggregates.customer import CustomerMet, CustomerProfileChanged
from pulse.eventlog.envelope import Recorded
from pulse.message import Attachment, Author, Incoming
from pulse.projections.changes import Changes, Row
from pulse.projections.customers import known_id
from pulse.projections.sql import Statements
from pulse.projections.words import phone_forms, searchable, spoken

VERSION = 2
REMEMBERED = 10_000
SQL = Statements(__file__)
WRITES = ("upsert_chats", "insert_entries", "name_people", "name_chats", "change_entries", "forget_entries")

chat_of = lru_cache(REMEMBERED)(chat_id)


def project(recorded: Recorded, changes: Changes) -> None:
    """A row per word of a chat, and one, with version 0, by which the chat itself is found."""
    event = recorded.event
    match event:
        case CustomerMet() as met:
            _met(recorded, chat_of(met.source_id, met.peer), recorded.aggregate_id, (met.peer,), changes)
            _named(recorded.aggregate_id, Author(met.peer, met.name, met.username), changes)
        case ChatOpened() as opened:
            row = _met(recorded, recorded.aggregate_id, opened.customer_id, (opened.peer,), changes)
            row |= {"title": searchable(opened.title)}
        case CustomerProfileChanged() as told:
            _named(recorded.aggregate_id, Author("", told.name, told.username, phone=told.phone), changes)
        case ChatRenamed(title=title):
            row = changes.fold("search.name_chats", recorded.aggregate_id)
            row |= {"chat_id": recorded.aggregate_id, "title": searchable(title)}
        case MessagesDeleted(of=of):
            for version in of:
                changes.add("search.forget_entries", {"chat_id": recorded.aggregate_id, "version": version})
        case MessageEdited(of=of, message=message) | MessageReread(of=of, message=message):
            row = changes.fold("search.change_entries", (recorded.aggregate_id, of))
            row |= {"chat_id": recorded.aggregate_id, "version": of, "words": searchable(*_said(recorded, message))}
        case _:
            _entry(recorded, changes)


def _entry(recorded: Recorded, changes: Changes) -> None:
    texts = _words_of(recorded)
    if texts is not None:
        place = {"chat_id": recorded.aggregate_id, "version": recorded.ver, "position": recorded.position}
        changes.add("search.insert_entries", {**place, "at": recorded.at, "words": searchable(*texts)})
    match recorded.event:
        case MessageReceived(message=message) if recorded.scope.source is not None:
            if chat_of(recorded.scope.source, message.author.id) == recorded.aggregate_id:  # their own chat, no group
                _named(known_id(recorded.scope.source, message.author.id), message.author, changes)


def _words_of(recorded: Recorded) -> Iterable[str | None] | None:
    """What people said, wrote beside it, and called their files; None for what is no word."""
    match recorded.event:
        case MessageReceived(message=message):
            return _said(recorded, message)
        case ReplyWritten(text=text, attachments=files) | ReplyEchoed(text=text, attachments=files, confirms=None):
            return [text, *_names(files)]
        case NoteWritten(text=text):
            return [text]
        case CallbackRequested(phone=phone, comment=comment):
            return [comment, phone]
        case ButtonPressed(payload=_):
            return []
    return None


def _said(recorded: Recorded, message: Incoming) -> list[str | None]:
    """In a group a message is also found by who wrote it: the chat's name is not theirs."""
    who = [message.author.name, message.author.username] if recorded.scope.group else []
    forwarded = [quoted.text for quoted in message.forwarded]
    return [message.text, *forwarded, *_names(message.attachments), *who]


def _names(attachments: tuple[Attachment, ...]) -> list[str | None]:
    return [word for one in attachments for word in (one.name, one.phone)]


def _met(recorded: Recorded, chat: UUID, customer: UUID, ids: tuple[str, ...], changes: Changes) -> Row:
    """The row by which a chat is found. A customer may be met before their chat is opened."""
    row = changes.fold("search.upsert_chats", chat)
    known = {"position": recorded.position, "at": recorded.at} | row
    words = [word for one in ids for word in spoken(one)]
    row |= known | {"chat_id": chat, "customer_id": customer, "ids": [chat.hex, customer.hex, *words]}
    return row


def _named(customer: UUID, author: Author, changes: Changes) -> None:
    """What the channel did not tell stays as it was known."""
    told: dict[str, Any] = {
        "name": searchable(author.name), "username": spoken(author.username or ""), "phone": _phone(author.phone or ""),
    }  # fmt: skip
    if any(told.values()):
        row = changes.fold("search.name_people", customer)
        row |= {"customer_id": customer} | {field: words for field, words in told.items() if words}


def _phone(phone: str) -> list[str]:
    digits = "".join(filter(str.isdecimal, phone))
    return list(phone_forms(digits)) if digits else []
