"""Blocklist: the people of one source whose words are refused at the door. The directory holds it in memory."""

from __future__ import annotations

from dataclasses import field
from datetime import datetime
from functools import lru_cache
from typing import Self
from uuid import UUID, uuid5

from eventsourcing.domain import Aggregate, AggregateCreated, AggregateEvent

from pulse.values import value


class BlocklistBegun(AggregateCreated):
    """The first block of a source."""

    source_id: UUID


class CustomerBlocked(AggregateEvent):
    """`peer` is the channel's id of the person."""

    peer: str
    reason: str

    def apply(self, blocklist: Blocklist) -> None:
        blocklist.blocks[self.peer] = Block(self.reason, self.timestamp)


class CustomerUnblocked(AggregateEvent):
    peer: str

    def apply(self, blocklist: Blocklist) -> None:
        del blocklist.blocks[self.peer]


@value
class Block:
    """Why somebody is blocked, and since when."""

    reason: str
    at: datetime


class Blocklist(Aggregate):
    source_id: UUID
    blocks: dict[str, Block] = field(default_factory=dict)

    @classmethod
    def begin(cls, source_id: UUID, *, now: datetime) -> Self:
        """An empty list; its id follows from the source."""
        return cls._create(BlocklistBegun, id=blocklist_id(source_id), source_id=source_id, timestamp=now)

    def block(self, peer: str, *, reason: str, now: datetime) -> None:
        """From now on nothing of this person is taken in. Whoever is blocked already stays so, for the first reason."""
        if peer not in self.blocks:
            self.trigger_event(CustomerBlocked, peer=peer, reason=reason, timestamp=now)

    def unblock(self, peer: str, *, now: datetime) -> None:
        """Takes them in again; what they sent meanwhile is gone."""
        if peer in self.blocks:
            self.trigger_event(CustomerUnblocked, peer=peer, timestamp=now)

    def scope(self) -> dict[str, object]:
        """Where this list belongs; travels beside each event."""
        return {"source": self.source_id}


@lru_cache(maxsize=4096)
def blocklist_id(source_id: UUID) -> UUID:
    return uuid5(source_id, "blocklist")
