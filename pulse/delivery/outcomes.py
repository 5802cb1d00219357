"""What the end of a call means for its reply. Pure decisions, one for each way a call can end (`channels/calls.py`)."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta

from pulse.aggregates.chat import Chat
from pulse.channels import Capabilities
from pulse.channels.calls import BadPiece, CallFailed, MaybeSent, NeverDelivered, NotNow, PeerMoved, SourceInTrouble
from pulse.delivery.turns import Turn

GIVE_UP = timedelta(hours=1)
LONGEST_WAIT = 60.0


def record_sent(chat: Chat, turn: Turn, message_id: str | None, now: datetime) -> None:
    chat.sent(turn.of, part=turn.part, message_id=message_id, now=now)


def record_failure(chat: Chat, turn: Turn, failed: CallFailed, capabilities: Capabilities, now: datetime) -> None:
    """The event that a bad end leaves behind."""
    tried_for = now - turn.since
    wait = timedelta(seconds=backoff(turn.attempt))

    def fail(again_at: datetime | None, *, plain: bool = False, maybe: bool = False) -> None:
        chat.fail(
            turn.of, attempt=turn.attempt, code=failed.provider_code, reason=failed.reason, again_at=again_at,
            plain=plain, maybe=maybe, now=now,
        )  # fmt: skip

    match failed:
        case MaybeSent() if (abs(tried_for) + wait).total_seconds() < capabilities.repeat_seconds:
            fail(now + wait, maybe=True)
        case MaybeSent():
            chat.doubt(turn.of, attempt=turn.attempt, reason=failed.reason, now=now)
        case NotNow(after=after):
            wait = wait if after is None else timedelta(seconds=after)
            fail(now + wait if tried_for < GIVE_UP else None)
        case BadPiece():
            fail(None if turn.piece.plain else now, plain=True)
        case SourceInTrouble():
            fail(now)  # it goes on when the source does
        case PeerMoved(peer=peer):
            fail(now if peer != chat.peer and tried_for < GIVE_UP else None)
            chat.move(peer, now=now)
        case _:
            fail(None)


def backoff(attempt: int, jitter: Callable[[float, float], float] = random.uniform) -> float:
    """Seconds until the next try: 1, 2, 4 … 60, each give or take a half."""
    return min(2.0 ** min(attempt - 1, 16), LONGEST_WAIT) * jitter(0.5, 1.5)


def makes_unreachable(failed: CallFailed) -> bool:
    return isinstance(failed, NeverDelivered) and failed.unreachable
