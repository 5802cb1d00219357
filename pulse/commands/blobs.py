"""`pulse blobs …`: files and large bodies beside the log."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from pulse.blobs import forget_gathered
from pulse.commands.running import settings_here, with_house
from pulse.commands.terminal import Json, err, show
from pulse.errors import ReadsDown
from pulse.house import House, now
from pulse.sweep import GRACE
from pulse.wiring.parts import clearing_in, open_reads

app = typer.Typer(no_args_is_help=True, help="Files and large bodies beside the log.")


@app.callback()
def group() -> None:
    """Files and large bodies beside the log."""


@app.command("sweep")
def sweep_blobs(
    delete: Annotated[bool, typer.Option("--delete", help="remove them; without it they are only counted")] = False,
    as_json: Json = False,
) -> None:
    """Counts the blobs older than three days that no event names, or only files that were kept for their time
    (`pulse retention show`); removes them if told to."""
    settings = settings_here()
    found: dict[str, Any] = {}

    async def run(house: House) -> None:
        far, clearing = await reached(house, must_know=delete), clearing_in(house)
        with err.status("Waiting for another sweep …" if delete else "Reading the log …") as status:

            def tell(position: int, of: int) -> None:
                status.update(f"Reading the log … {position:,} of {of:,}")

            async def sweep() -> None:
                found.update(asdict(await clearing.run(far, tell, remove=delete)))

            await (clearing.lease.run(sweep) if delete else sweep())
        if delete:
            forget_gathered(settings.data_dir / "blobs", now() - GRACE)

    with_house(settings, run)
    show(found, as_json=as_json)


BLIND = (
    "Nothing was removed: the lists can't be read, so nobody can say whether the log is whole. "
    "Start Postgres, or make the lists anew with `pulse rebuild`."
)


async def reached(house: House, *, must_know: bool = False) -> int:
    """How far the read models are: a log that is shorter has lost its tail. 0 where nobody can say, or ReadsDown."""
    async with open_reads(house) as reads:
        try:
            return await reads.reached()
        except ReadsDown as down:
            if must_know:
                raise ReadsDown(BLIND) from down
    return 0
