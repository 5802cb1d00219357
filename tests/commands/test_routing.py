"""`pulse source rules`, `pulse department policy` and `pulse routing dry-run`."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import UUID

import pytest

from pulse.aggregates.chat import Chat, chat_id
from pulse.aggregates.department import department_id
from pulse.aggregates.source import source_id
from pulse.eventlog.jetstream import Log
from pulse.eventlog.store import EventStore
from pulse.house import now
from tests.commands.conftest import Command
from tests.given import message

SHOP = source_id("simulator", "shop")
REFUNDS = [{"department": "Support", "words": ["refund"], "hours": {"since": "00:00", "until": "23:59", "zone": "UTC"}}]


@pytest.fixture
async def shop(command: Command) -> UUID:
    for name in ("Sales", "Support"):
        assert (await command("department", "add", name))[0] == 0
    departments = ("--department", "Sales", "--department", "Support")
    assert (await command("source", "add", "simulator", "shop", *departments))[0] == 0
    assert (await command("user", "add", "anna@pulse.example", "Anna", *departments))[0] == 0
    return SHOP


Written = Callable[[object], str]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    def write(rules: object) -> str:
        file = tmp_path / "rules.json"
        file.write_text(rules if isinstance(rules, str) else json.dumps(rules))
        return str(file)

    return write


async def vera_writes(store: EventStore, text: str) -> UUID:
    def decision(known: Chat | None) -> Chat:
        opened = known or Chat.open(
            source_id=SHOP, channel="simulator", peer=text, title="Vera", group=False,
            department_id=department_id("Sales"), customer_id=UUID(int=7), now=now(),
        )  # fmt: skip
        opened.receive(message(text, text=text), raw="{}", now=now())
        return opened

    await store.decide(Chat, chat_id(SHOP, text), decision, by="test")
    return chat_id(SHOP, text)


Ask = Callable[..., Awaitable[tuple[int, str]]]


async def test_rules_are_set_from_a_file_and_shown_as_they_may_be_set_again(
    command: Command, shop: UUID, written: Written, log: Log
) -> None:
    code, said = await command("source", "rules", str(shop), written(REFUNDS), "--json")
    assert (code, json.loads(said)) == (0, {"rules": 1, "changed": True})
    code, said = await command("source", "rules", str(shop), "--json")
    shown = json.loads(said)["rules"]
    assert shown == [REFUNDS[0] | {"department": str(department_id("Support"))}]
    before = await log.last_position()
    code, said = await command("source", "rules", str(shop), written(shown), "--json")
    assert (code, json.loads(said)["changed"], await log.last_position()) == (0, False, before)


async def test_wrong_rules_are_named_and_nothing_is_stored(
    command: Command, shop: UUID, written: Written, log: Log
) -> None:
    before = await log.last_position()
    for rules, sentence in [
        ("no JSON", "is not JSON"),
        ({"rules": []}, "holds no list of rules"),
        ([{"words": ["x"]}], "In rule 1, department: It is missing."),
        (["x"], "In rule 1, it: "),
        ([*REFUNDS, {"department": "Support", "words": [""]}], "In rule 2, words must be 50 at most"),
        ([{"department": "Warehouse"}], "There is no department 'Warehouse'. There are: Sales, Support."),
    ]:
        code, said = await command("source", "rules", str(shop), written(rules))
        assert (code, sentence in said, "Traceback" in said) == (1, True, False), said
    assert await log.last_position() == before


async def test_a_policy_is_set_by_the_departments_name(command: Command, shop: UUID) -> None:
    code, said = await command("department", "policy", "sales", "least-busy", "--max-chats", "5", "--json")
    assert (code, json.loads(said)) == (0, {"assign": "least-busy", "max_chats": 5, "changed": True})
    code, said = await command("department", "policy", "sales", "dice")
    assert (code, said.startswith("A policy assigns")) == (1, True)
    code, said = await command("department", "policy", "Warehouse", "none")
    assert (code, said.startswith("There is no department 'Warehouse'.")) == (1, True)


async def test_a_dry_run_tells_who_would_have_got_the_chats_and_changes_nothing(
    command: Command, shop: UUID, written: Written, log: Log, store: EventStore
) -> None:
    chats = [await vera_writes(store, text) for text in ("Hello", "A refund")]
    before = await log.last_position()
    options = ("--source", str(shop), "--rules", written(REFUNDS), "--policy", "round-robin", "--from", "2020-01-01")
    code, said = await command("routing", "dry-run", *options, "--json")
    assert code == 0, said
    found = json.loads(said)
    assert [one["chat_id"] for one in found["items"]] == list(map(str, chats))
    assert [one["by_rules"]["department"]["name"] for one in found["items"]] == ["Sales", "Support"]
    assert [one["by_rules"]["rule"] for one in found["items"]] == [None, 0]
    assert [one["by_policy"]["moderator"]["name"] for one in found["items"]] == ["Anna", "Anna"]
    assert "counted as online" in found["assumed_online"]
    code, said = await command("routing", "dry-run", *options, "--moderator", "boris@pulse.example")
    assert (code, "Anna" in said, "Support" in said, "Online: everybody in" in said) == (0, False, True, True)
    assert await log.last_position() == before


async def test_an_odd_dry_run_is_refused(command: Command, shop: UUID, written: Written) -> None:
    for options, sentence in [
        (("--rules", written(REFUNDS)), "Rules are of one source"),
        (("--source", "x"), "There is no source 'x'."),
        (("--policy", "dice"), "A policy assigns"),
    ]:
        code, said = await command("routing", "dry-run", *options)
        assert (code, sentence in said, "Traceback" in said) == (1, True, False), said
