"""The driver of each source, with its secrets opened; made again when the source changes. For every door."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from uuid import UUID

import httpx2

from pulse.aggregates.source import Source
from pulse.channels import Account, Channel
from pulse.channels.table import CHANNELS
from pulse.directory import Directory
from pulse.values import value
from pulse.vault import Vault


def utc_now() -> datetime:
    return datetime.now(UTC)


@value
class Made:
    """A driver, and how long it is good: as long as the source's version and the old secrets that still count."""

    driver: Channel
    version: int
    until: datetime | None

    def serves(self, source: Source, now: datetime) -> bool:
        return self.version == source.version and (self.until is None or now < self.until)


class Drivers:
    """Ask it by source id; None for a stranger's id, and for a channel that only a newer Pulse knows."""

    def __init__(
        self, directory: Directory, vault: Vault, http: httpx2.AsyncClient | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:  # fmt: skip
        """`http` makes the calls of a process that sends."""
        self._directory = directory
        self._vault = vault
        self._http = http
        self._clock = clock
        self._made: dict[UUID, Made] = {}

    def of(self, source_id: UUID) -> Channel | None:
        """Raises WrongKey."""
        source = self._directory.find_source(source_id)
        if source is None or source.channel not in CHANNELS:
            return None
        made, now = self._made.get(source_id), self._clock()
        if made is None or not made.serves(source, now):
            ends = [old.until for old in source.old_secrets if old.counts(now)]
            made = self._made[source_id] = Made(self.of_source(source, {}), source.version, min(ends, default=None))
        return made.driver

    def of_source(self, source: Source, instead: Mapping[str, str]) -> Channel:
        """A driver of a source as it is given, with some other secrets in place of its own. Raises WrongKey."""
        named = {name: value.encode() for name, value in instead.items()}
        secrets = {
            name: self._unseal(source, name, sealed) for name, sealed in source.secrets.items() if name not in named
        }
        old: dict[str, tuple[bytes, ...]] = {}
        for one in source.old_secrets:
            if one.counts(self._clock()):
                old[one.name] = (*old.get(one.name, ()), self._unseal(source, one.name, one.sealed))
        account = Account(source.id, source.identifier, source.settings, secrets | named, old)
        return CHANNELS[source.channel](account, self._http)

    def _unseal(self, source: Source, name: str, sealed: str) -> bytes:
        return self._vault.unseal(sealed, source.seal_purpose(name))
