"""Webhooks that go out: gathered, signed, tried again, bounded, and each told by one process."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import orjson
import pusher
import pytest
from structlog.testing import capture_logs

from pulse.eventlog.jetstream import Log
from pulse.eventlog.lease import Lease
from pulse.eventlog.notes import Notes
from pulse.house import now
from pulse.metrics import Metrics
from pulse.outside import NoAnswer
from pulse.push import hooks as hooks_module
from pulse.push.hook_post import HookPost, warn_of_refusal
from pulse.push.hooks import DELAYS, GATHERED, REMEMBERED_SECONDS, HookEvent, Hooks, SharedHooks
from pulse.pusher_app import PusherApp
from tests.fakes.owner import Owner, an_owner
from tests.given import NOW

APP = PusherApp("pulse", "0f" * 32, b"")


@pytest.fixture
async def owner() -> AsyncIterator[Owner]:
    async with an_owner() as owner:
        yield owner


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@asynccontextmanager
async def a_post(owner: Owner, metrics: Metrics, *, trusting: bool = True) -> AsyncIterator[HookPost]:
    inside = frozenset({owner.place} if trusting else ())
    async with HookPost.open(f"{owner.address}/hooks", APP, metrics.hook_posts, inside) as post:
        yield post


@asynccontextmanager
async def working(*runs: Any) -> AsyncIterator[None]:
    tasks = [asyncio.ensure_future(run()) for run in runs]
    yield
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


@asynccontextmanager
async def telling(owner: Owner, metrics: Metrics, delays: tuple[float, ...] = (0.0,) * 9) -> AsyncIterator[Hooks]:
    async with a_post(owner, metrics) as post:
        hooks = Hooks(post, metrics.hooks_dropped, lambda: NOW, delays)
        async with working(hooks.run):
            yield hooks


def occupied(channel: str) -> HookEvent:
    return HookEvent("channel_occupied", channel)


def value(metrics: Metrics, name: str, **labels: str) -> float:
    return metrics.registry.get_sample_value(name, labels) or 0.0


async def test_what_happens_together_is_told_together_and_in_order(owner: Owner, metrics: Metrics) -> None:
    said = [
        HookEvent("client_event", "presence-a", event="client-typing", data="{}", socket_id="1.2", user_id="7"),
        HookEvent("cache_miss", "cache-b"),
        HookEvent("member_added", "presence-a", user_id="7"),
        HookEvent("subscription_count", "orders", subscription_count=3),
    ]
    async with telling(owner, metrics) as hooks:
        for event in said:
            hooks.say(event)
        await owner.until_posts(1)
    assert orjson.loads(owner.bodies[0]) == {
        "time_ms": int(NOW.timestamp() * 1000),
        "events": [
            {"name": "client_event", "channel": "presence-a", "event": "client-typing", "data": "{}",
             "socket_id": "1.2", "user_id": "7"},
            {"name": "cache_miss", "channel": "cache-b"},
            {"name": "member_added", "channel": "presence-a", "user_id": "7"},
            {"name": "subscription_count", "channel": "orders", "subscription_count": 3},
        ],
    }  # fmt: skip


async def test_it_is_signed_with_the_apps_secret(owner: Owner, metrics: Metrics, monkeypatch: Any) -> None:
    async with telling(owner, metrics) as hooks:
        hooks.say(occupied("orders"))
        await owner.until_posts(1)
    [body], [headers] = owner.bodies, owner.headers
    assert headers["x-pusher-key"] == "pulse"
    assert headers["x-pusher-signature"] == hmac.new(APP.secret.encode(), body, hashlib.sha256).hexdigest()
    assert headers["content-type"] == "application/json"
    # Their library wants a webhook to be of the last five minutes.
    monkeypatch.setattr("pusher.authentication_client.time.time", NOW.timestamp)
    library = pusher.Pusher("1", APP.key, APP.secret)
    signature = headers["x-pusher-signature"]
    assert library.validate_webhook("pulse", signature, body.decode()) == orjson.loads(body)
    assert library.validate_webhook("pulse", signature, body.decode().replace("orders", "others")) is None


async def test_a_hundred_are_one_post_and_the_rest_the_next(owner: Owner, metrics: Metrics) -> None:
    names = [str(number) for number in range(2 * GATHERED + 1)]
    async with telling(owner, metrics) as hooks:
        for name in names:
            hooks.say(occupied(name))
        await owner.until(*names)
    assert [len(orjson.loads(body)["events"]) for body in owner.bodies] == [GATHERED, GATHERED, 1]


@pytest.mark.parametrize("status", [300, 301, 404, 410, 429, 500, 503])
async def test_what_is_not_taken_comes_again_unchanged(owner: Owner, metrics: Metrics, status: int) -> None:
    owner.answers.extend([status] * 3)
    async with telling(owner, metrics) as hooks:
        hooks.say(occupied("orders"))
        await owner.until_posts(4)
        hooks.say(occupied("next"))  # it goes only when the one before was taken
        await owner.until_posts(5)
    assert len(set(owner.bodies[:4])) == 1
    assert [event["channel"] for event in owner.events] == ["orders"] * 4 + ["next"]
    assert value(metrics, "pulse_push_webhook_posts_total", outcome="refused") == 3
    assert value(metrics, "pulse_push_webhook_posts_total", outcome="taken") >= 1


def test_it_is_tried_for_five_minutes_ever_more_slowly() -> None:
    assert sum(DELAYS) == 300
    assert list(DELAYS) == sorted(DELAYS)


async def test_what_nobody_takes_is_given_up_and_told_of(owner: Owner, metrics: Metrics) -> None:
    owner.answers.extend([500, 500, 500])
    with capture_logs() as lines:
        async with telling(owner, metrics, delays=(0.0, 0.0)) as hooks:
            hooks.say(occupied("lost"))
            hooks.say(occupied("lost too"))
            await owner.until_posts(3)
            hooks.say(occupied("next"))
            await owner.until_posts(4)
    assert [event["channel"] for event in orjson.loads(owner.bodies[-1])["events"]] == ["next"]
    assert value(metrics, "pulse_push_webhook_events_dropped_total", reason="not taken") == 2
    assert {"event": "hooks.given_up", "events": 2, "log_level": "warning"} in lines


async def test_the_queue_is_bounded_and_the_oldest_go_first(metrics: Metrics, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks_module, "QUEUED", 3)
    brought = asyncio.Queue[bytes]()

    async def post(body: bytes) -> bool:
        brought.put_nowait(body)
        return True

    hooks = Hooks(post, metrics.hooks_dropped, lambda: NOW)
    with capture_logs() as lines:
        for name in "abcde":
            hooks.say(occupied(name))
    assert [line["event"] for line in lines] == ["hooks.away"]
    async with working(hooks.run):
        events = orjson.loads(await brought.get())["events"]
    assert [event["channel"] for event in events] == ["c", "d", "e"]
    assert value(metrics, "pulse_push_webhook_events_dropped_total", reason="queue full") == 2


async def test_private_addresses_are_not_gone_to_unless_trusted(owner: Owner, metrics: Metrics) -> None:
    async with a_post(owner, metrics, trusting=False) as post:
        assert await post(b"{}") is False
    assert owner.bodies == []
    assert value(metrics, "pulse_push_webhook_posts_total", outcome="unreachable") == 1


async def test_a_receiver_that_is_not_there_is_no_error(metrics: Metrics) -> None:
    async with a_post(Owner(address="http://127.0.0.1:9"), metrics) as post:
        assert await post(b"{}") is False


# Told by one process of several


class Process:
    """One of several that hear the same."""

    def __init__(self, log: Log, owner: Owner, metrics: Metrics, clock: Clock) -> None:
        self.lease = Lease(Notes(log), "app-hooks")
        self._made = (owner, metrics, clock)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[SharedHooks]:
        owner, metrics, clock = self._made
        async with a_post(owner, metrics) as post:
            hooks = Hooks(post, metrics.hooks_dropped, clock, (0.0,))
            yield SharedHooks(hooks, self.lease, clock)


class Clock:
    now = NOW

    def __call__(self) -> datetime:
        return self.now


async def test_of_two_processes_one_tells(log: Log, owner: Owner, metrics: Metrics) -> None:
    one, other = (Process(log, owner, metrics, Clock()) for _ in range(2))
    async with one.open() as first, other.open() as second, working(first.run):
        await one.lease.held.wait()
        async with working(second.run):
            for name in ("a", "b"):
                first.say(occupied(name))
                second.say(occupied(name))
            await owner.until("a", "b")
            first.say(occupied("last"))
            await owner.until("a", "b", "last")


async def test_who_takes_over_tells_what_was_last_once_more(log: Log, owner: Owner, metrics: Metrics) -> None:
    clock = Clock()
    process = Process(log, owner, metrics, clock)
    async with process.open() as shared:
        shared.say(occupied("long ago"))
        clock.now += timedelta(seconds=REMEMBERED_SECONDS + 1)
        for name in ("just", "now"):
            shared.say(occupied(name))
        async with working(shared.run):
            await process.lease.held.wait()
            shared.say(occupied("after"))  # its turn has come, but what was before goes first
            await owner.until("just", "now", "after")


async def test_who_lost_the_turn_leaves_what_waits_to_the_next(log: Log, owner: Owner, metrics: Metrics) -> None:
    held = asyncio.Event()

    async def post(_: bytes) -> bool:
        held.set()
        await asyncio.Event().wait()
        return True

    lease, brought = Lease(Notes(log), "app-hooks"), Hooks(post, metrics.hooks_dropped, now)
    shared = SharedHooks(brought, lease, now)
    async with working(shared.run):
        await lease.held.wait()
        shared.say(occupied("a"))
        await held.wait()
        shared.say(occupied("b"))
    assert brought._next() == []


@pytest.mark.parametrize(
    ("url", "addresses", "warned"),
    [
        ("https://10.0.0.7/hooks", [], True),
        ("https://localhost/hooks", ["127.0.0.1"], True),
        ("https://hooks.example/pusher", ["10.0.0.7"], True),
        ("https://hooks.example:8443/pusher", ["93.184.215.14"], True),
        ("https://hooks.example/pusher", ["93.184.215.14"], False),
        ("https://inside.example:8443/pusher", ["10.0.0.7"], False),
        ("http://10.0.0.7:8080/pusher", ["10.0.0.7"], False),
        ("https://nowhere.example/pusher", NoAnswer(), False),
    ],
)
async def test_an_address_that_every_post_will_be_refused_is_told_at_the_start(
    url: str, addresses: list[str] | NoAnswer, warned: bool
) -> None:
    async def resolve(host: str, port: int) -> list[str]:
        if isinstance(addresses, NoAnswer):
            raise addresses
        return addresses

    with capture_logs() as told:
        await warn_of_refusal(url, frozenset({"inside.example:8443", "10.0.0.7:8080"}), resolve)
    assert [line["event"] for line in told] == (["hooks.forbidden"] if warned else [])
    assert "/hooks" not in str(told)  # it may hold a secret
