"""`pulse user link` and `pulse user unlink`."""

from __future__ import annotations

import json

import pytest

from pulse.eventlog.jetstream import Log
from tests.commands.conftest import Command


async def test_an_identity_is_linked_once_and_taken_away(command: Command, log: Log) -> None:
    for name in ("anna", "boris"):
        assert (await command("user", "add", f"{name}@pulse.example", name))[0] == 0
    code, said = await command("user", "link", "Anna@Pulse.example", "vk", "77100555", "--json")
    assert (code, json.loads(said)) == (0, {"email": "Anna@Pulse.example", "provider": "vk", "id": "77100555"})
    before = await log.last_position()
    code, said = await command("user", "link", "anna@pulse.example", "vk", "77100555")
    assert (code, said) == (1, "anna@pulse.example has this account already; nothing was changed.\n")
    code, said = await command("user", "link", "boris@pulse.example", "vk", "77100555")
    assert (code, said) == (1, "This Telegram or VK account is linked to somebody else.\n")
    assert await log.last_position() == before
    assert (await command("user", "unlink", "vk", "77100555"))[0] == 0
    assert await command("user", "unlink", "vk", "77100555") == (1, "This account is linked to nobody.\n")
    assert (await command("user", "link", "boris@pulse.example", "vk", "77100555"))[0] == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("anna@pulse.example", "vk", "1"), "There is no such person."),
        (
            ("anna@pulse.example", "vk", "@anna"),
            "An identity is telegram or vk, and the number that it gave the person.",
        ),
        (("anna@pulse.example", "myspace", "1"), "An identity is telegram or vk, and the number"),
    ],
)
async def test_what_can_not_be_linked_leaves_nothing(
    command: Command, log: Log, words: tuple[str, ...], sentence: str
) -> None:
    before = await log.last_position()
    code, said = await command("user", "link", *words)
    assert (code, sentence in said, "Traceback" in said) == (1, True, False), said
    assert await log.last_position() == before
