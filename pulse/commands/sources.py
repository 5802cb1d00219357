"""`pulse source …`: connecting channel accounts, changing them, listing them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

import typer

from pulse.accounts import BY, webhook_url
from pulse.aggregates.source import Source, source_id
from pulse.commands.running import ThereAlready, public_http, settings_here, with_house
from pulse.commands.terminal import Json, err, secret_of, show, show_rows, tell_of_argv, words_for_errors
from pulse.errors import BadInput, NotFound
from pulse.eventlog.commands import Decided
from pulse.house import House, now
from pulse.settings import Settings
from pulse.sources.connecting import Connecting, Wanted, new_secret
from pulse.sources.fields import channel_named, require_fields, spelled
from pulse.wiring.parts import open_calls, providers_in

app = typer.Typer(no_args_is_help=True, help="Connected channel accounts.")

COLUMNS = ("id", "type", "identifier", "title", "departments", "webhook_url", "halted", "disabled")

Id = Annotated[str, typer.Argument(metavar="ID", help="as `pulse source list` shows it")]
Department = Annotated[list[str] | None, typer.Option(help="repeat for several; the first is the default")]
Secret = Annotated[str | None, typer.Option(help="the webhook's secret; - asks for it")]
NextSecret = Annotated[str | None, typer.Option(help="Telegram: one that is as good while you replace the secret")]
Token = Annotated[str | None, typer.Option(help="Telegram, VK: the token that replies are sent with; - asks for it")]
Confirmation = Annotated[str | None, typer.Option(help="VK: the confirmation code")]
ApiUrl = Annotated[
    str | None,
    typer.Option(help="Telegram, VK: another address of the provider's API, such as your own Bot API server"),
]
Username = Annotated[str | None, typer.Option(help="Telegram: the bot's name, for links that open it")]
Behaviour = Annotated[
    str | None, typer.Option(help="simulator: how it misbehaves, such as `busy 5`; empty: not at all")
]
Origin = Annotated[list[str] | None, typer.Option(help="web: a page that may embed the widget; repeat for several")]
FileLimit = Annotated[
    int | None, typer.Option(min=0, max=200, help="the largest file in MB; 0: what the channel takes")
]
FileType = Annotated[
    list[str] | None, typer.Option(help="web: what visitors may send, such as image/*; repeat for several")
]


@app.command()
def add(  # noqa: PLR0913, PLR0917  (a command's options)
    channel: Annotated[str, typer.Argument(help="telegram, vk, web or simulator")],
    identifier: Annotated[str, typer.Argument(help="bot id, community id, or a name for a website")],
    department: Annotated[list[str], typer.Option(help="repeat for several; the first is the default")],
    title: str = "",
    secret: Annotated[str, typer.Option(help="the webhook's secret; empty: one is made; - asks for it")] = "",
    token: Token = None,
    confirmation: Confirmation = None,
    api_url: ApiUrl = None,
    behaviour: Behaviour = None,
    origin: Origin = None,
    as_json: Json = False,
) -> None:
    """Connects a channel account and prints its webhook address, and the secret if it was made up."""
    settings, identifier = settings_here(), identifier.strip()
    tell_of_argv(secret=secret, token=token)
    with words_for_errors():
        channel_named(channel)
        hidden = _secrets(secret=secret or None, token=token)
        seen = _settings(confirmation=confirmation, api_url=api_url, behaviour=behaviour, origins=_joined(origin))
        require_fields(channel, settings=seen, secrets=hidden)
    made_up: list[str | None] = []

    async def connect(house: House) -> None:
        there_already = ThereAlready(f"{channel} {identifier} is already connected; nothing was changed.")
        if await (connecting := connecting_here(house)).is_there(channel, identifier):
            raise there_already
        wanted = Wanted(title, house.directory.departments_named(department), seen, hidden)
        decided, made = await connecting.connect(channel, identifier, wanted, by=BY)
        if not decided.events:
            raise there_already
        made_up.append(made)

    with_house(settings, connect)
    there = {
        "id": str(source_id(channel, identifier)), "type": channel, "identifier": identifier,
        "webhook_url": webhook_url(public_http(settings), channel, identifier),
    }  # fmt: skip
    show(there | {"secret": made_up[0]}, as_json=as_json)
    _ask_for_confirmation(there | {"settings": seen})


@app.command("set")
def set_source(  # noqa: PLR0913, PLR0917  (a command's options)
    source: Id,
    title: Annotated[str | None, typer.Option("--name", "--title", help="empty: the identifier")] = None,
    department: Department = None,
    secret: Secret = None,
    rotate: Annotated[bool, typer.Option("--rotate", help="make a new webhook secret and print it")] = False,
    next_secret: NextSecret = None,
    token: Token = None,
    confirmation: Confirmation = None,
    api_url: ApiUrl = None,
    username: Username = None,
    behaviour: Behaviour = None,
    origin: Origin = None,
    file_limit_mb: FileLimit = None,
    file_type: FileType = None,
    as_json: Json = False,
) -> None:
    """Changes what is given and leaves the rest. `-` reads a secret from a prompt, a pipe or PULSE_NEW_SECRET,
    PULSE_NEW_NEXT_SECRET, PULSE_NEW_TOKEN."""
    settings, changed = settings_here(), list[str]()
    tell_of_argv(secret=secret, next_secret=next_secret, token=token)
    made = new_secret() if rotate else None
    with words_for_errors():
        hidden = _secrets(secret=_one_of(secret, made), next_secret=next_secret, token=token)
        seen = _settings(
            confirmation=confirmation, api_url=api_url, username=username, behaviour=behaviour, origins=_joined(origin),
            file_limit_mb=None if file_limit_mb is None else str(file_limit_mb), file_types=_joined(file_type),
        )  # fmt: skip

    async def change(house: House) -> None:
        found = find_source(house, source)
        require_fields(found.channel, settings=seen, secrets=hidden)
        departments = None if department is None else house.directory.departments_named(department)
        wanted = Wanted(title, departments, seen, hidden)
        decided = await connecting_here(house).change(found.id, wanted, by=BY)
        changed.extend(_name_of(event) for event in decided.events)

    with_house(settings, change)
    answer: dict[str, Any] = {"changed": changed}
    show(answer | ({"secret": made} if made else {}), as_json=as_json)


@app.command("list")
def list_sources(as_json: Json = False) -> None:
    """Lists the sources with the addresses their providers post to. Secrets are never shown."""
    settings, rows = settings_here(), list[dict[str, Any]]()

    async def look(house: House) -> None:
        found = sorted(house.directory.sources(), key=lambda known: (known.channel, known.identifier))
        rows.extend(_row(settings, house, known) for known in found)

    with_house(settings, look)
    show_rows(COLUMNS, rows, as_json=as_json)
    if not as_json:
        for row in rows:
            _ask_for_confirmation(row)


@app.command()
def resume(source: Id, as_json: Json = False) -> None:
    """Sends again through a source that its provider had refused. A new token does the same by itself."""
    show({"resumed": _changes(source, Connecting.resume)}, as_json=as_json)


@app.command()
def disable(source: Id, as_json: Json = False) -> None:
    """Switches a source off: deliveries are answered as for an unknown source, replies wait."""
    show({"disabled": _changes(source, Connecting.disable)}, as_json=as_json)


@app.command()
def enable(source: Id, as_json: Json = False) -> None:
    """Switches a source on again: what has waited leaves."""
    show({"enabled": _changes(source, Connecting.enable)}, as_json=as_json)


@app.command()
def webhook(source: Id, as_json: Json = False) -> None:
    """Tells the source's provider our address (PULSE_PUBLIC_URL) and the webhook's secret."""
    settings, told = settings_here(), list[str]()

    async def tell(house: House) -> None:
        async with open_calls() as http:
            providers = providers_in(house, connecting_here(house), http)
            told.append((await providers.set_webhook(find_source(house, source).id, by=BY))[1])

    with_house(settings, tell)
    show({"webhook_url": told[0]}, as_json=as_json)


@app.command("test")
def ask_provider(source: Id, as_json: Json = False) -> None:
    """Asks the source's provider who answers to its token, where it posts to, and what is wrong."""
    settings, found = settings_here(), list[dict[str, Any]]()

    async def ask(house: House) -> None:
        async with open_calls() as http:
            providers = providers_in(house, connecting_here(house), http)
            found.append(await providers.test(find_source(house, source), {}))

    with_house(settings, ask)
    account = found[0]["account"] or {}
    told = {"works": found[0]["works"], "account": account.get("name"), "faults": found[0]["faults"]}
    show(told | {"note": found[0]["note"]}, as_json=as_json)


