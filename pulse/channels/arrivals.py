"""What a driver reads in a delivery: each thing that it says happened."""

from __future__ import annotations

from datetime import datetime

from pulse.message import Attachment, Author, Incoming
from pulse.values import value


@value
class Arrival:
    """Something a delivery says happened. `external_id` names the delivery: the same one never counts twice."""

    external_id: str


@value
class MessageArrived(Arrival):
    """`title` names a group; None in a private chat. `edited`: it replaces the message of that `message_id`."""

    peer: str
    message: Incoming
    title: str | None = None
    edited: bool = False


@value
class MessagesDeleted(Arrival):
    peer: str
    message_ids: tuple[str, ...]


@value
class Reacted(Arrival):
    peer: str
    author: Author
    message_id: str
    reactions: tuple[str, ...]
    title: str | None = None


@value
class ButtonArrived(Arrival):
    peer: str
    author: Author
    payload: str
    query_id: str
    message_id: str | None
    title: str | None = None


@value
class CallbackArrived(Arrival):
    """The customer asks to be called; `wanted_at` is when, if they said."""

    peer: str
    author: Author
    phone: str
    wanted_at: datetime | None
    comment: str


@value
class EchoArrived(Arrival):
    """Our side wrote: `random_id` is ours when we sent it by API, `outside_author` who wrote it elsewhere."""

    peer: str
    text: str
    attachments: tuple[Attachment, ...]
    message_id: str | None
    random_id: int
    outside_author: str | None


@value
class ReadMark(Arrival):
    """The customer has read up to a message (its channel id)."""

    peer: str
    message_id: str


@value
class ReceiptArrived(Arrival):
    """A reply lies on the customer's device."""

    peer: str
    message_id: str


@value
class ReachChanged(Arrival):
    """The person blocked us, or allowed messages again."""

    author: Author
    reachable: bool
    reason: str


@value
class TypingSeen(Arrival):
    """The customer is typing; told live, never kept."""

    peer: str


@value
class Confirmation(Arrival):
    """The provider checks that this address is ours and wants `code` as the answer."""

    code: str


@value
class Unhandled(Arrival):
    """Read, but of a kind Pulse does not act on."""

    kind: str
