"""Subscriber: another system that is told of events; where, of which, and from which position on."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Self
from urllib.parse import urlsplit
from uuid import UUID

from eventsourcing.domain import Aggregate, AggregateCreated, AggregateEvent

from pulse.errors import BadInput
from pulse.values import value

URL_LIMIT = 2000
TITLE_LIMIT = 100
TYPES_LIMIT = 50
SECRETS_KEPT = 4


class NotASubscriber(BadInput):
    """A subscriber has an address, a title, and the types of the events it wants."""


@value
class Secret:
    """What events are signed with, sealed by the vault; an old one counts `until` then."""

    sealed: str
    until: datetime | None = None

    def counts(self, now: datetime) -> bool:
        return self.until is None or now < self.until


class SubscriberRegistered(AggregateCreated):
    """`position` is the first that is told. `types` are wire names, `chat.*` for a family, `*` for all."""

    url: str
    types: tuple[str, ...]
    title: str
    secrets: tuple[Secret, ...]
    position: int


class SubscriberChanged(AggregateEvent):
    url: str
    types: tuple[str, ...]
    title: str

    def apply(self, subscriber: Subscriber) -> None:
        subscriber.url, subscriber.types, subscriber.title = self.url, self.types, self.title
        subscriber.turn = self.originator_version


class SubscriberSecretsChanged(AggregateEvent):
    """All that count from now on, the newest first."""

    secrets: tuple[Secret, ...]

    def apply(self, subscriber: Subscriber) -> None:
        subscriber.secrets = self.secrets


class SubscriberPaused(AggregateEvent):
    """`reason` is `asked` (an admin), `gone` (it wants no more) or `gave-up` (all tries failed; `error` is the last)."""

    reason: str
    error: str

    def apply(self, subscriber: Subscriber) -> None:
        subscriber.paused, subscriber.error = self.reason, self.error


class SubscriberResumed(AggregateEvent):
    """Goes on with the event it was paused at, whose tries begin anew."""

    def apply(self, subscriber: Subscriber) -> None:
        subscriber.paused = subscriber.error = ""
        subscriber.turn = self.originator_version


class SubscriberRewound(AggregateEvent):
    """Everything from `position` on is told (again)."""

    position: int

    def apply(self, subscriber: Subscriber) -> None:
        subscriber.position = self.position
        subscriber.since = subscriber.turn = self.originator_version


class SubscriberLeft(AggregateEvent):
    """Nothing more is told, and the subscriber is not shown any more."""

    def apply(self, subscriber: Subscriber) -> None:
        subscriber.left = True


class Subscriber(Aggregate):
    """`since` is the version that set `position`, `turn` the one from which the tries of an event count.

    How far it has been told is no event: `progress.py` notes it.
    """

    url: str
    types: tuple[str, ...]
    title: str
    secrets: tuple[Secret, ...]
    position: int
    since: int = 1
    turn: int = 1
    paused: str = ""
    error: str = ""
    left: bool = False

    @classmethod
    def register(
        cls, *, subscriber_id: UUID, url: str, types: tuple[str, ...], title: str, sealed: str, position: int,
        now: datetime,
    ) -> Self:  # fmt: skip
        """From now on it is told what happens from `position` on. Raises NotASubscriber."""
        url, types, title = _checked(url, types, title)
        return cls._create(
            SubscriberRegistered, id=subscriber_id, url=url, types=types, title=title, secrets=(Secret(sealed),),
            position=position, timestamp=now,
        )  # fmt: skip

    def change(self, *, url: str, types: tuple[str, ...], title: str, now: datetime) -> None:
        """Another address, title or other types. Raises NotASubscriber."""
        wanted = _checked(url, types, title)
        if wanted != (self.url, self.types, self.title):
            url, types, title = wanted
            self.trigger_event(SubscriberChanged, url=url, types=types, title=title, timestamp=now)

    def rotate(self, sealed: str, *, old_until: datetime, now: datetime) -> None:
        """A new secret. Both sign until `old_until`; an older one ends when it was to end, if that is sooner."""
        old = [replace(secret, until=min(secret.until or old_until, old_until)) for secret in self.secrets]
        kept = [secret for secret in old if secret.counts(now)][: SECRETS_KEPT - 1]
        self.trigger_event(SubscriberSecretsChanged, secrets=(Secret(sealed), *kept), timestamp=now)

    def pause(self, reason: str, error: str = "", *, turn: int | None = None, now: datetime) -> None:
        """Nothing is told until it is resumed. With a `turn`, only if nobody changed or resumed it meanwhile."""
        if not self.paused and turn in {None, self.turn}:
            self.trigger_event(SubscriberPaused, reason=reason, error=error[:500], timestamp=now)

    def resume(self, *, now: datetime) -> None:
        """Goes on where it was paused."""
        if self.paused:
            self.trigger_event(SubscriberResumed, timestamp=now)

    def rewind(self, position: int, *, now: datetime) -> None:
        """Tells it everything from a position on, also what it was told before."""
        self.trigger_event(SubscriberRewound, position=position, timestamp=now)

    def leave(self, *, now: datetime) -> None:
        """It is told nothing more, for good."""
        if not self.left:
            self.trigger_event(SubscriberLeft, timestamp=now)

    def wants(self, name: str) -> bool:
        """Does it want events of this wire name?"""
        return any(matches(pattern, name) for pattern in self.types)

    def sealed_secrets(self, now: datetime) -> list[str]:
        """Those that sign now, the newest first."""
        return [secret.sealed for secret in self.secrets if secret.counts(now)]


def matches(pattern: str, name: str) -> bool:
    """`*` is every name, `chat.*` every one that begins with `chat.`."""
    return name.startswith(pattern[:-1]) if pattern == "*" or pattern.endswith(".*") else name == pattern


def seal_purpose(subscriber_id: UUID) -> str:
    """What a subscriber's secrets are bound to when sealed."""
    return f"subscriber:{subscriber_id.hex}"


def _checked(url: str, types: tuple[str, ...], title: str) -> tuple[str, tuple[str, ...], str]:
    """As they are kept. Raises NotASubscriber."""
    url, types, title = url.strip(), tuple(dict.fromkeys(types)), title.strip()
    if not _is_address(url):
        raise NotASubscriber("A subscriber's address is one such as https://crm.example/hooks, without a password.")
    if not 1 <= len(types) <= TYPES_LIMIT:
        raise NotASubscriber(f"A subscriber wants 1 to {TYPES_LIMIT} types of events.")
    title = title or (urlsplit(url).hostname or "")[:TITLE_LIMIT]
    if len(title) > TITLE_LIMIT or not title.isprintable():
        raise NotASubscriber(f"A subscriber's title has at most {TITLE_LIMIT} characters.")
    return url, types, title


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        plain = parts.username is None and not parts.fragment and (parts.port is None or parts.port > 0)
    except ValueError:
        return False
    spelled = url.isascii() and url.isprintable() and " " not in url and len(url) <= URL_LIMIT
    return plain and spelled and parts.scheme in {"http", "https"} and bool(parts.hostname)