def connecting_here(house: House) -> Connecting:
    """Whoever is at this machine may name any address."""
    return Connecting(house.store, house.vault, house.directory, now, inside=None)


def _changes(source: str, act: Callable[..., Awaitable[Decided]]) -> bool:
    """Did it change anything?"""
    settings, changed = settings_here(), list[bool]()

    async def change(house: House) -> None:
        found = find_source(house, source)
        changed.append(bool((await act(connecting_here(house), found.id, by=BY)).events))

    with_house(settings, change)
    return changed[0]


def _row(settings: Settings, house: House, known: Source) -> dict[str, Any]:
    departments = [house.directory.department(department) for department in known.departments]
    return {
        "id": str(known.id), "type": known.channel, "identifier": known.identifier, "title": known.title,
        "departments": [department.name for department in departments if department],
        "webhook_url": webhook_url(public_http(settings), known.channel, known.identifier),
        "settings": dict(known.settings), "secrets": sorted(known.secrets),
        "halted": known.halted.reason if known.halted else None, "disabled": known.disabled,
    }  # fmt: skip


def find_source(house: House, source: str) -> Source:
    """A source by its id as people type it. Raises NotFound."""
    try:
        return house.directory.source(UUID(source))
    except (ValueError, NotFound):
        raise NotFound(f"There is no source {source!r}. `pulse source list` shows them all.") from None


def _secrets(**given: str | None) -> dict[str, str]:
    """Those that are given. Raises BadInput."""
    return {name: secret_of(value, name) for name, value in given.items() if value is not None}


def _settings(**given: str | None) -> dict[str, str]:
    """Those that are given, as they are kept. Raises BadInput."""
    return spelled({name: text for name, text in given.items() if text is not None})


def _joined(given: list[str] | None) -> str | None:
    return None if given is None else " ".join(given)


def _one_of(secret: str | None, made: str | None) -> str | None:
    if secret is not None and made is not None:
        raise BadInput("Either --secret or --rotate; nothing was changed.")
    return made if secret is None else secret


def _name_of(event: object) -> str:
    """`SourceSecretsChanged` -> `secrets`, `SourceRenamed` -> `name`."""
    name = type(event).__name__.removeprefix("Source").removesuffix("Changed").lower()
    return "name" if name == "renamed" else name


def _ask_for_confirmation(source: dict[str, Any]) -> None:
    """Where there is none yet and VK will want one."""
    if source["type"] != "vk" or source["settings"].get("confirmation"):
        return
    err.print(
        "VK will want a confirmation code: copy it from the community's Callback API settings, where the webhook"
        f" address is entered, and run `pulse source set {source['id']} --confirmation CODE` before you press “Confirm”.",
        style="yellow", soft_wrap=True, markup=False, highlight=False,
    )  # fmt: skip
