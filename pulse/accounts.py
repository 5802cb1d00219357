"""Makes departments, people and sources, unasked whether that is wise; what exists stays as it is. For the demo, whose
passwords everybody knows, and below `sources/connecting.py`; people who are invited go through `people.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from pulse.aggregates.department import Department, department_id
from pulse.aggregates.moderator import Moderator, moderator_id
from pulse.aggregates.source import Source, seal_purpose, source_id
from pulse.eventlog.commands import Decided
from pulse.eventlog.store import EventStore
from pulse.passwords import hash_password
from pulse.vault import Vault, WrongKey

BY = "cli"


class Accounts:
    """Every answer is the store's: without events, it was there already and nothing was changed."""

    def __init__(self, store: EventStore, vault: Vault, clock: Callable[[], datetime]) -> None:
        self.store = store
        self.vault = vault
        self.clock = clock

    async def create_department(self, name: str) -> Decided:
        def decision(known: Department | None) -> Department:
            return known or Department.create(name, now=self.clock())

        return await self.store.decide(Department, department_id(name), decision, by=BY)

    async def invite(self, email: str, name: str, role: str, departments: tuple[UUID, ...], password: str) -> Decided:
        """Adds a person. Raises UnknownRole, NotAnEmail, NotAName, NotAPassword."""
        # Hashing takes long on purpose, and a decision runs on the event loop, maybe several times.
        password_hash = await asyncio.to_thread(hash_password, password)

        def decision(known: Moderator | None) -> Moderator:
            return known or Moderator.invite(
                email=email, name=name, role=role, departments=departments, password_hash=password_hash,
                now=self.clock(),
            )  # fmt: skip

        return await self.store.decide(Moderator, moderator_id(email), decision, by=BY)

    async def connect_source(
        self, channel: str, identifier: str, title: str, departments: tuple[UUID, ...],
        *, settings: dict[str, str], secrets: dict[str, str], by: str = BY,
    ) -> Decided:  # fmt: skip
        """Connects a channel account; its secrets reach the log sealed. Raises NoDepartments, NotAnIdentifier."""
        sealed = {
            name: self.vault.seal(secret.encode(), seal_purpose(channel, identifier, name))
            for name, secret in secrets.items()
        }

        def decision(known: Source | None) -> Source:
            return known or Source.connect(
                channel=channel, identifier=identifier, title=title, departments=departments, settings=settings,
                secrets=sealed, now=self.clock(),
            )  # fmt: skip

        return await self.store.decide(Source, source_id(channel, identifier), decision, by=by)

    async def change_source(
        self, source: UUID, *, title: str | None = None, departments: tuple[UUID, ...] | None = None,
        settings: dict[str, str], secrets: dict[str, str], by: str = BY,
    ) -> Decided:  # fmt: skip
        """Changes what is given, an event for each thing that differs. Raises NotFound, NoDepartments."""

        def act(known: Source) -> None:
            now = self.clock()
            if departments is not None:
                known.change_departments(departments, now=now)
            if title is not None:
                known.rename(title, now=now)
            known.change_settings(settings, now=now)
            known.change_secrets(self.resealed(known, secrets), now=now)

        return await self.store.decide_known(Source, source, act, by=by)

    def resealed(self, known: Source, secrets: dict[str, str]) -> dict[str, str]:
        """Those that differ, sealed."""
        if "secret" in secrets and "next_secret" in known.secrets:
            # The replacing is over: an older next secret must not go on opening the door.
            secrets = {"next_secret": secrets["secret"], **secrets}
        return {
            name: self.vault.seal(secret.encode(), known.seal_purpose(name))
            for name, secret in secrets.items()
            if self._opened(known, name) != secret.encode()
        }

    def _opened(self, known: Source, name: str) -> bytes | None:
        """None for one that is missing, or sealed with a key that is lost: then setting it anew mends it."""
        try:
            return self.vault.unseal(known.secrets[name], known.seal_purpose(name))
        except (KeyError, WrongKey):
            return None


def webhook_url(http: str, channel: str, identifier: str) -> str | None:
    """Where a source's provider posts to; a website has none, it uses the widget's address."""
    return None if channel == "web" else f"{http}/webhook/{channel}/{source_id(channel, identifier)}"
