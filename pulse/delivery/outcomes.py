"""What the end of a call means for its reply. Pure decisions, one for each way a call can end (`channels/calls.py`)."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from pulse.aggregates.chat import Chat
from pulse.aggregates.chat_replies import Failure
from pulse.channels import Capabilities
from pulse.channels.calls import BadPiece, CallFailed, MaybeSent, NeverDelivered, NotNow, PeerMoved, SourceInTrouble
from pulse.delivery.turns import Turn

GIVE_UP = timedelta(hours=1)
LONGEST_WAIT = 60.0


def record_sent(chat: Chat, turn: Turn, message_id: str | None, now: datetime) -> None:
    chat.sent(turn.of, part=turn.part, message_id=message_id, now=now)


def record_failure(chat: Chat, turn: Turn, failed: CallFailed, capabilities: Capabilities, now: datetime) -> None:
    """The event that a bad end leaves behind. Whoever records it twice records it once."""
    sending = chat.outgoing.get(turn.of)
    if sending is None or not sending.calling or (turn.part, turn.attempt) != (sending.part, sending.attempt):
        return
    if isinstance(failed, PeerMoved):
        chat.move(failed.peer, now=now)
    failure = failure_of(turn, failed, capabilities, now)
    if failure.again_at is None and (failure.maybe or sending.maybe):
        chat.doubt(turn.of, attempt=turn.attempt, reason=failed.reason, now=now)
    else:
        chat.fail(turn.of, part=turn.part, attempt=turn.attempt, failure=failure, now=now)


def failure_of(turn: Turn, failed: CallFailed, capabilities: Capabilities, now: datetime) -> Failure:
    """When it is tried again, and how."""
    failure = partial(Failure, failed.reason, failed.provider_code)
    wait = timedelta(seconds=backoff(turn.attempt))
    in_time = abs(now - turn.trying_since) < GIVE_UP
    match failed:
        case MaybeSent():
            return failure(again_at=now + wait if capabilities.repeat_seconds and in_time else None, maybe=True)
        case NotNow(after=after):
            wait = wait if after is None else timedelta(seconds=after)
            return failure(again_at=now + wait if in_time else None)
        case BadPiece():
            return failure(again_at=None if turn.piece.plain else now, plain=True)
        case SourceInTrouble():
            # It goes on when the source does. Whoever wrote it can't mend that.
            return Failure(f"Tell an admin: {failed.reason}", failed.provider_code, again_at=now, anew=True)
        case PeerMoved(peer=peer):
            return failure(again_at=now if peer != turn.piece.peer and in_time else None)
        case _:
            return failure()


def backoff(attempt: int, jitter: Callable[[float, float], float] = random.uniform) -> float:
    """Seconds until the next try: 1, 2, 4 … 60, each give or take a half."""
    return min(2.0 ** min(attempt - 1, 16), LONGEST_WAIT) * jitter(0.5, 1.5)


def makes_unreachable(failed: CallFailed) -> bool:
    return isinstance(failed, NeverDelivered) and failed.unreachable
