"""`/start <code>` at a bot: a moderator links the Telegram they opened the link in. Never a customer's word."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from pulse.aggregates.pager import Pager, pager_id
from pulse.aggregates.source import Source
from pulse.channels.arrivals import Arrival, MessageArrived
from pulse.eventlog.commands import Decided
from pulse.eventlog.store import EventStore
from pulse.pager_codes import whose_code

CHANNEL = "telegram"
TOO_LATE = "A link of a moderator's that does not count, or not any more."


def opened_by(source: Source, arrival: Arrival) -> UUID | None:
    """The moderator whose link this is, whether it still counts or not; None for what customers say."""
    if source.channel != CHANNEL or not isinstance(arrival, MessageArrived):
        return None
    return whose_code(arrival.message.payload)


async def link_pager(
    store: EventStore, source: Source, arrival: MessageArrived, moderator: UUID, clock: Callable[[], datetime]
) -> Decided:
    """Without events when the code does not count, or was not sent in a private chat with the bot."""
    message = arrival.message
    private = arrival.title is None and arrival.peer == message.author.id

    def decision(pager: Pager | None) -> Pager | None:
        if pager is not None and private and message.payload:
            pager.link(
                message.payload, source_id=source.id, peer=arrival.peer, name=message.author.name,
                language=message.author.language or "", now=clock(),
            )  # fmt: skip
        return pager

    return await store.decide(Pager, pager_id(moderator), decision, by="system")
