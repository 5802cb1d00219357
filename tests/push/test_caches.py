"""What whoever subscribes late to a cache channel is told."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from pulse.cursors import Cursors
from pulse.errors import LogDown
from pulse.push.app_events import CACHE_SECONDS, LastEvent
from pulse.push.caches import Caches
from pulse.push.encoding import ECHO, Told
from pulse.push.frames import Frame
from pulse.push.ring import Ring
from tests.roster.wires import Clock

PLAIN, CHANNEL = "private-campaign.1", "private-cache-campaign.1"


def caches(
    last: LastEvent | Exception | None, ring: Ring | None = None, clock: Callable[[], float] = time.time
) -> tuple[Caches, list[str]]:  # fmt: skip
    async def last_event(_: str) -> LastEvent | None:
        if isinstance(last, Exception):
            raise last
        return last

    events: Any = SimpleNamespace(last_event=last_event)
    found, missing = Caches(events, ring or Ring(), clock), list[str]()
    found.when_missing = missing.append
    return found, missing


def nothing(_: Told) -> None:
    """What a stranger is told."""


@pytest.mark.parametrize(("namespace", "event"), [("", "CampaignSent"), (ECHO, f"{ECHO}CampaignSent")])
async def test_what_the_log_told_last_has_the_name_that_the_client_waits_for(namespace: str, event: str) -> None:
    ring = Ring()
    frame = Frame(None, "CampaignSent", {"number": 7}, (PLAIN,), hears=lambda _: True, position=1)
    ring.keep(Told(frame, Cursors("0" * 8, b"k" * 32)))
    wire = await caches(None, ring)[0].wire(CHANNEL, lambda told: told.for_channel(CHANNEL, namespace))
    assert wire is not None
    assert orjson.loads(wire.payload)["event"] == event


async def test_what_the_log_told_long_ago_is_no_news() -> None:
    """It lives as long as what apps publish."""
    ring = Ring()
    when = datetime(2026, 1, 1, tzinfo=UTC)
    frame = Frame(None, "CampaignSent", {"number": 7}, (PLAIN,), hears=lambda _: True, position=1, when=when)
    ring.keep(Told(frame, Cursors("0" * 8, b"k" * 32)))
    clock, names = Clock(), list[str]()
    found, missing = caches(None, ring, clock)
    for age in (CACHE_SECONDS - 1, CACHE_SECONDS):
        clock.now = when.timestamp() + age
        wire = await found.wire(CHANNEL, lambda told: told.for_channel(CHANNEL))
        assert wire is not None
        names.append(orjson.loads(wire.payload)["event"])
    assert names == ["CampaignSent", "pusher:cache_miss"]
    assert missing == [CHANNEL]


async def test_of_what_the_log_told_one_is_told_the_last_that_is_theirs() -> None:
    ring = Ring()
    for number in (1, 2, 3):
        frame = Frame(None, "CampaignSent", {"number": number}, (PLAIN,), hears=lambda _: True, position=number)
        ring.keep(Told(frame, Cursors("0" * 8, b"k" * 32)))
    found, missing = caches(None, ring)
    wire = await found.wire(CHANNEL, lambda told: told.for_channel(CHANNEL) if told.at < (3, 1) else None)
    assert wire is not None
    assert orjson.loads(orjson.loads(wire.payload)["data"]) == {"number": 2}
    assert missing == []


async def test_nothing_is_missing_when_nobody_could_be_asked() -> None:
    found, missing = caches(LogDown())
    assert await found.wire(CHANNEL, nothing) is None
    assert missing == []


async def test_that_nothing_is_there_is_told_on_the_channel_and_to_the_app() -> None:
    found, missing = caches(None)
    wire = await found.wire(CHANNEL, nothing)
    assert wire is not None
    assert orjson.loads(wire.payload)["event"] == "pusher:cache_miss"
    assert missing == [CHANNEL]
