"""For how long files are kept."""

import pytest

from pulse.aggregates.retention import FOR_GOOD, Limits, NotARetention, Retention, RetentionChanged, SourceDays
from tests.given import NOW, SALES, SHOP, given


def test_files_are_kept_for_good_until_somebody_says_otherwise():
    assert Retention.begin(now=NOW).limits == FOR_GOOD
    assert FOR_GOOD.days_of(SHOP) is FOR_GOOD.shortest is None


def test_limits_change_only_when_they_differ():
    retention, limits = given(Retention.begin(now=NOW)), Limits(90)
    retention.when(lambda r: r.change(limits, now=NOW)).then(RetentionChanged).now(limits=limits)
    retention.when(lambda r: r.change(limits, now=NOW)).then_nothing()


def test_a_source_has_its_own_number_or_that_of_all():
    limits = Limits(90, (SourceDays(SHOP, None), SourceDays(SALES, 7)))
    assert (limits.days_of(SHOP), limits.days_of(SALES), limits.days_of(None), limits.shortest) == (None, 7, 90, 7)


@pytest.mark.parametrize(
    "limits",
    [Limits(0), Limits(36_501), Limits(None, (SourceDays(SHOP, 0),)), Limits(1, (SourceDays(SHOP, 1),) * 2)],
)
def test_what_is_no_limit_is_refused(limits):
    given(Retention.begin(now=NOW)).when(lambda r: r.change(limits, now=NOW)).then_refused(NotARetention)
