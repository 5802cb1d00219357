"""`pulse source …`: connecting channel accounts, changing them, listing them."""

from __future__ import annotations

import re
import secrets as random_secrets
from typing import Annotated, Any
from uuid import UUID

import typer

from pulse.accounts import Accounts, webhook_url
from pulse.aggregates.source import Source, source_id
from pulse.channels.simulator import TROUBLES
from pulse.channels.table import CHANNELS
from pulse.commands.running import ThereAlready, public_http, settings_here, with_house
from pulse.commands.terminal import Json, err, secret_of, show, show_rows, tell_of_argv, words_for_errors
from pulse.errors import BadInput, NotFound
from pulse.house import House, now
from pulse.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Connected channel accounts.")

FOR_ALL = ("file_limit_mb",)  # settings of every channel
MEDIA_TYPE = re.compile(r"[a-z0-9.+-]+/([a-z0-9.+-]+|\*)")
API_URL = re.compile(r"https?://[^\s?#@]+")
BEHAVIOUR = re.compile(rf"({'|'.join(TROUBLES)}|slow)( \d+(\.\d+)?)?")
ORIGIN = re.compile(r"https?://[^\s/?#@]+")
COLUMNS = ("id", "type", "identifier", "title", "departments", "webhook_url", "halted")

Department = Annotated[list[str] | None, typer.Option(help="repeat for several; the first is the default")]
# What the providers take: Bot API, setWebhook (secret_token); VK's callback settings.
TAKEN = {
    "telegram": (re.compile(r"[A-Za-z0-9_-]{1,256}"), "Telegram takes secrets of 1 to 256 letters, digits, - and _."),
    "vk": (re.compile(r".{1,50}"), "VK takes secrets of 1 to 50 characters."),
}
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


class UnknownChannel(BadInput):
    """There is no such channel."""


class NotASecret(BadInput):
    """The provider would not take this secret."""


class NotItsField(BadInput):
    """A source of this channel has no such field."""


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
    made_up: str | None = None
    tell_of_argv(secret=secret, token=token)
    with words_for_errors():
        if channel not in CHANNELS:
            raise UnknownChannel(f"There is no channel {channel!r}. Channels are: {', '.join(CHANNELS)}.")
        hidden = _secrets(secret=secret or None, token=token)
        seen = _settings(confirmation=confirmation, api_url=api_url, behaviour=behaviour, origins=origin)
        _refuse_others(channel, hidden, seen)
        if "secret" in CHANNELS[channel].secret_names and not secret:
            made_up = hidden["secret"] = new_secret()

    async def connect(house: House) -> None:
        accounts = Accounts(house.store, house.vault, now)
        there_already = ThereAlready(f"{channel} {identifier} is already connected; nothing was changed.")
        if await house.store.load(Source, source_id(channel, identifier)):
            raise there_already
        departments = house.directory.departments_named(department)
        if not (
            await accounts.connect_source(
                channel, identifier, title.strip() or identifier, departments, settings=seen, secrets=hidden
            )
        ).events:
            raise there_already

    with_house(settings, connect)
    identity = str(source_id(channel, identifier))
    made = {
        "id": identity, "type": channel, "identifier": identifier,
        "webhook_url": webhook_url(public_http(settings), channel, identifier), "secret": made_up,
    }  # fmt: skip
    show(made, as_json=as_json)
    if channel == "vk" and "confirmation" not in seen:
        _ask_for_confirmation(identity)


@app.command("set")
def set_source(  # noqa: PLR0913, PLR0917  (a command's options)
    source: Annotated[str, typer.Argument(metavar="ID", help="as `pulse source list` shows it")],
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
            confirmation=confirmation, api_url=api_url, username=username, behaviour=behaviour, origins=origin
        )
        seen |= _file_settings(file_limit_mb, file_type)

    async def change(house: House) -> None:
        found = find_source(house, source)
        _refuse_others(found.channel, hidden, seen)
        departments = None if department is None else house.directory.departments_named(department)
        accounts = Accounts(house.store, house.vault, now)
        decided = await accounts.change_source(
            found.id, title=title, departments=departments, settings=seen, secrets=hidden
        )
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
            if row["type"] == "vk" and not row["settings"].get("confirmation"):
                _ask_for_confirmation(row["id"])


