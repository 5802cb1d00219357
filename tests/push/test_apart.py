"""`pulse push` alone: beside its sockets it answers on the HTTP port, for other programs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from pulse.embedded import Addresses
from pulse.house import now
from pulse.push.hooks import HookEvent
from pulse.pusher_app import PusherApp
from pulse.wiring.push_doors import open_hooks
from tests.conftest import Pulse, running_pulse
from tests.fakes.owner import an_owner
from tests.insisting import insist
from tests.push.conftest import empty_log


@pytest.fixture(scope="module")
async def pulse(addresses: Addresses, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pulse]:
    """Without the other roles, and so without a database."""
    await empty_log(addresses)
    async with running_pulse(addresses, tmp_path_factory.mktemp("pulse"), roles=("push",)) as running:
        yield running


@pytest.fixture
def app(pulse: Pulse) -> PusherApp:
    return pulse.house.app


async def test_it_says_how_it_is(pulse: Pulse) -> None:
    health = (await pulse.http.get("/healthz")).json()
    assert health == {"status": "ok", "checks": {"log": True, "directory": True, "push": True}}
    metrics = (await pulse.http.get("/metrics")).text
    assert 'pulse_ready{check="push"} 1.0' in metrics
    assert "process_resident_memory_bytes" in metrics


async def test_it_takes_what_other_programs_publish_and_counts_it(pulse: Pulse, app: PusherApp) -> None:
    body = b'{"name": "paid", "channel": "orders", "data": "' + b"x" * 10_000 + b'"}'
    whole = b'{"batch": [' + b", ".join([body] * 10) + b"]}"  # larger than bodies are elsewhere
    for path, content in (("/apps/1/events", body), ("/apps/1/batch_events", whole)):
        signed = app.signed_query("POST", path, [], content, now().timestamp())
        answer = await pulse.http.post(path, params=signed, content=content)
        assert (answer.status_code, answer.text) == (200, "{}")
    metrics = (await pulse.http.get("/metrics")).text
    assert 'pulse_push_app_requests_total{operation="batch_events",status="200"} 1.0' in metrics


async def test_the_desks_addresses_are_not_there(pulse: Pulse) -> None:
    assert (await pulse.http.get("/api/chats")).status_code == 404


async def test_it_tells_the_apps_owner_where_a_setting_says(pulse: Pulse, app: PusherApp) -> None:
    async with an_owner() as owner:
        url = {"push_webhook_url": f"{owner.address}/hooks", "trusted_hosts": owner.place}
        house = replace(pulse.house, settings=pulse.house.settings.model_copy(update=url), tasks=[])
        async with open_hooks(house, app) as (say_own, say_shared):
            tasks = [asyncio.ensure_future(task()) for task in house.tasks]
            say_own(HookEvent("cache_miss", "cache-orders"))
            await owner.until("cache-orders")
            say_shared(HookEvent("channel_occupied", "orders"))
            await owner.until("cache-orders", "orders")
            taken = 'pulse_push_webhook_posts_total{outcome="taken"} 2.0'
            await insist(lambda: pulse.http.get("/metrics"), lambda answer: taken in answer.text)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
    assert owner.headers[0]["x-pusher-signature"] == app.signature(owner.bodies[0])


async def test_an_address_inside_that_is_not_trusted_is_told_at_the_start(pulse: Pulse, app: PusherApp) -> None:
    settings = pulse.house.settings.model_copy(update={"push_webhook_url": "https://10.0.0.7/hooks"})
    house = replace(pulse.house, settings=settings, tasks=[])
    with capture_logs() as told:
        async with open_hooks(house, app):
            await house.tasks[-1]()
    assert [line["event"] for line in told] == ["hooks.forbidden"]


async def test_without_the_setting_nobody_is_told(pulse: Pulse, app: PusherApp) -> None:
    house = replace(pulse.house, tasks=[])
    async with open_hooks(house, app) as (say_own, say_shared):
        for say in (say_own, say_shared):
            say(HookEvent("cache_miss", "cache-orders"))
    assert house.tasks == []
