"""Rules: where a new chat goes by its first word. A source keeps a list of them; the first that fits decides. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, time
from functools import cache
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pulse.errors import BadInput
from pulse.message import Author, Incoming
from pulse.values import value

RULES, WORDS, TEXT_LIMIT = 50, 50, 256
TEXT_LOOKED_AT = 4096
HOUR = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")


class NotARule(BadInput):
    """A rule for routing can't be used."""


@value
class Hours:
    """A part of the day in a time zone, from `since` up to `until` ("09:00"); it may lead over midnight."""

    since: str
    until: str
    zone: str


@value
class Rule:
    """Everything that it names must hold for a chat to go to `department`; without conditions it takes every chat.

    The text must contain one of `words`; `payload` is what a link or a button brought along. Letter case never counts.
    A `language` stands for its regions too: `ru` takes `ru-RU`.
    """

    department: UUID
    words: tuple[str, ...] = ()
    payload: str | None = None
    language: str | None = None
    username: str | None = None
    name: str | None = None
    group: bool | None = None
    hours: Hours | None = None


@value
class FirstWord:
    """What rules look at: who wrote first, what, and whether in a group."""

    author: Author
    text: str = ""
    payload: str | None = None
    group: bool = False

    @classmethod
    def of(cls, word: object, *, peer: str, group: bool) -> FirstWord:
        """Out of what opens a chat: an arrival, or the event it became.

        What our own side wrote has no author; it tells rules only whom it was for.
        """
        message = getattr(word, "message", None)
        if isinstance(message, Incoming):
            return cls(message.author, message.text, message.payload, group)
        return cls(getattr(word, "author", Author(peer)), payload=getattr(word, "payload", None), group=group)


def department_by(rules: Sequence[Rule], word: FirstWord, at: datetime) -> tuple[int, UUID] | None:
    """The first rule that fits, by its index, and where it sends the chat; None where none does."""
    return next(((index, rule.department) for index, rule in enumerate(rules) if fits(rule, word, at)), None)


def fits(rule: Rule, word: FirstWord, at: datetime) -> bool:
    """Does everything hold that the rule names?"""
    text = word.text[:TEXT_LOOKED_AT].casefold()
    return (
        (not rule.words or any(wanted.casefold() in text for wanted in rule.words))
        and _same(rule.payload, word.payload)
        and (rule.language is None or _speaks(rule.language.casefold(), (word.author.language or "").casefold()))
        and _same(rule.username and rule.username.removeprefix("@"), word.author.username)
        and _same(rule.name, word.author.name)
        and rule.group in (None, word.group)
        and (rule.hours is None or within(rule.hours, at))
    )


def within(hours: Hours, at: datetime) -> bool:
    """Is it in this part of the day there?"""
    clock = at.astimezone(_zone(hours.zone)).time()
    since, until = time.fromisoformat(hours.since), time.fromisoformat(hours.until)
    return since <= clock < until if since < until else clock >= since or clock < until


def require_rules(rules: Sequence[Rule], departments: Sequence[UUID]) -> None:
    """Raises NotARule, with the `index` of the rule and the `field` that is wrong."""
    if len(rules) > RULES:
        raise NotARule(f"A source has {RULES} rules at most.", index=RULES, field="rules")
    for index, rule in enumerate(rules):
        for field, fault in _faults(rule, departments):
            raise NotARule(f"In rule {index + 1}, {field} must {fault}", index=index, field=field)


def _faults(rule: Rule, departments: Sequence[UUID]) -> Iterator[tuple[str, str]]:
    """Each wrong field, and what it must be."""
    if rule.department not in departments:
        yield "department", "be one of this source's departments."
    if len(rule.words) > WORDS or not all(map(_is_text, rule.words)):
        yield "words", f"be {WORDS} at most, each of 1 to {TEXT_LIMIT} characters."
    # Of `@` alone nothing is left, and that would take everybody without a username.
    texts = {"payload": rule.payload, "username": rule.username and rule.username.removeprefix("@"), "name": rule.name}
    for field, text in texts.items():
        if text is not None and not _is_text(text):
            yield field, f"have 1 to {TEXT_LIMIT} characters that can be seen."
    if rule.language is not None and not LANGUAGE.fullmatch(rule.language):
        yield "language", "be a language's code, such as ru or pt-BR."
    if rule.hours is not None:
        yield from _faults_of_hours(rule.hours)


def _faults_of_hours(hours: Hours) -> Iterator[tuple[str, str]]:
    for field in ("since", "until"):
        if not HOUR.fullmatch(getattr(hours, field)):
            yield f"hours.{field}", "be a time of the day, such as 09:00."
    if hours.since == hours.until:
        yield "hours.until", "be another time than since."
    try:
        _zone(hours.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield "hours.zone", "be a time zone's name, such as Europe/Moscow."


def _is_text(text: str) -> bool:
    return bool(text.strip()) and len(text) <= TEXT_LIMIT and text.isprintable()


def _same(wanted: str | None, found: str | None) -> bool:
    return wanted is None or wanted.casefold() == (found or "").casefold()


def _speaks(wanted: str, found: str) -> bool:
    return found == wanted or found.startswith(f"{wanted}-")


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
