"""The rules of a source."""

from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from pulse.aggregates.source import (
    NoDepartments,
    NotAnIdentifier,
    Source,
    SourceDepartmentsChanged,
    SourceDisabled,
    SourceEnabled,
    SourceRenamed,
    SourceSecretsChanged,
    SourceSettingsChanged,
    require_identifier,
    source_id,
)
from pulse.aggregates.source_rules import FirstWord
from pulse.eventlog.envelope import open_envelope, subject_of
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


def test_a_source_is_switched_off_and_on_once():
    source = given(a_source())
    source.when(lambda s: s.enable(now=NOW)).then_nothing()
    source.when(lambda s: s.disable(now=NOW)).then(SourceDisabled).now(disabled=True)
    source.when(lambda s: s.disable(now=NOW)).then_nothing()
    source.when(lambda s: s.enable(now=NOW)).then(SourceEnabled).now(disabled=False)


def test_a_source_sends_while_it_is_on_and_not_halted():
    source = a_source()
    source.disable(now=NOW)
    assert not source.may_send(NOW)
    source.halt("Unauthorized", code="401", until=None, now=NOW)
    source.enable(now=NOW)
    assert not source.may_send(NOW), "switching it on mends nothing"
    source.resume(now=NOW)
    assert source.may_send(NOW)


def rotated(source: Source, sealed: str, hours: int, at: datetime = NOW) -> None:
    source.rotate_secret("secret", {"secret": sealed}, old_until=at + timedelta(hours=hours), now=at)


def counting(source: Source, at: datetime) -> list[str]:
    return [old.sealed for old in source.old_secrets if old.counts(at)]


def test_a_replaced_secret_counts_until_its_time():
    source = a_source()
    source.change_secrets({"secret": "one"}, now=NOW)
    rotated(source, "two", hours=24)
    assert source.secrets == {"token": "sealed", "secret": "two"}
    assert counting(source, NOW + timedelta(hours=23)) == ["one"]
    assert counting(source, NOW + timedelta(hours=24)) == []


def test_an_older_secret_ends_when_it_was_to_end_and_three_are_kept():
    source = a_source()
    source.change_secrets({"secret": "0"}, now=NOW)
    rotated(source, "1", hours=1)
    rotated(source, "2", hours=24)
    assert (counting(source, NOW), counting(source, NOW + timedelta(hours=1))) == (["1", "0"], ["1"])
    for sealed in ("3", "4"):
        rotated(source, sealed, hours=24)
    assert counting(source, NOW) == ["3", "2", "1"]
    rotated(source, "5", hours=0)
    assert counting(source, NOW) == []


def test_setting_a_secret_ends_the_old_ones_at_once_and_other_names_keep_theirs():
    source = a_source()
    source.change_secrets({"secret": "one"}, now=NOW)
    rotated(source, "two", hours=24)
    source.change_secrets({"token": "another"}, now=NOW)
    assert counting(source, NOW) == ["one"]
    source.change_secrets({"secret": "three"}, now=NOW)
    assert counting(source, NOW) == []


def test_an_event_of_before_there_were_old_secrets_reads_the_same():
    body = (
        b'{"at": "2026-11-21T09:30:00+00:00", "by": "cli", "data": {"secrets": {"secret": "sealed"}},'
        b' "id": "00000000-0000-0000-0000-000000000001", "type": "source.secrets-changed", "v": 1, "ver": 2}'
    )
    event = open_envelope(1, subject_of("source", a_source().id), body).event
    assert isinstance(event, SourceSecretsChanged)
    assert (event.secrets, event.old) == ({"secret": "sealed"}, ())
