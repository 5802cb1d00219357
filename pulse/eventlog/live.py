"""What processes tell each other live, on core NATS: subjects that one room speaks on and another hears. Never kept."""

from __future__ import annotations

STAFF_TYPING = "pulse.live.typing.staff"
ATTENTION = "pulse.live.attention"
ROOM_TYPING = "pulse.live.typing.room"
ROSTER = "pulse.live.roster"  # and below it, each process by its id
APP = "pulse.live.app"
CLIENT_EVENTS = "pulse.live.client"
HOOKS = "pulse.live.hooks"
XHR = "pulse.live.xhr"  # and whose: asked by a process that does not hold a client's session
