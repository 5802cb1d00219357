"""`pulse user …` and `pulse department …`."""

from __future__ import annotations

import json

import pytest

from pulse.aggregates.moderator import Moderator, moderator_id
from pulse.eventlog.jetstream import Log
from pulse.eventlog.store import EventStore
from pulse.house import now
from tests.commands.conftest import Command


async def test_people_and_departments_are_added_once_and_listed(command: Command, log: Log) -> None:
    for name in ("Support", " Sales "):
        assert (await command("department", "add", name))[0] == 0
    code, said = await command("user", "add", "Nina@Pulse.example", "Nina", "--department", "sales", "--json")
    assert (code, json.loads(said)["email"], bool(json.loads(said)["password"])) == (0, "nina@pulse.example", True)
    before = await log.last_position()
    code, said = await command("user", "add", "nina@pulse.example", "Nina", "--department", "Another")
    assert (code, said) == (1, "nina@pulse.example has an account already; nothing was changed.\n")
    code, said = await command("department", "add", "SALES")
    assert (code, said) == (1, "There is a department 'SALES' already; nothing was changed.\n")
    assert await log.last_position() == before
    departments = json.loads((await command("department", "list", "--json"))[1])
    assert [department["name"] for department in departments] == ["Sales", "Support"]
    (nina,) = json.loads((await command("user", "list", "--json"))[1])
    assert nina.pop("id") == str(moderator_id("nina@pulse.example"))
    assert nina == {
        "email": "nina@pulse.example", "name": "Nina", "role": "moderator", "departments": ["Sales"], "disabled": False,
        "two_factor": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("nina", "Nina"), "An email has one @"),
        (("nina@pulse.example", "Nina", "--role", "owner"), "A role is either admin or moderator."),
        (
            ("nina@pulse.example", "Nina", "--department", "Sales"),
            "There is no department 'Sales'. There are: none yet.",
        ),
        (("nina@pulse.example", " "), "A person's name has 1 to 100 characters."),
        (("nina@pulse.example", "Nina", "--password", "-"), "The password is empty"),
        (("nina@pulse.example", "Nina", "--password", "short"), "A password has 8 to 1,024 characters."),
        (("nina@pulse.example", "Nina", "--password", "iloveyou"), "Others would guess this password soon."),
    ],
)
async def test_who_can_not_be_added_leaves_nothing(
    command: Command, log: Log, words: tuple[str, ...], sentence: str
) -> None:
    before = await log.last_position()
    code, said = await command("user", "add", *words)
    assert (code, sentence in said, "Traceback" in said) == (1, True, False), said
    assert await log.last_position() == before


async def test_a_department_needs_a_name(command: Command) -> None:
    assert await command("department", "add", " ") == (1, "A department's name has 1 to 100 characters.\n")


async def test_a_password_that_was_given_is_not_said_again(command: Command) -> None:
    code, said = await command("user", "add", "nina@pulse.example", "Nina", "--password", "-", typed="long enough\n")
    assert (code, f"{'password':14} –" in said, "long enough" in said) == (0, True, False)
    assert "others on this machine" not in said


async def test_a_password_in_the_command_line_can_be_seen_by_others_and_one_in_the_environment_not(
    command: Command,
) -> None:
    _, said = await command("user", "add", "nina@pulse.example", "Nina", "--password", "long enough")
    assert said.startswith("--password: others on this machine can see")
    code, said = await command("user", "add", "olga@pulse.example", "Olga", "--json", PULSE_NEW_PASSWORD="long enough")
    assert (code, json.loads(said)["password"]) == (0, None)


async def test_a_lost_phone_is_no_lost_account(command: Command, log: Log) -> None:
    await command("user", "add", "nina@pulse.example", "Nina")
    unknown = await command("user", "reset-2fa", "olga@pulse.example")
    assert unknown == (1, "olga@pulse.example has no account. `pulse user list` shows them all.\n")
    off = await command("user", "reset-2fa", "nina@pulse.example")
    assert off == (1, "nina@pulse.example signs in without a second factor; nothing was changed.\n")

    def turn_on(known: Moderator) -> None:
        known.begin_two_factor("sealed", now=now())
        known.turn_on_two_factor(1, (), now=now())

    await EventStore(log).decide_known(Moderator, moderator_id("nina@pulse.example"), turn_on, by="test")
    assert json.loads((await command("user", "list", "--json"))[1])[0]["two_factor"] is True
    code, said = await command("user", "reset-2fa", " Nina@Pulse.example", "--json")
    assert (code, json.loads(said)) == (0, {"email": "nina@pulse.example", "two_factor": False})
    known = await EventStore(log).load(Moderator, moderator_id("nina@pulse.example"))
    assert known is not None
    assert known.second_factor is None


async def test_people_are_disabled_and_enabled_and_the_last_admin_stays(command: Command, log: Log) -> None:
    for name, role in (("nina", "moderator"), ("olga", "admin")):
        assert (await command("user", "add", f"{name}@pulse.example", name, "--role", role))[0] == 0
    for word, changed in (("disable", True), ("disable", False), ("enable", True), ("enable", False)):
        code, said = await command("user", word, "Nina@pulse.example", "--json")
        assert (code, json.loads(said)) == (0, {"email": "nina@pulse.example", "changed": changed})
    before = await log.last_position()
    code, said = await command("user", "disable", "olga@pulse.example")
    assert (code, said) == (1, "This is the last active admin. Make somebody else an admin first.\n")
    code, said = await command("user", "disable", "vera@pulse.example")
    assert (code, "has no account" in said) == (1, True)
    assert await log.last_position() == before


async def test_a_reset_prints_a_link_to_the_page_that_asks_for_the_password(command: Command) -> None:
    await command("user", "add", "nina@pulse.example", "Nina")
    code, said = await command("user", "reset", "nina@pulse.example", "--json")
    made = json.loads(said)
    assert (code, made["email"]) == (0, "nina@pulse.example")
    assert made["url"].startswith("http")
    assert made["url"].endswith(f"/invitations/{made['token']}")
