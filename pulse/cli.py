"""The `pulse` command."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets as random_secrets
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import Annotated, Any, NoReturn

import structlog
import typer
import uvloop
from rich.console import Console
from rich.table import Table

from pulse import demo, wiring
from pulse.accounts import Accounts, webhook_url
from pulse.aggregates.department import department_id
from pulse.aggregates.moderator import Moderator, moderator_id
from pulse.aggregates.source import Source, source_id
from pulse.channels.table import CHANNELS
from pulse.embedded import Addresses, Embedded, running
from pulse.errors import PulseError, Refusal, Trouble
from pulse.logs import configure_logs
from pulse.projections.rebuild import rebuild as rebuild_reads
from pulse.settings import Settings
from pulse.wiring import House

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Pulse: customer-support chat on an event log.")
source_app = typer.Typer(no_args_is_help=True, help="Connected channel accounts.")
user_app = typer.Typer(no_args_is_help=True, help="Moderators and admins.")
app.add_typer(source_app, name="source")
app.add_typer(user_app, name="user")

REVIVE_SECONDS = 0.5
DOORS = "doors.json"

log = structlog.get_logger(__name__)

out = Console()
err = Console(stderr=True)
Json = Annotated[bool, typer.Option("--json", help="For scripts.")]


class NotRunning(Trouble):
    """Pulse is not running here. Start it with `pulse up`, or set PULSE_NATS_URL and PULSE_DATABASE_URL."""


class ThereAlready(Refusal):
    """It is there already; nothing was changed."""


@app.command()
def up(with_demo: Annotated[bool, typer.Option("--demo", help="Also make the demo data.")] = False) -> None:
    """Runs everything in one process, with its own nats-server and Postgres unless settings name others."""
    settings = Settings()
    configure_logs(settings.log_level)
    own_nats, own_postgres = not settings.nats_url, not settings.database_url
    embedded = Embedded(
        settings.data_dir, nats=own_nats, postgres=own_postgres, progress=lambda text: err.print(text, style="dim")
    )
    with _words_for_errors():
        try:
            found = embedded.start() if own_nats or own_postgres else Addresses()
            addresses = _with_settings(settings, found)

            async def started(house: House) -> None:
                if with_demo:
                    await house.directory.wait_for(await demo.make_demo(house.store, house.vault, wiring.now))
                await _until_ready(house)
                _write_doors(settings)
                _greet(settings, house, with_demo=with_demo)

            _run(_kept_alive(embedded, wiring.serve(settings, addresses, wiring.ROLES, started)))
        finally:
            embedded.stop()


def _role(name: str) -> Callable[[], None]:
    def run() -> None:
        settings = Settings()
        configure_logs(settings.log_level)

        async def started(house: House) -> None:
            await _until_ready(house)
            out.print(f"pulse {name} is ready.")

        with _words_for_errors():
            _run(wiring.serve(settings, _addresses(settings), (name,), started))

    run.__doc__ = {
        "ingest": "Runs the webhooks and the widget's API only.",
        "project": "Runs the projector only.",
        "push": "Runs the sockets only.",
        "desk": "Runs the moderators' API only.",
    }[name]
    return run


for _name in wiring.ROLES:
    app.command(_name)(_role(_name))


@app.command("demo")
def demo_command(as_json: Json = False) -> None:
    """Makes the demo data in a running Pulse and prints accounts and sources. Asking again changes nothing."""
    settings = Settings()

    async def make(house: House) -> None:
        await demo.make_demo(house.store, house.vault, wiring.now)

    _with_house(settings, make)
    summary = demo.demo_summary(*_doors(settings))
    if as_json:
        sys.stdout.write(json.dumps(summary) + "\n")
    else:
        _print_demo(summary)


@source_app.command("add")
def source_add(
    channel: Annotated[str, typer.Argument(help="telegram, vk, web or simulator")],
    identifier: Annotated[str, typer.Argument(help="bot id, community id, or a name for a website")],
    department: Annotated[list[str], typer.Option("--department", help="repeat for several; the first is the default")],
    title: str = "",
    secret: Annotated[str, typer.Option(help="the webhook's secret; empty: one is made")] = "",
    confirmation: Annotated[str, typer.Option(help="VK: the confirmation code")] = "",
    origin: Annotated[list[str] | None, typer.Option("--origin", help="web: pages that may embed the widget")] = None,
    as_json: Json = False,
) -> None:
    """Connects a channel account and prints its webhook address and secret."""
    settings = Settings()
    if channel not in CHANNELS:
        _fail(f"There is no channel {channel!r}. Channels are: {', '.join(CHANNELS)}.")
    chosen = secret or ("" if channel == "web" else random_secrets.token_urlsafe(32))

    async def add(house: House) -> None:
        accounts = Accounts(house.store, house.vault, wiring.now)
        there_already = ThereAlready(f"{channel} {identifier} is already connected; nothing was changed.")
        if await house.store.load(Source, source_id(channel, identifier)):
            raise there_already
        for name in department:
            await accounts.create_department(name)
        known = {"confirmation": confirmation, "origins": " ".join(origin or [])}
        connected = await accounts.connect_source(
            channel, identifier, title or identifier, tuple(department_id(name) for name in department),
            settings={name: value for name, value in known.items() if value},
            secrets={"secret": chosen} if chosen else {},
        )  # fmt: skip
        if not connected.events:
            raise there_already

    _with_house(settings, add)
    made = {
        "id": str(source_id(channel, identifier)), "type": channel, "identifier": identifier,
        "webhook_url": webhook_url(settings.public_url or _doors(settings)[0], channel, identifier),
        "secret": chosen or None,
    }  # fmt: skip
    _print(made, as_json=as_json)


@user_app.command("add")
def user_add(
    email: str,
    name: str,
    role: Annotated[str, typer.Option(help="admin or moderator")] = "moderator",
    department: Annotated[list[str] | None, typer.Option("--department")] = None,
    password: Annotated[str, typer.Option(envvar="PULSE_NEW_PASSWORD", help="empty: one is made")] = "",
    as_json: Json = False,
) -> None:
    """Adds a moderator or admin and prints the password if it was made up."""
    settings = Settings()
    chosen = password or random_secrets.token_urlsafe(12)

    async def add(house: House) -> None:
        accounts = Accounts(house.store, house.vault, wiring.now)
        there_already = ThereAlready(f"{email} has an account already; nothing was changed.")
        if await house.store.load(Moderator, moderator_id(email)):
            raise there_already
        for department_name in department or []:
            await accounts.create_department(department_name)
        theirs = tuple(department_id(department_name) for department_name in department or [])
        if not (await accounts.invite(email, name, role, theirs, chosen)).events:
            raise there_already

    _with_house(settings, add)
    _print({"email": email, "role": role, "password": None if password else chosen}, as_json=as_json)


@app.command()
def rebuild() -> None:
    """Builds the read models anew from the log, beside the live ones, and swaps them in."""
    settings = Settings()

    async def run(house: House) -> None:
        with out.status("Rebuilding the read models …") as status:
            position = await rebuild_reads(
                house.log, house.addresses.database_url, house.epoch,
                lambda at, of: status.update(f"Rebuilding the read models … {at:,} of {of:,}"),
            )  # fmt: skip
        out.print(f"The read models are made anew, up to position {position:,}.")

    _with_house(settings, run)


@app.command()
def status(as_json: Json = False) -> None:
    """Shows whether Pulse runs here, how long its log is and how far the read models are."""
    settings = Settings()
    http, push = _doors(settings)
    found: dict[str, Any] = {"http": http, "push": push}

    async def look(house: House) -> None:
        async with wiring.open_reads(house) as reads:
            found["log_position"] = await house.log.last_position()
            found["epoch"] = house.epoch
            with contextlib.suppress(Trouble):
                rows = await reads.fetch(
                    "select position, (select count(*) from projection_dead_letter) as dead from checkpoint"
                )
                found["read_position"], found["dead_letters"] = rows[0]["position"], rows[0]["dead"]
        found["sources"] = len(house.directory.sources())

    _with_house(settings, look)
    _print(found, as_json=as_json)


def main() -> None:
    app()


def _with_house(settings: Settings, work: Callable[[House], Awaitable[None]]) -> None:
    """Does something once against a running Pulse."""
    configure_logs("warning")

    async def once() -> None:
        async with wiring.open_house(settings, _addresses(settings)) as house:
            await work(house)

    with _words_for_errors():
        asyncio.run(once())


def _addresses(settings: Settings) -> Addresses:
    """Where the servers are: settings, else what a running `pulse up` wrote down."""
    if settings.nats_url and settings.database_url:
        return _with_settings(settings, Addresses())
    found = running(settings.data_dir)
    if found is None:
        raise NotRunning
    return _with_settings(settings, found)


def _with_settings(settings: Settings, found: Addresses) -> Addresses:
    return Addresses(
        settings.nats_url or found.nats_url,
        settings.nats_monitor_url or found.nats_monitor_url,
        settings.database_url or found.database_url,
    )


def _run(serving: Coroutine[Any, Any, None]) -> None:
    """Runs until Ctrl-C or SIGTERM, then lets everything close."""

    async def until_told() -> None:
        task = asyncio.ensure_future(serving)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, task.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await task

    uvloop.run(until_told())


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


async def _until_ready(house: House) -> None:
    """Waits for every check, showing how far the read models are when that takes longer than a moment."""
    with err.status("Starting …") as shown:
        while not all((found := await house.check()).values()):
            await asyncio.sleep(0.02)
            if not found.get("projector", True):
                shown.update(f"Catching up … {house.projected:,} of {await house.log.last_position():,} events")


def _write_doors(settings: Settings) -> None:
    """Notes where this Pulse answers, for commands in other terminals."""
    doors = {"http": settings.http_address, "push": settings.push_address}
    (settings.data_dir / DOORS).write_text(json.dumps(doors))


def _doors(settings: Settings) -> tuple[str, str]:
    """Where the running Pulse answers, HTTP and push; as settings say where none of ours runs."""
    file = settings.data_dir / DOORS
    if settings.nats_url or not file.exists():
        return settings.http_address, settings.push_address
    doors = json.loads(file.read_text())
    return doors["http"], doors["push"]


def _greet(settings: Settings, house: House, *, with_demo: bool) -> None:
    out.print(f"\n[bold]Pulse is ready.[/]  http {settings.http_address}   push {settings.push_address}")
    if with_demo:
        _print_demo(demo.demo_summary(settings.http_address, settings.push_address))
    else:
        out.print(f"{len(house.directory.sources())} sources, {len(house.directory.moderators())} people.")
    out.print("Ctrl-C ends everything.")


def _print_demo(summary: dict[str, Any]) -> None:
    people = Table("account", "password", "role", box=None)
    for account in summary["accounts"]:
        people.add_row(account["email"], account["password"], account["role"])
    out.print(people)
    for source in summary["sources"]:
        where = source["webhook_url"] or "the widget's address"
        out.print(
            f"{source['type']} {source['identifier']}  secret {source['secret'] or 'none'}\n  {where}", soft_wrap=True
        )


def _print(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(found) + "\n")
        return
    for name, value in found.items():
        out.print(f"{name:14} {value}", soft_wrap=True, markup=False)


@contextlib.contextmanager
def _words_for_errors() -> Any:
    """A sentence and exit code 1 instead of a stack."""
    try:
        yield
    except PulseError as error:
        _fail(str(error))
    except BaseExceptionGroup as group:
        ours, others = group.split(PulseError)
        if ours is None:
            raise
        if others is not None:
            log.warning("cli.failed-too", exc_info=others)
        _fail(str(_first_of(ours)))


def _first_of(error: BaseException) -> BaseException:
    """What is wrong, out of the groups of tasks it came through."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _fail(message: str) -> NoReturn:
    err.print(message, style="red", soft_wrap=True, markup=False)
    raise typer.Exit(1)


if __name__ == "__main__":
    main()