@app.command()
def resume(
    source: Annotated[str, typer.Argument(metavar="ID", help="as `pulse source list` shows it")], as_json: Json = False
) -> None:
    """Sends again through a source that its provider had refused. A new token does the same by itself."""
    settings, resumed = settings_here(), list[bool]()

    async def change(house: House) -> None:
        found = find_source(house, source)
        resumed.append(bool((await Accounts(house.store, house.vault, now).resume_source(found.id)).events))

    with_house(settings, change)
    show({"resumed": resumed[0]}, as_json=as_json)


def new_secret() -> str:
    return random_secrets.token_urlsafe(32)


def _row(settings: Settings, house: House, known: Source) -> dict[str, Any]:
    departments = [house.directory.department(department) for department in known.departments]
    return {
        "id": str(known.id), "type": known.channel, "identifier": known.identifier, "title": known.title,
        "departments": [department.name for department in departments if department],
        "webhook_url": webhook_url(public_http(settings), known.channel, known.identifier),
        "settings": dict(known.settings), "secrets": sorted(known.secrets),
        "halted": known.halted.reason if known.halted else None,
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


def _settings(*, origins: list[str] | None, **given: str | None) -> dict[str, str]:
    """Those that are given. Raises BadInput."""
    found = {name: text.strip() for name, text in given.items() if text is not None}
    if found.get("api_url") and not API_URL.fullmatch(found["api_url"]):
        raise BadInput(f"{found['api_url']!r} is no address such as https://api.example/; nothing was changed.")
    if found.get("behaviour") and not BEHAVIOUR.fullmatch(found["behaviour"]):
        raise BadInput(f"A simulator can be told: {', '.join([*TROUBLES, 'slow SECONDS'])}; nothing was changed.")
    if origins is not None:
        found["origins"] = " ".join(_origin(text) for text in origins if text)
    return found


def _file_settings(limit_mb: int | None, types: list[str] | None) -> dict[str, str]:
    """Those that are given. Raises BadInput."""
    given = {} if limit_mb is None else {"file_limit_mb": str(limit_mb or "")}
    if types is not None:
        given["file_types"] = " ".join(_media_type(text) for text in types if text)
    return given


def _media_type(text: str) -> str:
    spelled = text.strip().lower()
    if not MEDIA_TYPE.fullmatch(spelled):
        raise BadInput(f"{text!r} is no media type, such as application/pdf or image/*.")
    return spelled


def _origin(text: str) -> str:
    """As browsers send it. Raises BadInput."""
    spelled = text.strip().lower().removesuffix("/")
    if not ORIGIN.fullmatch(spelled):
        raise BadInput(
            f"{text!r} is no origin: that is a page's address without its path, such as https://shop.example."
        )
    return spelled


def _refuse_others(channel: str, hidden: dict[str, str], seen: dict[str, str]) -> None:
    """Raises NotItsField, NotASecret."""
    driver = CHANNELS.get(channel)  # None for a channel that only a newer Pulse knows
    known = (driver.secret_names + driver.setting_names if driver else ()) + FOR_ALL
    for name in (*hidden, *seen):
        if name not in known:
            raise NotItsField(f"A {channel} source has no {name.replace('_', ' ')}; nothing was changed.")
    rule, sentence = TAKEN.get(channel, (None, ""))
    for name in ("secret", "next_secret"):
        if rule is not None and name in hidden and not rule.fullmatch(hidden[name]):
            raise NotASecret(sentence)


def _one_of(secret: str | None, made: str | None) -> str | None:
    if secret is not None and made is not None:
        raise BadInput("Either --secret or --rotate; nothing was changed.")
    return made if secret is None else secret


def _name_of(event: object) -> str:
    """`SourceSecretsChanged` -> `secrets`, `SourceRenamed` -> `name`."""
    name = type(event).__name__.removeprefix("Source").removesuffix("Changed").lower()
    return "name" if name == "renamed" else name


def _ask_for_confirmation(source: str) -> None:
    err.print(
        "VK will want a confirmation code: copy it from the community's Callback API settings, where the webhook"
        f" address is entered, and run `pulse source set {source} --confirmation CODE` before you press “Confirm”.",
        style="yellow", soft_wrap=True, markup=False, highlight=False,
    )  # fmt: skip
