"""Chat: one customer (or one group) on one source, from the first message on.

Doors call the command methods; each either triggers events, changes nothing, or raises the rule it broke.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Self
from uuid import UUID, uuid5

from eventsourcing.domain import Aggregate, AggregateCreated, AggregateEvent

from pulse.errors import NotFound, Refusal


class ChatIsClosed(Refusal):
    """This chat is closed. It opens again when the customer writes."""


class HeldByAnother(Refusal):
    """Somebody else holds this chat."""


class NoSuchMessage(NotFound):
    """This chat has no such message."""


class EmptyReply(Refusal):
    """A reply needs a text or a file."""


@dataclass(frozen=True, slots=True)
class Author:
    """Who wrote, as the channel names them. `id` is the channel's id of the person."""

    id: str
    name: str = ""
    username: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Attachment:
    """Something beside the text. `ref` is what the driver needs to fetch it (a file id or a URL), never shown.

    `kind`: photo, document, voice, audio, video, animation, sticker, location, contact, link or unsupported.
    """

    kind: str
    name: str | None = None
    mime: str | None = None
    size: int | None = None
    ref: str | None = None
    width: int | None = None
    height: int | None = None
    seconds: int | None = None
    latitude: float | None = None
    longitude: float | None = None
    phone: str | None = None


@dataclass(frozen=True, slots=True)
class Quoted:
    """A message that another one answers or forwards."""

    text: str
    author: str = ""
    message_id: str | None = None
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class Incoming:
    """A customer's message as the driver read it, and as the event keeps it.

    `external_id` names the delivery (an update id), `message_id` the message within its chat: a repeat
    brings the same delivery again, an edit names the same message.
    """

    external_id: str
    author: Author
    text: str = ""
    message_id: str | None = None
    sent_at: datetime | None = None
    attachments: tuple[Attachment, ...] = ()
    reply_to: Quoted | None = None
    forwarded: tuple[Quoted, ...] = ()
    album: str | None = None
    payload: str | None = None
    notice: str | None = None


class ChatOpened(AggregateCreated):
    source_id: UUID
    channel: str
    peer: str
    title: str
    group: bool
    department_id: UUID | None
    customer_id: UUID


class MessageReceived(AggregateEvent):
    message: Incoming
    raw: str

    def apply(self, chat: Chat) -> None:
        chat.remember(self.message.external_id)
        if self.message.message_id is not None:
            chat.messages[self.message.message_id] = self.originator_version
        chat.unread.append(self.originator_version)


class MessageEdited(AggregateEvent):
    """`of` is the edited message's version."""

    of: int
    message: Incoming
    raw: str

    def apply(self, chat: Chat) -> None:
        chat.remember(self.message.external_id)


class MessageDeleted(AggregateEvent):
    of: int
    external_id: str
    raw: str

    def apply(self, chat: Chat) -> None:
        chat.remember(f"{self.external_id}/{self.of}")


class MessageReacted(AggregateEvent):
    """`reactions` is the whole new set, empty when taken back. `of` is None for a message we never saw."""

    of: int | None
    author: Author
    reactions: tuple[str, ...]
    external_id: str
    raw: str

    def apply(self, chat: Chat) -> None:
        chat.remember(self.external_id)


class ButtonPressed(AggregateEvent):
    """A button under a message was pressed; `query_id` is what the channel wants answered."""

    author: Author
    payload: str
    query_id: str
    message_id: str | None
    external_id: str
    raw: str

    def apply(self, chat: Chat) -> None:
        chat.remember(self.external_id)


class ReplyEchoed(AggregateEvent):
    """The channel shows a reply that left from our side of it: ours by `random_id`, or one written outside Pulse."""

    text: str
    attachments: tuple[Attachment, ...]
    message_id: str | None
    random_id: int
    outside_author: str | None
    external_id: str
    raw: str

    def apply(self, chat: Chat) -> None:
        chat.remember(self.external_id)
        if self.message_id is not None:
            chat.messages[self.message_id] = self.originator_version
        if self.outside_author is not None:  # ours counted when it was written, and the customer may have written since
            chat.answered(self.originator_version)


class ReplyWritten(AggregateEvent):
    text: str
    moderator_id: UUID
    client_msg_id: str | None

    def apply(self, chat: Chat) -> None:
        if self.client_msg_id is not None:
            chat.client_msgs[client_key(self.moderator_id, self.client_msg_id)] = self.originator_version
        chat.answered(self.originator_version)


class ChatAssigned(AggregateEvent):
    moderator_id: UUID
    from_moderator_id: UUID | None

    def apply(self, chat: Chat) -> None:
        chat.holder_id = self.moderator_id


