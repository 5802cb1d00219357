"""A log that does not reach back so far: whoever comes from before takes a snapshot, and a door begins all the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pulse.aggregates.source import Source
from pulse.cursors import Cursor
from pulse.directory import Directory
from pulse.embedded import Addresses
from pulse.eventlog.jetstream import Log
from pulse.eventlog.store import EventStore
from pulse.eventlog.streams import wanted_streams
from pulse.house import House, app_of, now
from pulse.push.ring import Ring
from pulse.settings import Settings
from pulse.tokens import Signer
from pulse.vault import Vault
from tests.conftest import STREAMS
from tests.push.comers import WINDOWS, back, texts_of
from tests.push.ears import SALES, WEBSITE, a_door, a_visit, act, writes


@pytest.fixture
async def house(log: Log, addresses: Addresses, tmp_path: Path) -> AsyncIterator[House]:
    """On a log that may be purged, which Pulse's own never is."""
    await log.api(f"STREAM.DELETE.{log.stream}")
    wanted = wanted_streams(STREAMS)[log.stream] | {"name": log.stream, "deny_purge": False, "max_bytes": 1 << 30}
    await log.api(f"STREAM.CREATE.{log.stream}", wanted)
    settings = Settings(_env_file=None, data_dir=tmp_path)
    vault, directory = Vault.open("", tmp_path / "key"), Directory(log)
    app = app_of(vault, settings.push_key)
    signer = Signer(vault.derive("staff"), vault.derive("visitor"), app.secret.encode())
    following = asyncio.create_task(directory.run())
    await directory.ready.wait()
    yield House(settings, addresses, log, "0123456789abcdef", EventStore(log), vault, app, signer, directory)
    following.cancel()
    await asyncio.wait([following])


async def a_website(house: House) -> None:
    def connected(known: Source | None) -> Source:
        assert known is None
        return Source.connect(
            channel="web",
            identifier="web_site",
            title="Website",
            departments=(SALES,),
            settings={},
            secrets={},
            now=now(),
        )

    decided = await house.store.decide(Source, WEBSITE, connected, by="test")
    await house.directory.wait_for(decided.position)


async def test_whoever_comes_from_before_its_beginning_takes_a_snapshot(house: House) -> None:
    await a_website(house)
    visit = a_visit()
    positions = [(await act(house, visit, writes(f"number {number}"))).position for number in range(6)]
    await house.log.api(f"STREAM.PURGE.{house.log.stream}", {"seq": positions[2]})  # the first that stays
    for ring in (Ring(), Ring(frames=1)):  # it begins after what is gone, and where memory does not reach back either
        async with a_door(house, ring=ring) as door:
            for number, missed in ((5, 0), (4, 1), (1, 4)):
                since = house.cursors.seal(Cursor(positions[number]), visit.chat)
                async with back(door, house, WINDOWS[1], visit, since) as there:
                    assert there.reason is None
                    assert texts_of(there.missed) == [f"number {number}" for number in range(6)][6 - missed :]
            for gone in (Cursor(positions[0]), Cursor(positions[1], 1)):
                async with back(door, house, WINDOWS[1], visit, house.cursors.seal(gone, visit.chat)) as there:
                    assert (there.reason, there.missed) == ("expired", [])


async def test_a_door_begins_on_a_log_of_which_nothing_is_left(house: House) -> None:
    await a_website(house)
    visit = a_visit()
    last = (await act(house, visit, writes("Hello"))).position
    await house.log.api(f"STREAM.PURGE.{house.log.stream}")
    async with a_door(house) as door:
        async with back(door, house, WINDOWS[1], visit, house.cursors.seal(Cursor(last), visit.chat)) as there:
            assert (there.reason, there.missed) == (None, [])
        async with back(door, house, WINDOWS[1], visit, house.cursors.seal(Cursor(last - 1), visit.chat)) as there:
            assert (there.reason, there.missed) == ("expired", [])
