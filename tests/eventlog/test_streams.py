"""The streams that must exist, held against the ones that do."""

import asyncio
from pathlib import Path

import pytest

from pulse.embedded import Embedded
from pulse.eventlog.appends import Append
from pulse.eventlog.jetstream import Log
from pulse.eventlog.streams import (
    NotOnDisk,
    StreamDiffers,
    differences,
    reconcile,
    require_synced,
    wanted_streams,
)
from tests.conftest import STREAMS

WANTED = wanted_streams(STREAMS)
LIMIT = 1 << 30
DAY = 86_400_000_000_000


def wanted(**changes: object) -> dict[str, dict[str, object]]:
    return {"PULSE": {**WANTED["PULSE"], **changes}}


async def found(log: Log) -> dict[str, object]:
    return (await log.api("STREAM.INFO.PULSE"))["config"]


async def made(log: Log, **config: object) -> dict[str, object]:
    """A stream made by somebody else."""
    await log.api("STREAM.DELETE.PULSE")
    metadata = {"pulse_epoch": "e"}
    given = {**WANTED["PULSE"], "name": "PULSE", "max_bytes": LIMIT, "metadata": metadata, **config}
    return (await log.api("STREAM.CREATE.PULSE", given))["config"]


async def test_a_missing_stream_is_made_with_an_epoch(log):
    await log.api("STREAM.DELETE.PULSE")
    epoch = await reconcile(log, WANTED, max_bytes=LIMIT)
    config = await found(log)
    assert config["metadata"]["pulse_epoch"] == epoch
    assert config["max_bytes"] == LIMIT
    assert {name: config.get(name) for name in ("allow_atomic", "deny_delete", "deny_purge")} == {
        "allow_atomic": True, "deny_delete": True, "deny_purge": True
    }  # fmt: skip


async def test_an_equal_stream_is_left_as_it_is(log):
    before = await found(log)
    epoch = await reconcile(log, WANTED, max_bytes=LIMIT)
    assert await found(log) == before
    assert before["metadata"]["pulse_epoch"] == epoch


async def test_a_log_that_was_made_anew_has_another_epoch(log):
    first = await reconcile(log, WANTED, max_bytes=LIMIT)
    await log.api("STREAM.DELETE.PULSE")
    assert await reconcile(log, WANTED, max_bytes=LIMIT) != first


async def test_roles_that_start_at_once_agree_on_one_epoch(log, addresses):
    others = [await Log.connect(addresses.nats_url) for _ in range(4)]
    await log.api("STREAM.DELETE.PULSE")
    epochs = await asyncio.gather(*(reconcile(each, WANTED, max_bytes=LIMIT) for each in others))
    assert len(set(epochs)) == 1
    for each in others:
        await each.close()


async def test_a_larger_duplicate_window_is_applied_and_nothing_is_lost(log):
    await log.append(Append("pulse.ev.chat.00.vera", b"1"))
    epoch = await reconcile(log, wanted(duplicate_window=DAY, description="New words."), max_bytes=LIMIT)
    config = await found(log)
    assert (config["duplicate_window"], config["description"]) == (DAY, "New words.")
    assert config["metadata"]["pulse_epoch"] == epoch
    assert len(await log.read(1)) == 1


async def test_a_window_that_is_already_larger_stays(log):
    await made(log, duplicate_window=DAY)
    await reconcile(log, WANTED, max_bytes=LIMIT)
    assert (await found(log))["duplicate_window"] == DAY


async def test_a_size_limit_that_was_fitted_to_the_disk_stays(log):
    await reconcile(log, WANTED, max_bytes=LIMIT * 2)
    assert (await found(log))["max_bytes"] == LIMIT


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("max_age", DAY),
        ("discard", "old"),
        ("deny_delete", False),
        ("deny_purge", False),
        ("allow_atomic", False),
        ("allow_direct", False),
        ("max_msgs", 1000),
        ("max_msgs_per_subject", 10),
        ("storage", "memory"),
        ("subjects", ["pulse.ev.chat.>"]),
        ("retention", "interest"),
    ],
)
async def test_a_difference_that_could_lose_events_is_refused_and_nothing_is_changed(log, setting, value):
    before = await made(log, **{setting: value}, **({"max_bytes": 1 << 20} if value == "memory" else {}))
    with pytest.raises(StreamDiffers, match=rf"Stream PULSE: {setting} is .* Nothing was changed\.") as refused:
        await reconcile(log, wanted(duplicate_window=DAY), max_bytes=LIMIT)
    assert repr(WANTED["PULSE"][setting]) in str(refused.value)
    assert await found(log) == before


async def test_a_stream_that_acknowledges_before_it_writes_is_refused(log):
    await made(log, persist_mode="async", allow_atomic=False)
    with pytest.raises(StreamDiffers, match="persist_mode is 'async'"):
        await reconcile(log, wanted(allow_atomic=False), max_bytes=LIMIT)


async def test_a_stream_that_somebody_else_made_is_refused_with_a_sentence(log):
    await made(log, metadata={})
    with pytest.raises(StreamDiffers, match="pulse_epoch"):
        await reconcile(log, WANTED, max_bytes=LIMIT)


def test_equal_settings_are_no_difference():
    assert differences(WANTED["PULSE"], dict(WANTED["PULSE"])) == {}


def test_a_setting_that_is_missing_there_is_a_difference():
    assert differences({"deny_delete": True}, {}) == {"deny_delete": True}


async def test_a_server_that_syncs_is_accepted(addresses):
    await require_synced(addresses.nats_monitor_url)


async def test_a_server_that_acknowledges_before_the_disk_is_refused(data_dir: Path):
    with Embedded(data_dir / "lazy", postgres=False, sync_always=False) as lazy:
        with pytest.raises(NotOnDisk, match="before they are on disk") as refused:
            await require_synced(lazy.addresses.nats_monitor_url)
        assert refused.value.status == 503


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://nowhere.invalid", "no address"])
async def test_a_monitor_that_does_not_answer_is_refused(url):
    with pytest.raises(NotOnDisk):
        await require_synced(url)


async def test_an_answer_that_is_not_nats_is_refused(servers):
    with pytest.raises(NotOnDisk):
        await require_synced(f"{servers.addresses.nats_monitor_url}/healthz?")
