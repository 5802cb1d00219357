"""Pages of lists that are ordered by position, the newest first, and the cursors between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, LiteralString, Self

from pulse.errors import BadInput

END = 2**62
# What a statement of pages says, by the cursor's way.
BEFORE: dict[str, LiteralString] = {"older": "<", "newer": ">"}
DOWN: dict[str, LiteralString] = {"older": "desc", "newer": "asc"}


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list. `next` and `prev` are cursors for the pages around it, None where there is none."""

    items: Sequence[dict[str, Any]]
    next: str | None
    prev: str | None

    def body(self) -> dict[str, Any]:
        return {"items": self.items, "next": self.next, "prev": self.prev}


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page goes on: `before` a position with what is older, or `after` it with what is newer."""

    direction: str
    position: int

    @classmethod
    def of(cls, text: str | None) -> Self:
        """A cursor of an earlier page; None is the start. Raises BadInput."""
        direction, _, digits = (text or f"before-{END}").partition("-")
        if direction in ("before", "after") and digits.isdecimal() and len(digits) <= 19 and int(digits) <= END:
            return cls(direction, int(digits))
        raise BadInput("This cursor does not come from an earlier page.")

    @property
    def way(self) -> str:
        return "newer" if self.direction == "after" else "older"

    def page(self, rows: Sequence[dict[str, Any]], limit: int, position: str) -> Page:
        """The page of rows read from here, one more than fit if there are more. `position` names their column."""
        items, more = list(rows[:limit]), len(rows) > limit
        newer, older = (more, True) if self.way == "newer" else (self.position != END, more)
        if self.way == "newer":
            items.reverse()
        return Page(
            items,
            f"before-{items[-1][position]}" if items and older else None,
            f"after-{items[0][position]}" if items and newer else None,
        )