class ChatTransferred(AggregateEvent):
    """The chat moves to a department; whoever held it lets go. Names the old audience."""

    department_id: UUID
    from_department_id: UUID | None
    from_moderator_id: UUID | None

    def apply(self, chat: Chat) -> None:
        chat.department_id = self.department_id
        chat.holder_id = None


class ChatClosed(AggregateEvent):
    """Whoever held the chat lets go. Names the old audience."""

    moderator_id: UUID
    from_moderator_id: UUID | None

    def apply(self, chat: Chat) -> None:
        chat.closed = True
        chat.holder_id = None
        chat.unread = []


class ChatReopened(AggregateEvent):
    def apply(self, chat: Chat) -> None:
        chat.closed = False


class SeenByStaff(AggregateEvent):
    moderator_id: UUID
    up_to: int

    def apply(self, chat: Chat) -> None:
        chat.seen_by[self.moderator_id] = self.up_to
        chat.unread = [version for version in chat.unread if version > self.up_to]


class SeenByCustomer(AggregateEvent):
    """`external_id` and `raw` are there when a channel told us, not our own widget."""

    up_to: int
    external_id: str | None
    raw: str | None

    def apply(self, chat: Chat) -> None:
        chat.seen_by_customer = self.up_to
        chat.unread_by_customer = [version for version in chat.unread_by_customer if version > self.up_to]


