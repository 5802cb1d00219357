"""What push does over HTTP for other programs: the signed API, and webhooks that go out. `workers.open_push` opens it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pulse.access import may_publish
from pulse.eventlog.lease import Lease
from pulse.eventlog.notes import Notes
from pulse.house import House, now
from pulse.push.app import App
from pulse.push.app_api import AppApi
from pulse.push.app_events import AppEvents
from pulse.push.app_occupancy import Channels, Occupancy
from pulse.push.app_publishing import Publishing
from pulse.push.hook_post import HookPost
from pulse.push.hooks import HookEvent, Hooks, SharedHooks
from pulse.push.hub import Hub
from pulse.settings import Settings
from pulse.vault import Vault

Say = Callable[[HookEvent], None]


@dataclass(frozen=True)
class AppDoors:
    """What the sockets' side is given: what to hear (`events.listen`), and where to say what webhooks tell.

    `say_own` is for what only this process knows of (client events, cache misses), `say_shared` for what all do.
    """

    app: App
    events: AppEvents
    say_own: Say
    say_shared: Say


class Here:
    """Who is on which channel, as far as this process knows."""

    def __init__(self, hub: Hub) -> None:
        self._channels = hub.channels

    def occupied(self, prefix: str) -> Mapping[str, int]:
        return {name: len(peers) for name, peers in self._channels.items() if name.startswith(prefix)}

    def subscription_count(self, channel: str) -> int:
        return len(self._channels.get(channel, ()))

    def members(self, channel: str) -> Mapping[str, Any]:
        return {str(person): {} for person in self._channels.get(channel, {}).values() if person}


def app_of(settings: Settings, vault: Vault) -> App:
    """The installation's app."""
    return App(settings.push_key, vault.derive_text("push").encode())


@contextlib.asynccontextmanager
async def open_app_doors(house: House, occupancy: Occupancy) -> AsyncIterator[AppDoors]:
    """The routes stand on the HTTP port."""
    app, events = app_of(house.settings, house.vault), AppEvents(house.log)

    def may_tell(channel: str) -> bool:
        return may_publish(channel, house.directory.audiences_of(channel.partition(".")[0]))

    def count(operation: str, status: int) -> None:
        house.metrics.app_requests.labels(operation, str(status)).inc()

    channels = Channels(occupancy, events.last_event, seconds)
    house.routes += AppApi(app, Publishing(events, channels, may_tell), channels, seconds, count).routes()
    async with open_hooks(house, app) as (say_own, say_shared):
        yield AppDoors(app, events, say_own, say_shared)


@contextlib.asynccontextmanager
async def open_hooks(house: House, app: App) -> AsyncIterator[tuple[Say, Say]]:
    """Webhooks out, where a setting says where to."""
    url, metrics = house.settings.push_webhook_url, house.metrics
    if not url:
        yield (lambda _: None), (lambda _: None)
        return
    async with HookPost.open(url, app, metrics.hook_posts, house.settings.trusted) as post:
        own = Hooks(post, metrics.hooks_dropped, now)
        lease = Lease(Notes(house.log), "app-hooks")
        shared = SharedHooks(Hooks(post, metrics.hooks_dropped, now), lease, now)
        house.tasks += [own.run, shared.run]
        yield own.say, shared.say


def seconds() -> float:
    """The clock, in seconds since 1970."""
    return now().timestamp()
