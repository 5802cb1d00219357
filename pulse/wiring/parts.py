"""What several roles share: the lists, stored deliveries, and what is decided on other systems with."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from functools import cache

import httpx2

from pulse.clearing import Clearing
from pulse.delivery.public_event import TYPES
from pulse.drivers import Drivers
from pulse.errors import ReadsDown
from pulse.house import House, now
from pulse.ingest.again import Again
from pulse.logs import Outage
from pulse.projections.reads import Reads
from pulse.sources.connecting import Connecting
from pulse.sources.providers import Providers
from pulse.subscribing import Subscribing

LOOK_SECONDS = 1.0
BEGIN_SECONDS = 0.05
CALL_TIMEOUT = httpx2.Timeout(25.0, connect=5.0)
# Each source has its own bound; a common one would let hanging sources stop the others.
UNLIMITED = httpx2.Limits(max_connections=None, max_keepalive_connections=100)


def again_of(house: House) -> Again:
    """Reads stored deliveries again, for whoever may ask for it."""
    drivers = Drivers(house.directory, house.vault)
    return Again(house.store, house.directory, drivers, house.blobs, now)


def clearing_in(house: House) -> Clearing:
    """What the worker and the command remove files with."""
    return Clearing(house.store, house.blobs, house.directory.retention, now)


def subscribing_in(house: House) -> Subscribing:
    """What the desk, the commands and the worker decide on subscribers with."""
    inside = house.settings.trusted
    return Subscribing(house.store, house.vault, now, types=TYPES, inside=inside)


def connecting_in(house: House) -> Connecting:
    """What the desk decides on sources with; what it is told to call must be outside."""
    return Connecting(house.store, house.vault, house.directory, now, inside=house.settings.trusted)


def providers_in(house: House, connecting: Connecting, http: httpx2.AsyncClient) -> Providers:
    """Whom the desk and the commands ask about sources."""
    settings, drivers = house.settings, Drivers(house.directory, house.vault, http, now)
    return Providers(connecting, drivers, now, public_url=settings.public_url, http=settings.http_address)


@contextlib.asynccontextmanager
async def open_calls() -> AsyncIterator[httpx2.AsyncClient]:
    """For calling providers."""
    async with httpx2.AsyncClient(
        timeout=CALL_TIMEOUT, limits=UNLIMITED, verify=_tls(), follow_redirects=False, trust_env=False
    ) as http:
        yield http


@cache
def _tls() -> ssl.SSLContext:
    """Once for a process: reading the authorities takes 20 ms, and each copy a megabyte."""
    return httpx2.create_ssl_context(trust_env=False)


@contextlib.asynccontextmanager
async def open_reads(house: House) -> AsyncIterator[Reads]:
    """The pool that the desk and the widget read from."""
    async with Reads.open(house.addresses.database_url, house.log) as reads:
        yield reads


async def readable(reads: Reads) -> bool:
    """Do the read models answer?"""
    with contextlib.suppress(Exception):
        await reads.fetch("select 1 from checkpoint")
        return True
    return False


async def until_readable(reads: Reads) -> None:
    """Returns when the read models answer for the first time: whoever makes them may be another process."""
    while True:
        if await readable(reads):
            return
        await asyncio.sleep(BEGIN_SECONDS)


async def tell_of_reads(reads: Reads) -> None:
    """A line when Postgres goes away and one when it is back; the pool, which tries all the time, says nothing."""
    outage = Outage("reads")
    while True:
        try:
            await reads.fetch("select 1")
            outage.ended()
        except ReadsDown as trouble:
            outage.began(trouble.__cause__ or "it does not answer")
        await asyncio.sleep(LOOK_SECONDS)
