"""What moderators do with a chat among themselves: notes, tags, priority, and putting it off. No customer hears of it.

`command` is, in every event that has one, the key of the id that the author's client gave to the command.
"""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from eventsourcing.domain import AggregateEvent

from pulse.aggregates.chat_so_far import ChatSoFar
from pulse.errors import BadInput, Refusal

PRIORITIES = ("low", "normal", "high", "urgent")
TAGS, TAG_LIMIT = 20, 40
LATEST = datetime(2100, 1, 1, tzinfo=UTC)  # what lies further ahead, Postgres and Python may not agree on


class EmptyNote(Refusal):
    """A note needs a text."""


class NotAhead(Refusal):
    """A chat can only be put off until a time that is still to come, before the year 2100."""


class NothingToPutOff(Refusal):
    """A closed chat can't be put off."""


class TooManyTags(Refusal):
    """A chat has at most 20 tags."""


class NotATag(BadInput):
    """A tag has 1 to 40 characters and no line breaks."""


class NotAPriority(BadInput):
    """A priority is low, normal, high or urgent."""


class NoteWritten(AggregateEvent):
    """For moderators only. `mentions` are those who are told of it."""

    text: str
    moderator_id: UUID
    mentions: tuple[UUID, ...] = ()
    command: int | None = None

    def apply(self, chat: ChatSoFar) -> None:
        chat.keep(self.command, self.originator_version)


class TagsChanged(AggregateEvent):
    """The chat's tags as they are from now on."""

    tags: tuple[str, ...]
    command: int | None = None

    def apply(self, chat: ChatSoFar) -> None:
        chat.keep(self.command, self.originator_version)
        chat.tags = self.tags


class PriorityChanged(AggregateEvent):
    priority: str
    command: int | None = None

    def apply(self, chat: ChatSoFar) -> None:
        chat.keep(self.command, self.originator_version)
        chat.priority = self.priority


class ChatSnoozed(AggregateEvent):
    """Nobody has to look at it until then, or until the customer writes."""

    until: datetime
    moderator_id: UUID
    command: int | None = None

    def apply(self, chat: ChatSoFar) -> None:
        chat.keep(self.command, self.originator_version)
        chat.snoozed_until = self.until


class ChatWoken(AggregateEvent):
    """It is to be looked at again: its time has come, the customer wrote, or somebody would not wait."""

    command: int | None = None

    def apply(self, chat: ChatSoFar) -> None:
        chat.keep(self.command, self.originator_version)
        chat.snoozed_until = None


class CommandTaken(AggregateEvent):
    """A command that had nothing to do. It is remembered, so that it does nothing later either."""

    command: int

    def apply(self, chat: ChatSoFar) -> None:
        chat.keep(self.command, self.originator_version)


class WorkedChat(ChatSoFar):
    """A `command` is a key of the client's id (`client_key`); what came of it names it, and it is never done again."""

    def remember(self, command: int, *, now: datetime) -> None:
        """A command was looked at, whatever came of it."""
        if command not in self.client_msgs:
            self.trigger_event(CommandTaken, command=command, timestamp=now)

    def note(
        self, text: str, *, moderator_id: UUID, now: datetime, mentions: tuple[UUID, ...] = (), command: int | None = None
    ) -> int:  # fmt: skip
        """Writes down what only moderators see. Returns the note's version. Raises EmptyNote."""
        if command is not None and command in self.client_msgs:
            return self.client_msgs[command]
        if not text.strip():
            raise EmptyNote
        self.trigger_event(
            NoteWritten, text=text, moderator_id=moderator_id, mentions=mentions, command=command, timestamp=now
        )
        return self.version

    def tag(self, tag: str, *, now: datetime, command: int | None = None) -> None:
        """Puts a tag on the chat, in one spelling. Raises NotATag, TooManyTags."""
        tag = clean_tag(tag)
        if tag in self.tags:
            return
        if len(self.tags) >= TAGS:
            raise TooManyTags
        self.trigger_event(TagsChanged, tags=(*self.tags, tag), command=command, timestamp=now)

    def untag(self, tag: str, *, now: datetime, command: int | None = None) -> None:
        """Takes a tag off, if it is there."""
        tag = clean_tag(tag)
        if tag in self.tags:
            left = tuple(one for one in self.tags if one != tag)
            self.trigger_event(TagsChanged, tags=left, command=command, timestamp=now)

    def prioritise(self, priority: str, *, now: datetime, command: int | None = None) -> None:
        """Raises NotAPriority."""
        if priority not in PRIORITIES:
            raise NotAPriority
        if priority != self.priority:
            self.trigger_event(PriorityChanged, priority=priority, command=command, timestamp=now)

    def snooze(self, until: datetime, *, moderator_id: UUID, now: datetime, command: int | None = None) -> None:
        """Puts the chat off. Raises NotAhead, NothingToPutOff."""
        if self.closed:
            raise NothingToPutOff
        if not now < until < LATEST:
            raise NotAhead
        if until != self.snoozed_until:
            self.trigger_event(ChatSnoozed, until=until, moderator_id=moderator_id, command=command, timestamp=now)

    def wake(self, *, now: datetime, due: bool = False, command: int | None = None) -> None:
        """Ends the snooze; with `due` only if its time has come."""
        if self.snoozed_until is not None and (not due or self.snoozed_until <= now):
            self.trigger_event(ChatWoken, command=command, timestamp=now)


def clean_tag(tag: str) -> str:
    """As it is kept. Raises NotATag."""
    tag = spelled(tag)
    if not 1 <= len(tag) <= TAG_LIMIT or not tag.isprintable():
        raise NotATag
    return tag


def spelled(tag: str) -> str:
    """One spelling for one tag."""
    return " ".join(tag.lower().split())
