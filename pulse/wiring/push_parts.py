"""What stands behind the push door: who is connected, what was told of late, and the doors' protocols."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from starlette.routing import Route

from pulse.channel_rights import ChannelRights
from pulse.house import House, now
from pulse.push.acks import Acks
from pulse.push.app_events import AppEvents
from pulse.push.app_telling import AppTelling
from pulse.push.caches import Caches
from pulse.push.channel_poll import ChannelPoll
from pulse.push.channel_sse import ChannelSse
from pulse.push.channel_ws import ChannelWs
from pulse.push.client_events import ClientEvents
from pulse.push.comings import Comings
from pulse.push.evicting import Evicting
from pulse.push.framing import Framing
from pulse.push.hearers import Hearers
from pulse.push.http_windows import HttpWindows
from pulse.push.hub import Hub
from pulse.push.post import Post
from pulse.push.protocol import Pusher
from pulse.push.relay import Relay
from pulse.push.resuming import Resuming
from pulse.push.ring import Ring
from pulse.push.rounds import Rounds
from pulse.push.server import PushServer
from pulse.push.subscriptions import Subscriptions
from pulse.push.telling import Telling
from pulse.push.tickets import Tickets
from pulse.push.user_sign_in import UserSignIn
from pulse.push.watching import Watching
from pulse.push.welcome import Welcome
from pulse.push.windows import Windows
from pulse.push.xhr import Xhr


@dataclass(frozen=True)
class PushParts:
    hub: Hub
    telling: Telling
    resuming: Resuming
    relay: Relay
    windows: Windows
    channel_ws: ChannelWs
    pusher: Pusher
    rounds: Rounds
    app_events: AppEvents
    app_telling: AppTelling
    caches: Caches
    client_events: ClientEvents
    evicting: Evicting

    async def listen(self) -> None:
        """From now on it hears what other processes say live."""
        await self.client_events.begin()
        await self.app_events.listen(self.app_telling.hear)


def push_parts(
    house: House, clock: Callable[[], datetime] = now, hub: Hub | None = None, ring: Ring | None = None,
    *, counts: bool = False,
) -> PushParts:  # fmt: skip
    """Made together, because each hears of the others."""
    hub = hub or Hub(roster=house.roster, post=Post(house.metrics.fanout.observe))
    ring = ring or Ring()
    directory, signer, key = house.directory, house.signer, house.settings.push_key
    telling = Telling(hub, directory, ring, house.cursors)
    framing = Framing(house.log, directory)
    resuming = Resuming(house.log, framing, ring, telling.cursors, house.metrics)
    rights, acks = ChannelRights(directory, house.store), Acks(house.store, directory, clock)
    evicting = Evicting(hub, directory, rights)
    windows, app_events = Windows(telling, resuming, signer, clock), AppEvents(house.log)
    hearers, watching = Hearers(telling, evicting), Watching(hub, directory)
    caches, client_events = Caches(app_events, ring), ClientEvents(house.log, hearers, house.metrics)
    tickets, welcome = Tickets(directory, signer, key), Welcome(hub, caches, counts=counts)
    subscriptions = Subscriptions(telling, resuming, evicting, tickets, welcome)
    signing_in = UserSignIn(hub, tickets, watching)
    pusher = Pusher(telling, subscriptions, signing_in, client_events, acks, enabled=house.app.enabled)
    Comings(hub, watching, counts=counts)
    return PushParts(
        hub, telling, resuming, Relay(house.log, telling, framing, evicting, house.metrics), windows,
        ChannelWs(windows, acks), pusher, Rounds(hub, windows, pusher), app_events, AppTelling(hearers),
        caches, client_events, evicting,
    )  # fmt: skip


def stream_routes(parts: PushParts, server: PushServer, xhr: Xhr) -> list[Route]:
    """Push without WebSockets, on the HTTP port; all of its clients count into the server's capacity."""
    doors = HttpWindows(parts.windows, server)
    return [*ChannelSse(doors).routes(), *ChannelPoll(doors).routes(), *xhr.routes()]
