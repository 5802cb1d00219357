"""Commands against a running Pulse: demo data, read models made anew, and how it is doing."""

from __future__ import annotations

import contextlib
from typing import Any

from pulse.commands.running import doors_of, settings_here, with_house
from pulse.commands.terminal import Json, err, out, show, show_json, show_rows
from pulse.demo import demo_summary, make_demo
from pulse.errors import Trouble
from pulse.house import House, now
from pulse.projections.models import LISTS, SEARCH
from pulse.projections.rebuild import rebuild as rebuild_reads
from pulse.wiring.parts import open_reads


def demo(as_json: Json = False) -> None:
    """Makes the demo data in a running Pulse and prints accounts and sources. Asking again changes nothing."""
    settings = settings_here()

    async def make(house: House) -> None:
        await make_demo(house.store, house.vault, now)

    with_house(settings, make)
    summary = demo_summary(*doors_of(settings))
    if as_json:
        show_json(summary)
    else:
        show_demo(summary)


def show_demo(summary: dict[str, Any]) -> None:
    show_rows(("email", "password", "role"), summary["accounts"])
    for source in summary["sources"]:
        where = source["webhook_url"] or "the widget's address"
        out.print(
            f"{source['type']} {source['identifier']}  secret {source['secret'] or 'none'}\n  {where}", soft_wrap=True
        )
    for producer in summary["producers"]:
        out.print(
            f"producer {producer['name']}  secret {producer['secret']}\n  {producer['webhook_url']}", soft_wrap=True
        )


def rebuild() -> None:
    """Builds the read models anew from the log, beside the live ones, and swaps them in; also if Pulse can't start."""

    async def run(house: House) -> None:
        with err.status("Rebuilding the read models …") as status:
            for shelf in (LISTS, SEARCH):
                position = await rebuild_reads(
                    house.log, house.addresses.database_url, house.epoch,
                    lambda at, of: status.update(f"Rebuilding the read models … {at:,} of {of:,}"), shelf,
                )  # fmt: skip
        out.print(f"The read models are made anew, up to position {position:,}.")

    with_house(settings_here(), run, starts=True)


def status(as_json: Json = False) -> None:
    """Shows whether Pulse runs here, how long its log is and how far the read models are."""
    settings = settings_here()
    http, push = doors_of(settings)
    found: dict[str, Any] = {"http": http, "push": push}

    async def look(house: House) -> None:
        async with open_reads(house) as reads:
            found["log_position"] = await house.log.last_position()
            found["epoch"] = house.epoch
            with contextlib.suppress(Trouble):
                rows = await reads.fetch(
                    "select position, (select count(*) from projection_dead_letter) as dead from checkpoint"
                )
                found["read_position"], found["dead_letters"] = rows[0]["position"], rows[0]["dead"]
        found["sources"] = len(house.directory.sources())

    with_house(settings, look)
    show(found, as_json=as_json)
