"""The Pulse that runs here: where its servers and its doors are, and doing something once against it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from collections.abc import Awaitable, Callable, Iterator

from pulse.commands.terminal import err, words_for_errors
from pulse.embedded import Addresses, Embedded, ran_here, running
from pulse.errors import Refusal, Trouble
from pulse.house import House, open_house
from pulse.logs import configure_logs
from pulse.settings import Settings, read_settings

DOORS = "doors.json"


class NotRunning(Trouble):
    """Pulse is not running here. Set PULSE_DATA_DIR to where it keeps its data, or PULSE_NATS_URL and
    PULSE_DATABASE_URL to where its servers are; or start it with `pulse up`."""


class ThereAlready(Refusal):
    """It is there already; nothing was changed."""


def settings_here() -> Settings:
    """The settings; a bad one ends the command with a sentence."""
    with words_for_errors():
        return read_settings()


def with_house(settings: Settings, work: Callable[[House], Awaitable[None]], *, starts: bool = False) -> None:
    """Does something once against a running Pulse, or with `starts` against one that can't start."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    configure_logs("warning")

    async def once(addresses: Addresses) -> None:
        async with open_house(settings, addresses) as house:
            await work(house)

    with words_for_errors(), servers_here(settings, starts=starts) as addresses:
        asyncio.run(once(addresses))


@contextlib.contextmanager
def servers_here(settings: Settings, *, starts: bool) -> Iterator[Addresses]:
    """Where the servers are. `starts`: those of a Pulse that ran here before run meanwhile. Raises NotRunning."""
    try:
        found = addresses_of(settings)
    except NotRunning:
        if not starts or not ran_here(settings.data_dir):
            raise
        with Embedded(
            settings.data_dir, nats=not settings.nats_url, postgres=not settings.database_url,
            progress=lambda text: err.print(text, style="dim"),
        ) as servers:  # fmt: skip
            yield with_settings(settings, servers.addresses)
    else:
        yield found


def addresses_of(settings: Settings) -> Addresses:
    """Where the servers are: settings, else what a running `pulse up` wrote down. Raises NotRunning."""
    if settings.nats_url and settings.database_url:
        return with_settings(settings, Addresses())
    found = running(settings.data_dir)
    if found is None:
        raise NotRunning
    return with_settings(settings, found)


def with_settings(settings: Settings, found: Addresses) -> Addresses:
    return Addresses(
        settings.nats_url or found.nats_url,
        settings.nats_monitor_url or found.nats_monitor_url,
        settings.database_url or found.database_url,
    )


def write_doors(settings: Settings) -> None:
    """Notes where this Pulse answers, for commands in other terminals."""
    doors = {"http": settings.http_address, "push": settings.push_address}
    (settings.data_dir / DOORS).write_text(json.dumps(doors))


def doors_of(settings: Settings) -> tuple[str, str]:
    """Where the running Pulse answers, HTTP and push; as settings say where none of ours runs."""
    file = settings.data_dir / DOORS
    if settings.nats_url or not file.exists():
        return settings.http_address, settings.push_address
    doors = json.loads(file.read_text())
    return doors["http"], doors["push"]


def public_http(settings: Settings) -> str:
    """The address that providers reach."""
    return settings.public_url or doors_of(settings)[0]
