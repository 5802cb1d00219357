"""What processes tell each other live, on core NATS: the subjects that one room speaks on and another hears. Never kept."""

from __future__ import annotations

STAFF_TYPING = "pulse.live.typing.staff"
ROOM_TYPING = "pulse.live.typing.room"
