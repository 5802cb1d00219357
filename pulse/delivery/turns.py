"""Whose turn it is in a chat: the first reply that can go on, and the piece of it that is next. Pure decisions."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime, timedelta

from pulse.aggregates.chat import Chat
from pulse.aggregates.chat_replies import Failure
from pulse.aggregates.chat_sending import Sending
from pulse.aggregates.chat_so_far import random_id_of
from pulse.channels import Capabilities, File, Outgoing
from pulse.channels.pieces import pieces_of
from pulse.message import Attachment
from pulse.values import value

NOBODY_KNOWS = "It was sent, and nobody knows whether it arrived."
CUT_OTHERWISE = "Only a part of it was sent, before Pulse was renewed. Write the rest anew."
SLOWEST_CALL = 300.0


@value
class Turn:
    """A call that is about to be made; its attempt is on disk."""

    of: int
    part: int
    attempt: int
    trying_since: datetime
    piece: Outgoing
    attachment: Attachment | None

    def with_file(self, file: File | None) -> Outgoing:
        """The piece as the driver takes it."""
        return self.piece if file is None else replace(self.piece, file=file)


@value
class Terms:
    """What a turn depends on besides its chat: the channel, when the next call to this chat may be made, and which
    attempts (replies' versions and their counts) this sender recorded without making the call.
    """

    capabilities: Capabilities
    may_call_at: Callable[[Chat], datetime]
    not_called: Collection[tuple[int, int]] = ()


def take_turn(chat: Chat, terms: Terms, now: datetime) -> Turn | datetime | None:
    """Records the next attempt and returns it; or when to look again; or None when nothing waits.

    Replies leave in the order they were written. A call whose end nobody recorded was cut off by a crash: it is made
    again where the channel counts it once, and left to a moderator where it does not.
    """
    for of, sending in list(chat.outgoing.items()):
        if sending.stuck:
            continue
        cut_off = sending.calling and (of, sending.attempt) not in terms.not_called
        if (cut_off or sending.maybe) and not may_repeat(sending, terms.capabilities, now):
            chat.doubt(of, attempt=sending.attempt, reason=NOBODY_KNOWS, now=now)
            continue
        due = max(terms.may_call_at(chat), sending.again_at or now)
        if due > now:
            return due
        if turn := _begin(chat, of, terms.capabilities, now, repeats=cut_off):
            return turn
    return None


def may_repeat(sending: Sending, capabilities: Capabilities, now: datetime) -> bool:
    """Would a call like the last one still count once, also if it takes its time, and whatever clocks say?"""
    return (
        sending.since is None or abs((now - sending.since).total_seconds()) + SLOWEST_CALL < capabilities.repeat_seconds
    )


def _begin(chat: Chat, of: int, capabilities: Capabilities, now: datetime, *, repeats: bool) -> Turn | None:
    """None for a reply that this Pulse would cut otherwise than the one that began it: words would be lost or doubled."""
    sending = chat.outgoing[of]
    pieces = pieces_of(capabilities, sending.text, sending.attachments)
    if sending.part and len(pieces) != sending.parts:
        chat.give_up(of, Failure(CUT_OTHERWISE), now=now)
        return None
    text, attachment = pieces[sending.part]
    attempt = sending.attempt + 1
    chat.attempt(of, part=sending.part, parts=len(pieces), attempt=attempt, repeats=repeats, now=now)
    piece = Outgoing(
        peer=chat.peer, random_id=random_id_of(chat.id, of, sending.part), text=text, group=chat.group,
        plain=sending.plain,
    )  # fmt: skip
    return Turn(of, sending.part, attempt, sending.trying_since or now, piece, attachment)


def later(now: datetime, seconds: float) -> datetime:
    return now + timedelta(seconds=seconds)
