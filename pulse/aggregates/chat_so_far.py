"""What a chat's events leave behind: what decisions need to know of it."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import field
from datetime import datetime
from hashlib import blake2b
from uuid import UUID

from eventsourcing.domain import Aggregate

from pulse.aggregates.chat_sending import SENT, Sending
from pulse.message import Attachment, Author, Incoming, awaited_files, id_key
from pulse.values import value


@value
class Callback:
    """What was asked for by somebody who wants to be called."""

    phone: str
    wanted_at: datetime | None
    comment: str


class ChatSoFar(Aggregate):
    """What decisions need: who holds it, what was seen, which deliveries it knows. Lists hold versions.

    `known` are keys of deliveries; the versions of messages lie under the keys of their ids, those of replies under
    the keys of their clients' ids, and (with the piece) under the random ids they leave with. `outgoing` are replies
    that have not left whole, `reached` says how far the others got, `receipts` are of messages we can't name yet.
    `changed_by` has the delivery that edited or deleted a message last, `rereads` what a mended driver last read of one.
    `received` counts the customer's words ever, `since_close` names those since the chat was last closed. Of `callbacks`,
    those that are done are None. `client_msgs` has the version that came of each client's id. `answered` says who
    answered last at which version: each moderator, and None for whoever wrote outside Pulse. `author` is a private
    chat's customer as they last wrote, `awaited` are keys of files that still lie at the channel, `expired` of those
    that we had and removed. `moved_at` is the version at which it last got another holder or department.
    """

    source_id: UUID
    channel: str
    peer: str
    title: str
    group: bool
    department_id: UUID | None
    customer_id: UUID
    holder_id: UUID | None = None
    moved_at: int = 0
    closed: bool = False
    reachable: bool = True
    author: Author = Author("")
    received: int = 0
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
    expired: set[str] = field(default_factory=set)
    read_key: int = -1
    changed_by: dict[int, int] = field(default_factory=dict)
    rereads: dict[int, Incoming] = field(default_factory=dict)
    client_msgs: dict[int, int] = field(default_factory=dict)
    seen_by: dict[UUID, int] = field(default_factory=dict)
    since_close: list[int] = field(default_factory=list)
    callbacks: dict[int, Callback | None] = field(default_factory=dict)
    answered: dict[UUID | None, int] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    priority: str = "normal"
    snoozed_until: datetime | None = None
    waiting_since: datetime | None = None

    def hear(self, author: Author) -> None:
        """A private chat goes by its customer's newest name."""
        if not self.group:
            self.author = author.over(self.author)
            self.title = author.name or self.title

    def brings_news(self, author: Author) -> bool:
        """Would a private chat know more of its customer by this?"""
        return not self.group and author.over(self.author) != self.author

    def count(self, version: int, at: datetime) -> None:
        """One more word of the customer's, which nobody has seen."""
        self.received += 1
        self.waiting_since = self.waiting_since or at
        self.unread.append(version)
        self.since_close.append(version)

    def unseen_after(self, version: int) -> int:
        """How many of the customer's words since the last close came after a version."""
        return len(self.since_close) - bisect_right(self.since_close, version)

    def await_files(self, attachments: tuple[Attachment, ...], version: int) -> None:
        """The files that an event brought and that are not with us."""
        self.awaited.update(awaited_files(attachments, version))

    def name_message(self, message_id: str | None, version: int) -> None:
        """From now on the channel's id stands for this version."""
        if message_id is not None:
            self.messages[id_key(message_id)] = version

    def piece_arrived(self, of: int, part: int, parts: int) -> None:
        """A reply has left when its last piece has."""
        self.outgoing[of].next_part(part)
        if part + 1 == parts:
            del self.outgoing[of]
            self.reached[of] = SENT

    def move_to(self, department_id: UUID | None, holder_id: UUID | None, version: int) -> None:
        """Whose it is from now on, if it is not theirs already."""
        if (department_id, holder_id) != (self.department_id, self.holder_id):
            self.department_id, self.holder_id, self.moved_at = department_id, holder_id, version

    def keep(self, command: int | None, version: int) -> None:
        """A command was taken, if its client gave it an id; the same will not be taken again."""
        if command is not None:
            self.client_msgs[command] = version

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
            "messages": self.received,
        } | ({} if self.waiting_since is None else {"waiting_since": self.waiting_since})


def client_key(moderator_id: UUID, client_msg_id: str) -> int:
    """A client's id, of a message or of any other command, counts once per user."""
    return id_key(f"{moderator_id.hex}/{client_msg_id}")


def random_id_of(chat_id: UUID, version: int, part: int = 0) -> int:
    """What a reply's piece is sent with, the same at every try: 31 bits, not zero. Its echo brings it back."""
    digest = blake2b(f"{chat_id.hex}/{version}/{part}".encode(), digest_size=4).digest()
    return int.from_bytes(digest) & 0x7FFF_FFFF or 1
