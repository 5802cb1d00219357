"""The way out: calls to addresses that somebody else chose, which must not lead back inside.

A name is resolved once for a connection, every address it has is judged, and the connection is made to one of those
very addresses; TLS and the Host header still name the name. A redirect is another request and judged like the first.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

import httpcore2
import httpx2
from httpcore2 import AsyncNetworkBackend, AsyncNetworkStream

from pulse.errors import BadInput, Trouble

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[list[str]]]
Take = Callable[[bytes], Awaitable[object]]

PORTS = {"http": 80, "https": 443}
REDIRECTS = 3
RESOLVE_SECONDS = 5.0
CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0
LITTLE_SECONDS, LITTLE_BYTES = 1.0, 16 * 1024
TRIED = 2  # addresses of one name
NAME = re.compile(r"(?=.{4,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])")

# What Python calls global and is not one machine out there (or is a way back in), by the IANA special registries.
NOT_OUT_THERE = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24",
            "192.175.48.0/24", "198.18.0.0/15", "224.0.0.0/3",
            "2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20",
        ),
    )
)  # fmt: skip
UNICAST = IPv6Network("2000::/3")
NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are the address it leads to


class ForbiddenAddress(BadInput):
    """Pulse does not go to this address."""


class AnswerTooLarge(BadInput):
    """What lies there is larger than is taken."""


class NoAnswer(Trouble):
    """The other side can't be reached or does not answer in time."""


def is_out_there(text: str) -> bool:
    """Is this the address of one machine on the public internet? Tunnels that embed an address are judged or refused."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv6Address):
        inner = _embedded(address)
        if inner is None:
            return address in UNICAST and _is_public(address)
        address = inner
    return _is_public(address)


def _embedded(address: IPv6Address) -> IPv4Address | None:
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped


def _is_public(address: Address) -> bool:
    return address.is_global and not address.is_multicast and not any(address in block for block in NOT_OUT_THERE)


async def resolve_name(host: str, port: int) -> list[str]:
    """Every address of a name, each once, in the system's order. Raises NoAnswer."""
    try:
        async with asyncio.timeout(RESOLVE_SECONDS):
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError):
        raise NoAnswer("The name of the other side can't be resolved.") from None
    return list(dict.fromkeys(str(address[4][0]) for address in found))


class CheckedNetwork(AsyncNetworkBackend):
    """Connects to checked addresses only. `trusted` are `host:port`, exactly, that may be anywhere."""

    def __init__(
        self, trusted: frozenset[str], resolve: Resolve = resolve_name, network: AsyncNetworkBackend | None = None
    ) -> None:
        self._trusted = trusted
        self._resolve = resolve
        self._network = network or httpcore2.AnyIOBackend()

    async def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, local_address: str | None = None,  # noqa: ASYNC109
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> AsyncNetworkStream:  # fmt: skip
        """Raises ForbiddenAddress if any address of the name is not out there, NoAnswer, httpcore2.ConnectError."""
        addresses = await self._resolve(host, port)
        if f"{host}:{port}" not in self._trusted and not all(map(is_out_there, addresses)):
            raise ForbiddenAddress
        failed: Exception = NoAnswer("The name of the other side has no address.")
        for address in addresses[:TRIED]:
            try:
                return await self._network.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failed = error
        raise failed

    async def sleep(self, seconds: float) -> None:
        await self._network.sleep(seconds)


