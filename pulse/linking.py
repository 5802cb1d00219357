"""Links people's accounts at Telegram and VK to moderators; used by the desk and the commands."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from pulse.aggregates.identity import Identity, identity_id
from pulse.aggregates.moderator import Moderator
from pulse.errors import NotFound, there
from pulse.eventlog.commands import Decided
from pulse.eventlog.store import EventStore


class Linking:
    """Every answer is the store's: without events, it was so already."""

    def __init__(self, store: EventStore, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    async def link(self, moderator_id: UUID, provider: str, external_id: str, *, name: str = "", by: str) -> Decided:
        """Raises NotFound for a stranger, NotAnIdentity, LinkedToAnother."""

        def decision(
            identity: Identity | None, moderator: Moderator | None
        ) -> tuple[Identity | None, Moderator | None]:
            there(moderator, "There is no such person.")
            if identity is None:
                now = self._clock()
                identity = Identity.first_link(provider, external_id, moderator_id=moderator_id, name=name, now=now)
            else:
                identity.link(moderator_id=moderator_id, name=name, now=self._clock())
            return identity, moderator

        keys = [(Identity, identity_id(provider, external_id)), (Moderator, moderator_id)]
        return await self._store.decide_together(keys, decision, by=by)

    async def unlink(self, moderator_id: UUID, identities: list[UUID], *, by: str) -> Decided:
        """All of these, or none. Raises NotFound unless they are this person's."""

        if not identities:
            raise NotFound

        def decision(*found: Identity | None) -> tuple[Identity | None, ...]:
            if any(identity is None or identity.moderator_id != moderator_id for identity in found):
                raise NotFound  # before any event: all rules come first
            for identity in found:
                assert identity is not None
                identity.unlink(moderator_id=moderator_id, now=self._clock())
            return found

        return await self._store.decide_together([(Identity, each) for each in identities], decision, by=by)
