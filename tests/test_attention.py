"""Who looks at a chat and who types: believed for a while, told when it changes, and forgotten."""

from __future__ import annotations

from uuid import UUID

import pytest

from pulse.attention import CHATS, PEOPLE, TYPING_SECONDS, VIEWING_SECONDS, Attention, Sign, Viewer, saying
from pulse.eventlog.jetstream import Log
from tests.given import ANNA, BORIS
from tests.test_presence import Clock

CHAT = UUID(int=7)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def attention(log: Log, clock: Clock) -> Attention:
    return Attention(log, clock)


async def test_who_types_also_looks_and_stops_typing_first(attention: Attention, clock: Clock) -> None:
    await attention.hear(saying(Sign(CHAT, ANNA, "typing")))
    await attention.hear(saying(Sign(CHAT, BORIS, "viewing")))
    assert attention.viewers(CHAT) == [Viewer(ANNA, typing=True), Viewer(BORIS, typing=False)]
    clock.now += TYPING_SECONDS
    assert attention.viewers(CHAT) == [Viewer(ANNA, typing=False), Viewer(BORIS, typing=False)]
    clock.now += VIEWING_SECONDS - TYPING_SECONDS
    assert attention.viewers(CHAT) == []


async def test_who_goes_is_gone_at_once_and_looking_again_keeps_typing(attention: Attention) -> None:
    await attention.hear(saying(Sign(CHAT, ANNA, "typing")))
    await attention.hear(saying(Sign(CHAT, ANNA, "viewing")))
    assert attention.viewers(CHAT) == [Viewer(ANNA, typing=True)]
    await attention.hear(saying(Sign(CHAT, ANNA, "gone")))
    assert attention.viewers(CHAT) == []


async def test_only_changes_are_told(attention: Attention, clock: Clock) -> None:
    told: list[UUID] = []
    attention.when_changed = told.append
    for doing in ("viewing", "viewing", "typing", "viewing", "typing"):
        await attention.hear(saying(Sign(CHAT, ANNA, doing)))
    assert told == [CHAT, CHAT]
    clock.now += TYPING_SECONDS
    attention.forget()
    clock.now += VIEWING_SECONDS
    attention.forget()
    attention.forget()
    assert told == [CHAT] * 4


async def test_what_a_newer_pulse_says_otherwise_is_passed_over(attention: Attention) -> None:
    for body in (b"", b"{}", b'{"chat": 1}', b"[1]"):
        await attention.hear(body)
    assert attention.viewers(CHAT) == []


async def test_the_table_is_bounded(attention: Attention) -> None:
    for number in range(PEOPLE + 5):
        await attention.hear(saying(Sign(CHAT, UUID(int=number), "viewing")))
    assert len(attention.viewers(CHAT)) == PEOPLE
    for number in range(CHATS):
        await attention.hear(saying(Sign(UUID(int=100 + number), ANNA, "viewing")))
    assert attention.viewers(CHAT) == []


async def test_who_said_nothing_for_too_long_takes_nobodys_place(attention: Attention, clock: Clock) -> None:
    """A desk never calls `forget`."""
    for number in range(PEOPLE):
        await attention.hear(saying(Sign(CHAT, UUID(int=number), "viewing")))
    clock.now += VIEWING_SECONDS
    await attention.hear(saying(Sign(CHAT, ANNA, "viewing")))
    assert attention.viewers(CHAT) == [Viewer(ANNA, typing=False)]


async def test_that_somebody_went_without_a_word_is_told_with_the_next_sign(attention: Attention, clock: Clock) -> None:
    told: list[UUID] = []
    await attention.hear(saying(Sign(CHAT, ANNA, "viewing")))
    clock.now += VIEWING_SECONDS / 2
    await attention.hear(saying(Sign(CHAT, BORIS, "viewing")))
    attention.when_changed = told.append
    clock.now += VIEWING_SECONDS / 2
    await attention.hear(saying(Sign(CHAT, BORIS, "viewing")))
    assert told == [CHAT]
    assert attention.viewers(CHAT) == [Viewer(BORIS, typing=False)]
