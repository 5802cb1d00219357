"""`pulse source …`: connecting, changing and listing, and what is refused with nothing stored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pulse.aggregates.source import Source, source_id
from pulse.eventlog.jetstream import Log
from pulse.eventlog.store import EventStore
from pulse.vault import Vault
from tests.commands.conftest import Command
from tests.fakes.telegram import TOKEN, FakeTelegram


@pytest.fixture
async def sales(command: Command) -> None:
    await command("department", "add", "Sales")


async def added(command: Command, *words: str, typed: str = "") -> dict[str, Any]:
    code, said = await command("source", "add", *words, "--department", "Sales", "--json", typed=typed)
    assert code == 0, said
    found: dict[str, Any] = json.loads(said[: said.index("\n")])
    return found


async def the_source(store: EventStore, channel: str, identifier: str) -> Source:
    found = await store.load(Source, source_id(channel, identifier))
    assert found is not None
    return found


@pytest.mark.usefixtures("sales")
async def test_a_source_that_is_connected_gets_no_second_secret(command: Command, log: Log) -> None:
    assert (await added(command, "simulator", "shop"))["secret"]
    before = await log.last_position()
    code, said = await command("source", "add", "simulator", "shop", "--department", "Another")
    assert (code, said) == (1, "simulator shop is already connected; nothing was changed.\n")
    assert await log.last_position() == before


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("web", "shop", "--department", "Salse"), "There is no department 'Salse'. There are: Sales."),
        (("telegram", "shop_bot", "--department", "Sales"), "A Telegram bot is named by its id"),
        (("vk", "club1", "--department", "Sales"), "A VK community is named by its id"),
        (("fax", "1", "--department", "Sales"), "There is no channel 'fax'."),
        (("web", "shop", "--department", "Sales", "--secret", "s"), "A web source has no secret"),
        (("web", "shop", "--department", "Sales", "--origin", "https://shop.example/page"), "is no origin"),
    ],
)
@pytest.mark.usefixtures("sales")
async def test_what_can_not_be_connected_leaves_nothing(
    command: Command, log: Log, words: tuple[str, ...], sentence: str
) -> None:
    before = await log.last_position()
    code, said = await command("source", "add", *words)
    assert (code, sentence in said, "Traceback" in said) == (1, True, False), said
    assert await log.last_position() == before


@pytest.mark.usefixtures("sales")
async def test_a_vk_community_is_told_its_confirmation_code_afterwards(
    command: Command, log: Log, store: EventStore
) -> None:
    code, said = await command("source", "add", "vk", "219900124", "--department", "Sales")
    vk = str(source_id("vk", "219900124"))
    assert (code, f"`pulse source set {vk} --confirmation CODE`" in said) == (0, True)
    code, said = await command("source", "set", vk, "--confirmation", "c0de", "--json")
    assert (code, json.loads(said)) == (0, {"changed": ["settings"]})
    assert (await the_source(store, "vk", "219900124")).settings == {"confirmation": "c0de"}
    before = await log.last_position()
    code, said = await command("source", "set", vk, "--confirmation", "c0de")
    assert (code, said) == (0, f"{'changed':14} –\n")
    assert await log.last_position() == before
    assert "confirmation code" not in (await command("source", "list"))[1]


@pytest.mark.usefixtures("sales")
async def test_every_field_can_be_changed_at_once(command: Command, environment: dict[str, str], log: Log) -> None:
    await command("department", "add", "Support")
    made = await added(command, "telegram", "7000000005")
    before = await log.last_position()
    code, said = await command(
        "source", "set", made["id"], "--name", "Shop bot", "--department", "Support", "--department", "sales",
        "--secret", "-", "--token", "-", "--json", typed="fresh-and-new\n", PULSE_NEW_TOKEN="7:token",
    )  # fmt: skip
    assert (code, json.loads(said)) == (0, {"changed": ["departments", "name", "secrets"]})
    assert await log.last_position() == before + 3
    telegram = await the_source(EventStore(log), "telegram", "7000000005")
    vault = Vault.open("", key_file(environment))
    opened = {name: vault.unseal(sealed, telegram.seal_purpose(name)) for name, sealed in telegram.secrets.items()}
    assert opened == {"secret": b"fresh-and-new", "token": b"7:token"}
    code, said = await command("source", "list", "--json")
    assert json.loads(said) == [{
        "id": made["id"], "type": "telegram", "identifier": "7000000005", "title": "Shop bot",
        "departments": ["Support", "Sales"], "webhook_url": made["webhook_url"], "settings": {},
        "secrets": ["secret", "token"], "halted": None, "disabled": False,
    }]  # fmt: skip
    assert "fresh" not in (await command("source", "list"))[1]


@pytest.mark.usefixtures("sales")
async def test_a_rotated_secret_is_made_and_printed_once(command: Command, store: EventStore) -> None:
    made = await added(command, "simulator", "shop")
    _, said = await command("source", "set", made["id"], "--rotate", "--json")
    rotated = json.loads(said)
    assert rotated["changed"] == ["secrets"]
    assert rotated["secret"] not in ("", made["secret"])
    assert rotated["secret"] not in (await command("source", "list", "--json"))[1]


@pytest.mark.usefixtures("sales")
async def test_the_origins_of_a_website_are_replaced_or_cleared(command: Command, store: EventStore) -> None:
    made = await added(command, "web", "shop", "--origin", "https://old.example")
    await command("source", "set", made["id"], "--origin", "https://Shop.example/", "--origin", "http://127.0.0.1:3000")
    assert (await the_source(store, "web", "shop")).origins == ("https://shop.example", "http://127.0.0.1:3000")
    await command("source", "set", made["id"], "--origin", "")
    assert (await the_source(EventStore(store.log), "web", "shop")).origins == ()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--confirmation", "c"), "A simulator source has no confirmation"),
        (("--secret", "-"), "The secret is empty"),
        (("--secret", "s", "--rotate"), "Either --secret or --rotate"),
        (("--name", "Other", "--department", "Salse"), "There is no department 'Salse'"),
    ],
)
@pytest.mark.usefixtures("sales")
async def test_what_can_not_be_set_changes_nothing(
    command: Command, log: Log, words: tuple[str, ...], sentence: str
) -> None:
    made = await added(command, "simulator", "shop")
    before = await log.last_position()
    code, said = await command("source", "set", made["id"], *words)
    assert (code, sentence in said) == (1, True), said
    assert await log.last_position() == before


async def test_a_source_nobody_connected_can_not_be_set(command: Command) -> None:
    code, said = await command("source", "set", "shop", "--name", "Shop")
    assert (code, said) == (1, "There is no source 'shop'. `pulse source list` shows them all.\n")


@pytest.mark.usefixtures("sales")
async def test_a_secret_that_was_given_is_not_said_again(command: Command, store: EventStore) -> None:
    code, said = await command(
        "source", "add", "vk", "219900124", "--department", "Sales", "--secret", "-", "--confirmation", "c", "--json",
        typed="s3cret words\n",
    )  # fmt: skip
    assert (code, json.loads(said)["secret"], "s3cret" in said) == (0, None, False)
    assert set((await the_source(store, "vk", "219900124")).secrets) == {"secret"}


@pytest.mark.usefixtures("sales")
async def test_who_puts_a_secret_into_the_command_line_is_told_once_that_others_see_it(command: Command) -> None:
    code, said = await command(
        "source", "add", "telegram", "7000000005", "--department", "Sales", "--secret", "a-s3cret", "--token", "7:token"
    )
    assert (code, "a-s3cret" in said, "7:token" in said) == (0, False, False)
    assert said.startswith("--secret, --token: others on this machine can see what a command line holds. `-` ")
    code, said = await command("source", "set", str(source_id("telegram", "7000000005")), "--next-secret", "a-s3cret")
    assert (code, said.startswith("--next-secret: others on this machine"), "a-s3cret" in said) == (0, True, False)
    for safe in (("--rotate",), ("--secret", "-")):
        _, said = await command("source", "set", str(source_id("telegram", "7000000005")), *safe, typed="fresh\n")
        assert "others on this machine" not in said


def key_file(environment: dict[str, str]) -> Path:
    return Path(environment["PULSE_DATA_DIR"], "keys", "master.key")


@pytest.mark.usefixtures("sales")
@pytest.mark.parametrize(
    ("channel", "secret", "sentence"), [("telegram", "two words", "Telegram takes"), ("vk", "x" * 51, "VK takes")]
)
async def test_a_secret_that_the_provider_would_not_take_is_refused(
    command: Command, log: Log, channel: str, secret: str, sentence: str
) -> None:
    before = await log.last_position()
    code, said = await command("source", "add", channel, "77", "--department", "Sales", "--secret", secret)
    assert (code, sentence in said) == (1, True), said
    assert await log.last_position() == before


@pytest.mark.usefixtures("sales")
async def test_a_source_says_how_large_files_may_be_and_which(command: Command, store: EventStore) -> None:
    website = await added(command, "web", "shop")
    words = (
        "source",
        "set",
        website["id"],
        "--file-limit-mb",
        "20",
        "--file-type",
        "image/*",
        "--file-type",
        "text/plain",
    )
    assert (await command(*words))[0] == 0
    found = await the_source(store, "web", "shop")
    assert (found.file_limit, found.file_types) == (20 * 2**20, ("image/*", "text/plain"))
    assert (await command("source", "set", website["id"], "--file-limit-mb", "0", "--file-type", ""))[0] == 0
    found = await the_source(store, "web", "shop")
    assert (found.file_limit, found.file_types) == (None, ())
    code, said = await command("source", "set", website["id"], "--file-type", "pictures")
    assert (code, "'pictures' is no media type" in said) == (1, True), said


@pytest.mark.usefixtures("sales")
async def test_a_webhook_is_set_and_a_token_tested_from_the_command_line(
    command: Command, fake_telegram: FakeTelegram
) -> None:
    made = await added(
        command, "telegram", "7000000001", "--token", "-", "--api-url", fake_telegram.address, typed=f"{TOKEN}\n"
    )
    code, said = await command("source", "webhook", made["id"])
    assert (code, "set PULSE_PUBLIC_URL" in said) == (1, True)
    public = {"PULSE_PUBLIC_URL": "https://support.example"}
    code, said = await command("source", "webhook", made["id"], "--json", **public)
    url = f"https://support.example/webhook/telegram/{made['id']}"
    assert (code, json.loads(said)) == (0, {"webhook_url": url})
    assert (fake_telegram.webhook, fake_telegram.secret) == (url, made["secret"])
    code, said = await command("source", "test", made["id"], "--json", **public)
    told = {"works": True, "account": "Pulse Support", "faults": [], "note": ""}
    assert (code, json.loads(said)) == (0, told)
    assert TOKEN not in said


@pytest.mark.usefixtures("sales")
async def test_a_source_is_switched_off_and_on(command: Command, store: EventStore) -> None:
    made = await added(command, "simulator", "shop")
    for _ in range(2):
        code, said = await command("source", "disable", made["id"], "--json")
    assert (code, json.loads(said)) == (0, {"disabled": False}), "it was off already"
    assert (await the_source(store, "simulator", "shop")).disabled
    code, said = await command("source", "enable", made["id"], "--json")
    assert (code, json.loads(said)) == (0, {"enabled": True})
