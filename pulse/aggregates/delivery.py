"""Delivery: an authentic webhook delivery that no chat or customer could take in. It is kept, not lost."""

from __future__ import annotations

from datetime import datetime
from typing import Self
from uuid import UUID, uuid5

from eventsourcing.domain import Aggregate, AggregateCreated


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


class Delivery(Aggregate):
    source_id: UUID
    outcome: str

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


def delivery_id(source_id: UUID, external_id: str) -> UUID:
    return uuid5(source_id, f"delivery:{external_id}")
