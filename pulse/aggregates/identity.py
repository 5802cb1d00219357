"""Identity: somebody's account at Telegram or VK, linked to one moderator or to nobody."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Self
from uuid import UUID, uuid5

from eventsourcing.domain import Aggregate, AggregateCreated, AggregateEvent

from pulse.errors import BadInput, NotFound, Refusal

IDENTITIES = UUID("0d5b9b38-5c1e-5b0f-8c39-0d9a3f1c7e42")
PROVIDERS = ("telegram", "vk")
# Both providers number their people. One spelling, or one person would be two identities.
EXTERNAL_ID = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)
NAME_LIMIT = 100


class NotAnIdentity(BadInput):
    """An identity is telegram or vk, and the number that it gave the person."""


class LinkedToAnother(Refusal):
    """This Telegram or VK account is linked to somebody else."""


class IdentityLinked(AggregateCreated):
    """The first time. `name` is what the provider calls the person; empty when an admin linked it beforehand."""

    provider: str
    external_id: str
    moderator_id: UUID
    name: str


class IdentityUnlinked(AggregateEvent):
    def apply(self, identity: Identity) -> None:
        identity.moderator_id = None


class IdentityLinkedAgain(AggregateEvent):
    """After it was unlinked: maybe to another person."""

    moderator_id: UUID
    name: str

    def apply(self, identity: Identity) -> None:
        identity.moderator_id = self.moderator_id
        identity.name = self.name


class Identity(Aggregate):
    """Its id follows from provider and number, so two people who link the same one at once meet here, and one loses."""

    provider: str
    external_id: str
    moderator_id: UUID | None
    name: str

    @classmethod
    def first_link(cls, provider: str, external_id: str, *, moderator_id: UUID, name: str, now: datetime) -> Self:
        """Raises NotAnIdentity."""
        return cls._create(
            IdentityLinked, id=identity_id(provider, external_id), provider=provider, external_id=external_id,
            moderator_id=moderator_id, name=_shortened(name), timestamp=now,
        )  # fmt: skip

    def link(self, *, moderator_id: UUID, name: str, now: datetime) -> None:
        """Raises LinkedToAnother. Whoever has it already keeps it."""
        if self.moderator_id is None:
            name = _shortened(name)
            self.trigger_event(IdentityLinkedAgain, moderator_id=moderator_id, name=name, timestamp=now)
        elif self.moderator_id != moderator_id:
            raise LinkedToAnother

    def unlink(self, *, moderator_id: UUID, now: datetime) -> None:
        """From now on nobody signs in with it. Raises NotFound unless it is this person's."""
        if self.moderator_id != moderator_id:
            raise NotFound
        self.trigger_event(IdentityUnlinked, timestamp=now)


def identity_id(provider: str, external_id: str) -> UUID:
    """Raises NotAnIdentity."""
    if provider not in PROVIDERS or not EXTERNAL_ID.fullmatch(external_id):
        raise NotAnIdentity
    return uuid5(IDENTITIES, f"{provider}:{external_id}")


def _shortened(name: str) -> str:
    """A name as it may be shown: whatever a provider sends is cut, and nothing in it breaks a line or a database."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in name).split())[:NAME_LIMIT]
