"""`pulse retention …`: for how long files are kept, and what a sweep would remove for it."""

from __future__ import annotations

from functools import partial
from typing import Any

import typer

from pulse.commands.blobs import reached
from pulse.commands.running import settings_here, with_house
from pulse.commands.terminal import Json, err, show
from pulse.eventlog.whole import whole
from pulse.house import House, now
from pulse.retention import old_files

app = typer.Typer(no_args_is_help=True, help="For how long files are kept.")


@app.callback()
def group() -> None:
    """For how long files are kept."""


@app.command("show")
def show_retention(as_json: Json = False) -> None:
    """Shows for how many days files are kept, and how many files a sweep would remove now. Changes nothing."""
    found: dict[str, Any] = {}

    async def look(house: House) -> None:
        limits = house.directory.retention()
        with err.status("Reading the log …"):
            pages = partial(whole, house.log, await reached(house), lambda _, __: None)
            async with old_files(pages, limits, now=now()) as ledger:
                files, size = ledger.total()
        named = {str(one.source): one.days for one in limits.sources}
        found.update(days=limits.days, sources=named if as_json else _words(named), files=files, size=size)

    with_house(settings_here(), look)
    show(found, as_json=as_json)


def _words(named: dict[str, int | None]) -> list[str]:
    return [f"{source} {'for good' if days is None else days}" for source, days in named.items()]
