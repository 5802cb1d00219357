"""Connects channel accounts and changes them, once what people want of them was checked. For the desk and the commands."""

from __future__ import annotations

import secrets as random_secrets
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from pulse.accounts import Accounts
from pulse.aggregates.source import Source, source_id
from pulse.directory import Directory, UnknownDepartment
from pulse.errors import BadInput, there
from pulse.eventlog.commands import Decided
from pulse.eventlog.store import EventStore
from pulse.sources.fields import channel_named, require_fields, spelled
from pulse.values import value
from pulse.vault import Vault

LONGEST_OLD = timedelta(days=7)
ROTATED = "secret"


class NotRotated(BadInput):
    """Only a webhook's secret is replaced with both good for a while; a token is set anew, and replaced at once."""


@value
class Wanted:
    """What a source shall have; None and what is not named stays as it is."""

    title: str | None = None
    departments: tuple[UUID, ...] | None = None
    settings: Mapping[str, str] | None = None
    secrets: Mapping[str, str] | None = None


class Connecting:
    """Every answer is the store's: without events, nothing was changed.

    `inside` are the `host:port` that an `api_url` may name though private; None for whoever may name any.
    """

    def __init__(
        self, store: EventStore, vault: Vault, directory: Directory, clock: Callable[[], datetime],
        *, inside: frozenset[str] | None,
    ) -> None:  # fmt: skip
        self.store = store
        self.vault = vault
        self.directory = directory
        self.clock = clock
        self.inside = inside
        self._accounts = Accounts(store, vault, clock)

    async def connect(self, channel: str, identifier: str, wanted: Wanted, *, by: str) -> tuple[Decided, str | None]:
        """Returns the webhook's secret too if it was made up here: nobody is told it again.

        One that is there already stays as it is. Raises UnknownChannel, NotItsField, NotASecret, NotAnIdentifier,
        NoDepartments, UnknownDepartment.
        """
        driver, identifier = channel_named(channel), identifier.strip()
        settings, hidden = self._checked(channel, wanted)
        departments = self._departments(wanted.departments or ())
        made_up = new_secret() if "secret" in driver.secret_names and "secret" not in hidden else None
        decided = await self._accounts.connect_source(
            channel, identifier, (wanted.title or "").strip() or identifier, departments, settings=settings,
            secrets=hidden | ({"secret": made_up} if made_up else {}), by=by,
        )  # fmt: skip
        return decided, made_up if decided.events else None

    async def change(self, source: UUID, wanted: Wanted, *, by: str) -> Decided:
        """An event for each thing that differs; a secret is replaced at once. Raises as `connect` does, and NotFound."""
        settings, hidden = self._checked((await self.one(source)).channel, wanted)
        departments = None if wanted.departments is None else self._departments(wanted.departments)
        return await self._accounts.change_source(
            source, title=wanted.title, departments=departments, settings=settings, secrets=hidden, by=by
        )

    async def rotate(
        self, source: UUID, name: str, secret: str | None, *, old: timedelta, by: str
    ) -> tuple[Decided, str | None]:
        """A new webhook secret; the one before is as good for as long as `old`. Returns it if it was made up here.

        Raises NotFound, NotItsField, NotASecret, NotRotated.
        """
        known = await self.one(source)
        made_up = new_secret() if secret is None else None
        fresh = secret if made_up is None else made_up
        assert fresh is not None
        require_fields(known.channel, secrets={name: fresh})
        if name != ROTATED:
            raise NotRotated
        now = self.clock()

        def act(found: Source) -> None:
            sealed = self._accounts.resealed(found, {name: fresh})
            if name in sealed:
                found.rotate_secret(name, sealed, old_until=now + min(old, LONGEST_OLD), now=now)

        return await self.store.decide_known(Source, source, act, by=by), made_up

    async def resume(self, source: UUID, *, by: str) -> Decided:
        """Sends again. Raises NotFound."""
        return await self.store.decide_known(Source, source, lambda found: found.resume(now=self.clock()), by=by)

    async def disable(self, source: UUID, *, by: str) -> Decided:
        """Takes nothing in and sends nothing until it is switched on. Raises NotFound."""
        return await self.store.decide_known(Source, source, lambda found: found.disable(now=self.clock()), by=by)

    async def enable(self, source: UUID, *, by: str) -> Decided:
        """Raises NotFound."""
        return await self.store.decide_known(Source, source, lambda found: found.enable(now=self.clock()), by=by)

    async def one(self, source: UUID) -> Source:
        """As it stands now, whoever changed it. Raises NotFound."""
        return there(await self.store.load(Source, source))

    async def is_there(self, channel: str, identifier: str) -> bool:
        return await self.store.load(Source, source_id(channel, identifier.strip())) is not None

    def _checked(self, channel: str, wanted: Wanted) -> tuple[dict[str, str], dict[str, str]]:
        """Settings and secrets as they are kept."""
        settings, hidden = dict(wanted.settings or {}), dict(wanted.secrets or {})
        require_fields(channel, settings=settings, secrets=hidden)
        return spelled(settings, self.inside), hidden

    def _departments(self, wanted: Iterable[UUID]) -> tuple[UUID, ...]:
        """Each once. Raises UnknownDepartment."""
        found = tuple(dict.fromkeys(wanted))
        for department in found:
            if self.directory.department(department) is None:
                raise UnknownDepartment(f"There is no department {department}.")
        return found


def new_secret() -> str:
    """Good for every channel: Telegram takes up to 256 of these characters, VK 50."""
    return random_secrets.token_urlsafe(32)
