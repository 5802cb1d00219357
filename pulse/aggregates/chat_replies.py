"""The life of a reply after it was written: the events, and the decisions of whoever sends it.

Attempted → sent → delivered → read; or failed; or uncertain, when a call was made and nobody knows how it ended. Within
one try a status only moves up. What failed or is uncertain begins again only when a moderator says so, or when the
channel proves that it arrived.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from eventsourcing.domain import AggregateEvent

from pulse.aggregates.chat_events import FromChannel
from pulse.aggregates.chat_sending import DELIVERED, READ, Sending
from pulse.aggregates.chat_so_far import ChatSoFar, random_id_of
from pulse.errors import Refusal
from pulse.message import id_key
from pulse.values import value


@value
class Failure:
    """How a call failed, as `ReplyFailed` keeps it."""

    reason: str
    code: str = ""
    again_at: datetime | None = None
    plain: bool = False
    maybe: bool = False
    anew: bool = False


class NotStuck(Refusal):
    """This reply is on its way or has arrived; there is nothing to decide about it."""


class ReplyAttempted(AggregateEvent):
    """The channel is about to be called: `attempt` counts the reply's calls, `part` its pieces from 0.

    `repeats`: nobody knows how the call before ended; the channel counts the two as one.
    """

    of: int
    part: int
    parts: int
    attempt: int
    repeats: bool = False

    def apply(self, chat: ChatSoFar) -> None:
        sending = chat.outgoing[self.of]
        sending.begin_call(self.part, self.parts, self.attempt, self.timestamp)
        sending.maybe = sending.maybe or self.repeats
        chat.replies[random_id_of(self.originator_id, self.of, self.part)] = (self.of, self.part)


class ReplySent(AggregateEvent):
    """The channel has taken a piece, and calls it `message_id`."""

    of: int
    part: int
    parts: int
    message_id: str | None

    def apply(self, chat: ChatSoFar) -> None:
        chat.name_message(self.message_id, self.of)
        chat.piece_arrived(self.of, self.part, self.parts)


class ReplyDelivered(FromChannel):
    """It lies on the customer's device. `of` is None while we don't know which reply `message_id` is."""

    of: int | None
    message_id: str

    def apply(self, chat: ChatSoFar) -> None:
        super().apply(chat)
        if self.of is None:
            chat.receipts.add(id_key(self.message_id))
        else:
            chat.receipts.discard(id_key(self.message_id))
            chat.reached[self.of] = DELIVERED


class ReplyRead(AggregateEvent):
    """The customer has read these replies; that is as far as a reply gets."""

    of: tuple[int, ...]

    def apply(self, chat: ChatSoFar) -> None:
        for version in self.of:
            chat.reached[version] = READ
        gone = set(self.of)
        chat.unread_by_customer = [version for version in chat.unread_by_customer if version not in gone]


class ReplyFailed(AggregateEvent):
    """A call failed. It is tried again at `again_at` (in plain words if `plain`); without one, it failed for good.

    `maybe`: it may have arrived all the same. `anew`: it was not this reply's fault, and its hour of trying begins anew.
    `moderator_id` wrote the reply; older events don't say.
    """

    of: int
    part: int
    attempt: int
    code: str
    reason: str
    again_at: datetime | None
    plain: bool = False
    maybe: bool = False
    anew: bool = False
    moderator_id: UUID | None = None

    def apply(self, chat: ChatSoFar) -> None:
        sending = chat.outgoing[self.of]
        sending.end_call(again_at=self.again_at, stuck=self.again_at is None)
        sending.plain = sending.plain or self.plain
        sending.maybe = sending.maybe or self.maybe
        if self.anew:
            sending.trying_since = None


class ReplyUncertain(AggregateEvent):
    """A call was made and nobody knows whether it arrived. Only a moderator, or the channel, can tell."""

    of: int
    part: int
    attempt: int
    reason: str
    moderator_id: UUID | None = None

    def apply(self, chat: ChatSoFar) -> None:
        chat.outgoing[self.of].end_call(stuck=True, unsure=True)


class ReplyRequeued(AggregateEvent):
    """A moderator wants a reply sent again, knowing how the last try ended."""

    of: int
    moderator_id: UUID

    def apply(self, chat: ChatSoFar) -> None:
        chat.outgoing[self.of].begin_anew()


class ReplyVouched(AggregateEvent):
    """A moderator has seen that an uncertain piece arrived; what is left of the reply goes on."""

    of: int
    moderator_id: UUID
    part: int = 0
    parts: int = 1

    def apply(self, chat: ChatSoFar) -> None:
        chat.piece_arrived(self.of, self.part, self.parts)


class ChatMoved(AggregateEvent):
    """The channel has given this chat another address; replies go there from now on."""

    peer: str

    def apply(self, chat: ChatSoFar) -> None:
        chat.peer = self.peer


class RepliedChat(ChatSoFar):
    """What whoever sends decides. Each changes nothing when it comes too late: somebody else was faster."""

    def attempt(
        self, of: int, *, part: int, parts: int, attempt: int, now: datetime, repeats: bool = False
    ) -> None:  # fmt: skip
        """Before a call. Of two senders who try the same, one gets the event."""
        sending = self.outgoing.get(of)
        if sending is None or sending.stuck or part != sending.part or attempt != sending.attempt + 1:
            return
        self.trigger_event(
            ReplyAttempted, of=of, part=part, parts=parts, attempt=attempt, repeats=repeats, timestamp=now
        )

    def sent(self, of: int, *, part: int, message_id: str | None, now: datetime) -> None:
        """The channel took a piece. Receipts that came before it are joined to it."""
        sending = self.outgoing.get(of)
        if sending is None or part != sending.part or sending.attempt == 0:
            return
        self.trigger_event(ReplySent, of=of, part=part, parts=sending.parts, message_id=message_id, timestamp=now)
        if of in self.reached:
            self._join_receipts(of, message_id, now)

    def fail(self, of: int, *, part: int, attempt: int, failure: Failure, now: datetime) -> None:
        """A call failed. That of another piece or attempt, or of one whose end is known, tells nothing."""
        sending = self.outgoing.get(of)
        if sending is not None and sending.calling and (part, attempt) == (sending.part, sending.attempt):
            self._fail(of, sending, failure, now)

    def give_up(self, of: int, failure: Failure, *, now: datetime) -> None:
        """No call will be made."""
        sending = self.outgoing.get(of)
        if sending is not None and not sending.stuck:
            self._fail(of, sending, failure, now)

    def move(self, peer: str, *, now: datetime) -> None:
        """The channel says where this chat is now. Its id stays: what was said here is said here."""
        if peer != self.peer:
            self.trigger_event(ChatMoved, peer=peer, timestamp=now)

    def doubt(self, of: int, *, attempt: int, reason: str, now: datetime) -> None:
        """A call was made and nobody knows how it ended, or whether an earlier one arrived."""
        sending = self.outgoing.get(of)
        in_doubt = sending is not None and (sending.calling or sending.maybe) and not sending.stuck
        if sending is not None and in_doubt and attempt == sending.attempt:
            self.trigger_event(
                ReplyUncertain, of=of, part=sending.part, attempt=attempt, reason=reason[:500],
                moderator_id=sending.author, timestamp=now,
            )  # fmt: skip

    def send_again(self, of: int, *, moderator_id: UUID, now: datetime) -> None:
        """A moderator's choice for a reply that failed or is uncertain. Raises NotStuck."""
        if of not in self.outgoing or not self.outgoing[of].stuck:
            raise NotStuck
        self.trigger_event(ReplyRequeued, of=of, moderator_id=moderator_id, timestamp=now)

    def vouch(self, of: int, *, moderator_id: UUID, now: datetime) -> None:
        """A moderator's word that an uncertain reply arrived, as far as it was tried. Raises NotStuck."""
        sending = self.outgoing.get(of)
        if sending is None or not sending.unsure:
            raise NotStuck
        self.trigger_event(
            ReplyVouched, of=of, moderator_id=moderator_id, part=sending.part, parts=sending.parts, timestamp=now
        )
        if of in self.reached:
            self._join_receipts(of, None, now)

    def deliver(self, message_id: str, *, external_id: str, raw: str, now: datetime) -> None:
        """A receipt of the channel; one for a message we don't know yet waits until we do."""
        of = self.find(message_id)
        if self.knows(external_id) or self.reached.get(of or 0, 0) >= DELIVERED:
            return
        self.trigger_event(
            ReplyDelivered, of=of if of in self.reached else None, message_id=message_id, external_id=external_id,
            raw=raw, timestamp=now,
        )  # fmt: skip

    def read_replies(self, *, now: datetime) -> None:
        """Whatever has left and lies under the customer's read mark is read."""
        below = tuple(v for v, rank in self.reached.items() if rank < READ and v <= self.seen_by_customer)
        if below:
            self.trigger_event(ReplyRead, of=below, timestamp=now)

    def _fail(self, of: int, sending: Sending, failure: Failure, now: datetime) -> None:
        self.trigger_event(
            ReplyFailed, of=of, part=sending.part, attempt=sending.attempt, code=failure.code,
            reason=failure.reason[:500], again_at=failure.again_at, plain=failure.plain, maybe=failure.maybe,
            anew=failure.anew, moderator_id=sending.author, timestamp=now,
        )  # fmt: skip

    def _join_receipts(self, of: int, message_id: str | None, now: datetime) -> None:
        if message_id is not None and id_key(message_id) in self.receipts:
            self.trigger_event(
                ReplyDelivered, of=of, message_id=message_id, external_id=f"joined:{message_id}", raw="", timestamp=now
            )
        read_already = message_id is not None and 0 <= id_key(message_id) <= self.read_key
        if read_already or of <= self.seen_by_customer:
            self.trigger_event(ReplyRead, of=(of,), timestamp=now)
