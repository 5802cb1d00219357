"""How often: a rate with a burst, per key, in memory and bounded; and what callers are told of it."""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextvars import ContextVar

from pulse.errors import TryLater
from pulse.values import value

KEYS = 100_000


class TooOften(TryLater):
    """Too many requests. Wait a little."""

    status = 429


@value
class Left:
    """What one key has left of a rate: `burst` in `window` seconds are allowed, `remaining` now, all in `seconds`."""

    burst: int
    window: int
    remaining: int
    seconds: int


Quotas = dict[str, Left]

# What a request has met, for its answer's headers; nobody collects outside of one.
MET: ContextVar[Quotas | None] = ContextVar("quotas", default=None)


def collect_quotas() -> Quotas:
    """From now on whatever this request meets is noted here, by the rate's name."""
    met: Quotas = {}
    MET.set(met)
    return met


def quota_headers(met: Quotas) -> list[tuple[bytes, bytes]]:
    """https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/: the policies, and what is left of each."""
    policies = ", ".join(f'"{name}";q={left.burst};w={left.window}' for name, left in met.items())
    state = ", ".join(f'"{name}";r={left.remaining};t={left.seconds}' for name, left in met.items())
    return [(b"ratelimit-policy", policies.encode()), (b"ratelimit", state.encode())]


class Rate:
    """The generic cell rate algorithm: `per_second` on average, `burst` at once. `name` is what callers are told."""

    def __init__(
        self, per_second: float, burst: int, clock: Callable[[], float] = time.monotonic, *, name: str = "requests"
    ) -> None:
        self.name = name
        self._burst = burst
        self._gap = 1 / per_second
        self._slack = self._gap * burst
        self._clock = clock
        self._due: OrderedDict[Hashable, float] = OrderedDict()

    def allows(self, key: Hashable) -> bool:
        """Counts one for the key, if there is room."""
        now = self._clock()
        due = max(self._due.pop(key, now), now)
        allowed = due - now + self._gap <= self._slack
        self._due[key] = due + self._gap if allowed else due
        if len(self._due) > KEYS:
            self._due.popitem(last=False)
        return allowed

    def require(self, key: Hashable) -> None:
        """Raises TooOften, which says when there is room again. What is left is told with the answer."""
        allowed = self.allows(key)
        if (met := MET.get()) is not None:
            met[self.name] = self.left(key)
        if not allowed:
            refusal = TooOften()
            refusal.retry_after = max(1, math.ceil(self._used(key) + self._gap - self._slack))
            raise refusal

    def give_back(self, key: Hashable) -> None:
        """What was counted last came to nothing."""
        if key in self._due:
            self._due[key] -= self._gap

    def left(self, key: Hashable) -> Left:
        """What the key may still do, without counting anything."""
        used = self._used(key)
        remaining = max(0, math.floor((self._slack - used) / self._gap + 1e-9))
        return Left(self._burst, math.ceil(self._slack), remaining, math.ceil(used))

    def _used(self, key: Hashable) -> float:
        """In seconds of waiting until all of it is there again."""
        return max(0.0, self._due.get(key, 0.0) - self._clock())


def network_of(address: str) -> str:
    """What one caller has to themselves: an IPv4 address, or the /64 around an IPv6 one."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return address
    return str(found.ipv4_mapped or ipaddress.IPv6Network((int(found) >> 64 << 64, 64)))
