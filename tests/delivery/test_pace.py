"""How fast a source may send."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from pulse.channels import Capabilities
from pulse.delivery.breaker import Breaker
from pulse.delivery.outcomes import backoff
from pulse.delivery.pace import KEPT, Pace, Window

TELEGRAM = Capabilities(
    text_limit=4096, file_limit=0, receipts=False, typing=True, per_second=30, per_peer=1, per_group_minute=20
)
VERA, OLEG = UUID(int=77), UUID(int=78)


@given(st.integers(1, 30), st.floats(0.5, 60), st.lists(st.floats(0, 10), max_size=100))
def test_no_window_ever_holds_more_calls_than_its_limit(limit: int, seconds: float, pauses: list[float]):
    window, now, calls = Window(limit, seconds), 0.0, []
    for pause in pauses:
        now += pause
        now += window.delay(now)
        window.count(now)
        calls.append(now)
    for call in calls:
        assert sum(1 for other in calls if call <= other < call + seconds * 0.999999) <= limit


def test_a_chat_waits_a_second_and_others_do_not():
    pace = Pace(TELEGRAM)
    pace.count(VERA, 10.0, group=False)
    assert pace.chat_delay(VERA, 10.25, group=False) == 0.75
    assert pace.chat_delay(OLEG, 10.25, group=False) == 0
    assert pace.chat_delay(VERA, 11.0, group=False) == 0


def test_a_group_takes_twenty_a_minute():
    pace = Pace(TELEGRAM)
    for second in range(20):
        assert pace.chat_delay(VERA, float(second), group=True) == 0
        pace.count(VERA, float(second), group=True)
    assert pace.chat_delay(VERA, 20.0, group=True) == 40
    assert pace.chat_delay(VERA, 60.0, group=True) == 0


def test_a_source_takes_thirty_a_second_over_all_its_chats():
    pace = Pace(TELEGRAM)
    for _ in range(30):
        assert pace.source_delay(5.0) == 0
        pace.reserve(5.0)
    assert pace.source_delay(5.5) == 0.5
    pace.give_back()
    assert pace.source_delay(5.5) == 0
    assert pace.source_delay(6.0) == 0


def test_a_paused_source_waits():
    pace = Pace(TELEGRAM)
    pace.pause(100.0)
    pace.pause(50.0)
    assert pace.source_delay(40.0) == 60


def test_quiet_chats_are_forgotten():
    pace = Pace(TELEGRAM)
    for number in range(KEPT * 2):
        pace.count(UUID(int=number), number * 2.0, group=True)
    assert len(pace._chats) <= KEPT


def test_the_breaker_closes_after_five_failures_in_a_row_and_opens_for_a_try():
    breaker = Breaker()
    for _ in range(4):
        breaker.went_badly(10.0)
    breaker.went_well()
    for _ in range(4):
        breaker.went_badly(10.0)
    assert breaker.delay(10.0) == 0
    breaker.went_badly(10.0)
    breaker.went_badly(10.0)  # one that was under way
    assert 0 < breaker.delay(10.0) <= 1.5
    assert breaker.delay(12.0) == 0
    breaker.probe()
    assert breaker.delay(12.0) > 0
    breaker.no_call()
    assert breaker.delay(12.0) == 0
    breaker.probe()
    breaker.went_badly(12.0)
    assert 1 <= breaker.delay(12.0) <= 3
    breaker.went_well()
    assert breaker.delay(12.0) == 0


def test_too_many_said_of_three_chats_means_the_bot():
    breaker = Breaker()
    assert [breaker.many_are_busy(now) for now in (1.0, 2.0, 3.0)] == [False, False, True]
    assert [breaker.many_are_busy(now) for now in (50.0, 51.0)] == [False, False]


def test_backing_off_doubles_up_to_a_minute_give_or_take_a_half():
    assert [backoff(attempt, lambda low, high: (low + high) / 2) for attempt in (1, 2, 3, 7, 100)] == [1, 2, 4, 60, 60]
    assert all(0.5 <= backoff(1) <= 1.5 for _ in range(100))
