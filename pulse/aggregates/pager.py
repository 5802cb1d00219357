"""Pager: the Telegram chat where one moderator is told of work. A place to write to; nobody signs in with it."""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Self
from uuid import UUID, uuid5

from eventsourcing.domain import Aggregate, AggregateCreated, AggregateEvent

from pulse.errors import Refusal
from pulse.values import value

PAGERS = UUID("c3a1f9e2-7d44-5f0b-b1c6-5a2e8d90f377")
OFFER_MINUTES = 15


class NoPager(Refusal):
    """No Telegram is linked. Ask for a link first."""


@value
class Wishes:
    """What its moderator wants to be told. `whole_text`: what customers wrote is not cut to 100 characters."""

    new_chats: bool = True
    assigned: bool = True
    mentions: bool = True
    quiet_when_away: bool = True
    whole_text: bool = False


class PagerBegun(AggregateCreated):
    moderator_id: UUID


class PagerOffered(AggregateEvent):
    """A code that links once, by way of one bot. The log keeps its hash."""

    source_id: UUID
    code_hash: str
    until: datetime

    def apply(self, pager: Pager) -> None:
        pager.offer = self


class PagerLinked(AggregateEvent):
    """`peer` is the Telegram chat, `language` what Telegram says its owner speaks."""

    source_id: UUID
    peer: str
    name: str
    language: str

    def apply(self, pager: Pager) -> None:
        pager.offer = None
        pager.source_id, pager.peer, pager.name, pager.language = self.source_id, self.peer, self.name, self.language
        pager.linked_at = self.timestamp


class PagerWishesChanged(AggregateEvent):
    wishes: Wishes

    def apply(self, pager: Pager) -> None:
        pager.wishes = self.wishes


class PagerUnlinked(AggregateEvent):
    """`reason` is empty when its moderator wanted it so; else why Telegram takes nothing for them any more."""

    moderator_id: UUID
    reason: str

    def apply(self, pager: Pager) -> None:
        pager.offer = pager.source_id = pager.linked_at = None
        pager.peer = pager.name = pager.language = ""


class Pager(Aggregate):
    moderator_id: UUID
    wishes: Wishes = Wishes()
    offer: PagerOffered | None = None
    source_id: UUID | None = None
    peer: str = ""
    name: str = ""
    language: str = ""
    linked_at: datetime | None = None

    @classmethod
    def begin(cls, moderator_id: UUID, *, now: datetime) -> Self:
        return cls._create(PagerBegun, id=pager_id(moderator_id), moderator_id=moderator_id, timestamp=now)

    def make_offer(self, source_id: UUID, code: str, *, now: datetime) -> None:
        """The code counts for a quarter of an hour; one that was offered before does not any more."""
        until = now + timedelta(minutes=OFFER_MINUTES)
        self.trigger_event(PagerOffered, source_id=source_id, code_hash=hash_of(code), until=until, timestamp=now)

    def link(self, code: str, *, source_id: UUID, peer: str, name: str, language: str, now: datetime) -> None:
        """Only the code that is on offer, in time, at the bot it was made for. Anything else changes nothing."""
        offer = self.offer
        if offer is None or offer.until < now or offer.source_id != source_id:
            return
        if hmac.compare_digest(offer.code_hash, hash_of(code)):
            self.trigger_event(PagerLinked, source_id=source_id, peer=peer, name=name, language=language, timestamp=now)

    def wish(self, wishes: Wishes, *, now: datetime) -> None:
        """Raises NoPager."""
        if self.linked_at is None:
            raise NoPager
        if wishes != self.wishes:
            self.trigger_event(PagerWishesChanged, wishes=wishes, timestamp=now)

    def unlink(self, reason: str = "", *, peer: str | None = None, now: datetime) -> None:
        """With `peer`, only if that is still the chat it writes to."""
        linked = self.linked_at is not None and peer in (None, self.peer)
        if linked or (peer is None and self.offer is not None):
            self.trigger_event(PagerUnlinked, moderator_id=self.moderator_id, reason=reason[:300], timestamp=now)


def pager_id(moderator_id: UUID) -> UUID:
    return uuid5(PAGERS, moderator_id.hex)


def hash_of(code: str) -> str:
    """A code is 128 random bits, so a plain hash keeps it secret."""
    return sha256(code.encode()).hexdigest()
