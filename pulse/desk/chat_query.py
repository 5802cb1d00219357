"""What `GET /api/chats` is asked for: filters, an order, a saved view, and a page."""

from collections.abc import Mapping
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, ValidationError

from pulse.aggregates.chat_work import clean_tag
from pulse.desk.bodies import WITHOUT_NUL, Body
from pulse.directory import Directory
from pulse.errors import BadInput
from pulse.projections.chat_filters import CALLED_LENGTH, Filters


class ChatFilters(Body):
    """Which chats, and in which order. `unread` asks for what you have not seen yourself; the view, what nobody has."""

    view: Annotated[
        Literal["all", "mine", "unassigned", "unread", "waiting", "open", "snoozed", "closed"],
        Field(description="everything else narrows it; `unassigned`: nobody has it; `waiting`: for an answer"),
    ] = "all"
    sort: Annotated[
        Literal["newest", "oldest", "waiting", "priority"] | None,
        Field(description="`waiting`: who waits longest; `newest`: the newest word, unless the view is `waiting`"),
    ] = None
    status: Literal["open", "snoozed", "closed"] | None = None
    department: UUID | None = None
    source: UUID | None = None
    channel: Annotated[str | None, Field(max_length=40, pattern=WITHOUT_NUL)] = None
    holder: Annotated[UUID | None, Field(description="the id of who has it")] = None
    customer: UUID | None = None
    tag: Annotated[str | None, Field(max_length=100, pattern=WITHOUT_NUL, description="one that it has")] = None
    priority: Annotated[
        Literal["low", "normal", "high", "urgent"] | None, Field(description="just this one, not those above")
    ] = None
    unread: Annotated[bool, Field(description="only what you have not seen")] = False
    text: Annotated[
        str | None,
        Field(
            min_length=1, max_length=CALLED_LENGTH, pattern=WITHOUT_NUL, description="name, peer or last word begin so"
        ),
    ] = None

    def filters(self, directory: Directory) -> Filters:
        """Raises BadInput."""
        return Filters(
            self.view, self.sort or ("waiting" if self.view == "waiting" else "newest"), self.status, self.department,
            directory.sources_on(self.channel, self.source), self.holder, self.customer, clean_tag(self.tag) if self.tag is not None else None,
            self.priority, self.unread, self.text,
        )  # fmt: skip


class ChatQuery(ChatFilters):
    """A page of them. The filters of a `saved` view count beside those that are asked for."""

    saved: Annotated[UUID | None, Field(description="the id of a saved view, whose filters count too")] = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Annotated[str | None, Field(max_length=200)] = None

    def within(self, saved: Mapping[str, str]) -> ChatFilters:
        """Narrower than what was saved. Raises BadInput for a filter that was saved with another value."""
        fields = ChatFilters.model_fields
        asked = {name: getattr(self, name) for name in self.model_fields_set & fields.keys()}
        try:
            kept = ChatFilters.model_validate({name: text for name, text in saved.items() if name in fields})
        except ValidationError:
            raise BadInput("The chat list does not take this view's filters any more. Save it again.") from None
        for name in sorted(asked.keys() & kept.model_fields_set):
            if asked[name] != getattr(kept, name):
                raise BadInput(f"The saved view says `{name}` already. Ask for less of it, or without `saved`.")
        return kept.model_copy(update=asked)
