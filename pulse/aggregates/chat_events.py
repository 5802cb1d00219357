"""What happens to a chat, in the order of its life, and what each event leaves behind. Decided in `chat.py`."""

from __future__ import annotations

from dataclasses import field
from hashlib import blake2b
from uuid import UUID

from eventsourcing.domain import Aggregate, AggregateCreated, AggregateEvent

from pulse.aggregates.chat_sending import Sending
from pulse.message import Attachment, Author, Incoming, all_attachments, awaited_files, id_key


class FromChannel(AggregateEvent):
    """`external_id` names the delivery, which never counts twice; `raw` is its body."""

    external_id: str
    raw: str

    def apply(self, chat: ChatSoFar) -> None:
        chat.known.add(id_key(self.external_id))


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

    def apply(self, chat: ChatSoFar) -> None:
        chat.known.add(id_key(self.message.external_id))
        chat.name_message(self.message.message_id, self.originator_version)
        chat.unread.append(self.originator_version)
        chat.awaited.update(awaited_files(all_attachments(self.message), self.originator_version))


class MessageEdited(AggregateEvent):
    """`of` is the edited message's version."""

    of: int
    message: Incoming
    raw: str

    def apply(self, chat: ChatSoFar) -> None:
        chat.known.add(id_key(self.message.external_id))
        chat.awaited.update(awaited_files(all_attachments(self.message), self.originator_version))


class MessagesDeleted(FromChannel):
    """`of` are the deleted messages' versions; nobody has to read them any more."""

    of: tuple[int, ...]

    def apply(self, chat: ChatSoFar) -> None:
        super().apply(chat)
        gone = set(self.of)
        chat.unread = [version for version in chat.unread if version not in gone]
        chat.unread_by_customer = [version for version in chat.unread_by_customer if version not in gone]


class MessageReacted(FromChannel):
    """`reactions` is the author's whole new set, empty when taken back. `of` is None for a message we never saw."""

    of: int | None
    author: Author
    reactions: tuple[str, ...]


class ButtonPressed(FromChannel):
    """A button under a message was pressed; `query_id` is what the channel wants answered."""

    author: Author
    payload: str
    query_id: str
    message_id: str | None


class ReplyEchoed(FromChannel):
    """The channel shows what left from our side. `confirms` is the version of our own reply, if it is one.

    Otherwise it was written outside Pulse: by `outside_author`, or by another program, which has none.
    """

    text: str
    attachments: tuple[Attachment, ...]
    message_id: str | None
    random_id: int
    outside_author: str | None
    confirms: int | None

    def apply(self, chat: ChatSoFar) -> None:
        super().apply(chat)
        chat.name_message(self.message_id, self.confirms or self.originator_version)
        if self.confirms is not None:  # it counted when it was written, and the customer may have written since
            return
        chat.unread_by_customer.append(self.originator_version)
        chat.awaited.update(awaited_files(self.attachments, self.originator_version))
        if self.outside_author is not None:  # a program's "we got your message" answers nobody
            chat.unread = []


class ReplyWritten(AggregateEvent):
    text: str
    moderator_id: UUID
    client_msg_id: str | None
    attachments: tuple[Attachment, ...] = ()

    def apply(self, chat: ChatSoFar) -> None:
        if self.client_msg_id is not None:
            chat.client_msgs[client_key(self.moderator_id, self.client_msg_id)] = self.originator_version
        chat.outgoing[self.originator_version] = Sending()
        chat.unread = []
        chat.unread_by_customer.append(self.originator_version)


class ChatAssigned(AggregateEvent):
    moderator_id: UUID
    from_moderator_id: UUID | None

    def apply(self, chat: ChatSoFar) -> None:
        chat.holder_id = self.moderator_id


class ChatTransferred(AggregateEvent):
    """The chat moves to a department; whoever held it lets go. Names the old audience."""

    department_id: UUID
    from_department_id: UUID | None
    from_moderator_id: UUID | None

    def apply(self, chat: ChatSoFar) -> None:
        chat.department_id = self.department_id
        chat.holder_id = None


class ChatClosed(AggregateEvent):
    """Whoever held the chat lets go. Names the old audience."""

    moderator_id: UUID
    from_moderator_id: UUID | None

    def apply(self, chat: ChatSoFar) -> None:
        chat.closed = True
        chat.holder_id = None
        chat.unread = []


class ChatReopened(AggregateEvent):
    def apply(self, chat: ChatSoFar) -> None:
        chat.closed = False


class SeenByStaff(AggregateEvent):
    moderator_id: UUID
    up_to: int

    def apply(self, chat: ChatSoFar) -> None:
        chat.seen_by[self.moderator_id] = self.up_to
        chat.unread = [version for version in chat.unread if version > self.up_to]


class SeenByCustomer(AggregateEvent):
    """`external_id` and `raw` are there when a channel told us, not our own widget; `message_id` is its read mark."""

    up_to: int
    external_id: str | None
    raw: str | None
    message_id: str | None = None

    def apply(self, chat: ChatSoFar) -> None:
        chat.seen_by_customer = self.up_to
        if self.message_id is not None:
            chat.read_key = max(chat.read_key, id_key(self.message_id))
        chat.unread_by_customer = [version for version in chat.unread_by_customer if version > self.up_to]


class ChatSoFar(Aggregate):
    """What decisions need: who holds it, what was seen, which deliveries it knows. Lists hold versions.

    `known` are keys of deliveries; the versions of messages lie under the keys of their ids, those of replies under
    the keys of their clients' ids, and (with the piece) under the random ids they leave with. `outgoing` are replies
    that have not left whole, `reached` says how far the others got, `receipts` are of messages we can't name yet.
    `awaited` are keys of files that still lie at the channel.
    """

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
    messages: dict[int, int] = field(default_factory=dict)
    replies: dict[int, tuple[int, int]] = field(default_factory=dict)
    outgoing: dict[int, Sending] = field(default_factory=dict)
    reached: dict[int, int] = field(default_factory=dict)
    receipts: set[int] = field(default_factory=set)
    awaited: set[str] = field(default_factory=set)
    read_key: int = -1
    client_msgs: dict[int, int] = field(default_factory=dict)
    seen_by: dict[UUID, int] = field(default_factory=dict)

    def name_message(self, message_id: str | None, version: int) -> None:
        """From now on the channel's id stands for this version."""
        if message_id is not None:
            self.messages[id_key(message_id)] = version

    def knows(self, external_id: str) -> bool:
        """Was this delivery already taken in?"""
        return id_key(external_id) in self.known

    def find(self, message_id: str | None) -> int | None:
        """The version of a message by its channel id; None for one we never saw."""
        return None if message_id is None else self.messages.get(id_key(message_id))

    def version_of(self, message_id: str) -> int:
        """The version of a message by its channel id. One we never saw stands for the newest before it."""
        key = id_key(message_id)
        if key in self.messages or key < 0:
            return self.messages.get(key, 0)
        return max((version for known, version in self.messages.items() if 0 <= known <= key), default=0)

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


def client_key(moderator_id: UUID, client_msg_id: str) -> int:
    """A client's message id counts once per user."""
    return id_key(f"{moderator_id.hex}/{client_msg_id}")


def random_id_of(chat_id: UUID, version: int, part: int = 0) -> int:
    """What a reply's piece is sent with, the same at every try: 31 bits, not zero. Its echo brings it back."""
    digest = blake2b(f"{chat_id.hex}/{version}/{part}".encode(), digest_size=4).digest()
    return int.from_bytes(digest) & 0x7FFF_FFFF or 1
