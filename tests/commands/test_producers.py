"""`pulse producer …`: adding from a file, changing, rotating, and what is refused with nothing stored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from pulse.aggregates.producer import Producer, producer_id
from pulse.eventlog.jetstream import Log
from pulse.eventlog.store import EventStore
from tests.commands.conftest import Command
from tests.producing import SECRET, described

CAMPAIGNS = str(Path(__file__).parents[2] / "schemas/producers/campaigns.json")


def a_file(place: Path, **more: Any) -> str:
    file = place / "shop.json"
    file.write_bytes(orjson.dumps({"name": "shop", "scheme": "standard", "event_types": [described()]} | more))
    return str(file)


async def done(command: Command, *words: str, **more: str) -> dict[str, Any]:
    code, said = await command("producer", *words, "--json", **more)
    assert code == 0, said
    found: dict[str, Any] = json.loads(said.splitlines()[-1])
    return found


async def secrets(store: EventStore, name: str) -> int:
    found = await store.load(Producer, producer_id(name))
    assert found is not None
    return len(found.secrets)


async def test_a_producer_is_loaded_by_one_command_that_shows_its_secret_once(command: Command) -> None:
    made = await done(command, "add", CAMPAIGNS)
    assert made["changed"] == ["registered", "event types", "secret added"]
    assert made["secret"].startswith("whsec_")
    assert made["webhook_url"].endswith(f"/webhook/events/{made['id']}")
    again = await done(command, "add", CAMPAIGNS)
    assert (again["changed"], again["secret"]) == ([], None)
    code, said = await command("producer", "list", "--json")
    [listed] = json.loads(said)
    assert code == 0
    assert made["secret"] not in said
    assert (listed["name"], listed["id"], listed["secrets"], listed["disabled"]) == ("campaigns", made["id"], 1, False)
    assert listed["event_types"][0] == "campaign.updated"
    assert "campaigns" in (await command("producer", "list"))[1]


async def test_a_changed_file_is_added_again(command: Command, tmp_path: Path) -> None:
    await done(command, "add", a_file(tmp_path))
    again = await done(command, "add", a_file(tmp_path, event_types=[described("shop.order.opened")]))
    assert (again["changed"], again["secret"]) == (["event types"], None)
    [listed] = json.loads((await command("producer", "list", "--json"))[1])
    assert listed["event_types"] == ["shop.order.opened"]


async def test_a_rotation_shows_the_new_secret_once_and_finishes_when_told(
    command: Command, store: EventStore, tmp_path: Path
) -> None:
    made = await done(command, "add", a_file(tmp_path))
    rotated = await done(command, "rotate", "shop")
    assert rotated["changed"] == ["secret added"]
    assert rotated["secret"] not in ("", made["secret"])
    assert await secrets(store, "shop") == 2
    assert await done(command, "rotate", "shop", "--finish") == {"changed": ["secret retired"]}
    assert await done(command, "rotate", "shop", "--finish") == {"changed": []}
    given = await done(command, "rotate", "shop", "--secret", "-", PULSE_NEW_SECRET=SECRET)
    assert given == {"changed": ["secret added"], "secret": None}


async def test_a_service_that_makes_up_its_own_secret_is_asked_for_it(
    command: Command, log: Log, tmp_path: Path
) -> None:
    before = await log.last_position()
    code, said = await command("producer", "add", a_file(tmp_path, scheme="github"))
    assert (code, "makes up the secret itself" in said) == (1, True), said
    assert await log.last_position() == before
    made = await done(command, "add", a_file(tmp_path, scheme="github"), "--secret", "-", PULSE_NEW_SECRET="It's one")
    assert made["secret"] is None


async def test_a_producer_is_disabled_and_enabled(command: Command, tmp_path: Path) -> None:
    await done(command, "add", a_file(tmp_path))
    assert (await done(command, "disable", "shop"))["changed"] == ["disabled"]
    assert (await done(command, "disable", "shop"))["changed"] == []
    assert json.loads((await command("producer", "list", "--json"))[1])[0]["disabled"]
    assert (await done(command, "enable", "shop"))["changed"] == ["enabled"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("add", "missing.json"), "No such file"),
        (("add", "{file}", "--secret", "whsec_short"), "A secret is whsec_ and 24 to 64 bytes"),
        (("add", "{broken}"), "Invalid JSON"),
        (("rotate", "nobody"), "There is no producer 'nobody'"),
        (("rotate", "nobody", "--finish"), "There is no producer 'nobody'"),
        (("rotate", "shop", "--finish", "--secret", "x"), "Either --secret or --finish"),
        (("disable", "nobody"), "There is no producer 'nobody'"),
        (("enable", "nobody"), "There is no producer 'nobody'"),
    ],
)
async def test_what_can_not_be_done_leaves_nothing(
    command: Command, log: Log, tmp_path: Path, words: tuple[str, ...], sentence: str
) -> None:
    (tmp_path / "broken.json").write_text("{")
    places = {"{file}": a_file(tmp_path), "{broken}": str(tmp_path / "broken.json")}
    before = await log.last_position()
    code, said = await command("producer", *(places.get(word, word) for word in words))
    assert (code, sentence in said, "Traceback" in said) == (1, True, False), said
    assert await log.last_position() == before


async def test_what_is_registered_keeps_its_secret_and_its_way_of_signing(command: Command, tmp_path: Path) -> None:
    await done(command, "add", a_file(tmp_path))
    code, said = await command("producer", "add", a_file(tmp_path), "--secret", SECRET)
    assert (code, "`pulse producer rotate` gives it another secret" in said) == (1, True)
    code, said = await command("producer", "add", a_file(tmp_path, scheme="slack"))
    assert (code, "Register the new way under another name" in said) == (1, True)
