"""The newest frames, in memory."""

from __future__ import annotations

import asyncio
import tracemalloc
from typing import Any
from uuid import UUID

import pytest

from pulse.cursors import Cursor, Cursors
from pulse.metrics import Metrics
from pulse.push.encoding import Told, Wire, wire_of
from pulse.push.frames import Frame
from pulse.push.missed import Comer
from pulse.push.resuming import Resuming
from pulse.push.ring import Ring
from tests.conftest import Pulse
from tests.push.ears import ANNA, BORIS

CURSORS = Cursors("0123456789", bytes(32))


def told(position: int, part: int = 1, size: int = 0) -> Told:
    frame = Frame("chat.alert", "ChatAlert", {}, (), lambda _: True, UUID(int=1), position=position, part=part)
    return Told(frame, CURSORS, size)


def tell(ring: Ring, position: int, parts: int = 1, size: int = 0) -> None:
    for part in range(1, parts + 1):
        ring.keep(told(position, part, size))
    ring.pass_by(position)


def held(ring: Ring) -> list[tuple[int, int]]:
    return [one.at for one in ring.after(Cursor(ring.floor))]


def test_it_holds_every_frame_after_its_floor() -> None:
    ring = Ring(frames=2)
    ring.begin(10)
    assert (ring.floor, ring.head, held(ring)) == (10, Cursor(10), [])
    tell(ring, 11, parts=2)
    ring.pass_by(12)  # of which nothing is told
    assert (ring.head, held(ring)) == (Cursor(12), [(11, 1), (11, 2)])
    assert [one.at for one in ring.after(Cursor(11, 1))] == [(11, 2)]
    assert ring.after(Cursor(11)) == ring.after(Cursor(12)) == []


def test_what_was_told_in_the_last_minute_is_recent() -> None:
    ring = Ring()
    ring.begin(10)
    assert not ring.is_recent(Cursor(10))  # nobody knows how long ago that was
    ring.mark()
    for position in (11, 12, 13):
        tell(ring, position)
        assert ring.is_recent(Cursor(10))
        ring.mark()
    assert ring.is_recent(Cursor(11))
    assert not ring.is_recent(Cursor(10))


@pytest.mark.parametrize(("frames", "size"), [(2, 1000), (1000, 3)])
def test_it_forgets_the_older_half_to_the_end_of_an_event(frames: int, size: int) -> None:
    ring = Ring(frames, size)
    ring.begin(0)
    for position in (1, 2, 3):
        tell(ring, position, size=1)
    assert held(ring) == [(1, 1), (2, 1), (3, 1)]
    tell(ring, 4, parts=2, size=1)
    assert (ring.floor, held(ring)) == (2, [(3, 1), (4, 1), (4, 2)])
    ring.begin(7)
    assert (ring.floor, held(ring)) == (7, [])


def test_what_was_written_for_those_who_were_told_counts_too() -> None:
    ring = Ring(size=2_000)
    ring.begin(0)
    for position in range(1, 101):
        ring.keep(one := told(position))
        one.for_staff()
        ring.pass_by(position)
    kept = ring.after(Cursor(ring.floor))
    written = [one.for_staff() for one in kept]
    assert sum(len(wire.framed) + len(wire.payload) for wire in written) <= 2_000
    assert 1 <= len(kept) < 10


def test_what_is_written_later_for_whoever_comes_back_counts_too() -> None:
    ring = Ring(size=2_000)
    ring.begin(0)
    for position in range(1, 101):
        tell(ring, position)
    before = ring.after(Cursor(0))
    assert len(before) == 100
    for one in before:  # whoever came back has them all, whatever is forgotten meanwhile
        one.for_staff()
    assert ring.floor > 90
    assert sum(one.weight for one in ring.after(Cursor(ring.floor))) <= 2_000


def test_nothing_is_forgotten_while_an_event_is_being_told() -> None:
    """What is below the floor was told whole: whoever finds it in the log must not hear the rest of it live."""
    ring = Ring(frames=1)
    ring.begin(0)
    for part in range(1, 5):
        ring.keep(told(1, part))
        assert (ring.floor, ring.head) == (0, Cursor(1, part))
    ring.pass_by(1)
    assert (ring.floor, held(ring)) == (1, [])


def test_it_knows_whose_rights_changed_since() -> None:
    ring = Ring(frames=1)
    ring.begin(0)
    ring.change_rights(ANNA, 2)
    assert ring.rights_changed(ANNA, Cursor(1))
    assert not ring.rights_changed(ANNA, Cursor(2))
    assert not ring.rights_changed(BORIS, Cursor(1))
    for position in (3, 4, 5):
        tell(ring, position)
    assert not ring.rights_changed(ANNA, Cursor(1))  # the log has that now


async def test_who_heard_all_of_an_event_elsewhere_waits_until_it_is_told_here(
    pulse: Pulse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the rest of it would come live, once more."""
    ring, log, asked, nothing = Ring(), pulse.house.log, asyncio.Event(), list[Any]()
    last = await log.last_position()

    async def last_position() -> int:
        asked.set()
        return last

    monkeypatch.setattr(log, "last_position", last_position)
    ring.begin(last - 1)
    ring.keep(told(last, 1))
    framing: Any = None
    coming = asyncio.create_task(
        Resuming(log, framing, ring, CURSORS, Metrics()).missed(
            CURSORS.write(Cursor(last)), Comer(lambda one: one.for_staff())
        )
    )
    await asked.wait()
    assert not coming.done()
    ring.keep(told(last, 2))
    ring.pass_by(last)
    assert await coming == (nothing, None)


async def test_many_who_are_ahead_ask_the_log_once_and_wake_when_it_is_told() -> None:
    """Nobody looks again and again meanwhile: a process that lags has other things to do."""
    ring, questions, may_answer = Ring(), list[int](), asyncio.Event()

    class Source:
        async def last_position(self) -> int:
            questions.append(1)
            await may_answer.wait()
            return 7

    source: Any = Source()
    framing: Any = None
    resuming = Resuming(source, framing, ring, CURSORS, Metrics())
    ring.begin(5)
    crowd = [resuming.missed(CURSORS.write(Cursor(position)), Comer(as_staff)) for position in [6, 7, 8] * 100]
    coming = [asyncio.create_task(one) for one in crowd]
    await asyncio.sleep(0)
    may_answer.set()
    assert {(await one).reason for one in coming[2::3]} == {"ahead"}
    assert len(questions) == 2  # the second for those who are ahead of the first answer, which may have been older
    assert not any(one.done() for one in coming[0::3] + coming[1::3])
    for position, theirs in ((6, coming[0::3]), (7, coming[1::3])):
        tell(ring, position)
        assert {(await one).reason for one in theirs} == {None}
    assert not ring._awaited


async def test_who_stops_waiting_leaves_nothing_behind() -> None:
    ring = Ring()
    ring.begin(5)
    waiting = asyncio.create_task(ring.passed(6))
    await asyncio.sleep(0)
    assert len(ring._awaited) == 1
    waiting.cancel()
    await asyncio.wait([waiting])
    del waiting
    assert not ring._awaited
    await ring.passed(5)  # which was told


def as_staff(one: Told) -> Wire:
    return one.for_staff()


def test_a_message_takes_little_more_room_than_it_is_long() -> None:
    """The ring keeps thousands, each once as it is and once as a WebSocket has it."""
    tracemalloc.start()
    try:
        kept = [wire_of({"text": "x" * 4000}) for _ in range(100)]
        room, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert room < 1.2 * sum(len(wire.payload) + len(wire.framed) for wire in kept)
