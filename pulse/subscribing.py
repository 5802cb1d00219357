"""Registers other systems that want to be told of events, and changes them. Used by the desk, the commands and
whoever tells them."""

from __future__ import annotations

import base64
import secrets as random_secrets
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx2

from pulse.aggregates.subscriber import Subscriber, matches, seal_purpose
from pulse.errors import BadInput, NotFound, Refusal, there
from pulse.eventlog.commands import Decided
from pulse.eventlog.store import EventStore
from pulse.outside import ForbiddenAddress, require_permitted
from pulse.progress import Progress
from pulse.vault import Vault

SECRET_BYTES = 32  # Standard Webhooks: 24 to 64
SECRET_PREFIX = "whsec_"  # noqa: S105


class UnknownEventType(BadInput):
    """There are no events of this type."""


class NotInTheLog(BadInput):
    """The log has no such position."""


class SubscriberIsGone(Refusal):
    """A subscriber of this id was removed for good. Register it under another id."""


class Subscribing:
    """`types` are the wire names that are told at all, `inside` the `host:port` that may be told though private."""

    def __init__(
        self, store: EventStore, vault: Vault, clock: Callable[[], datetime], *, types: Iterable[str],
        inside: frozenset[str],
    ) -> None:  # fmt: skip
        self.store = store
        self.vault = vault
        self.clock = clock
        self.types = tuple(types)
        self.inside = inside

    async def register(
        self, subscriber_id: UUID, *, url: str, types: Iterable[str], title: str, position: int | None, by: str
    ) -> tuple[Decided, str]:
        """Returns the secret too, which nobody is told again. One that is there already stays as it is.

        Without a `position` it is told what happens from now on. Raises NotASubscriber, UnknownEventType,
        ForbiddenAddress, NotInTheLog, SubscriberIsGone.
        """
        wanted = self._checked(url, types)
        start = await self._position(position)
        secret, sealed = self._new_secret(subscriber_id)

        def decision(known: Subscriber | None) -> Subscriber:
            if known is not None and known.left:
                raise SubscriberIsGone
            return known or Subscriber.register(
                subscriber_id=subscriber_id, url=url, types=wanted, title=title, sealed=sealed, position=start,
                now=self.clock(),
            )  # fmt: skip

        return await self.store.decide(Subscriber, subscriber_id, decision, by=by), secret

    async def change(
        self, subscriber_id: UUID, *, url: str | None, types: Iterable[str] | None, title: str | None, by: str
    ) -> Decided:
        """Changes what is given. Raises NotFound, NotASubscriber, UnknownEventType, ForbiddenAddress."""
        known = await self.one(subscriber_id)
        wanted = self._checked(known.url if url is None else url, known.types if types is None else types)

        def act(found: Subscriber) -> None:
            found.change(
                url=found.url if url is None else url, types=found.types if types is None else wanted,
                title=found.title if title is None else title, now=self.clock(),
            )  # fmt: skip

        return await self.decide(subscriber_id, act, by=by)

    async def rotate(self, subscriber_id: UUID, *, old: timedelta, by: str) -> tuple[Decided, str]:
        """A new secret, which nobody is told again; the one before signs too for as long as `old`. Raises NotFound."""
        secret, sealed = self._new_secret(subscriber_id)
        now = self.clock()
        decided = await self.decide(
            subscriber_id, lambda found: found.rotate(sealed, old_until=now + old, now=now), by=by
        )
        return decided, secret

    async def rewind(self, subscriber_id: UUID, position: int, *, by: str) -> Decided:
        """Tells it everything from a position on. Raises NotFound, NotInTheLog."""
        start = await self._position(position)
        return await self.decide(subscriber_id, lambda found: found.rewind(start, now=self.clock()), by=by)

    async def decide(self, subscriber_id: UUID, act: Callable[[Subscriber], None], *, by: str) -> Decided:
        """Raises NotFound."""
        return await self.store.decide_known(Subscriber, subscriber_id, lambda found: act(_here(found)), by=by)

    async def end(self, subscriber_id: UUID, *, by: str) -> Decided:
        """Tells it nothing more, for good; one that left stays as it is. Raises NotFound."""
        return await self.store.decide_known(
            Subscriber, subscriber_id, lambda found: found.leave(now=self.clock()), by=by
        )

    async def one(self, subscriber_id: UUID) -> Subscriber:
        """As it stands now, whoever changed it. Raises NotFound."""
        return _here(there(await self.store.load(Subscriber, subscriber_id)))

    def _checked(self, url: str, types: Iterable[str]) -> tuple[str, ...]:
        """The types, trimmed. Raises UnknownEventType, ForbiddenAddress."""
        wanted = tuple(dict.fromkeys(pattern.strip() for pattern in types))
        for pattern in wanted:
            if not any(matches(pattern, name) for name in self.types):
                raise UnknownEventType(f"There are no events {pattern[:100]!r}. There are: {', '.join(self.types)}.")
        try:
            require_permitted(httpx2.URL(url.strip()), None, self.inside)
        except (ForbiddenAddress, httpx2.InvalidURL):
            raise ForbiddenAddress(
                "Pulse tells events to https addresses with a name and the usual port. PULSE_TRUSTED_HOSTS names others."
            ) from None
        return wanted

    async def _position(self, wanted: int | None) -> int:
        """Where telling begins; without a wish, after all there is. Raises NotInTheLog."""
        end = await self.store.log.last_position()
        if wanted is not None and not 1 <= wanted <= end + 1:
            raise NotInTheLog(f"The log has positions 1 to {end}; {wanted} is none of them.")
        return wanted or end + 1

    def _new_secret(self, subscriber_id: UUID) -> tuple[str, str]:
        """As its owner needs it, and sealed."""
        key = random_secrets.token_bytes(SECRET_BYTES)
        return SECRET_PREFIX + base64.b64encode(key).decode(), self.vault.seal(key, seal_purpose(subscriber_id))


def _here(found: Subscriber) -> Subscriber:
    """Raises NotFound for one that left."""
    if found.left:
        raise NotFound
    return found


def shown(subscriber: Subscriber, progress: Progress, end: int) -> dict[str, Any]:
    """A subscriber as admins see it, and how it is doing; `end` is the log's last position. Never its secrets."""
    status = "paused" if subscriber.paused else "retrying" if progress.attempt else "active"
    return {
        "id": str(subscriber.id), "url": subscriber.url, "title": subscriber.title, "types": list(subscriber.types),
        "created_at": subscriber.created_on, "status": status, "paused_for": subscriber.paused or None,
        "position": progress.position, "lag": max(0, end - progress.position),
        "failed_attempts": progress.attempt, "last_error": progress.error or subscriber.error or None,
        "last_failed_at": progress.failed_at, "last_taken_at": progress.taken_at,
        "next_try_at": None if subscriber.paused else progress.again_at,
    }  # fmt: skip
