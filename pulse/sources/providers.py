"""Asks providers about sources: whose a token is, where deliveries are posted to; and tells them our address."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

from pulse.accounts import webhook_url
from pulse.aggregates.source import Source
from pulse.channels import Channel, Holder, Posting
from pulse.channels.calls import BadPiece, CallFailed, NeverDelivered, SourceInTrouble
from pulse.channels.table import CHANNELS
from pulse.drivers import Drivers
from pulse.errors import Refusal
from pulse.eventlog.commands import Decided
from pulse.sources.connecting import Connecting, Wanted
from pulse.sources.fields import require_fields

ASK_SECONDS = 15.0
LEARN_SECONDS = 0.5
SEEN_FOR = timedelta(seconds=30)
NOBODY = "There is nothing to test: a {channel} source has no provider that could be asked."

Row = dict[str, Any]
T = TypeVar("T")


class NoPublicAddress(Refusal):
    """Providers post to public https addresses only: set PULSE_PUBLIC_URL to yours, and start Pulse again."""


class NoProvider(Refusal):
    """A source of this channel has no provider that an address could be told to."""


class ProviderRefused(Refusal):
    """The provider refuses this."""


class Providers:
    """`public_url` is the address that the world reaches us by, empty where none is set; `http` is where we listen."""

    def __init__(
        self, connecting: Connecting, drivers: Drivers, clock: Callable[[], datetime], *, public_url: str, http: str
    ) -> None:
        self._connecting = connecting
        self._drivers = drivers
        self._clock = clock
        self._public_url = public_url
        self._http = http
        self._seen: dict[UUID, tuple[int, datetime, Row]] = {}

    def address(self, source: Source) -> str | None:
        """Where its provider posts to; None for a website."""
        return webhook_url(self._public_url or self._http, source.channel, source.identifier)

    async def test(self, source: Source, secrets: Mapping[str, str]) -> Row:
        """Who answers to its token, and what is wrong. `secrets` are tried in place of its own, and never kept.

        Raises NotItsField, NotASecret, WrongKey.
        """
        require_fields(source.channel, secrets=secrets)
        driver = self._driver(source, secrets)
        if driver is None:
            return verdict(note=NOBODY.format(channel=source.channel))
        holder, fault = await asked(driver, driver.holder())
        if holder is None:
            return verdict(asked=True, faults=[fault])
        if holder.identifier != source.identifier:
            return verdict(asked=True, holder=holder, faults=[another(holder, source)])
        seen, faults = await self._posting(source, driver)
        return verdict(asked=True, holder=holder, works=True, webhook=seen, faults=faults)

    async def view(self, source: Source) -> Row | None:
        """Where its provider posts to, as it says itself; asked once in 30 seconds at most. None without a provider."""
        now = self._clock()
        version, at, row = self._seen.get(source.id, (0, now, {}))
        if version == source.version and now - at < SEEN_FOR:
            return row
        driver = self._driver(source, {})
        if driver is None:
            return None
        seen, faults = await self._posting(source, driver)
        fresh = {"asked_at": now, "webhook": seen, "faults": faults}
        self._seen[source.id] = (source.version, now, fresh)
        return fresh

    async def set_webhook(self, source_id: UUID, *, by: str) -> tuple[Decided, str]:
        """Tells the provider our address and the webhook's secret; returns the address. What waits there still comes.

        What the provider wants to read at that address is stored before. Raises NotFound, NoPublicAddress, NoProvider,
        ProviderRefused; CallFailed where it may go through another time.
        """
        source = await self._connecting.one(source_id)
        driver = self._driver(source, {})
        if driver is None:
            raise NoProvider
        url = self._public_address(source)
        try:
            decided = await self._connecting.change(source_id, Wanted(settings=await driver.prepare_webhook()), by=by)
            await self._learn(decided)
            await driver.set_webhook(url)
        except (SourceInTrouble, NeverDelivered, BadPiece) as failed:
            reason = failed.reason
        else:
            self._seen.pop(source_id, None)
            return decided, url
        raise ProviderRefused(reason)

    def _driver(self, source: Source, secrets: Mapping[str, str]) -> Channel | None:
        """None where nobody can be asked: a channel without a provider, or one that only a newer Pulse knows."""
        driver = self._drivers.of_source(source, secrets) if source.channel in CHANNELS else None
        return driver if driver is not None and driver.provider else None

    def _public_address(self, source: Source) -> str:
        if urlsplit(self._public_url).scheme != "https":
            raise NoPublicAddress
        address = self.address(source)
        assert address is not None
        return address

    async def _learn(self, decided: Decided) -> None:
        """The provider looks at once whether our door knows what it told us."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LEARN_SECONDS):
                await self._connecting.directory.wait_for(decided.position)

    async def _posting(self, source: Source, driver: Channel) -> tuple[Row | None, list[str]]:
        ours = self.address(source) or ""
        posting, fault = await asked(driver, driver.posting(ours))
        if posting is None:
            return None, [fault]
        return shown(posting, ours), faults_of(posting, ours, driver.provider)


async def asked(driver: Channel, question: Coroutine[Any, Any, T | None]) -> tuple[T | None, str]:
    """What a provider says, or why it does not."""
    try:
        async with asyncio.timeout(ASK_SECONDS):
            return await question, ""
    except CallFailed as failed:
        return None, failed.reason
    except TimeoutError:
        return None, f"{driver.provider} did not answer in time."


def verdict(
    *, asked: bool = False, works: bool = False, holder: Holder | None = None, webhook: Row | None = None,
    faults: list[str] | None = None, note: str = "",
) -> Row:  # fmt: skip
    """What a test answers with."""
    account = holder and {"identifier": holder.identifier, "name": holder.name, "username": holder.username}
    return {
        "asked": asked, "works": works, "account": account, "webhook": webhook, "faults": faults or [], "note": note,
    }  # fmt: skip


def shown(posting: Posting, ours: str) -> Row:
    """Another's address may hold a secret of theirs: only its host is shown."""
    return {
        "is_ours": posting.url == ours, "host": urlsplit(posting.url or "").hostname, "pending": posting.pending,
        "error": posting.error, "error_at": posting.error_at, "missing": list(posting.missing),
    }  # fmt: skip


def another(holder: Holder, source: Source) -> str:
    name = f"{holder.name!r} ({holder.identifier})"
    return f"This token belongs to another account, {name}; this source is {source.identifier}."


def faults_of(posting: Posting, ours: str, provider: str) -> list[str]:
    """What is wrong with where a provider posts to, as sentences."""
    if posting.url is None:
        return [f"{provider} posts nothing to Pulse yet: set the webhook."]
    if posting.url != ours:
        host = urlsplit(posting.url).hostname
        return [f"{provider} posts to another address, on {host}: set the webhook."]
    found = [f"{provider} says: {posting.error}"] if posting.error else []
    if posting.missing:
        found.append(f"{provider} does not post {', '.join(posting.missing)}: set the webhook again.")
    return found
