"""The guard: read models go on only with the log they were made from."""

from __future__ import annotations

from contextlib import suppress

import pytest

from pulse.eventlog.appends import AppendRefused
from pulse.projections import inbox
from pulse.projections.checkpoint import LogBehind, OtherVersion
from pulse.projections.projector import Projector
from pulse.projections.rebuild import rebuild
from tests.given import a_chat, vera_writes
from tests.projections.conftest import append, epoch_of
from tests.projections.told import Told


async def a_new_log(log) -> str:
    with suppress(AppendRefused):
        await log.api(f"STREAM.DELETE.{log.stream}")
    return await epoch_of(log)


def words(*texts: str) -> Told:
    told = Told()
    told.of(a_chat(), *(vera_writes(text, text=text) for text in texts))
    return told


async def refused(projector: Projector) -> str:
    """What both ways of projecting say."""
    with pytest.raises(LogBehind) as caught:
        await projector.catch_up()
    with pytest.raises(LogBehind):
        await projector.run()
    return str(caught.value)


async def test_a_log_of_another_epoch_is_refused(log, database_url, projector):
    await append(log, words("one"))
    await projector.catch_up()
    said = await refused(Projector(log, database_url, await a_new_log(log)))
    assert "its epoch differs" in said
    assert "`pulse rebuild`" in said


async def test_a_log_that_lost_its_end_is_refused(log, projector):
    await append(log, words("one", "two"))
    await projector.catch_up()
    await a_new_log(log)
    await append(log, words("one"))
    said = await refused(projector)
    assert "are at 3, which the event log does not reach" in said
    assert "`pulse rebuild`" in said


async def test_a_log_with_another_event_there_is_refused(log, projector):
    await append(log, words("one", "two"))
    await projector.catch_up()
    await a_new_log(log)
    await append(log, words("one", "three"))
    said = await refused(projector)
    assert "The event at 3 is not the one" in said
    assert "`pulse rebuild`" in said


async def test_nothing_was_changed_and_a_rebuild_cures_it(log, database_url, projector, query):
    await append(log, words("one", "two"))
    await projector.catch_up()
    epoch = await a_new_log(log)
    await append(log, words("three"))
    await refused(projector)
    assert [row["last_text"] for row in query("select last_text from inbox")] == ["two"]
    await rebuild(log, database_url, epoch)
    assert [row["last_text"] for row in query("select last_text from inbox")] == ["three"]
    assert await Projector(log, database_url, epoch).catch_up() == 2


async def test_tables_of_another_version_are_left_alone(log, projector, monkeypatch):
    await append(log, words("one"))
    await projector.catch_up()
    monkeypatch.setattr(inbox, "VERSION", inbox.VERSION + 1)
    with pytest.raises(OtherVersion, match="`pulse rebuild`"):
        await projector.catch_up()
    with pytest.raises(OtherVersion):
        await projector.run()
