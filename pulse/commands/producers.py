"""`pulse producer …`: services that post business events, what they may say, and their secrets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pulse.aggregates.producer import Producer, producer_id
from pulse.commands.running import ThereAlready, public_http, settings_here, with_house
from pulse.commands.terminal import Json, secret_of, show, show_rows, tell_of_argv, words_for_errors
from pulse.errors import BadInput, NotFound
from pulse.eventlog.commands import Decided
from pulse.house import House, now
from pulse.producers import Producers, SecretIsTheirs, events_url, made_secret, read_configuration

app = typer.Typer(no_args_is_help=True, help="Services that post signed business events.")

COLUMNS = ("name", "id", "scheme", "event_types", "secrets", "disabled", "webhook_url")
NAMES = {
    "ProducerRegistered": "registered", "ProducerConfigured": "event types", "ProducerSecretAdded": "secret added",
    "ProducerSecretRetired": "secret retired", "ProducerDisabled": "disabled", "ProducerEnabled": "enabled",
}  # fmt: skip

Name = Annotated[str, typer.Argument(help="as `pulse producer list` shows it")]
Secret = Annotated[str, typer.Option(help="the one that the service made up; empty: one is made; - asks for it")]


@app.command()
def add(
    file: Annotated[Path, typer.Argument(help="a configuration, such as schemas/producers/campaigns.json")],
    secret: Secret = "",
    as_json: Json = False,
) -> None:
    """Registers the producer that a file describes and prints its address and secret; one that is there is configured
    as the file says now, and keeps its secrets."""
    settings, answer = settings_here(), dict[str, Any]()
    tell_of_argv(secret=secret)
    with words_for_errors():
        wanted = read_configuration(file.read_bytes())

    async def register(house: House) -> None:
        producers, chosen = Producers(house.store, house.vault, now), None
        if await house.store.load(Producer, producer_id(wanted.name)) is None:
            chosen = _chosen(wanted.scheme, secret)
            decided = await producers.add(wanted, chosen)
            if not decided.events:
                raise ThereAlready(f"{wanted.name} was registered at this very moment; nothing was changed.")
        elif secret:
            raise ThereAlready(f"{wanted.name} is registered; `pulse producer rotate` gives it another secret.")
        else:
            decided = await producers.configure(wanted)
        answer.update(
            id=str(producer_id(wanted.name)), name=wanted.name, changed=_changed(decided),
            webhook_url=events_url(public_http(settings), wanted.name), secret=None if secret else chosen,
        )  # fmt: skip

    with_house(settings, register)
    show(answer, as_json=as_json)


@app.command()
def rotate(
    name: Name,
    secret: Secret = "",
    finish: Annotated[bool, typer.Option("--finish", help="retire all but the newest, and make none")] = False,
    as_json: Json = False,
) -> None:
    """Makes a new secret and prints it once. The one before stays good until `--finish`, or the next rotation."""
    settings, answer = settings_here(), dict[str, Any]()
    tell_of_argv(secret=secret)
    with words_for_errors():
        if finish and secret:
            raise BadInput("Either --secret or --finish; nothing was changed.")

    async def replace(house: House) -> None:
        producers = Producers(house.store, house.vault, now)
        if finish:
            answer["changed"] = _changed(await producers.finish(name))
            return
        chosen = _chosen(_find(house, name).scheme, secret)
        answer["changed"] = _changed(await producers.rotate(name, chosen))
        answer["secret"] = None if secret else chosen

    with_house(settings, replace)
    show(answer, as_json=as_json)


@app.command()
def disable(name: Name, as_json: Json = False) -> None:
    """Refuses its posts from now on, like a stranger's."""
    _switch(name, on=False, as_json=as_json)


@app.command()
def enable(name: Name, as_json: Json = False) -> None:
    """Takes its posts again."""
    _switch(name, on=True, as_json=as_json)


@app.command("list")
def list_producers(as_json: Json = False) -> None:
    """Lists the producers with their addresses. Secrets are never shown, only how many are good."""
    settings, rows = settings_here(), list[dict[str, Any]]()

    async def look(house: House) -> None:
        rows.extend(
            {
                "name": known.name, "id": str(known.id), "scheme": known.scheme, "event_types": list(known.event_types),
                "secrets": len(known.secrets), "disabled": known.disabled,
                "webhook_url": events_url(public_http(settings), known.name),
            }
            for known in sorted(house.directory.producers(), key=lambda known: known.name)
        )  # fmt: skip

    with_house(settings, look)
    show_rows(COLUMNS, rows, as_json=as_json)


def _switch(name: str, *, on: bool, as_json: bool) -> None:
    answer: dict[str, Any] = {}

    async def switch(house: House) -> None:
        producers = Producers(house.store, house.vault, now)
        answer["changed"] = _changed(await (producers.enable(name) if on else producers.disable(name)))

    with_house(settings_here(), switch)
    show(answer, as_json=as_json)


def _find(house: House, name: str) -> Producer:
    """Raises NotFound."""
    for known in house.directory.producers():
        if known.name == name:
            return known
    raise NotFound(f"There is no producer {name!r}. `pulse producer list` shows them all.")


def _chosen(scheme: str, given: str) -> str:
    """The given secret, else a new one. Raises SecretIsTheirs."""
    if given:
        return secret_of(given, "secret")
    try:
        return made_secret(scheme)
    except SecretIsTheirs as theirs:
        raise SecretIsTheirs(f"{theirs} `--secret -` asks for it.") from None


def _changed(decided: Decided) -> list[str]:
    return [NAMES[type(event).__name__] for event in decided.events]
