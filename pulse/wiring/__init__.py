"""Puts the parts together by hand, once per process. Only the commands import this."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from pulse.embedded import Addresses
from pulse.house import House, open_house
from pulse.serving import listen, serve_app
from pulse.settings import Settings
from pulse.wiring.doors import open_desk, open_ingest, whole_app
from pulse.wiring.parts import open_calls, open_reads, tell_of_reads
from pulse.wiring.workers import open_delivery, open_projector, open_push

ROLES = ("ingest", "project", "push", "desk", "deliver")
HTTP_ROLES = {"ingest", "desk", "push"}
READING_ROLES = {"ingest", "desk", "deliver"}


async def serve(
    settings: Settings,
    addresses: Addresses,
    roles: tuple[str, ...],
    started: Callable[[House], Coroutine[Any, Any, None]],
) -> None:
    """Runs roles in this process until it is cancelled. `started` is called once everything answers.

    Raises PortTaken, CannotListen.
    """
    refuse_taken_ports(settings, roles)
    async with contextlib.AsyncExitStack() as stack:
        house = await stack.enter_async_context(open_house(settings, addresses))
        begin_lasting = await stack.enter_async_context(lasting(house))
        await open_roles(house, roles, stack)
        begin_lasting()
        async with asyncio.TaskGroup() as group:
            for task in house.tasks:
                group.create_task(task())
            if HTTP_ROLES & set(roles):
                group.create_task(serve_app(whole_app(house), http_port(settings)))
            group.create_task(started(house))


@contextlib.asynccontextmanager
async def lasting(house: House) -> AsyncIterator[Callable[[], None]]:
    """What goes on until all that is opened later has closed. Yields what begins it."""
    async with asyncio.TaskGroup() as group:
        running = list[asyncio.Task[None]]()
        yield lambda: running.extend(group.create_task(task()) for task in house.lasting)
        for task in running:
            task.cancel()


async def open_roles(house: House, roles: tuple[str, ...], stack: contextlib.AsyncExitStack) -> None:
    if "project" in roles:
        open_projector(house)
    if READING_ROLES & set(roles):
        reads = await stack.enter_async_context(open_reads(house))
        house.reads = reads
        house.tasks.append(lambda: tell_of_reads(reads))
        if "ingest" in roles:
            open_ingest(house, reads)
        if "desk" in roles:
            open_desk(house, reads, await stack.enter_async_context(open_calls()))
        if "deliver" in roles:
            await stack.enter_async_context(open_delivery(house, reads))
    if "push" in roles:
        await stack.enter_async_context(open_push(house))


def refuse_taken_ports(settings: Settings, roles: tuple[str, ...]) -> None:
    """Before anything is opened. Raises PortTaken, CannotListen."""
    if HTTP_ROLES & set(roles):
        http_port(settings).close()
    if "push" in roles:
        listen(settings.push_host, settings.push_port, "PUSH").close()


def http_port(settings: Settings) -> socket.socket:
    """Raises PortTaken, CannotListen."""
    return listen(settings.http_host, settings.http_port, "HTTP")
