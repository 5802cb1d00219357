"""The public keys that a provider signs with: fetched, kept for an hour, fetched again when an unknown one is named."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from pulse.limits import Rate
from pulse.outside import NoAnswer
from pulse.ways.calls import Calls

KEPT_SECONDS = 3600.0


class Keys:
    """Whoever makes up names of keys causes a fetch in ten seconds, three at once, and no more."""

    def __init__(self, calls: Calls, path: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._calls, self._path, self._clock = calls, path, clock
        self._rate = Rate(per_second=0.1, burst=3, clock=clock)
        self._fetching = asyncio.Lock()
        self._known = KeySet([])
        self._due = -1.0

    async def naming(self, kid: str) -> KeySet:
        """The keys with that one among them, if the provider has it. Raises NoAnswer."""
        async with self._fetching:
            stale = self._clock() >= self._due
            unknown = all(key.kid != kid for key in self._known)
            if stale or (unknown and self._rate.allows("unknown")):
                await self._fetch()
            return self._known

    async def _fetch(self) -> None:
        try:
            self._known = KeySet.import_key_set(await self._calls.ask(self._path))  # type: ignore[arg-type]
        except (JoseError, KeyError, TypeError, ValueError, AttributeError):
            raise NoAnswer("The provider's keys can't be read.") from None
        self._due = self._clock() + KEPT_SECONDS
