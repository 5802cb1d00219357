"""One works at a time; whoever is cut off or ends gives way."""

import asyncio
from collections.abc import Coroutine

import pytest

from pulse.eventlog import lease as leases
from pulse.eventlog.jetstream import Log
from pulse.eventlog.lease import Lease
from pulse.eventlog.notes import Notes, Place

PATIENCE = 20


class Worker:
    """Takes the lease, works until it is told to stop, and says what happens."""

    def __init__(self, log: Log, name: str = "outbox") -> None:
        self.begun, self.stopped = asyncio.Event(), asyncio.Event()
        self.lease = Lease(Notes(log), name)
        self.task = asyncio.ensure_future(self.lease.run(self.work))

    async def work(self) -> None:
        self.begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.stopped.set()

    async def end(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])


async def in_time(happens: Coroutine[object, object, object]) -> None:
    async with asyncio.timeout(PATIENCE):
        await happens


async def test_of_two_workers_one_works_and_the_other_takes_over_when_it_ends(log: Log):
    first = Worker(log)
    await in_time(first.begun.wait())
    second = Worker(log)
    assert not second.begun.is_set()
    await first.end()
    await in_time(second.begun.wait())
    assert first.stopped.is_set()
    await second.end()


async def test_leases_of_other_names_do_not_wait_for_each_other(log: Log):
    workers = [Worker(log, "outbox.a"), Worker(log, "outbox.b")]
    for worker in workers:
        await in_time(worker.begun.wait())
        await worker.end()


async def test_a_worker_that_dies_is_followed_by_the_next_once_its_time_is_over(log: Log):
    notes = Notes(log)
    await notes.write("lease.outbox", {"holder": "dead"}, expect=0, seconds=1)
    heir = Worker(log)
    await in_time(heir.begun.wait())
    await heir.end()


async def test_a_worker_whose_lease_was_taken_stops(log: Log, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(leases, "RENEW_SECONDS", 0.05)
    first = Worker(log)
    await in_time(first.begun.wait())
    await Notes(log).write("lease.outbox", {"holder": "another"}, seconds=30)
    await in_time(first.stopped.wait())
    assert not first.lease.held.is_set()
    await first.end()
    assert (await Notes(log).read("lease.outbox")).says == {"holder": "another"}


async def test_a_renewal_whose_answer_got_lost_is_recognised(log: Log, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(leases, "RENEW_SECONDS", 0.05)
    first = Worker(log)
    await in_time(first.begun.wait())
    ours = await Notes(log).read("lease.outbox")
    await Notes(log).write("lease.outbox", ours.says, seconds=30)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await first.stopped.wait()
    await first.end()


async def test_work_that_ends_ends_the_run_and_its_trouble_comes_out(log: Log):
    async def fails() -> None:
        raise ZeroDivisionError

    async def returns() -> None:
        return None

    await in_time(Lease(Notes(log), "outbox").run(returns))
    with pytest.raises(ZeroDivisionError):
        await in_time(Lease(Notes(log), "outbox").run(fails))


async def test_a_place_is_found_again_and_only_moves_up(log: Log):
    place = Place(Notes(log), "outbox", "e1")
    assert await place.load() == 0
    await place.save(7)
    await place.save(5)
    assert await Place(Notes(log), "outbox", "e1").load() == 7
    assert await Place(Notes(log), "routing", "e1").load() == 0


async def test_a_place_that_is_refused_is_not_saved_and_stops_nobody(log: Log):
    place = Place(Notes(log), "outbox", "e1")
    await place.save(7)
    await log.api("STREAM.UPDATE.PULSE_NOTES", await sealed(log))
    await place.save(9)
    assert await Place(Notes(log), "outbox", "e1").load() == 7


async def sealed(log: Log) -> dict[str, object]:
    """The notes' stream as it is, but with no room for more."""
    found = await log.api("STREAM.INFO.PULSE_NOTES")
    return {**found["config"], "max_msg_size": 1}


async def test_a_place_in_another_log_is_none(log: Log):
    await Place(Notes(log), "outbox", "e1").save(7)
    assert await Place(Notes(log), "outbox", "e2").load() == 0
