"""Chat: one customer (or one group) on one source, from the first message on.

Doors call the command methods; each either triggers events, changes nothing, or raises the rule it broke.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Self
from uuid import UUID, uuid5

from pulse.aggregates.chat_events import (
    ButtonPressed,
    CallbackDone,
    CallbackRequested,
    ChatOpened,
    ChatRenamed,
    CustomerFound,
    CustomerLost,
    MessageEdited,
    MessageReacted,
    MessageReceived,
    MessageReread,
    MessagesDeleted,
    ReplyEchoed,
    ReplyWritten,
    SeenByCustomer,
    SeenByStaff,
)
from pulse.aggregates.chat_files import FiledChat
from pulse.aggregates.chat_replies import RepliedChat
from pulse.aggregates.chat_so_far import Callback, client_key
from pulse.aggregates.chat_standing import ChatIsClosed, StandingChat
from pulse.errors import NotFound, Refusal
from pulse.message import Attachment, Author, Incoming, id_key

OPEN_CALLBACKS = 5


class EmptyReply(Refusal):
    """A reply needs a text or a file."""


class StaleReply(Refusal):
    """A colleague has answered since you looked. See what came in between, and send again if it still fits."""


class CustomerUnreachable(Refusal):
    """This customer can't be written to: they left or blocked us. They can be answered when they write again."""


class TooManyCallbacks(Refusal):
    """We will call: there are several requests of yours already."""


class NoSuchCallback(NotFound):
    """There is no such callback request in this chat."""