class Chat(Aggregate):
    """What decisions need: who holds it, what was seen, which deliveries it knows. Lists hold versions."""

    source_id: UUID
    channel: str
    peer: str
    title: str
    group: bool
    department_id: UUID | None
    customer_id: UUID
    holder_id: UUID | None = None
    closed: bool = False
    seen_by_customer: int = 0
    unread: list[int] = field(default_factory=list)
    unread_by_customer: list[int] = field(default_factory=list)
    known: set[int] = field(default_factory=set)
    messages: dict[str, int] = field(default_factory=dict)
    client_msgs: dict[str, int] = field(default_factory=dict)
    seen_by: dict[UUID, int] = field(default_factory=dict)

    @classmethod
    def open(
        cls, *, source_id: UUID, channel: str, peer: str, title: str, group: bool,
        department_id: UUID | None, customer_id: UUID, now: datetime,
    ) -> Self:  # fmt: skip
        """A chat begins; its id follows from source and peer, so a burst can't begin two."""
        return cls._create(
            ChatOpened, id=chat_id(source_id, peer), source_id=source_id, channel=channel, peer=peer,
            title=title, group=group, department_id=department_id, customer_id=customer_id, timestamp=now,
        )  # fmt: skip

    def receive(self, message: Incoming, *, raw: str, now: datetime) -> None:
        """A customer wrote. A delivery or a message the chat knows changes nothing; a closed chat opens again."""
        if self.knows(message.external_id) or message.message_id in self.messages:
            return
        if self.closed:
            self.trigger_event(ChatReopened, timestamp=now)
        self.trigger_event(MessageReceived, message=message, raw=raw, timestamp=now)

    def edit(self, message: Incoming, *, raw: str, now: datetime) -> None:
        """A message was changed by its author. An edit of one we never saw is received as it now reads."""
        if self.knows(message.external_id):
            return
        of = self.messages.get(message.message_id or "")
        if of is None:
            self.receive(message, raw=raw, now=now)
        else:
            self.trigger_event(MessageEdited, of=of, message=message, raw=raw, timestamp=now)

    def delete(self, message_ids: tuple[str, ...], *, external_id: str, raw: str, now: datetime) -> None:
        """Messages were deleted by their author; ones we never saw are passed over."""
        for of in (self.messages[m] for m in message_ids if m in self.messages):
            if not self.knows(f"{external_id}/{of}"):
                self.trigger_event(MessageDeleted, of=of, external_id=external_id, raw=raw, timestamp=now)

    def react(
        self, *, author: Author, message_id: str, reactions: tuple[str, ...], external_id: str, raw: str, now: datetime
    ) -> None:
        """The customer put or took back reactions."""
        if not self.knows(external_id):
            self.trigger_event(
                MessageReacted, of=self.messages.get(message_id), author=author, reactions=reactions,
                external_id=external_id, raw=raw, timestamp=now,
            )  # fmt: skip

    def press(
        self, *, author: Author, payload: str, query_id: str, message_id: str | None,
        external_id: str, raw: str, now: datetime,
    ) -> None:  # fmt: skip
        """The customer pressed a button."""
        if not self.knows(external_id):
            self.trigger_event(
                ButtonPressed, author=author, payload=payload, query_id=query_id, message_id=message_id,
                external_id=external_id, raw=raw, timestamp=now,
            )  # fmt: skip

    def echo(
        self, *, text: str, attachments: tuple[Attachment, ...], message_id: str | None, random_id: int,
        outside_author: str | None, external_id: str, raw: str, now: datetime,
    ) -> None:  # fmt: skip
        """The channel shows a reply from our side."""
        if not self.knows(external_id) and message_id not in self.messages:
            self.trigger_event(
                ReplyEchoed, text=text, attachments=attachments, message_id=message_id, random_id=random_id,
                outside_author=outside_author, external_id=external_id, raw=raw, timestamp=now,
            )  # fmt: skip

    def reply(self, text: str, *, moderator_id: UUID, client_msg_id: str | None, now: datetime) -> int:
        """A moderator answers; a free chat becomes theirs. Returns the reply's version.

        The same `client_msg_id` from the same moderator is the same reply, however often it is sent.
        """
        if client_msg_id is not None:
            written = self.client_msgs.get(client_key(moderator_id, client_msg_id))
            if written is not None:
                return written
        if not text.strip():
            raise EmptyReply
        if self.closed:
            raise ChatIsClosed
        if self.holder_id is None:
            self.assign(moderator_id, now=now)
        self.trigger_event(
            ReplyWritten, text=text, moderator_id=moderator_id, client_msg_id=client_msg_id, timestamp=now
        )
        return self.version

    def take(self, moderator_id: UUID, *, now: datetime) -> None:
        """A moderator opens the chat: a free one becomes theirs, one that is held stays where it is."""
        if self.holder_id is None and not self.closed:
            self.assign(moderator_id, now=now)

    def assign(self, moderator_id: UUID, *, now: datetime, seen_holder: UUID | None = None) -> None:
        """Gives the chat to a moderator. Refused when it is held by somebody the author did not know of."""
        if self.closed:
            raise ChatIsClosed
        if self.holder_id == moderator_id:
            return
        if self.holder_id not in (None, seen_holder):
            raise HeldByAnother(holder=str(self.holder_id))
        self.trigger_event(ChatAssigned, moderator_id=moderator_id, from_moderator_id=self.holder_id, timestamp=now)

    def transfer(self, department_id: UUID, *, now: datetime) -> None:
        """Moves the chat to a department."""
        if self.closed:
            raise ChatIsClosed
        if department_id != self.department_id:
            self.trigger_event(
                ChatTransferred, department_id=department_id, from_department_id=self.department_id,
                from_moderator_id=self.holder_id, timestamp=now,
            )  # fmt: skip

    def close(self, moderator_id: UUID, *, now: datetime) -> None:
        """Ends the conversation for now."""
        if not self.closed:
            self.trigger_event(ChatClosed, moderator_id=moderator_id, from_moderator_id=self.holder_id, timestamp=now)

    def see(self, moderator_id: UUID, up_to: int, *, now: datetime) -> None:
        """A moderator has seen everything up to a version; marks only move up."""
        if self.seen_by.get(moderator_id, 0) < up_to <= self.version:
            self.trigger_event(SeenByStaff, moderator_id=moderator_id, up_to=up_to, timestamp=now)

    def see_as_customer(
        self, up_to: int, *, now: datetime, external_id: str | None = None, raw: str | None = None
    ) -> None:
        """The customer has seen everything up to a version; marks only move up."""
        if self.seen_by_customer < up_to <= self.version:
            self.trigger_event(SeenByCustomer, up_to=up_to, external_id=external_id, raw=raw, timestamp=now)

    def version_of(self, message_id: str) -> int:
        """The version of a message by its channel id. One we never saw stands for the newest before it."""
        if message_id in self.messages or not message_id.isdecimal():
            return self.messages.get(message_id, 0)
        before = (known for known in self.messages if known.isdecimal() and int(known) <= int(message_id))
        return max((self.messages[known] for known in before), default=0)

    def scope(self) -> dict[str, object]:
        """Which kind of chat this is, who may see it and what waits in it, as it stands now; beside each event."""
        return {
            "source": self.source_id,
            "group": self.group,
            "department": self.department_id,
            "holder": self.holder_id,
            "unread": len(self.unread),
            "unread_by_customer": len(self.unread_by_customer),
        }

    def knows(self, external_id: str) -> bool:
        """Was this delivery already taken in?"""
        return id_hash(external_id) in self.known

    def remember(self, external_id: str) -> None:
        self.known.add(id_hash(external_id))

    def answered(self, version: int) -> None:
        self.unread = []
        self.unread_by_customer.append(version)


@lru_cache(maxsize=65_536)
def chat_id(source_id: UUID, peer: str) -> UUID:
    """The chat of a peer on a source, computed: no lookup, no race."""
    return uuid5(source_id, peer)


def id_hash(external_id: str) -> int:
    """64 bits stand for an external id: long chats remember every delivery for good."""
    return int.from_bytes(blake2b(external_id.encode(), digest_size=8).digest())


def client_key(moderator_id: UUID, client_msg_id: str) -> str:
    """A client's message id counts once per user."""
    return f"{moderator_id.hex}/{client_msg_id}"
