"""Rates: so many at once, so many a second, each key for itself, and bounded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulse import limits
from pulse.limits import Rate, TooOften, network_of


class Clock:
    """A clock that stands until it is told."""

    def __init__(self, now: float = 100_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def count(rate: Rate, tries: int, key: object = "vera") -> int:
    return sum(rate.allows(key) for _ in range(tries))


def test_a_burst_goes_through_and_no_more() -> None:
    assert count(Rate(5, 8, Clock()), 20) == 8


def test_after_a_burst_the_rate_counts() -> None:
    clock = Clock()
    rate = Rate(4, 8, clock)
    count(rate, 20)
    for _ in range(10):
        clock.now += 0.25
        assert count(rate, 5) == 1


def test_a_pause_gives_the_burst_back_and_not_more() -> None:
    clock = Clock()
    rate = Rate(4, 8, clock)
    count(rate, 20)
    clock.now += 1_000_000
    assert count(rate, 20) == 8


def test_what_was_refused_does_not_count() -> None:
    clock = Clock()
    rate = Rate(4, 2, clock)
    count(rate, 1000)
    clock.now += 0.25
    assert rate.allows("vera")


def test_each_key_counts_for_itself() -> None:
    rate = Rate(1, 2, Clock())
    assert count(rate, 5, "vera") == 2
    assert count(rate, 5, ("127.0.0.1", "anna")) == 2


def test_too_often_is_told_as_429() -> None:
    rate = Rate(1, 1, Clock())
    rate.require("vera")
    with pytest.raises(TooOften) as refused:
        rate.require("vera")
    assert (refused.value.status, refused.value.code) == (429, "too-often")


def test_a_flood_of_keys_fills_nothing_and_forgets_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "KEYS", 10)
    rate = Rate(1, 1, Clock())
    for key in range(1000):
        rate.allows(key)
    assert len(rate._due) == 10
    assert [rate.allows(key) for key in (999, 990, 0)] == [False, False, True]


@given(
    pauses=st.lists(st.floats(0, 3), max_size=200), per_second=st.sampled_from([0.2, 1, 5, 7]), burst=st.integers(1, 50)
)
def test_no_span_of_time_lets_more_through_than_it_should(pauses: list[float], per_second: float, burst: int) -> None:
    clock = Clock()
    rate = Rate(per_second, burst, clock)
    allowed: list[float] = []
    for pause in pauses:
        clock.now += pause
        if rate.allows("vera"):
            allowed.append(clock.now)
    for first, start in enumerate(allowed):
        for last, end in enumerate(allowed[first:], first):
            assert last - first + 1 <= burst + (end - start) * per_second + 1e-3


def test_an_ipv6_caller_is_a_network_because_they_have_all_of_it() -> None:
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:ffff:ffff:ffff") != network_of("2001:db8:0:1::1")
    assert network_of("203.0.113.7") == network_of("::ffff:203.0.113.7") == "203.0.113.7"
    assert [network_of(odd) for odd in ("", "unix:", "1.2.3")] == ["", "unix:", "1.2.3"]
