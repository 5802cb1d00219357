"""Where a new chat goes by its first word."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from pulse.aggregates.source import Route, Source, SourceRulesChanged
from pulse.aggregates.source_rules import (
    RULES,
    WORDS,
    FirstWord,
    Hours,
    NotARule,
    Rule,
    department_by,
    fits,
    require_rules,
    within,
)
from pulse.message import Author
from tests.given import NOW, SALES, SUPPORT, given

VERA = Author("77", "Vera Smirnova", "vera_s", "ru-RU")
HELLO = FirstWord(VERA, "Hello, where is my ORDER?", "promo7")


def a_source(*rules: Rule) -> Source:
    source = Source.connect(
        channel="telegram", identifier="7000000001", title="Shop", departments=(SALES, SUPPORT), settings={},
        secrets={}, now=NOW,
    )  # fmt: skip
    source.change_rules(rules, now=NOW)
    return source


@pytest.mark.parametrize(
    "condition",
    [
        {}, {"words": ("refund", "order")}, {"words": ("WHERE is",)}, {"payload": "PROMO7"}, {"language": "ru"},
        {"language": "RU-ru"}, {"username": "@Vera_S"}, {"username": "vera_s"}, {"name": "vera smirnova"},
        {"group": False}, {"hours": Hours("12:00", "13:00", "Europe/Moscow")},
        {"words": ("order",), "payload": "promo7", "language": "ru", "group": False},
    ],
)  # fmt: skip
def test_a_rule_fits_when_everything_it_names_holds(condition):
    assert fits(Rule(SALES, **condition), HELLO, NOW)


@pytest.mark.parametrize(
    "condition",
    [
        {"words": ("refund",)}, {"payload": "promo"}, {"language": "r"}, {"language": "en"}, {"username": "vera"},
        {"name": "Vera"}, {"group": True}, {"hours": Hours("13:00", "14:00", "Europe/Moscow")},
        {"words": ("order",), "payload": "other"},
    ],
)  # fmt: skip
def test_a_rule_does_not_fit_when_one_thing_fails(condition):
    assert not fits(Rule(SALES, **condition), HELLO, NOW)


def test_letter_case_never_counts_in_any_script():
    assert fits(Rule(SALES, words=("ВОЗВРАТ", "STRASSE")), FirstWord(VERA, "хочу возврат"), NOW)
    assert fits(Rule(SALES, words=("STRASSE",)), FirstWord(VERA, "Lange Straße"), NOW)


def test_who_said_nothing_of_themselves_fits_no_condition_on_it():
    nobody = FirstWord(Author("78"))
    for condition in ({"payload": "x"}, {"language": "ru"}, {"username": "vera"}, {"name": "Vera"}, {"words": ("a",)}):
        assert not fits(Rule(SALES, **condition), nobody, NOW)
    assert fits(Rule(SALES), nobody, NOW)


@pytest.mark.parametrize(
    ("time", "day", "night"),
    [("08:59", False, True), ("09:00", True, False), ("17:59", True, False), ("18:00", False, True), ("00:00", False, True)],
)  # fmt: skip
def test_hours_hold_from_their_beginning_up_to_their_end_also_over_midnight(time, day, night):
    hour, minute = map(int, time.split(":"))
    at = datetime(2026, 11, 21, hour, minute, tzinfo=UTC)
    assert within(Hours("09:00", "18:00", "UTC"), at) == day
    assert within(Hours("18:00", "09:00", "UTC"), at) == night


def test_hours_are_those_of_their_zone_in_summer_and_in_winter():
    nine = Hours("09:00", "10:00", "Europe/Berlin")
    assert within(nine, datetime(2026, 7, 1, 7, 30, tzinfo=UTC))
    assert not within(nine, datetime(2026, 12, 1, 7, 30, tzinfo=UTC))
    assert within(nine, datetime(2026, 12, 1, 8, 30, tzinfo=UTC))


def test_the_first_rule_that_fits_decides():
    rules = (Rule(SALES, words=("refund",)), Rule(SUPPORT, words=("order",)), Rule(SALES, words=("order",)))
    assert department_by(rules, HELLO, NOW) == (1, SUPPORT)
    assert department_by(rules[:1], HELLO, NOW) is None


def test_the_visitors_wish_comes_before_the_rules_and_the_first_department_after_them():
    source = given(a_source(Rule(SUPPORT, words=("order",)))).aggregate
    assert source.route(SALES, HELLO, NOW) == Route(SALES)
    assert source.route(uuid4(), HELLO, NOW) == Route(SUPPORT, 0)
    assert source.route(None, replace(HELLO, text="Hi"), NOW) == Route(SALES)


def test_a_rule_whose_department_has_left_the_source_is_passed_over():
    source = a_source(Rule(SUPPORT), Rule(SALES, words=("order",)))
    source.change_departments((SALES,), now=NOW)
    assert source.route(None, HELLO, NOW) == Route(SALES, 1)


def test_the_same_rules_again_change_nothing():
    rules = (Rule(SUPPORT, words=("order",), hours=Hours("09:00", "18:00", "UTC")),)
    given(a_source(*rules)).when(lambda source: source.change_rules(rules, now=NOW)).then_nothing()
    given(a_source()).when(lambda source: source.change_rules(rules, now=NOW)).then(SourceRulesChanged).now(rules=rules)
    given(a_source(*rules)).when(lambda source: source.change_rules((), now=NOW)).then(SourceRulesChanged).now(rules=())


WRONG = {
    "department": Rule(uuid4()),
    "words": Rule(SALES, words=("",)),
    "payload": Rule(SALES, payload="nul\0"),
    "language": Rule(SALES, language="russian language"),
    "username": Rule(SALES, username=" "),
    "name": Rule(SALES, name="x" * 257),
    "hours.since": Rule(SALES, hours=Hours("9:00", "18:00", "UTC")),
    "hours.until": Rule(SALES, hours=Hours("09:00", "24:00", "UTC")),
    "hours.zone": Rule(SALES, hours=Hours("09:00", "18:00", "Europe/Atlantis")),
}


@pytest.mark.parametrize("field", WRONG)
def test_a_wrong_rule_is_named_by_its_index_and_field(field):
    told = given(a_source()).when(lambda source: source.change_rules((Rule(SALES), WRONG[field]), now=NOW))
    assert told.then_refused(NotARule).details == {"index": 1, "field": field}


@pytest.mark.parametrize("username", ["@", "@ "])
def test_a_username_of_nothing_but_its_sign_is_refused(username):
    with pytest.raises(NotARule, match="username"):
        require_rules((Rule(SALES, username=username),), (SALES,))


@pytest.mark.parametrize("zone", ["", "../etc/passwd", "Europe", "nul\0"])
def test_a_zone_that_is_none_is_refused(zone):
    with pytest.raises(NotARule, match=r"hours\.zone"):
        require_rules((Rule(SALES, hours=Hours("09:00", "18:00", zone)),), (SALES,))


def test_hours_that_never_begin_are_refused():
    with pytest.raises(NotARule, match=r"hours\.until"):
        require_rules((Rule(SALES, hours=Hours("09:00", "09:00", "UTC")),), (SALES,))


def test_rules_and_their_words_have_limits():
    require_rules((Rule(SALES, words=("a",) * WORDS),) * RULES, (SALES,))
    with pytest.raises(NotARule):
        require_rules((Rule(SALES),) * (RULES + 1), (SALES,))
    with pytest.raises(NotARule):
        require_rules((Rule(SALES, words=("a",) * (WORDS + 1)),), (SALES,))
