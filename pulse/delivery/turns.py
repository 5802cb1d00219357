"""Whose turn it is in a chat: the first reply that can go on, and the piece of it that is next. Pure decisions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from pulse.aggregates.chat import Chat
from pulse.aggregates.chat_events import random_id_of
from pulse.aggregates.chat_sending import Sending
from pulse.channels import Capabilities, File, Outgoing
from pulse.channels.pieces import pieces_of
from pulse.message import Attachment
from pulse.values import value

NOBODY_KNOWS = "Pulse was stopped while it was being sent."


@value
class Turn:
    """A call that is about to be made; its attempt is on disk."""

    of: int
    part: int
    parts: int
    attempt: int
    since: datetime
    piece: Outgoing
    attachment: Attachment | None

    def with_file(self, file: File | None) -> Outgoing:
        """The piece as the driver takes it."""
        return self.piece if file is None else replace(self.piece, file=file)


def take_turn(
    chat: Chat, capabilities: Capabilities, may_call_at: Callable[[Chat], datetime], now: datetime
) -> Turn | datetime | None:
    """Records the next attempt and returns it; or when to look again; or None when nothing waits.

    Replies leave in the order they were written. A call whose end nobody recorded was cut off by a crash: it is made
    again where the channel counts it once, and left to a moderator where it does not.
    """
    for of, sending in list(chat.outgoing.items()):
        if sending.stuck:
            continue
        if sending.calling and not may_repeat(sending, capabilities, now):
            chat.doubt(of, attempt=sending.attempt, reason=NOBODY_KNOWS, now=now)
            continue
        due = max(may_call_at(chat), sending.again_at or now)
        if due > now:
            return due
        return _begin(chat, of, sending, capabilities, now)
    return None


def may_repeat(sending: Sending, capabilities: Capabilities, now: datetime) -> bool:
    """Would a call like the last one still count once? However wrong the clock of this process or the last one is."""
    return sending.since is None or abs((now - sending.since).total_seconds()) < capabilities.repeat_seconds


def _begin(chat: Chat, of: int, sending: Sending, capabilities: Capabilities, now: datetime) -> Turn:
    pieces = pieces_of(capabilities, sending.text, sending.attachments)
    text, attachment = pieces[sending.part]
    chat.attempt(of, part=sending.part, parts=len(pieces), attempt=sending.attempt + 1, now=now)
    piece = Outgoing(
        peer=chat.peer, random_id=random_id_of(chat.id, of, sending.part), text=text, group=chat.group,
        plain=sending.plain,
    )  # fmt: skip
    return Turn(of, sending.part, sending.parts, sending.attempt, sending.since or now, piece, attachment)


def later(now: datetime, seconds: float) -> datetime:
    return now + timedelta(seconds=seconds)
