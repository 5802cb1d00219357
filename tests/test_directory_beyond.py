"""What a newer Pulse wrote closes the door on what it was about, and on nothing else."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from uuid import UUID

import orjson

from pulse.aggregates.moderator import Moderator, moderator_id
from pulse.directory import Directory
from pulse.eventlog.appends import Append
from pulse.eventlog.envelope import subject_of
from pulse.eventlog.jetstream import Log
from pulse.eventlog.store import EventStore

NOW = datetime(2026, 11, 21, tzinfo=UTC)
ANNA, BORIS = "anna@pulse.example", "boris@pulse.example"


async def invite(store: EventStore, email: str) -> int:
    def decision(_: Moderator | None) -> Moderator:
        return Moderator.invite(email=email, name="Anna", role="moderator", departments=(), password_hash="", now=NOW)

    return (await store.decide(Moderator, moderator_id(email), decision, by="cli")).position


async def test_an_event_of_a_newer_pulse_shuts_out_its_person_and_nobody_else(log: Log, store: EventStore) -> None:
    await invite(store, ANNA)
    newer = {
        "type": "moderator.password-changed", "v": 2, "ver": 2, "id": UUID(int=1), "at": NOW, "by": "cli", "data": {},
    }  # fmt: skip
    await log.append(Append(subject_of("moderator", moderator_id(ANNA)), orjson.dumps(newer)))
    known = {**newer, "type": "moderator.disabled", "v": 1, "ver": 3}
    await log.append(Append(subject_of("moderator", moderator_id(ANNA)), orjson.dumps(known)))
    position = await invite(store, BORIS)
    directory = Directory(log)
    running = asyncio.create_task(directory.run())
    await directory.wait_for(position)
    assert directory.person(moderator_id(ANNA)) is None
    assert directory.moderator_by_email(ANNA) is None
    assert directory.person(moderator_id(BORIS)) is not None
    assert not running.done()
    running.cancel()
    await asyncio.wait([running])
