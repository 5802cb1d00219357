"""`pulse retention show`, and the sweep that honours it."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pulse.aggregates.chat import Chat
from pulse.aggregates.retention import RETENTION, Limits, Retention
from pulse.blobs import Blobs
from pulse.eventlog.store import EventStore
from tests.commands.conftest import Command
from tests.given import ANNA, a_chat
from tests.test_retention import a_file

AGO = datetime.now(UTC) - timedelta(days=400)


async def test_what_a_sweep_would_remove_is_shown_first(
    command: Command, store: EventStore, environment: dict[str, str]
) -> None:
    place = Path(environment["PULSE_DATA_DIR"], "blobs")
    name = await Blobs(place).keep(b"old")
    file = place / name[:2] / name
    os.utime(file, (0, 0))

    def reply(_: Chat | None) -> Chat:
        chat = a_chat()
        chat.reply("x", moderator_id=ANNA, client_msg_id=None, attachments=(a_file(b"old"),), now=AGO)
        return chat

    def change(_: Retention | None) -> Retention:
        retention = Retention.begin(now=AGO)
        retention.change(Limits(365), now=AGO)
        return retention

    async def said(*words: str) -> dict[str, object]:
        code, found = await command(*words, "--json")
        assert code == 0, found
        return dict(json.loads(found))

    await store.decide(Chat, a_chat().id, reply, by="system")
    assert await said("retention", "show") == {"days": None, "sources": {}, "files": 0, "size": 0}
    assert (await command("rebuild"))[0] == 0
    assert (await said("blobs", "sweep", "--delete"))["removed"] == 0
    await store.decide(Retention, RETENTION, change, by="system")
    before = await store.log.last_position()
    assert await said("retention", "show") == {"days": 365, "sources": {}, "files": 1, "size": 3}
    assert await said("blobs", "sweep") == {"blobs": 1, "unnamed": 1, "size": 3, "expired": 1, "removed": 0}
    assert (await store.log.last_position(), file.exists()) == (before, True)
    assert (await said("blobs", "sweep", "--delete"))["removed"] == 1
    assert not file.exists()
    assert await store.log.last_position() == before + 1
    assert (await said("retention", "show"))["files"] == 0
