"""The commands that docs/channels.md tells people to type, typed as they stand there."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

from pulse.aggregates.source import source_id
from pulse.sources.fields import BEHAVIOUR
from tests.commands.conftest import Command

TEXT = (Path(__file__).parents[2] / "docs" / "channels.md").read_text()
SECRETS = {
    "PULSE_NEW_SECRET": "s3cret-one",
    "PULSE_NEW_NEXT_SECRET": "n3xt-s3cret",
    "PULSE_NEW_TOKEN": "7000000001:AAF",
}
SOURCES = {
    "Telegram": source_id("telegram", "7000000001"), "VK": source_id("vk", "219900123"),
    "The website": source_id("web", "shop"), "The simulator": source_id("simulator", "shop"),
}  # fmt: skip


def told() -> list[list[str]]:
    """The words of each command, with the id of its part's source. One with … is a heading of others."""
    parts = {part.split("\n")[0]: part for part in TEXT.split("\n## ")}
    found = []
    for heading, source in SOURCES.items():
        commands = re.findall(r"pulse (source (?:add|set) [^`\n#]+)", parts[heading])
        found += [shlex.split(one.replace("<id>", str(source))) for one in commands if "…" not in one]
    return found


async def test_its_commands_work_one_after_the_other(command: Command) -> None:
    for name in ("Support", "Sales"):
        await command("department", "add", name)
    for words in told():
        code, said = await command(*words, **SECRETS)
        assert code == 0, (words, said)
    _, listed = await command("source", "list", "--json")
    assert {one["id"] for one in json.loads(listed)} == {str(source) for source in SOURCES.values()}


def test_the_simulator_can_be_told_each_behaviour_as_it_stands_there() -> None:
    said = [found.strip("'") for found in re.findall(r"^\| `('.*?'|\w+)` \|", TEXT, re.MULTILINE)]
    assert "busy 5" in said
    assert all(BEHAVIOUR.fullmatch(behaviour) for behaviour in said if behaviour)
