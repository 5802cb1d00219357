"""What push does over HTTP for other programs: the signed API, and webhooks. `workers.open_push` opens it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from pulse.access import Subscription, may_publish
from pulse.eventlog.lease import Lease
from pulse.eventlog.notes import Notes
from pulse.house import House, now
from pulse.push.app_api import AppApi
from pulse.push.app_occupancy import Channels
from pulse.push.app_publishing import Publishing
from pulse.push.client_events import ClientEvent
from pulse.push.hook_post import HookPost, warn_of_refusal
from pulse.push.hooks import HookEvent, Hooks
from pulse.push.shared_hooks import SharedHooks
from pulse.pusher_app import PusherApp
from pulse.roster.changes import Change, Counted, MemberAdded, MemberRemoved, Occupied, Vacated
from pulse.wiring.push_parts import PushParts

Say = Callable[[HookEvent], None]


@contextlib.asynccontextmanager
async def open_app_doors(house: House, parts: PushParts) -> AsyncIterator[None]:
    """The routes stand on the HTTP port."""
    events = parts.app_events

    def may_tell(channel: str) -> bool:
        named = Subscription.named(channel)
        is_told = named is not None and (named.is_private or named.is_presence)
        return may_publish(channel, house.directory.audiences_of(named.kind) if named and is_told else ())

    def count(operation: str, status: int) -> None:
        house.metrics.app_requests.labels(operation, str(status)).inc()

    channels = Channels(parts.hub.roster, events.last_event, seconds)
    house.routes += AppApi(house.app, Publishing(events, channels, may_tell), channels, seconds, count).routes()
    async with open_hooks(house, house.app) as (say_own, say_shared):
        parts.client_events.when_heard = lambda said: say_own(client_hook(said))
        parts.caches.when_missing = lambda channel: say_own(HookEvent("cache_miss", channel))
        parts.hub.roster.when_changed.add(lambda change: _tell_change(change, say_shared))
        yield


def client_hook(said: ClientEvent) -> HookEvent:
    return HookEvent("client_event", said.channel, said.event, said.data, said.socket_id, said.user_id)


def _tell_change(change: Change, say: Say) -> None:
    """What of the roster's changes webhooks tell; all processes know of each."""
    match change:
        case Occupied(channel=channel):
            say(HookEvent("channel_occupied", channel))
        case Vacated(channel=channel):
            say(HookEvent("channel_vacated", channel))
        case MemberAdded(channel=channel, user_id=user_id):
            say(HookEvent("member_added", channel, user_id=user_id))
        case MemberRemoved(channel=channel, user_id=user_id):
            say(HookEvent("member_removed", channel, user_id=user_id))
        case Counted(channel=channel, subscriptions=count):
            say(HookEvent("subscription_count", channel, subscription_count=count))


@contextlib.asynccontextmanager
async def open_hooks(house: House, app: PusherApp) -> AsyncIterator[tuple[Say, Say]]:
    """Webhooks out, where a setting says where to."""
    url, metrics = house.settings.push_webhook_url, house.metrics
    if not url:
        yield (lambda _: None), (lambda _: None)
        return
    trusted = house.settings.trusted
    house.tasks.append(lambda: warn_of_refusal(url, trusted))
    async with HookPost.open(url, app, metrics.hook_posts, trusted) as post, asyncio.TaskGroup() as group:
        own = Hooks(post, metrics.hooks_dropped, now)
        lease = Lease(Notes(house.log), "app-hooks")
        shared = SharedHooks(Hooks(post, metrics.hooks_dropped, now), lease, house.log, now)
        telling = [group.create_task(hooks.run()) for hooks in (own, shared)]
        yield own.say, shared.say
        for task in telling:
            task.cancel()


def seconds() -> float:
    """The clock, in seconds since 1970."""
    return now().timestamp()
