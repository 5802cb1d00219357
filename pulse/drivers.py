"""The driver of each source, with its secrets opened; made again when the source changes. For every door."""

from __future__ import annotations

from uuid import UUID

import httpx2

from pulse.aggregates.source import Source
from pulse.channels import Account, Channel
from pulse.channels.table import CHANNELS
from pulse.directory import Directory
from pulse.vault import Vault


class Drivers:
    """Ask it by source id; None for a stranger's id, and for a channel that only a newer Pulse knows."""

    def __init__(self, directory: Directory, vault: Vault, http: httpx2.AsyncClient | None = None) -> None:
        """`http` makes the calls of a process that sends."""
        self._directory = directory
        self._vault = vault
        self._http = http
        self._made: dict[UUID, tuple[int, Channel]] = {}

    def of(self, source_id: UUID) -> Channel | None:
        """Raises WrongKey."""
        source = self._directory.find_source(source_id)
        if source is None or source.channel not in CHANNELS:
            return None
        version, driver = self._made.get(source_id, (0, None))
        if driver is None or version != source.version:
            driver = self._open(source)
            self._made[source_id] = (source.version, driver)
        return driver

    def _open(self, source: Source) -> Channel:
        secrets = {
            name: self._vault.unseal(sealed, source.seal_purpose(name)) for name, sealed in source.secrets.items()
        }
        return CHANNELS[source.channel](Account(source.id, source.identifier, source.settings, secrets), self._http)
