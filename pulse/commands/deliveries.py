"""`pulse deliveries again`: a driver was wrong and is mended; read history again with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any, Literal

import typer

from pulse.commands.running import settings_here, with_house
from pulse.commands.sources import find_source
from pulse.commands.terminal import Json, err, out, show_json, show_rows
from pulse.house import House
from pulse.ingest.again import Again
from pulse.projections import deliveries
from pulse.projections.deliveries import Wanted
from pulse.projections.reads import Reads
from pulse.wiring.parts import again_of, open_reads

app = typer.Typer(no_args_is_help=True, help="The webhook log.")

AT_ONCE = 100
OLDEST = "after-0"
COLUMNS = ("id", "result", "outcome", "events", "reason")
Outcome = Literal["quarantined", "unhandled", "processed", "taken"]


@app.callback()
def webhook_log() -> None:
    """The webhook log."""  # a program with one command would go by no name


@app.command()
def again(
    source: Annotated[str, typer.Option(metavar="ID", help="as `pulse source list` shows it; empty: all")] = "",
    outcome: Annotated[Outcome, typer.Option(help="which deliveries")] = "quarantined",
    apply: Annotated[bool, typer.Option("--apply", help="do it; without, it is only shown")] = False,
    as_json: Json = False,
) -> None:
    """Reads stored deliveries again with the drivers as they are now, the oldest first, and shows what comes of each."""
    rows: list[dict[str, Any]] = []

    async def read(house: House) -> None:
        sources = (find_source(house, source).id,) if source else None
        process = again_of(house)
        with err.status("Looking for deliveries …") as status:
            async with open_reads(house) as reads:
                ids = [found async for found in _ids(reads, Wanted(sources, outcome))]
            for first in range(0, len(ids), AT_ONCE):
                status.update(f"Reading deliveries again … {first:,} of {len(ids):,}")
                items = await _process(process, ids[first : first + AT_ONCE], apply=apply)
                rows.extend(map(_row, items))

    with_house(settings_here(), read)
    _tell(rows, apply=apply, as_json=as_json)


async def _ids(reads: Reads, wanted: Wanted) -> AsyncIterator[int]:
    """The oldest first: what is read later may be about what is read before."""
    cursor: str | None = OLDEST
    while cursor is not None:
        page = await deliveries.rows(reads, wanted, limit=AT_ONCE, cursor=cursor)
        for row in reversed(page.items):
            yield row["id"]
        cursor = page.prev


async def _process(process: Again, ids: Sequence[int], *, apply: bool) -> list[dict[str, Any]]:
    shown = await process.show(ids)
    done = await process.apply(ids, shown["seen"], by="system") if apply else shown
    items: list[dict[str, Any]] = done["items"]
    return items


def _row(item: dict[str, Any]) -> dict[str, Any]:
    chats = [str(event["chat_id"]) for event in item["events"] if "chat_id" in event]
    return {
        "id": item["id"], "source_id": str(item["source_id"]), "result": item["result"], "outcome": item["outcome"],
        "reason": item["reason"], "events": [event["type"] for event in item["events"]],
        "chat_id": chats[0] if chats else None,
    }  # fmt: skip


def _tell(rows: list[dict[str, Any]], *, apply: bool, as_json: bool) -> None:
    counts = {result: sum(row["result"] == result for row in rows) for result in ("changes", "nothing", "unreadable")}
    if as_json:
        show_json({"applied": apply, "deliveries": len(rows), **counts, "items": rows})
        return
    if rows:
        show_rows(COLUMNS, rows)
    found = ", ".join(f"{count:,} {result}" for result, count in counts.items())
    done = "Done." if apply else "Nothing was changed; --apply does it."
    out.print(f"{len(rows):,} deliveries: {found}. {done}", soft_wrap=True, markup=False, highlight=False)
