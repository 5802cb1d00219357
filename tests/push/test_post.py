"""What is told in one turn of the loop reaches each client in one write, in order, and nothing overtakes it."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulse.push import post as post_module
from pulse.push.encoding import Wire, wire_of
from pulse.push.post import TOGETHER, Post


class Reader:
    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.wires: list[Wire] = []

    def put(self, framed: bytes, wires: Sequence[Wire]) -> None:
        self.writes.append(framed)
        self.wires.extend(wires)


class Broken(Reader):
    def put(self, framed: bytes, wires: Sequence[Wire]) -> None:
        raise RuntimeError


def wires(number: int, size: int = 1) -> list[Wire]:
    return [wire_of({"type": "t", "number": each, "text": "x" * size}) for each in range(number)]


async def brought() -> None:
    """Returns when whatever waited has been written, however many turns that takes here."""
    for _ in range(50):
        await asyncio.sleep(0)


async def test_several_frames_of_one_turn_are_one_write() -> None:
    post, one, other = Post(), Reader(), Reader()
    told = wires(10)
    for number, wire in enumerate(told):
        post.send([one, other] if number % 2 else [one], wire)
    assert one.writes == []
    await brought()
    assert one.writes == [b"".join(wire.framed for wire in told)]
    assert other.writes == [b"".join(wire.framed for wire in told[1::2])]
    assert one.wires == told


async def test_one_piece_stays_small_enough_to_be_cut_in_time() -> None:
    post, one = Post(), Reader()
    told = wires(40, 10_000)
    for wire in told:
        post.send([one], wire)
    await brought()
    assert one.wires == told
    assert max(map(len, one.writes)) <= TOGETHER


async def test_nothing_overtakes_what_was_told() -> None:
    post, one = Post(), Reader()
    first, last = wires(2)
    post.send([one], first)
    post.hand(one, last)
    assert one.wires == []
    await brought()
    assert one.wires == [first, last]
    post.hand(one, first)
    assert one.wires == [first, last, first]


async def test_what_each_gets_alone_leaves_in_one_turn() -> None:
    post, readers, told = Post(), [Reader() for _ in range(20)], wires(40)
    for number, wire in enumerate(told):
        post.send([readers[number % 20]], wire)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert [reader.wires for reader in readers] == [told[number::20] for number in range(20)]


async def test_one_that_breaks_takes_nothing_from_the_others() -> None:
    post, one = Post(), Reader()
    told = wires(3)
    for wire in told:
        post.send([Broken(), one], wire)
        await brought()
    assert one.wires == told


async def test_who_tells_waits_while_too_much_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(post_module, "WAITING", 1_000)
    post, readers = Post(), [Reader() for _ in range(2_000)]
    (wire,) = wires(1)
    post.send(readers, wire)
    room = asyncio.create_task(post.room())
    await asyncio.sleep(0)
    assert not room.done()
    await room
    await brought()
    assert all(reader.wires == [wire] for reader in readers)


async def test_a_turn_has_so_many_writes_and_no_more() -> None:
    post, alone, crowd = Post(), Reader(), [Reader() for _ in range(post_module.PORTION)]
    one, other = wires(2)
    post.send([alone], one)
    post.send(crowd, other)
    await asyncio.sleep(0)
    assert [len(reader.writes) for reader in (alone, *crowd)] == [1] + [0] * post_module.PORTION
    await brought()
    assert all(reader.writes for reader in crowd)


async def test_whoever_waits_for_what_was_told_waits_for_all_of_it() -> None:
    post, readers = Post(), [Reader() for _ in range(500)]
    for wire in wires(3):
        post.send(readers, wire)
    waiting = asyncio.create_task(post.brought())
    await asyncio.sleep(0)
    assert not waiting.done()
    await waiting
    assert all(len(reader.wires) == 3 for reader in readers)
    await post.brought()  # at once: nothing waits


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.sets(st.integers(0, 4), min_size=1), st.booleans(), st.booleans()), max_size=20))
def test_everybody_gets_what_is_theirs_in_order(story: list[tuple[set[int], bool, bool]]) -> None:
    async def tell() -> None:
        post, readers = Post(), [Reader() for _ in range(5)]
        expected: list[list[Wire]] = [[] for _ in readers]
        for number, (whose, turn, direct) in enumerate(story):
            wire = wire_of({"number": number})
            if direct:
                for each in whose:
                    post.hand(readers[each], wire)
            else:
                post.send([readers[each] for each in sorted(whose)], wire)
            for each in whose:
                expected[each].append(wire)
            if turn:
                await asyncio.sleep(0)
        await brought()
        assert [reader.wires for reader in readers] == expected

    asyncio.run(tell())
