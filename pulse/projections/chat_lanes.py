"""Lanes: which indexes serve a list. A lane is a stretch of one index in the list's order; several make up a list.

Where lanes hold nothing but what the list shows, a page reads as many entries of each as it shows. Where filters are
left, it looks at SCAN chats at most (and at WORK entries of an index) and says so. A few lanes hold all of something
small, in any order.
"""

from __future__ import annotations

from typing import LiteralString
from uuid import UUID

from pulse.access import Reach
from pulse.projections.chat_filters import Filters
from pulse.projections.sql import Statements
from pulse.values import value

SQL = Statements(__file__.replace("chat_lanes", "chat_list"))
SCAN, WORK = 250, 2000
CALLED_BY = 3  # names, peers and last words have an index each

EXACT, BOUNDED, WHOLE = "exact", "bounded", "whole"


@value
class Lanes:
    """`text` offers (major, place); `departments` and `held_by` are whose. `kind`: EXACT, BOUNDED or WHOLE.

    `indexes` is how many of them each lane asks.
    """

    text: LiteralString
    kind: str
    departments: list[UUID]
    held_by: UUID
    indexes: int = 1

    def scan(self, filters: Filters, limit: int) -> int:
        """How many chats a page of so many may look at, and as many entries of each lane."""
        if self.kind == EXACT:
            return limit + 1
        lanes = (len(self.departments) + 1) * len(filters.statuses) + len(filters.sources or ())
        return max(min(SCAN, WORK // (lanes * self.indexes)), limit + 1)


def lanes_of(filters: Filters, reach: Reach) -> Lanes:
    """What serves a list best: what is small first, then the order, then who asks."""
    order, left = _order(filters), filters.beside
    if filters.customer is not None:
        return Lanes(SQL["all_of_customer"], WHOLE, [], reach["holder"])
    if filters.holder is not None:
        return _held(filters, reach, order)
    if filters.text is not None:
        return _called(filters, reach)
    if filters.tag is not None and order in ("", "free", "unread"):
        return Lanes(SQL["tagged"], BOUNDED, [], reach["holder"])
    if filters.sources is not None and order == "" and filters.department is None:
        exact = reach["everything"] and left == {"sources"}
        return Lanes(SQL["sources"], EXACT if exact else BOUNDED, [], reach["holder"])
    return _in_reach(filters, reach, order)


def _order(filters: Filters) -> LiteralString:
    """Which of the families of indexes is in the list's order."""
    if filters.sort == "waiting":
        return "waiting"
    if filters.sort == "priority":
        return "urgent"
    if filters.view == "unassigned":
        return "free"
    return "unread" if filters.view == "unread" else ""


def _held(filters: Filters, reach: Reach, order: str) -> Lanes:
    assert filters.holder is not None
    if order:
        return Lanes(SQL["all_held"], WHOLE, [], filters.holder)
    visible = reach["everything"] or filters.holder == reach["holder"]
    return Lanes(SQL["held"], EXACT if visible and filters.beside == {"holder"} else BOUNDED, [], filters.holder)


def _called(filters: Filters, reach: Reach) -> Lanes:
    """What begins so of all one may see, so that others' chats take no place there; of a department, or of all of them."""
    if filters.department is None and reach["everything"]:
        return Lanes(SQL["called_everywhere"], WHOLE, [], reach["holder"], CALLED_BY)
    departments = reach["departments"]
    if filters.department is not None:
        departments = [filters.department] if reach["everything"] or filters.department in departments else []
    text = SQL["called_departments"] + "\n    union\n    " + SQL["called_held"]
    return Lanes(text, WHOLE, departments, reach["holder"], CALLED_BY)


def _in_reach(filters: Filters, reach: Reach, order: LiteralString) -> Lanes:
    """What one may see, or one department of it: by department, and what one holds elsewhere."""
    kind, prefix = BOUNDED if _left(filters, order) else EXACT, f"{order}_" if order else ""
    visible = reach["everything"] or filters.department in reach["departments"]
    if filters.department is not None and not visible:  # but for what one holds of it
        return Lanes(SQL["all_held" if order else "held"], WHOLE if order else BOUNDED, [], reach["holder"])
    if filters.department is not None:
        return Lanes(SQL[f"{prefix}departments"], kind, [filters.department], reach["holder"])
    if reach["everything"]:
        return Lanes(SQL[f"{prefix}everywhere"], kind, [], reach["holder"])
    text = SQL[f"{prefix}departments"]
    if order != "free":
        text += "\n    union\n    " + SQL["all_held" if order else "held"]
    return Lanes(text, kind, reach["departments"], reach["holder"])


def _left(filters: Filters, order: str) -> set[str]:
    """What the lanes of an order don't say by themselves."""
    left = filters.beside - {"department"} - ({"priority"} if order == "urgent" else set())
    if order and len(filters.statuses) == 1:
        left |= {"status"}
    if order in ("waiting", "urgent") and filters.view in ("unassigned", "unread"):
        left |= {"view"}
    return left
