"""`pulse deliveries again`: what an older driver could not read is read by the one that is there now."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest

from pulse.aggregates.chat import Chat, chat_id
from pulse.aggregates.delivery import Delivery
from pulse.aggregates.source import source_id
from pulse.eventlog.jetstream import Log
from pulse.eventlog.store import EventStore
from pulse.projections.projector import Projector
from tests.commands.conftest import Command
from tests.given import NOW
from tests.projections.conftest import append, epoch_of
from tests.projections.told import Told

SHOP, BAKER = source_id("simulator", "shop"), source_id("simulator", "baker")
MANY = 105  # more than are read at once


def delivery(number: int, raw: bytes, source: Any = SHOP) -> Delivery:
    """As it was kept by a driver that could not read it."""
    return Delivery.keep(
        source_id=source, channel="simulator", outcome="quarantined", kind="", reason="`from` must be an id.",
        external_id=f"sha256:{number}", raw=raw.decode(), raw_base64=None, now=NOW,
    )  # fmt: skip


def says(number: int, peer: str = "vera") -> bytes:
    return orjson.dumps({"from": peer, "message": str(number), "message_id": f"m{number}"})


@pytest.fixture
async def kept(command: Command, log: Log, database_url: str) -> int:
    """Deliveries of two sources, one of which nobody can read to this day. Returns the last position."""
    await command("department", "add", "Sales")
    for name in ("shop", "baker"):
        await command("source", "add", "simulator", name, "--department", "Sales")
    told = Told()
    for number in range(MANY):
        told.of(delivery(number, says(number)))
    told.of(delivery(1000, b"no JSON"))
    told.of(delivery(2000, says(1, "anna"), BAKER))
    position = await append(log, told)
    await Projector(log, database_url, await epoch_of(log)).catch_up()
    return position


async def again(command: Command, *words: str) -> dict[str, Any]:
    code, said = await command("deliveries", "again", *words, "--json")
    assert code == 0, said
    found: dict[str, Any] = json.loads(said)
    return found


async def test_it_shows_first_and_then_does_it_once(
    command: Command, log: Log, store: EventStore, database_url: str, kept: int
) -> None:
    which = ("--source", str(SHOP), "--outcome", "quarantined")
    shown = await again(command, *which)
    counts = {"applied": False, "deliveries": MANY + 1, "changes": MANY, "nothing": 0, "unreadable": 1}
    assert {name: shown[name] for name in counts} == counts
    assert await log.last_position() == kept
    assert shown["items"][0]["events"] == [
        "chat.opened", "chat.message-received", "customer.met", "delivery.processed",
    ]  # fmt: skip
    assert {item["chat_id"] for item in shown["items"]} == {str(chat_id(SHOP, "vera")), None}

    done = await again(command, *which, "--apply")
    assert (done["applied"], done["changes"], done["unreadable"]) == (True, MANY, 1)
    chat = await store.load(Chat, chat_id(SHOP, "vera"))
    assert chat is not None
    assert chat.version == 1 + MANY
    assert [chat.find(f"m{number}") for number in range(MANY)] == list(range(2, 2 + MANY)), "in the order they came"
    assert await store.load(Chat, chat_id(BAKER, "anna")) is None, "another source"
    after = await log.last_position()
    await Projector(log, database_url, await epoch_of(log)).catch_up()
    assert (await again(command, *which, "--apply"))["deliveries"] == 1, "what can't be read"
    assert (await again(command, "--source", str(SHOP), "--outcome", "processed", "--apply"))["nothing"] == MANY
    assert await log.last_position() == after


async def test_people_read_a_line_for_each_and_how_to_go_on(command: Command, log: Log, kept: int) -> None:
    code, said = await command("deliveries", "again", "--source", str(BAKER))
    assert code == 0
    assert "changes  processed  chat.opened, chat.message-received, customer.met, delivery.processed" in said
    assert said.endswith("1 deliveries: 1 changes, 0 nothing, 0 unreadable. Nothing was changed; --apply does it.\n")
    assert await log.last_position() == kept


@pytest.mark.usefixtures("kept")
async def test_a_source_or_an_outcome_that_there_is_not_is_named(command: Command) -> None:
    code, said = await command("deliveries", "again", "--source", "shop")
    assert (code, "There is no source 'shop'." in said) == (1, True)
    code, said = await command("deliveries", "again", "--outcome", "lost")
    assert (code, "lost" in said) == (2, True)
