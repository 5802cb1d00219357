"""Who comes in at the push door: how many there may be in all and from one address, and from which websites."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address

from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request

from pulse.access import may_embed
from pulse.errors import TryLater
from pulse.limits import network_of
from pulse.push.windows import WrongOrigin

CAPACITY, FROM_ONE_ADDRESS = 20_000, 2_000


class ServerFull(TryLater):
    """This server is full. Try again in a moment."""


class Shares:
    """So many in all, and so many of one address."""

    def __init__(self, capacity: int, from_one_address: int) -> None:
        self.capacity = capacity
        self.from_one_address = from_one_address
        self._open: Counter[str | None] = Counter()
        self._total = 0

    @contextlib.contextmanager
    def taken(self, address: str | None) -> Iterator[None]:
        """One of them. Raises ServerFull."""
        if self._total >= self.capacity or (address is not None and self._open[address] >= self.from_one_address):
            raise ServerFull
        self._total += 1
        self._open[address] += 1
        try:
            yield
        finally:
            self._total -= 1
            self._open[address] -= 1
            if not self._open[address]:
                del self._open[address]


class Porter:
    """Counts what is open in this process. `origins` are the websites that may open Pusher sockets; none: any may.

    `proxies` are trusted with what they say of their clients; `tls_only`: who came to them without TLS is sent to it.
    """

    def __init__(
        self, capacity: int = CAPACITY, from_one_address: int = FROM_ONE_ADDRESS,
        origins: Collection[str] = (), proxies: Collection[IPv4Network | IPv6Network] = (), *, tls_only: bool = False,
    ) -> None:  # fmt: skip
        self.origins = origins
        self.proxies = proxies
        self.tls_only = tls_only
        self._clients = Shares(capacity, from_one_address)
        self._lines = Shares(capacity, from_one_address)

    def seat(self, address: str) -> contextlib.AbstractContextManager[None]:
        """A place for as long as a client is there, of whichever door. Raises ServerFull."""
        return self._clients.taken(address)

    def hold(self, host: str) -> Callable[[], None]:
        """A line that has not said what it wants; returns what is called when it has, or has gone. Raises ServerFull.

        Of a proxy there may be as many as of all together: whose they are is not known yet.
        """
        held = contextlib.ExitStack()
        held.enter_context(self._lines.taken(None if self._is_proxy(host) else network_of(host)))
        return held.close

    def require_origin(self, headers: Mapping[str, str]) -> None:
        """Raises WrongOrigin. A server sends no Origin."""
        if not may_embed(self.origins, headers.get("Origin")):
            raise WrongOrigin

    def wants_tls(self, remote_address: object, forwarded_proto: str | None) -> bool:
        """Did a client come without TLS to a proxy that we trust? Who came past all proxies is on this machine."""
        address = str(remote_address[0]) if isinstance(remote_address, tuple) else ""
        return self.tls_only and is_plain(forwarded_proto) and self._is_proxy(address)

    def address_of(self, connection: ServerConnection, request: Request) -> str:
        """Where a client is: what the last proxy that we trust says, or the other end of the line.

        Nowhere ("") when it has gone already.
        """
        address = str((connection.remote_address or ("",))[0])
        for forwarded in reversed(",".join(request.headers.get_all("X-Forwarded-For")).split(",")):
            if not forwarded.strip() or not self._is_proxy(address):
                break
            address = forwarded.strip()
        return network_of(address)

    def _is_proxy(self, address: str) -> bool:
        try:
            found = ip_address(address)
        except ValueError:
            return False
        return any(found in network for network in self.proxies)


def is_plain(forwarded_proto: str | None) -> bool:
    """Does a proxy say that its client came without TLS? The first of several stood before the client."""
    return (forwarded_proto or "").partition(",")[0].strip().lower() in ("http", "ws")
