"""What a word may be a form of: «посылок» of «посылка», "went" of "go". Russian by pymorphy3, English by simplemma.

A rule that cuts endings off (Snowball, as in Postgres) misses just what people search for: подарок and подарка, день and
дня, child and children (decision 22). Words that no dictionary knows are guessed by their endings, or stay as they are.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

import simplemma
from pymorphy3 import MorphAnalyzer  # type: ignore[import-untyped]

RUSSIAN, ENGLISH = re.compile("[а-я]+"), re.compile("[a-z]+")
REMEMBERED = 100_000
MEANINGS = 4  # of «стали» there are two, «стать» and «сталь»


@lru_cache(REMEMBERED)
def forms(word: str) -> tuple[str, ...]:
    """The word itself, as `words.plain` leaves it, and before all forms of a kind the one that dictionaries list."""
    if RUSSIAN.fullmatch(word):
        meant = [parse.normal_form.replace("ё", "е") for parse in _russian().parse(word)[:MEANINGS]]
    elif ENGLISH.fullmatch(word):
        meant = [simplemma.lemmatize(word, lang="en").lower()]
    else:
        meant = []
    return tuple(dict.fromkeys((word, *meant)))


@cache
def _russian() -> MorphAnalyzer:
    """Read when it is first needed: 14 MB, in 60 ms."""
    return MorphAnalyzer(lang="ru")
