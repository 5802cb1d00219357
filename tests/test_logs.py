"""An outage is two lines in the log, however long it is."""

from __future__ import annotations

import structlog

from pulse.errors import LogDown, ReadsDown
from pulse.http import problem
from pulse.logs import Outage


def test_an_outage_is_told_when_it_begins_and_when_it_ends() -> None:
    outage = Outage("reads")
    with structlog.testing.capture_logs() as told:
        for _ in range(2):
            outage.ended()
            for trouble in ("connection refused\n", "still refused"):
                outage.began(trouble)
            outage.ended()
    assert told == 2 * [
        {"event": "reads.away", "log_level": "warning", "trouble": "connection refused"},
        {"event": "reads.back", "log_level": "info"},
    ]


def test_one_outage_of_many_is_told_once() -> None:
    outage = Outage("follow")
    with structlog.testing.capture_logs() as told:
        for who in ("one", "other", "third"):
            outage.began("gone", who)
        outage.ended("one")
        outage.forget("third")
        assert outage.is_on
        outage.ended("other")
        outage.ended("one")
    assert [line["event"] for line in told] == ["follow.away", "follow.back"]
    assert not outage.is_on


def test_trouble_without_words_is_named() -> None:
    with structlog.testing.capture_logs() as told:
        Outage("log").began(TimeoutError())
    assert told[0]["trouble"] == "TimeoutError()"


def test_who_meets_an_outage_is_answered_without_a_line_each() -> None:
    with structlog.testing.capture_logs() as told:
        assert {problem(error()).status_code for error in (LogDown, ReadsDown)} == {503}
    assert {entry["log_level"] for entry in told} == {"debug"}
