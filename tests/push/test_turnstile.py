"""A crowd gets in a few in each turn of the loop, first come, first served."""

import asyncio

from pulse.push.turnstile import IN_A_TURN, Turnstile


async def test_a_crowd_gets_through_in_its_order_and_a_few_a_turn() -> None:
    turnstile, through = Turnstile(), list[int]()

    async def come(number: int) -> None:
        await turnstile.through()
        through.append(number)

    crowd = [asyncio.create_task(come(number)) for number in range(5 * IN_A_TURN)]
    at_once, before = [], 0
    while not all(task.done() for task in crowd):
        await asyncio.sleep(0)
        at_once.append(len(through) - before)
        before = len(through)
    assert through == sorted(through)
    assert max(at_once) <= IN_A_TURN


async def test_who_gives_up_waiting_takes_nobodys_turn() -> None:
    turnstile = Turnstile()
    *_, first, second = [asyncio.create_task(turnstile.through()) for _ in range(IN_A_TURN + 2)]
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait_for(second, 5)
    assert first.cancelled()


async def test_nobody_waits_where_there_is_no_crowd() -> None:
    turnstile = Turnstile()
    for _ in range(3):
        passing = turnstile.through()
        try:
            passing.send(None)
        except StopIteration:
            pass
        else:
            raise AssertionError("it waited")
        await asyncio.sleep(0)
