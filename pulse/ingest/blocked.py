"""Who is refused at the door: the people whom a source has blocked. Asked for webhooks, new ones and stored ones."""

from __future__ import annotations

from uuid import UUID

from pulse.channels.arrivals import (
    Arrival,
    ButtonArrived,
    CallbackArrived,
    MessageArrived,
    MessagesDeleted,
    ReachChanged,
    Reacted,
    ReadMark,
    TypingSeen,
)
from pulse.directory import Directory


def is_blocked(directory: Directory, source_id: UUID, arrival: Arrival) -> bool:
    """Comes it from somebody of whom nothing is taken in?"""
    sender = sender_of(arrival)
    return sender is not None and directory.block_of(source_id, sender) is not None


def sender_of(arrival: Arrival) -> str | None:
    """The person on the other side, as the channel calls them; None for our own side's words, and where nobody acts.

    What names no author can only be blocked in a private chat, whose peer is the person.
    """
    match arrival:
        case MessageArrived(message=message):
            return message.author.id
        case ButtonArrived(author=author) | CallbackArrived(author=author) | Reacted(author=author):
            return author.id
        case ReachChanged(author=author):
            return author.id
        case MessagesDeleted(peer=peer) | ReadMark(peer=peer) | TypingSeen(peer=peer):
            return peer
        case _:
            return None