class CheckedTransport(httpx2.AsyncHTTPTransport):
    """Judges each request's URL, then makes it over a checked network."""

    def __init__(
        self, network: CheckedNetwork, hosts: tuple[str, ...] | None, trusted: frozenset[str], *, plain: bool
    ) -> None:
        super().__init__(verify=_tls(), trust_env=False)
        self._pool = httpcore2.AsyncConnectionPool(ssl_context=_tls(), network_backend=network)
        self._hosts, self._trusted, self._plain = hosts, trusted, plain

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Raises ForbiddenAddress before anything is sent."""
        require_permitted(request.url, self._hosts, self._trusted, plain=self._plain)
        return await super().handle_async_request(request)


def require_permitted(
    url: httpx2.URL, hosts: tuple[str, ...] | None, trusted: frozenset[str] = frozenset(), *, plain: bool = False
) -> None:
    """`hosts` may be gone to (`*.` before one: its subdomains), None for any; `plain`: also without TLS.

    Raises ForbiddenAddress: names only, usual ports only, nobody's password in front.
    """
    host = url.raw_host.decode("ascii", "replace").lower()
    port = url.port or PORTS.get(url.scheme)
    if url.userinfo or port is None:
        raise ForbiddenAddress
    if f"{host}:{port}" not in trusted:
        schemes = ("https", "http") if plain else ("https",)
        # A name ends in letters. What ends in a number is an address, in one of its many spellings.
        if url.scheme not in schemes or port != PORTS[url.scheme] or not NAME.fullmatch(host):
            raise ForbiddenAddress
    if hosts is not None and not any(is_host(host, pattern) for pattern in hosts):
        raise ForbiddenAddress


async def may_go(url: str, trusted: frozenset[str], resolve: Resolve = resolve_name) -> bool:
    """Would outside_client go there, as things are now? Raises NoAnswer when its name leads nowhere."""
    parts = httpx2.URL(url)
    try:
        require_permitted(parts, None, trusted)
    except ForbiddenAddress:
        return False
    port = parts.port or PORTS[parts.scheme]
    return f"{parts.host}:{port}" in trusted or all(map(is_out_there, await resolve(parts.host, port)))


def is_host(host: str, pattern: str) -> bool:
    """`*.example.org` are all names below example.org, but not that one itself."""
    return host.endswith(pattern[1:]) and len(host) >= len(pattern) if pattern.startswith("*.") else host == pattern


def outside_client(
    hosts: tuple[str, ...] | None,
    *,
    allow_private: frozenset[str] = frozenset(),
    plain: bool = False,
    network: CheckedNetwork | None = None,
) -> httpx2.AsyncClient:
    """A client that goes outside only. It follows no redirect unless asked to, and uses no proxy of the environment.

    `allow_private` are the `host:port` that may be inside. It raises ForbiddenAddress, and what httpx2 raises.
    """
    network = network or CheckedNetwork(allow_private)
    return httpx2.AsyncClient(
        transport=CheckedTransport(network, hosts, allow_private, plain=plain),
        timeout=httpx2.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
        max_redirects=REDIRECTS,
        trust_env=False,
        headers={"Accept-Encoding": "identity", "User-Agent": "Pulse"},
    )


async def read_little(answer: httpx2.Response) -> None:
    """So that the connection can be used again. An answer that is large or slow is cut off: its status is enough."""
    declared = answer.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) <= LITTLE_BYTES:
        with contextlib.suppress(TimeoutError, httpx2.HTTPError):
            async with asyncio.timeout(LITTLE_SECONDS):
                await answer.aread()


async def download(client: httpx2.AsyncClient, url: str, take: Take, *, limit: int, seconds: float) -> int:
    """Hands a file's bytes to `take` as they come, at most `limit` of them in `seconds`; returns the answer's status.

    Only of a 200 is anything taken. Raises ForbiddenAddress, AnswerTooLarge, NoAnswer; none of them names the URL,
    which may hold a secret.
    """
    try:
        async with asyncio.timeout(seconds), client.stream("GET", url, follow_redirects=True) as answer:
            if answer.status_code == 200:
                await _take_all(answer, take, limit)
            return answer.status_code
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol, httpx2.TooManyRedirects):
        raise ForbiddenAddress from None
    except (httpx2.HTTPError, TimeoutError) as error:
        raise NoAnswer(f"The other side does not answer ({type(error).__name__}).") from None


async def _take_all(answer: httpx2.Response, take: Take, limit: int) -> None:
    declared = answer.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > limit:
        raise AnswerTooLarge
    taken = 0
    async for piece in answer.aiter_bytes(64 * 1024):
        taken += len(piece)  # counted after decompression
        if taken > limit:
            raise AnswerTooLarge
        await take(piece)


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    """Made once: reading the authorities takes longer than a small file."""
    return ssl.create_default_context()
