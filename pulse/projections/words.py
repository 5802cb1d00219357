"""Words: how texts become what is searched for, and how a question is put. Pure.

Whatever is written and whatever is asked comes through the same door, so that they meet: without case, ё as е,
compatibility forms as plain ones, words apart wherever something stands that is no letter and no digit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from unicodedata import normalize
from uuid import UUID

from pulse.errors import BadInput
from pulse.projections.word_forms import forms
from pulse.values import value

WORD = re.compile(r"[^\W_]+")
PHONE = re.compile(r"\+?\d[\d\s().-]{8,20}\d")
NUMBER = re.compile(r"[+\d\s().-]+")
LONGEST_WORD, LONGEST_TEXT = 64, 20_000
SHORTEST_PREFIX, SHORTEST_NUMBER = 2, 5
PHONE_DIGITS, NATIONAL_DIGITS = range(10, 16), 10
BEFORE_HIT, SNIPPET = 60, 200


@value
class Question:
    """What somebody asks: every word, the last one perhaps only begun, or a number's beginning, or an id."""

    words: tuple[str, ...]
    begun: bool
    numbers: tuple[str, ...] = ()
    id: str | None = None

    def lexemes(self) -> str:
        """As a tsquery: each word in any of its forms. Words hold no quotes, so quoting is safe."""
        asked = [[f"'{form}'" for form in forms(word)] for word in self.words]
        if self.begun:
            asked[-1].append(f"'{self.words[-1]}':*")
        others = [f"'{number}':*" for number in self.numbers] + ([f"'{self.id}'"] if self.id else [])
        return " | ".join([" & ".join(f"({' | '.join(word)})" for word in asked), *others])


def question_of(text: str) -> Question:
    """Raises BadInput where there is nothing to search for."""
    words = tuple(spoken(text))
    if not words:
        raise BadInput("A search needs a letter or a digit.")
    begun = text[-1].isalnum() and len(words[-1]) >= SHORTEST_PREFIX
    return Question(words, begun, _numbers(text), _id(text))


def spoken(text: str) -> list[str]:
    """The words of a text, each once, in their order."""
    return list(dict.fromkeys(word[:LONGEST_WORD] for word in WORD.findall(plain(text[:LONGEST_TEXT]))))


def plain(text: str) -> str:
    # NFKC would make "No" of №, and one word of it and the number after it.
    return normalize("NFKC", text.replace("№", " ")).casefold().replace("ё", "е")


def searchable(*texts: str | None) -> list[str]:
    """What a row is found by: its words, what they are forms of, and phones with their country and without."""
    text = "\n".join(each for each in texts if each)[:LONGEST_TEXT]
    words = (form for word in spoken(text) for form in forms(word))
    phones = (form for digits, _ in phones_in(text) for form in phone_forms(digits))
    return list(dict.fromkeys([*words, *phones]))


def phones_in(text: str) -> Iterator[tuple[str, tuple[int, int]]]:
    """The digits of each phone number, and where it stands."""
    for found in PHONE.finditer(text):
        digits = _digits(found[0])
        if len(digits) in PHONE_DIGITS:
            yield digits, found.span()


def phone_forms(digits: str) -> tuple[str, ...]:
    """With its country and without: 8 999 … is what +7 999 … is at home."""
    whole = f"7{digits[1:]}" if len(digits) == NATIONAL_DIGITS + 1 and digits[0] == "8" else digits
    return (whole, whole[-NATIONAL_DIGITS:])


def snippet(text: str, question: Question) -> list[dict[str, Any]]:
    """The text around its first hit, in parts: `{"text", "hit"}`. Joined they are the text as it is written."""
    hits = _hits(text, question)
    first = max(hits[0][0] - BEFORE_HIT, 0) if hits else 0
    last = min(first + SNIPPET, len(text))
    parts, at = [{"text": "…", "hit": False}] if first else [], first
    for begin, end in hits:
        if begin >= at and end <= last:
            parts += [{"text": text[at:begin], "hit": False}, {"text": text[begin:end], "hit": True}]
            at = end
    parts += [{"text": text[at:last], "hit": False}, {"text": "…" if last < len(text) else "", "hit": False}]
    return [part for part in parts if part["text"]]


def _hits(text: str, question: Question) -> list[tuple[int, int]]:
    """Where words stand that the question means, in their order."""
    asked = {form for word in question.words for form in forms(word)} | {question.id}
    begun = question.words[-1] if question.begun else None
    found = [
        span for digits, span in phones_in(text) if any(form.startswith(question.numbers) for form in phone_forms(digits))
    ]  # fmt: skip
    for match in WORD.finditer(text):
        word = plain(match[0])[:LONGEST_WORD]
        if not asked.isdisjoint(forms(word)) or (begun and word.startswith(begun)):
            found.append(match.span())
    return sorted(found)


def _numbers(text: str) -> tuple[str, ...]:
    digits = _digits(text)
    if not NUMBER.fullmatch(text) or not SHORTEST_NUMBER <= len(digits) <= PHONE_DIGITS[-1]:
        return ()
    return (digits, f"7{digits[1:]}") if digits[0] == "8" else (digits,)


def _digits(text: str) -> str:
    return "".join(filter(str.isdecimal, normalize("NFKC", text)))


def _id(text: str) -> str | None:
    try:
        return UUID(text.strip()).hex
    except ValueError:
        return None
