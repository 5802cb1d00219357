"""Delivery: an authentic webhook delivery that no chat or customer could take in. It is kept, not lost.

A mended driver can read it again; whatever events come of that name it as their cause.
"""

from __future__ import annotations

from datetime import datetime
from typing import Self
from uuid import UUID, uuid5

from eventsourcing.domain import Aggregate, AggregateCreated, AggregateEvent

PROCESSED = "processed"
CAUSE = "delivery:"


class DeliveryKept(AggregateCreated):
    """`outcome` is `quarantined` (could not be read) or `unhandled` (read, but not something Pulse acts on).

    `raw` is the body as text; where it is not UTF-8, `raw_base64` holds it.
    """

    source_id: UUID
    channel: str
    outcome: str
    kind: str
    reason: str
    external_id: str
    raw: str
    raw_base64: str | None


class DeliveryProcessed(AggregateEvent):
    """It was read again: `processed`, or still `unhandled` or `quarantined`, for this reason."""

    outcome: str
    kind: str
    reason: str

    def apply(self, delivery: Delivery) -> None:
        delivery.outcome, delivery.kind, delivery.reason = self.outcome, self.kind, self.reason


class Delivery(Aggregate):
    source_id: UUID
    outcome: str
    kind: str
    reason: str

    @classmethod
    def keep(
        cls, *, source_id: UUID, channel: str, outcome: str, kind: str, reason: str,
        external_id: str, raw: str, raw_base64: str | None, now: datetime,
    ) -> Self:  # fmt: skip
        """Keeps a delivery once; its id follows from source and external id."""
        return cls._create(
            DeliveryKept, id=delivery_id(source_id, external_id), source_id=source_id, channel=channel,
            outcome=outcome, kind=kind, reason=reason, external_id=external_id, raw=raw,
            raw_base64=raw_base64, timestamp=now,
        )  # fmt: skip

    def process(self, *, outcome: str, kind: str, reason: str, now: datetime) -> None:
        """It was read again. The same once more is nothing new, and what is processed stays so."""
        if self.outcome != PROCESSED and (outcome, kind, reason) != (self.outcome, self.kind, self.reason):
            self.trigger_event(DeliveryProcessed, outcome=outcome, kind=kind, reason=reason, timestamp=now)


def delivery_id(source_id: UUID, external_id: str) -> UUID:
    return uuid5(source_id, f"delivery:{external_id}")


def cause_of(position: int) -> str:
    """What events carry that come of reading a delivery again; it goes by the position of what it left first."""
    return f"{CAUSE}{position}"


def position_in(cause: str | None) -> int | None:
    """The delivery that was read again, if that is what caused an event."""
    if cause is None or not cause.startswith(CAUSE):
        return None
    number = cause.removeprefix(CAUSE)
    return int(number) if number.isdecimal() else None
