"""What happens to a chat, in the order of its life, and what each event leaves behind. Decided in `chat.py`."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from eventsourcing.domain import AggregateCreated, AggregateEvent

from pulse.aggregates.chat_sending import Sending
from pulse.aggregates.chat_so_far import Callback, ChatSoFar, client_key
from pulse.message import Attachment, Author, Incoming, all_attachments, id_key


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
        chat.hear(self.message.author)
        chat.reachable = True
        chat.count(self.originator_version, self.timestamp)
        chat.await_files(all_attachments(self.message), self.originator_version)


class MessageEdited(AggregateEvent):
    """`of` is the edited message's version."""

    of: int
    message: Incoming
    raw: str

    def apply(self, chat: ChatSoFar) -> None:
        chat.known.add(id_key(self.message.external_id))
        chat.changed_by[self.of] = id_key(self.message.external_id)
        chat.rereads.pop(self.of, None)
        chat.hear(self.message.author)
        chat.await_files(all_attachments(self.message), self.originator_version)


class MessageReread(AggregateEvent):
    """A mended driver reads a message otherwise than it was taken in; the log keeps both. `of` is its version."""

    of: int
    message: Incoming

    def apply(self, chat: ChatSoFar) -> None:
        chat.known.add(id_key(self.message.external_id))
        chat.name_message(self.message.message_id, self.of)
        chat.rereads[self.of] = self.message
        chat.await_files(all_attachments(self.message), self.originator_version)


class MessagesDeleted(FromChannel):
    """`of` are the deleted messages' versions; nobody has to read them any more."""

    of: tuple[int, ...]

    def apply(self, chat: ChatSoFar) -> None:
        super().apply(chat)
        gone = set(self.of)
        chat.changed_by.update(dict.fromkeys(gone, id_key(self.external_id)))
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


class CallbackRequested(FromChannel):
    """The customer asks to be called. The request is named by this event's version; `wanted_at` is when, if they said."""

    author: Author
    phone: str
    wanted_at: datetime | None
    comment: str

    def apply(self, chat: ChatSoFar) -> None:
        super().apply(chat)
        chat.callbacks[self.originator_version] = Callback(self.phone, self.wanted_at, self.comment)
        chat.count(self.originator_version, self.timestamp)


class CallbackDone(AggregateEvent):
    """Somebody called, or tried to. `of` is the request's version, `outcome` what came of it, for our side only."""

    of: int
    moderator_id: UUID
    outcome: str

    def apply(self, chat: ChatSoFar) -> None:
        chat.callbacks[self.of] = None


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
        chat.await_files(self.attachments, self.originator_version)
        if self.outside_author is not None:  # a program's "we got your message" answers nobody
            chat.unread, chat.waiting_since = [], None
            chat.answered[None] = self.originator_version


class ReplyWritten(AggregateEvent):
    text: str
    moderator_id: UUID
    client_msg_id: str | None
    attachments: tuple[Attachment, ...] = ()

    def apply(self, chat: ChatSoFar) -> None:
        if self.client_msg_id is not None:
            chat.client_msgs[client_key(self.moderator_id, self.client_msg_id)] = self.originator_version
        chat.outgoing[self.originator_version] = Sending(self.text, self.attachments, author=self.moderator_id)
        chat.unread, chat.waiting_since = [], None
        chat.answered[self.moderator_id] = self.originator_version
        chat.seen_by[self.moderator_id] = self.originator_version
        chat.unread_by_customer.append(self.originator_version)


class ChatAssigned(AggregateEvent):
    """`note`, here and below: how the note begins that came with it (`NoteWritten` has it whole)."""

    moderator_id: UUID
    from_moderator_id: UUID | None
    command: int | None = None
    note: str = ""

    def apply(self, chat: ChatSoFar) -> None:
        chat.keep(self.command, self.originator_version)
        chat.move_to(chat.department_id, self.moderator_id, self.originator_version)


class ChatUnassigned(AggregateEvent):
    """The chat is free again, in its department."""

    from_moderator_id: UUID
    command: int | None = None
    note: str = ""

    def apply(self, chat: ChatSoFar) -> None:
        chat.keep(self.command, self.originator_version)
        chat.move_to(chat.department_id, None, self.originator_version)


class ChatTransferred(AggregateEvent):
    """The chat moves to a department; whoever held it lets go. Names the old audience."""

    department_id: UUID
    from_department_id: UUID | None
    from_moderator_id: UUID | None
    command: int | None = None
    note: str = ""

    def apply(self, chat: ChatSoFar) -> None:
        chat.keep(self.command, self.originator_version)
        chat.move_to(self.department_id, None, self.originator_version)


class ChatClosed(AggregateEvent):
    """Whoever held the chat lets go. Names the old audience."""

    moderator_id: UUID
    from_moderator_id: UUID | None
    command: int | None = None

    def apply(self, chat: ChatSoFar) -> None:
        chat.keep(self.command, self.originator_version)
        chat.closed = True
        chat.move_to(chat.department_id, None, self.originator_version)
        chat.snoozed_until = None
        chat.unread, chat.waiting_since = [], None
        chat.since_close = []


class ChatReopened(AggregateEvent):
    command: int | None = None

    def apply(self, chat: ChatSoFar) -> None:
        chat.keep(self.command, self.originator_version)
        chat.closed = False


class ChatRenamed(AggregateEvent):
    """The channel told the customer's name, without a message."""

    title: str

    def apply(self, chat: ChatSoFar) -> None:
        chat.title = self.title


class CustomerLost(AggregateEvent):
    """Nothing can be sent to the customer, until they write or come back."""

    reason: str

    def apply(self, chat: ChatSoFar) -> None:
        chat.reachable = False


class CustomerFound(AggregateEvent):
    """The customer can be written to again, though they have said nothing yet."""

    def apply(self, chat: ChatSoFar) -> None:
        chat.reachable = True


class SeenByStaff(AggregateEvent):
    """`unseen` is how many of the customer's words came after it: what this moderator still has to look at."""

    moderator_id: UUID
    up_to: int
    unseen: int = 0

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
