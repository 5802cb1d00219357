"""How often somebody may try a password or a code: rows in Postgres, for restarts and for every process.

A stranger who guesses locks out their own network, never the person: whoever signed in with a browser before is
counted by that browser alone. The account as a whole only has a slow limit, for guesses from many networks.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import structlog

from pulse.desk.kept import Kept
from pulse.errors import TryLater
from pulse.limits import network_of
from pulse.projections.reads import Reads
from pulse.projections.sql import Statements
from pulse.values import value

SQL = Statements(__file__)
KEPT = timedelta(days=2)

log = structlog.get_logger(__name__)


class TooManyTries(TryLater):
    """Too many tries. Wait before the next one."""

    status = 429

    def __init__(self, retry_after: int = TryLater.retry_after) -> None:
        super().__init__(retry_after=retry_after)
        self.retry_after = retry_after


@value
class Limit:
    """So many tries are `free`, then each makes one wait: `first` seconds, `factor` times longer with each, `longest` at
    most. After `forget` seconds without a try it begins anew.
    """

    free: int
    first: float
    factor: float
    longest: float
    forget: float


ADDRESS = Limit(free=200, first=0.5, factor=1, longest=0.5, forget=600)
GUESSER = Limit(free=10, first=15, factor=2, longest=900, forget=86_400)
ACCOUNT = Limit(free=50, first=60, factor=1, longest=60, forget=3600)
# Three of a million codes are right at any time: whoever has the password finds one in a year with odds of 1 to 40.
CODES = Limit(free=10, first=60, factor=2, longest=3600, forget=86_400)


@value
class Knock:
    """Somebody who tries: which account, from which address, with which browser (if they signed in with it before)."""

    account: UUID
    address: str
    device: UUID | None = None
    use: str = "password"

    @property
    def limits(self) -> dict[str, Limit]:
        """By their keys, the widest first: who is out of tries at one uses up none of the next."""
        network = network_of(self.address)
        limits = {f"address:{network}"[:200]: ADDRESS}
        if self.device is not None:
            return limits | {f"{self.use}:{self.account}:device:{self.device}": GUESSER}
        whole = CODES if self.use == "code" else ACCOUNT
        return limits | {
            f"{self.use}:{self.account}:{network}"[:200]: GUESSER,
            f"{self.use}:{self.account}": whole,
        }


class Tries:
    """Every method raises ReadsDown while Postgres is away."""

    def __init__(self, reads: Reads) -> None:
        self._rows = Kept(reads, SQL)

    async def require(self, knock: Knock, now: datetime) -> None:
        """Counts a try. Raises TooManyTries; the same for accounts that don't exist."""
        for key, limit in knock.limits.items():
            forgotten = now - timedelta(seconds=limit.forget)
            counted = await self._rows.fetch(
                "take", key=key, now=now, forgotten=forgotten, free=limit.free, first=limit.first,
                factor=limit.factor, longest=limit.longest,
            )  # fmt: skip
            if not counted:
                log.warning("sign_in.locked_out", limit=key, use=knock.use, account=str(knock.account))
                raise TooManyTries(await self._seconds(key, now))

    async def succeeded(self, knock: Knock, now: datetime) -> None:
        """Whoever was right has not guessed: their own count begins anew, the others get their try back."""
        own = [key for key, limit in knock.limits.items() if limit is GUESSER]
        shared = [key for key, limit in knock.limits.items() if limit is not GUESSER]
        await self._rows.fetch("forget", keys=own)
        await self._rows.fetch("give_back", keys=shared)
        await self._rows.fetch("prune", before=now - KEPT)

    async def _seconds(self, key: str, now: datetime) -> int:
        rows = await self._rows.fetch("until", key=key, now=now)
        return max(1, int((rows[0]["until"] - now).total_seconds()) + 1) if rows else 1