class Chat(StandingChat, RepliedChat, FiledChat):
    """The decisions, each on what the chat's events left behind."""

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
        if self.knows(message.external_id) or self.find(message.message_id) is not None:
            return
        self._wake_or_reopen(now=now)
        self.trigger_event(MessageReceived, message=message, raw=raw, timestamp=now)

    def edit(self, message: Incoming, *, raw: str, now: datetime) -> None:
        """A message was changed by its author. An edit of one we never saw is received as it now reads."""
        if self.knows(message.external_id):
            return
        of = self.find(message.message_id)
        if of is None:
            self.receive(message, raw=raw, now=now)
        else:
            self.trigger_event(MessageEdited, of=of, message=message, raw=raw, timestamp=now)

    def reread(self, of: int, message: Incoming, *, was: Incoming, now: datetime) -> None:
        """A mended driver reads a delivery that `was` taken in otherwise. What its author changed later stands."""
        delivery = id_key(was.external_id)
        if self.changed_by.get(of, delivery) == delivery and message != self.rereads.get(of, was):
            self.trigger_event(MessageReread, of=of, message=message, timestamp=now)

    def delete(self, message_ids: tuple[str, ...], *, external_id: str, raw: str, now: datetime) -> None:
        """Messages were deleted by their author; ones we never saw are passed over."""
        found = (self.find(message_id) for message_id in message_ids)
        of = tuple(dict.fromkeys(version for version in found if version is not None))
        if of and not self.knows(external_id):
            self.trigger_event(MessagesDeleted, of=of, external_id=external_id, raw=raw, timestamp=now)

    def react(
        self, *, author: Author, message_id: str, reactions: tuple[str, ...], external_id: str, raw: str, now: datetime
    ) -> None:
        """The customer put or took back reactions."""
        if not self.knows(external_id):
            self.trigger_event(
                MessageReacted, of=self.find(message_id), author=author, reactions=reactions,
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

    def request_callback(
        self, *, author: Author, phone: str, wanted_at: datetime | None, comment: str,
        external_id: str, raw: str, now: datetime,
    ) -> None:  # fmt: skip
        """The customer asks to be called; a closed chat opens again. What is asked for already changes nothing."""
        if self.knows(external_id) or self.asked(phone, wanted_at, comment) is not None:
            return
        if sum(callback is not None for callback in self.callbacks.values()) >= OPEN_CALLBACKS:
            raise TooManyCallbacks
        self._wake_or_reopen(now=now)
        self.trigger_event(
            CallbackRequested, author=author, phone=phone, wanted_at=wanted_at, comment=comment,
            external_id=external_id, raw=raw, timestamp=now,
        )  # fmt: skip

    def asked(self, phone: str, wanted_at: datetime | None, comment: str) -> int | None:
        """The open request that asks for exactly this."""
        wanted = Callback(phone, wanted_at, comment)
        return next((version for version, callback in self.callbacks.items() if callback == wanted), None)

    def finish_callback(self, of: int, *, moderator_id: UUID, outcome: str, now: datetime) -> None:
        """A moderator has called, or tried to. Raises NoSuchCallback; one that is done stays as it was."""
        if of not in self.callbacks:
            raise NoSuchCallback
        if self.callbacks[of] is not None:
            self.trigger_event(CallbackDone, of=of, moderator_id=moderator_id, outcome=outcome, timestamp=now)

    def echo(
        self, *, text: str, attachments: tuple[Attachment, ...], message_id: str | None, random_id: int,
        outside_author: str | None, external_id: str, raw: str, now: datetime,
    ) -> None:  # fmt: skip
        """The channel shows a reply from our side; one that left with a random id of ours is confirmed by it."""
        if self.knows(external_id) or self.find(message_id) is not None:
            return
        confirms, part = self.replies.get(random_id, (None, 0))
        self.trigger_event(
            ReplyEchoed, text=text, attachments=attachments, message_id=message_id, random_id=random_id,
            outside_author=outside_author, confirms=confirms, external_id=external_id, raw=raw, timestamp=now,
        )  # fmt: skip
        if confirms is not None:
            self.sent(confirms, part=part, message_id=message_id, now=now)

    def reply(
        self, text: str, *, moderator_id: UUID, client_msg_id: str | None, now: datetime,
        attachments: tuple[Attachment, ...] = (), seen_version: int | None = None,
    ) -> int:  # fmt: skip
        """A moderator answers; a free chat becomes theirs. Returns the reply's version.

        The same `client_msg_id` from the same moderator is the same reply, however often it is sent. With a
        `seen_version` it is refused when somebody else has answered since.
        """
        if client_msg_id is not None:
            written = self.client_msgs.get(client_key(moderator_id, client_msg_id))
            if written is not None:
                return written
        if seen_version is not None:
            self._require_up_to_date(seen_version, moderator_id)
        if not text.strip() and not attachments:
            raise EmptyReply
        if self.closed:
            raise ChatIsClosed
        if not self.reachable:
            raise CustomerUnreachable
        if self.holder_id is None:
            self.assign(moderator_id, now=now)
        self.trigger_event(
            ReplyWritten, text=text, moderator_id=moderator_id, client_msg_id=client_msg_id, attachments=attachments,
            timestamp=now,
        )  # fmt: skip
        return self.version

    def answered_since(self, version: int, moderator_id: UUID) -> bool:
        """Has anybody else answered after a version?"""
        return any(last > version for author, last in self.answered.items() if author != moderator_id)

    def rename(self, title: str, *, now: datetime) -> None:
        """A private chat goes by its customer's name; a group keeps its own."""
        if title and title != self.title and not self.group:
            self.trigger_event(ChatRenamed, title=title, timestamp=now)

    def lose_customer(self, reason: str, *, now: datetime) -> None:
        """The customer of a private chat can't be written to. In a group there are others."""
        if self.reachable and not self.group:
            self.trigger_event(CustomerLost, reason=reason, timestamp=now)

    def find_customer(self, *, now: datetime) -> None:
        """The customer can be written to again. Their next message says the same."""
        if not self.reachable:
            self.trigger_event(CustomerFound, timestamp=now)

    def see(self, moderator_id: UUID, up_to: int, *, now: datetime) -> None:
        """A moderator has seen everything up to a version; marks only move up."""
        if self.seen_by.get(moderator_id, 0) < up_to <= self.version:
            unseen = self.unseen_after(up_to)
            self.trigger_event(SeenByStaff, moderator_id=moderator_id, up_to=up_to, unseen=unseen, timestamp=now)

    def see_as_customer(
        self, up_to: int, *, now: datetime, message_id: str | None = None, external_id: str | None = None,
        raw: str | None = None,
    ) -> None:  # fmt: skip
        """The customer has seen everything up to a version; marks only move up.

        A channel's mark names a message (`message_id`), which may be a reply whose id has yet to come back to us.
        """
        further = message_id is not None and id_key(message_id) > self.read_key
        if not self.seen_by_customer < up_to <= self.version and not further:
            return
        self.trigger_event(
            SeenByCustomer, up_to=max(up_to, self.seen_by_customer), external_id=external_id, raw=raw,
            message_id=message_id, timestamp=now,
        )  # fmt: skip
        self.read_replies(now=now)

    def _require_up_to_date(self, version: int, moderator_id: UUID) -> None:
        """Raises NotItsVersion, StaleReply."""
        self.require_version(version)
        if self.answered_since(version, moderator_id):
            raise StaleReply(version=self.version)

    def _wake_or_reopen(self, *, now: datetime) -> None:
        """The customer wants something: the chat is to be looked at."""
        if self.closed:
            self.reopen(now=now)
        self.wake(now=now)


@lru_cache(maxsize=65_536)
def chat_id(source_id: UUID, peer: str) -> UUID:
    """The chat of a peer on a source, computed: no lookup, no race."""
    return uuid5(source_id, peer)
