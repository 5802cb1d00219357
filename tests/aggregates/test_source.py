"""The rules of a source."""

from uuid import uuid4

import pytest

from pulse.aggregates.source import (
    NoDepartments,
    NotAnIdentifier,
    Source,
    SourceDepartmentsChanged,
    SourceRenamed,
    SourceSecretsChanged,
    SourceSettingsChanged,
    require_identifier,
    source_id,
)
from pulse.aggregates.source_rules import FirstWord
from pulse.message import LARGEST_FILE
from tests.given import NOW, SALES, SUPPORT, VERA, given


def a_source(departments=(SALES, SUPPORT)) -> Source:
    return Source.connect(
        channel="telegram", identifier="7000000001", title="Shop", departments=departments,
        settings={"mode": "webhook"}, secrets={"token": "sealed"}, now=NOW,
    )  # fmt: skip


def test_a_sources_id_follows_from_channel_and_identifier():
    assert a_source().id == source_id("telegram", "7000000001")
    assert source_id("vk", "7000000001") != source_id("telegram", "7000000001")


def test_a_file_is_never_larger_than_its_channel_carries_or_its_source_allows():
    source, none = a_source(), 10 * LARGEST_FILE
    assert (source.largest_file(), source.largest_file(50), source.largest_file(none)) == (
        LARGEST_FILE,
        50,
        LARGEST_FILE,
    )
    assert (source.largest_file(usual=20), source.largest_file(10, usual=20)) == (20, 10)
    source.change_settings({"file_limit_mb": "1"}, now=NOW)
    assert (source.largest_file(), source.largest_file(50), source.largest_file(usual=20)) == (2**20, 50, 2**20)
    source.change_settings({"file_limit_mb": "5000"}, now=NOW)
    assert source.largest_file() == LARGEST_FILE


def test_a_source_needs_a_department():
    with pytest.raises(NoDepartments):
        a_source(())


def test_the_last_department_can_not_be_taken_away():
    given(a_source()).when(lambda source: source.change_departments((), now=NOW)).then_refused(NoDepartments)


def test_departments_change_only_when_they_differ():
    source = given(a_source())
    source.when(lambda s: s.change_departments((SALES, SUPPORT), now=NOW)).then_nothing()
    source.when(lambda s: s.change_departments((SUPPORT, SALES), now=NOW)).then(SourceDepartmentsChanged)


def test_a_chat_goes_to_the_wanted_department_if_the_source_has_it_else_to_the_first():
    source = given(a_source()).aggregate
    word = FirstWord(VERA, "Hello")
    assert [source.route(wanted, word, NOW).department for wanted in (SUPPORT, uuid4(), None)] == [
        SUPPORT,
        SALES,
        SALES,
    ]


def test_named_secrets_are_replaced_and_the_others_stay():
    source = given(a_source())
    source.when(lambda s: s.change_secrets({"confirmation": "c"}, now=NOW)).then(SourceSecretsChanged).now(
        secrets={"token": "sealed", "confirmation": "c"}
    )


def test_no_secrets_are_no_change():
    given(a_source()).when(lambda s: s.change_secrets({}, now=NOW)).then_nothing()


def test_only_the_settings_that_differ_are_changed_and_the_others_stay():
    source = given(a_source())
    source.when(lambda s: s.change_settings({"mode": "webhook", "origins": ""}, now=NOW)).then_nothing()
    changed = source.when(lambda s: s.change_settings({"mode": "webhook", "confirmation": "c"}, now=NOW))
    changed.then(SourceSettingsChanged).now(settings={"mode": "webhook", "confirmation": "c"})
    assert changed.events[0].settings == {"confirmation": "c"}


def test_a_source_is_renamed_only_to_another_name_and_without_one_goes_by_its_identifier():
    source = given(a_source())
    source.when(lambda s: s.rename(" Shop ", now=NOW)).then_nothing()
    source.when(lambda s: s.rename("", now=NOW)).then(SourceRenamed).now(title="7000000001")


@pytest.mark.parametrize(
    ("channel", "identifier"),
    [
        ("telegram", "shop_bot"),
        ("telegram", "-1"),
        ("vk", "club1"),
        ("vk", "٣"),
        ("web", ""),
        ("web", "a b"),
        ("web", "a/b"),
    ],
)
def test_an_identifier_must_be_one_of_its_channel(channel, identifier):
    with pytest.raises(NotAnIdentifier):
        require_identifier(channel, identifier)
