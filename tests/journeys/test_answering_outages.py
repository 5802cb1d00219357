"""nats-server and Postgres die while replies leave: nothing is lost, nothing comes twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from pulse.embedded import Embedded
from tests.conftest import running_pulse
from tests.fakes import telegram as telegrams
from tests.fakes import vk_moods
from tests.fakes.telegram import FakeTelegram
from tests.fakes.vk import SEND, FakeVk
from tests.journeys.answering import Delivering, Talks, talking
from tests.journeys.storm import PEOPLE, Storm

VERA, *_ = PEOPLE
EACH = 3


@pytest.fixture(scope="module")
def servers_that_die(data_dir: Path) -> Iterator[Embedded]:
    with Embedded(data_dir / "answering") as running:
        yield running


@pytest.fixture
async def talks(
    servers_that_die: Embedded, tmp_path: Path, fake_telegram: FakeTelegram, fake_vk: FakeVk
) -> AsyncIterator[Talks]:
    async with (
        running_pulse(servers_that_die.addresses, tmp_path) as pulse,
        talking(pulse, fake_telegram, fake_vk) as talks,
    ):
        yield talks


async def write(talks: Talks, what: str) -> None:
    for number in range(EACH):
        for person in PEOPLE:
            await talks.answer("telegram", person, f"{what} {number} for {person}")
            await talks.answer("vk", person, f"{what} {number} for {person}")


@pytest.mark.timeout(300)
async def test_replies_leave_once_though_both_servers_are_killed(talks: Talks, servers_that_die: Embedded) -> None:
    storm = Storm(talks, Delivering(talks.pulse), seed=0)
    await storm.begin()
    async with storm.delivering.running():
        talks.telegram.next(telegrams.hold(taken=True), chat_id=VERA)
        talks.vk.next(vk_moods.hold(taken=True), method=SEND, peer=VERA)
        writing = asyncio.create_task(write(talks, "before"))
        await talks.telegram.until_called(EACH)
        await talks.vk.until_called(EACH)
        servers_that_die.kill_nats()
        talks.telegram.let_go.set()
        talks.vk.let_go.set()
        servers_that_die.restart_nats()
        await writing
        writing = asyncio.create_task(write(talks, "after"))
        await talks.telegram.until_called(3 * EACH + 1)
        servers_that_die.kill_postgres()
        servers_that_die.restart_postgres()
        await writing
        await talks.until_all("sent", "uncertain")
    await storm.calm()
    await storm.look()
