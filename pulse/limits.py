"""How often: a rate with a burst, per key, in memory and bounded."""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable

from pulse.errors import TryLater

KEYS = 100_000


class TooOften(TryLater):
    """Too many requests. Wait a little."""

    status = 429


class Rate:
    """The generic cell rate algorithm: `per_second` on average, `burst` at once."""

    def __init__(self, per_second: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
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
        """Raises TooOften."""
        if not self.allows(key):
            raise TooOften


def network_of(address: str) -> str:
    """What one caller has to themselves: an IPv4 address, or the /64 around an IPv6 one."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return address
    return str(found.ipv4_mapped or ipaddress.IPv6Network((int(found) >> 64 << 64, 64)))
