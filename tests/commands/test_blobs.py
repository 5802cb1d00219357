"""`pulse blobs …`: counting and removing what no event names."""

from __future__ import annotations

import json
import os
from pathlib import Path

from pulse.blobs import Blobs
from tests.commands.conftest import Command


async def test_sweeping_counts_and_removes_only_when_told_to(command: Command, environment: dict[str, str]) -> None:
    place = Path(environment["PULSE_DATA_DIR"], "blobs")
    name = await Blobs(place).keep(b"never sent")
    file = place / name[:2] / name
    os.utime(file, (0, 0))
    await Blobs(place).keep(b"young")
    code, said = await command("blobs", "sweep", "--delete")
    assert (code, file.exists()) == (1, True), said  # nobody knows yet how far the lists were
    assert "rebuild" in said
    assert (await command("rebuild"))[0] == 0
    for words, removed, there in (((), 0, True), (("--delete",), 1, False)):
        code, said = await command("blobs", "sweep", *words, "--json")
        assert code == 0, said
        assert json.loads(said) == {"blobs": 2, "unnamed": 1, "size": 10, "expired": 0, "removed": removed}
        assert file.exists() is there
