"""Words and texts as people write them, made up: few words are very common, most are rare; Russian and English."""

from __future__ import annotations

import random

POOL = 50_000
WORDS = 40_000
SOUNDS = (("бвгджзклмнпрстфхцч", "аеиоуы", ("", "а", "ы", "ов", "ами", "ть")),) * 2 + (
    ("bcdfgklmnprst", "aeiou", ("", "s", "ing", "ed")),
)


def vocabulary(chance: random.Random) -> list[str]:
    """Two Russian-looking words for each English-looking one, the common first."""
    return list(dict.fromkeys(_word(chance) for _ in range(WORDS * 2)))[:WORDS]


def written(chance: random.Random, words: list[str], weights: list[float]) -> str:
    """A message of three to sixteen words; the second word is half as frequent as the first, and so on."""
    return " ".join(chance.choices(words, cum_weights=weights, k=chance.randint(3, 16)))


def _word(chance: random.Random) -> str:
    consonants, vowels, endings = chance.choice(SOUNDS)
    syllables = (chance.choice(consonants) + chance.choice(vowels) for _ in range(chance.randint(1, 4)))
    return "".join(syllables) + chance.choice(endings)
