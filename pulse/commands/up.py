"""The commands that serve: `pulse up` with everything in one process, and a command for each role."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

import typer

from pulse import demo, wiring
from pulse.commands.ending import EndedEarly, Ending
from pulse.commands.running import addresses_of, settings_here, with_settings, write_doors
from pulse.commands.terminal import err, out, words_for_errors
from pulse.commands.upkeep import show_demo
from pulse.embedded import Addresses, Embedded
from pulse.errors import Trouble
from pulse.house import House, now
from pulse.logs import configure_logs
from pulse.serving import tune_gc
from pulse.settings import Settings

REVIVE_SECONDS = 0.5
SHOW_SECONDS = 0.1
ROLE_HELP = {
    "ingest": "Runs the webhooks and the widget's API only.",
    "project": "Runs the projector only.",
    "push": "Runs the sockets only.",
    "desk": "Runs the moderators' API only.",
    "deliver": "Runs what leaves Pulse only: replies, files, other systems' webhooks.",
}


def up(with_demo: Annotated[bool, typer.Option("--demo", help="Also make the demo data.")] = False) -> None:
    """Runs everything in one process, with its own nats-server and Postgres unless settings name others."""
    ending, settings = Ending(), settings_here()
    configure_logs(settings.log_level)
    own_nats, own_postgres = not settings.nats_url, not settings.database_url

    def progress(text: str) -> None:
        err.print(text, style="dim")
        ending.leave_early()

    embedded = Embedded(settings.data_dir, nats=own_nats, postgres=own_postgres, progress=progress)
    with words_for_errors():
        try:
            found = _started(embedded, ending) if own_nats or own_postgres else Addresses()
            addresses = with_settings(settings, found)

            async def started(house: House) -> None:
                tune_gc()
                if with_demo:
                    await house.directory.wait_for(await demo.make_demo(house.store, house.vault, now))
                await _until_ready(house, ending)
                write_doors(settings)
                _greet(settings, house, with_demo=with_demo)

            ending.run(_kept_alive(embedded, wiring.serve(settings, addresses, wiring.ROLES, started)))
        except EndedEarly:
            err.print("Ended before it was ready.", style="dim")
        finally:
            embedded.stop()


def role(name: str) -> Callable[[], None]:
    """The command that runs one role."""

    def run() -> None:
        ending, settings = Ending(), settings_here()
        configure_logs(settings.log_level)

        async def started(house: House) -> None:
            tune_gc()
            await _until_ready(house, ending)
            out.print(f"pulse {name} is ready.")

        with words_for_errors():
            ending.run(wiring.serve(settings, addresses_of(settings), (name,), started))

    run.__doc__ = ROLE_HELP[name]
    return run


def _started(embedded: Embedded, ending: Ending) -> Addresses:
    """Starts the servers. Raises EndedEarly, also where the servers' own end was what made the start fail."""
    try:
        found = embedded.start()
    except Trouble:
        ending.leave_early()
        raise
    ending.leave_early()
    return found


async def _kept_alive(embedded: Embedded, serving: Coroutine[Any, Any, None]) -> None:
    """Serves, and starts an embedded server again when it has died; clients reconnect by themselves."""

    async def watch() -> None:
        while True:
            await asyncio.sleep(REVIVE_SECONDS)
            for name in embedded.revive():
                err.print(f"{name} ended unexpectedly and is started again", style="yellow")

    async with asyncio.TaskGroup() as group:
        watching = group.create_task(watch())
        await serving
        watching.cancel()


async def _until_ready(house: House, ending: Ending) -> None:
    """Waits for every check, showing how far the read models are when that takes longer than a moment."""
    ending.insist()
    with err.status("Starting …") as shown:
        beginning = asyncio.ensure_future(house.begun())
        try:
            while not (await asyncio.wait([beginning], timeout=SHOW_SECONDS))[0]:
                if house.projector and not house.projector.ready.is_set():
                    with contextlib.suppress(Trouble):  # a log that is away now is told of elsewhere
                        goal = await house.log.last_position()
                        shown.update(f"Catching up … {house.projected:,} of {goal:,} events")
            beginning.result()
        finally:
            beginning.cancel()


def _greet(settings: Settings, house: House, *, with_demo: bool) -> None:
    out.print(f"\n[bold]Pulse is ready.[/]  http {settings.http_address}   push {settings.push_address}")
    if with_demo:
        show_demo(demo.demo_summary(settings.http_address, settings.push_address))
    else:
        out.print(f"{len(house.directory.sources())} sources, {len(house.directory.moderators())} people.")
    out.print("Ctrl-C ends everything.")
