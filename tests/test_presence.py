"""Who is online: told live by push processes, believed for a while, and never kept."""

from __future__ import annotations

import asyncio

from pulse.eventlog.jetstream import Log
from pulse.presence import GRACE_SECONDS, LIFE_SECONDS, ONLINE, Presence, saying
from tests.given import ANNA, BORIS
from tests.insisting import insist

PATIENCE = 20


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def test_several_processes_tell_of_their_own_people(log: Log) -> None:
    presence = Presence(log, Clock())
    await presence.hear(saying("one", [ANNA]))
    await presence.hear(saying("two", [ANNA, BORIS]))
    assert presence.online() == {ANNA, BORIS}
    await presence.hear(saying("two", []))
    assert presence.online() == {ANNA}


async def test_a_process_that_falls_silent_is_believed_for_a_while(log: Log) -> None:
    presence = Presence(log, clock := Clock())
    await presence.hear(saying("one", [ANNA]))
    clock.now += LIFE_SECONDS - 1
    await presence.hear(saying("two", [BORIS]))
    assert presence.online() == {ANNA, BORIS}
    clock.now += 1
    assert presence.online() == {BORIS}


async def test_who_loads_a_page_again_is_around_but_not_online_meanwhile(log: Log) -> None:
    presence = Presence(log, clock := Clock())
    await presence.hear(saying("one", [ANNA]))
    await presence.hear(saying("one", []))
    assert (presence.online(), presence.around()) == (frozenset(), {ANNA})
    clock.now += GRACE_SECONDS
    assert presence.around() == frozenset()


async def test_whoever_waits_for_people_is_called_when_one_comes_and_not_when_one_stays(log: Log) -> None:
    presence, came = Presence(log, Clock()), list[str]()
    presence.when_came.add(lambda: came.append("somebody"))
    for people in ([ANNA], [ANNA], [], [ANNA, BORIS]):
        await presence.hear(saying("one", people))
    assert len(came) == 2


async def test_what_can_not_be_read_is_passed_over(log: Log) -> None:
    presence = Presence(log, Clock())
    for body in (b"", b"[]", b'{"process":"one","people":["x"]}'):
        await presence.hear(body)
    assert presence.online() == frozenset()


async def test_it_hears_what_is_told_on_nats(log: Log) -> None:
    presence = Presence(log)
    await presence.run()

    async def asked() -> frozenset[object]:
        await log.tell(ONLINE, saying("one", [ANNA]))
        return frozenset(presence.online())

    async with asyncio.timeout(PATIENCE):
        await insist(asked, lambda online: ANNA in online)
