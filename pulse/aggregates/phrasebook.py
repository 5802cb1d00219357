"""Phrasebook: the canned replies of one department, or of everybody."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Self
from uuid import UUID, uuid5

from eventsourcing.domain import Aggregate, AggregateCreated, AggregateEvent

from pulse.errors import BadInput, Refusal

PHRASEBOOKS = UUID("b2a4a8b5-3f0e-5d0c-8a57-2d3c9e61d0a4")
LANGUAGES = ("ru", "en")
VARIABLES = ("customer", "moderator", "department")
SHORTCUT = re.compile(r"[\w-]{1,40}")
VARIABLE = re.compile(r"\{(\w*)\}")
REPLIES, LONGEST = 500, 8000


class NotAShortcut(BadInput):
    """A shortcut has 1 to 40 letters, digits, `_` or `-`; the `/` before it is not part of it."""


class NotACannedReply(BadInput):
    """A canned reply has a text of at most 8,000 characters in Russian (`ru`), in English (`en`), or in both."""


class UnknownVariable(BadInput):
    """A canned reply can only hold {customer}, {moderator} and {department}."""


class TooManyCannedReplies(Refusal):
    """A phrasebook holds at most 500 canned replies."""


class PhrasebookBegun(AggregateCreated):
    department_id: UUID | None


class CannedReplyKept(AggregateEvent):
    """New, or in place of what the shortcut stood for."""

    shortcut: str
    texts: dict[str, str]

    def apply(self, book: Phrasebook) -> None:
        book.replies[self.shortcut] = self.texts


class CannedReplyRemoved(AggregateEvent):
    shortcut: str

    def apply(self, book: Phrasebook) -> None:
        del book.replies[self.shortcut]


class Phrasebook(Aggregate):
    """`replies` are texts by language, by shortcut."""

    department_id: UUID | None
    replies: dict[str, dict[str, str]] = field(default_factory=dict)

    @classmethod
    def begin(cls, department_id: UUID | None, *, now: datetime) -> Self:
        """The id follows from the department; everybody's has none."""
        return cls._create(PhrasebookBegun, id=phrasebook_id(department_id), department_id=department_id, timestamp=now)

    def keep(self, shortcut: str, texts: Mapping[str, str], *, now: datetime) -> None:
        """Raises NotAShortcut, NotACannedReply, UnknownVariable, TooManyCannedReplies."""
        shortcut, texts = clean_shortcut(shortcut), _clean_texts(texts)
        if self.replies.get(shortcut) == texts:
            return
        if len(self.replies) >= REPLIES and shortcut not in self.replies:
            raise TooManyCannedReplies
        self.trigger_event(CannedReplyKept, shortcut=shortcut, texts=texts, timestamp=now)

    def remove(self, shortcut: str, *, now: datetime) -> None:
        shortcut = clean_shortcut(shortcut)
        if shortcut in self.replies:
            self.trigger_event(CannedReplyRemoved, shortcut=shortcut, timestamp=now)


def phrasebook_id(department_id: UUID | None) -> UUID:
    return uuid5(PHRASEBOOKS, department_id.hex if department_id else "everybody")


def clean_shortcut(shortcut: str) -> str:
    """As it is kept: small letters, without the `/`. Raises NotAShortcut."""
    cleaned = shortcut.strip().removeprefix("/").lower()
    if not SHORTCUT.fullmatch(cleaned):
        raise NotAShortcut
    return cleaned


def filled(text: str, values: Mapping[str, str]) -> str:
    """A text with its variables replaced, once: what a value brings is not looked at again."""
    return VARIABLE.sub(lambda found: values.get(found[1], found[0]), text)


def variables_of(text: str) -> set[str]:
    return set(VARIABLE.findall(text))


def _clean_texts(texts: Mapping[str, str]) -> dict[str, str]:
    kept = {language: text for language, text in texts.items() if text.strip()}
    if (
        not kept
        or not set(kept) <= set(LANGUAGES)
        or any(len(text) > LONGEST or "\0" in text for text in kept.values())
    ):
        raise NotACannedReply
    for text in kept.values():
        if unknown := variables_of(text) - set(VARIABLES):
            raise UnknownVariable(unknown=sorted(unknown))
    return kept
