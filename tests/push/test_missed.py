"""What is found for whoever comes back: no more than may be told, and no chat with a hole in it."""

from __future__ import annotations

from uuid import UUID

import pytest

from pulse.cursors import Cursors
from pulse.push import missed
from pulse.push.encoding import Told, Wire
from pulse.push.frames import Frame
from pulse.push.missed import Comer, Found, MustSnapshot
from tests.push.ears import ANNA

CURSORS = Cursors("0" * 8, bytes(32))
CHAT, ANOTHER = UUID(int=1), UUID(int=2)
Step = tuple[UUID | None, bool]


def told(position: int, about: UUID | None = CHAT, *, heard: bool = True, channel: str = "one") -> Told:
    return Told(Frame("t", "T", {}, (channel,), lambda _: heard, about, position=position), CURSORS)


def wanted(one: Told) -> Wire | None:
    return Wire(b"x" * 100, b"") if one.frame.hears(None) else None  # type: ignore[arg-type]


@pytest.mark.parametrize(("frames", "size"), [(3, 10**6), (10**6, 350)])
def test_no_more_is_kept_than_may_be_told(monkeypatch: pytest.MonkeyPatch, frames: int, size: int) -> None:
    """However much there is that others are told."""
    monkeypatch.setattr(missed, "FRAMES", frames)
    monkeypatch.setattr(missed, "BYTES", size)
    found = Found(Comer(wanted))
    for number in range(1000):
        found.add(told(number, heard=number % 400 == 0))
    assert len(found.wires) == 3
    found = Found(Comer(wanted))
    for number in range(3):
        found.add(told(number))
    with pytest.raises(MustSnapshot, match="too_far"):
        found.add(told(4))


CASES: tuple[tuple[str, Comer, tuple[Step, ...], bool], ...] = (
    ("was away", Comer(wanted, ANNA), ((CHAT, True), (CHAT, False), (CHAT, True)), True),
    ("came", Comer(wanted, ANNA), ((CHAT, False), (CHAT, True)), True),
    ("went", Comer(wanted, ANNA), ((CHAT, True), (CHAT, False)), False),
    ("another was away", Comer(wanted, ANNA), ((ANOTHER, False), (CHAT, True)), False),
    ("no chat", Comer(wanted, ANNA), ((None, False), (None, True)), False),
    ("on its channel", Comer(wanted, ANNA, "one"), ((CHAT, False), (CHAT, True)), True),
    ("on its cache channel", Comer(wanted, ANNA, "cache-one"), ((CHAT, False), (CHAT, True)), True),
    ("on another channel", Comer(wanted, ANNA, "two"), ((CHAT, False), (CHAT, True)), False),
    ("a visitor", Comer(wanted, None, "one", CHAT), ((CHAT, False), (CHAT, True)), False),
)


@pytest.mark.parametrize(("comer", "steps", "must"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_who_hears_of_a_chat_again_after_they_could_not_takes_a_snapshot(
    comer: Comer, steps: tuple[Step, ...], must: bool
) -> None:
    found = Found(comer)
    *before, last = [told(number, about, heard=heard) for number, (about, heard) in enumerate(steps, 1)]
    for one in before:
        found.add(one)
    if must:
        with pytest.raises(MustSnapshot, match="rights"):
            found.add(last)
    else:
        found.add(last)
