"""Close codes, and whether a client should come back. They stay inside the ranges that Pusher clients act on."""

from __future__ import annotations

from enum import IntEnum


class Code(IntEnum):
    """4000-4099: don't come back unchanged; 4100-4199: come back a little later; 4200-4299: come back at once."""

    NO_SUCH_APP = 4001
    TOO_MANY_CONNECTIONS = 4004
    UNAUTHORISED = 4009
    OVER_CAPACITY = 4100
    TOO_SLOW = 4101
    LEAVING = 4200

    @property
    def come_back(self) -> bool:
        return self >= 4100
