"""What stands behind the push door: who is connected, what was told of late, and the doors' protocols."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from starlette.routing import Route

from pulse.directory import Directory
from pulse.house import House, now
from pulse.push.acks import Acks
from pulse.push.channel_poll import ChannelPoll
from pulse.push.channel_sse import ChannelSse
from pulse.push.channel_ws import ChannelWs
from pulse.push.cursors import Cursors
from pulse.push.framing import Framing
from pulse.push.http_windows import HttpWindows
from pulse.push.hub import Hub
from pulse.push.protocol import Pusher
from pulse.push.relay import Relay
from pulse.push.resuming import Resuming
from pulse.push.ring import Ring
from pulse.push.rounds import Rounds
from pulse.push.server import PushServer
from pulse.push.telling import Telling
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


def push_parts(
    house: House, clock: Callable[[], datetime] = now, hub: Hub | None = None, directory: Directory | None = None,
    ring: Ring | None = None,
) -> PushParts:  # fmt: skip
    """Made together, because each hears of the others."""
    hub, directory, ring = hub or Hub(), directory or house.directory, ring or Ring()
    cursors = Cursors(house.epoch, house.vault.derive("cursors"))
    telling = Telling(hub, directory, ring, cursors)
    framing = Framing(house.log, directory)
    resuming = Resuming(house.log, framing, ring, cursors)
    acks = Acks(house.store, directory, clock)
    windows = Windows(telling, resuming, house.signer, clock)
    pusher = Pusher(telling, resuming, acks, house.signer, house.settings.push_key)
    return PushParts(
        hub, telling, resuming, Relay(house.log, directory, telling, framing), windows, ChannelWs(windows, acks),
        pusher, Rounds(hub, windows, pusher),
    )  # fmt: skip


def stream_routes(parts: PushParts, server: PushServer, xhr: Xhr) -> list[Route]:
    """Push without WebSockets, on the HTTP port; all of its clients count into the server's capacity."""
    doors = HttpWindows(parts.windows, server)
    return [*ChannelSse(doors).routes(), *ChannelPoll(doors).routes(), *xhr.routes()]
