"""What somebody wants to see of the chat list: filters, and the order. What could not be read fast is not offered."""

from __future__ import annotations

from dataclasses import astuple
from hashlib import blake2b
from uuid import UUID

from pulse.aggregates.chat_work import PRIORITIES
from pulse.errors import BadInput
from pulse.values import value

STATUSES = ("open", "snoozed", "closed")
VIEWS = ("all", "mine", "unassigned", "unread", "waiting", *STATUSES)
SORTS = ("newest", "oldest", "waiting", "priority")
CALLED_LENGTH = 64


class NotOffered(BadInput):
    """These filters don't go together."""


@value
class Filters:
    """Everything beside `view` is narrower than it. `sources` are those of a channel, or one; `holder` is who has it.

    `unseen`: what the reader has not seen themselves, while the view `unread` is what nobody of ours has.
    """

    view: str = "all"
    sort: str = "newest"
    status: str | None = None
    department: UUID | None = None
    sources: tuple[UUID, ...] | None = None
    holder: UUID | None = None
    customer: UUID | None = None
    tag: str | None = None
    priority: str | None = None
    unseen: bool = False
    text: str | None = None

    def __post_init__(self) -> None:
        if not self.statuses:
            status = f" with the status `{self.status}`" if self.status else ""
            raise NotOffered(
                f"The view `{self.view}` in the order `{self.sort}`{status} has no chat: a closed one neither waits "
                "nor is anybody's, and each has one status."
            )
        if self.view == "waiting" and self.sort != "waiting":
            raise NotOffered("The view `waiting` goes with the sort `waiting`, which is its default.")

    @property
    def statuses(self) -> list[str]:
        """Those that can be in the list."""
        active = self.sort in ("waiting", "priority") or self.view in ("mine", "unassigned", "unread", "waiting")
        possible = STATUSES[:2] if active else STATUSES
        narrowed = {self.status, self.view if self.view in STATUSES else None} - {None}
        return [status for status in possible if narrowed <= {status}]

    @property
    def waiting(self) -> bool:
        """Only chats where words of the customer's are unanswered."""
        return self.sort == "waiting"

    @property
    def beside(self) -> set[str]:
        """The filters that are set, without view and sort."""
        fields = ("department", "sources", "holder", "customer", "tag", "priority", "unseen", "text")
        return {field for field in fields if getattr(self, field) not in (None, False)}

    @property
    def mark(self) -> str:
        """Stands for all of this in a cursor, which belongs to one list."""
        return blake2b(repr(astuple(self)).encode(), digest_size=6).hexdigest()

    def rank(self, priority: str) -> int:
        """Where a priority stands among them."""
        return PRIORITIES.index(priority)
