"""`pulse subscriber …`: other systems that are told of events."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import typer

from pulse.commands.running import settings_here, with_house
from pulse.commands.terminal import Json, show, show_rows
from pulse.errors import NotFound
from pulse.eventlog.envelope import new_event_id
from pulse.eventlog.notes import Notes
from pulse.house import House
from pulse.progress import Progresses
from pulse.subscribing import shown
from pulse.wiring.parts import subscribing_in

app = typer.Typer(no_args_is_help=True, help="Other systems that are told of events.")

BY = "cli"
COLUMNS = ("id", "title", "url", "types", "status", "position", "lag", "last_error")
Position = Annotated[int | None, typer.Option(help="the first position to be told; without it, from now on")]


@app.command()
def add(
    url: Annotated[str, typer.Argument(help="where events are posted to, such as https://crm.example/hooks")],
    event_type: Annotated[list[str], typer.Option("--type", help="chat.message-received, chat.* or *; repeat it")],
    title: str = "",
    position: Position = None,
    as_json: Json = False,
) -> None:
    """Tells another system of events from now on, and prints the secret it needs to check their signatures."""
    made: dict[str, Any] = {}

    async def register(house: House) -> None:
        subscriber_id = new_event_id()
        decided, secret = await subscribing_in(house).register(
            subscriber_id, url=url, types=event_type, title=title, position=position, by=BY
        )
        made.update(id=str(subscriber_id), url=url, position=decided.position, secret=secret)

    with_house(settings_here(), register)
    show(made, as_json=as_json)


@app.command("list")
def list_subscribers(as_json: Json = False) -> None:
    """Lists the subscribers and how each is doing. Secrets are never shown."""
    rows: list[dict[str, Any]] = []

    async def look(house: House) -> None:
        progresses = Progresses(Notes(house.log), house.epoch)
        end = await house.log.last_position()
        found = sorted(house.directory.subscribers(), key=lambda known: known.created_on)
        rows.extend([_plain(shown(known, await progresses.of(known), end)) for known in found])

    with_house(settings_here(), look)
    show_rows(COLUMNS, rows, as_json=as_json)


@app.command()
def replay(
    subscriber: Annotated[str, typer.Argument(metavar="ID", help="as `pulse subscriber list` shows it")],
    position: Annotated[int, typer.Argument(help="the first position to be told again")],
    as_json: Json = False,
) -> None:
    """Tells a subscriber everything from a position on, again, under the ids it had."""
    done: dict[str, Any] = {}

    async def rewind(house: House) -> None:
        try:
            decided = await subscribing_in(house).rewind(UUID(subscriber), position, by=BY)
        except (ValueError, NotFound):
            raise NotFound(f"There is no subscriber {subscriber!r}. `pulse subscriber list` shows them all.") from None
        done.update(id=subscriber, position=decided.position)

    with_house(settings_here(), rewind)
    show(done, as_json=as_json)


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Times as text."""
    return {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in row.items()}
