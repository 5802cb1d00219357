"""Typed looks into a provider's JSON: each gives a value of the asked type, or raises Unreadable naming its path.

Drivers read only through `Fields`, so a body of any shape ends in arrivals or in Unreadable, never in a crash.
Fields nobody looks at may hold anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from pulse.channels import Unreadable, parse_object

TEXT_LIMIT = 65_536
ID_LIMIT = 256
WHOLE_LIMIT = 2**53  # beyond it JSON readers disagree; Bot API: ids have at most 52 significant bits
YEARS = range(
    1970, 2101
)  # of what outsiders say that time is; far beyond lie mistakes, and moments that a zone can't have
LAST_SECOND = 4_133_980_799  # of those years


@dataclass(slots=True)
class Fields:
    """A JSON object and where it lies. `maybe_...` gives None for an absent or null field, never for a wrong one."""

    values: Mapping[str, Any]
    inside: Fields | None = None
    key: str = ""

    @classmethod
    def of(cls, body: bytes) -> Fields:
        """The object that a body is. Raises Unreadable."""
        return cls(parse_object(body))

    def __contains__(self, key: str) -> bool:
        return key in self.values

    def text(self, key: str) -> str:
        """A text, cut at TEXT_LIMIT characters: the raw body keeps it whole."""
        value = self.values.get(key)
        if not isinstance(value, str):
            raise self.wrong(key, "a text")
        return value[:TEXT_LIMIT]

    def maybe_text(self, key: str) -> str | None:
        return None if self.values.get(key) is None else self.text(key)

    def whole(self, key: str) -> int:
        """A whole number. JSON's true and false are none, though Python's are."""
        value = self.values.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or abs(value) > WHOLE_LIMIT:
            raise self.wrong(key, "a whole number")
        return value

    def maybe_whole(self, key: str) -> int | None:
        return None if self.values.get(key) is None else self.whole(key)

    def number(self, key: str) -> float:
        """A number, whole or not; always finite."""
        value = self.values.get(key)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise self.wrong(key, "a number")
        return float(value)

    def id(self, key: str) -> str:
        """A name of something, as text: providers write the same kind of id as a text or as a whole number."""
        if self.values.get(key) is None:
            raise self.wrong(key, "there: a text or a whole number")
        if not isinstance(self.values[key], str):
            return str(self.whole(key))
        value = self.text(key)
        if not 1 <= len(value) <= ID_LIMIT:
            raise self.wrong(key, f"an id of 1 to {ID_LIMIT} characters")
        return value

    def maybe_id(self, key: str) -> str | None:
        return None if self.values.get(key) is None else self.id(key)

    def moment(self, key: str) -> datetime | None:
        """A time given in seconds since 1970; None where there is none."""
        seconds = self.maybe_whole(key)
        if seconds is None:
            return None
        if not 0 <= seconds <= LAST_SECOND:
            raise self.wrong(key, "a time in seconds since 1970")
        return datetime.fromtimestamp(seconds, UTC)

    def child(self, key: str) -> Fields:
        return self.nested(self.values.get(key), key)

    def maybe_child(self, key: str) -> Fields | None:
        return None if self.values.get(key) is None else self.child(key)

    def items(self, key: str) -> list[Fields]:
        """A list of objects; an absent one is empty."""
        return [self.nested(value, f"{key}[{n}]") for n, value in enumerate(self.listed(key))]

    def wholes(self, key: str) -> list[int]:
        """A list of whole numbers; an absent one is empty."""
        listed = {f"{key}[{n}]": value for n, value in enumerate(self.listed(key))}
        return [Fields(listed, self.inside, self.key).whole(place) for place in listed]

    def listed(self, key: str) -> list[Any]:
        value = self.values.get(key, [])
        if not isinstance(value, list):
            raise self.wrong(key, "a list")
        return value

    def nested(self, value: object, key: str) -> Fields:
        if not isinstance(value, dict):
            raise self.wrong(key, "an object")
        return Fields(value, self, key)

    def wrong(self, key: str, wanted: str) -> Unreadable:
        return Unreadable(f"{self.at(key)} must be {wanted}.")

    def at(self, key: str) -> str:
        """The path to a field, for a person to find it."""
        place: Fields | None = self
        while place is not None and place.key:
            key, place = f"{place.key}.{key}", place.inside
        return key

    def first_of(self, wanted: Mapping[str, object]) -> str | None:
        """The first of the wanted keys that is there, in their order."""
        if self.values.keys().isdisjoint(wanted):
            return None
        return next(key for key in wanted if key in self.values)


def compact(value: object) -> bytes:
    """The shortest JSON of a parsed value, keys sorted: the same content gives the same bytes."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:  # orjson reads 1,024 levels, but writes only 254
        raise Unreadable("The body is nested too deep.") from None
