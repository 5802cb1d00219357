"""Close codes: their range says whether a client should come back, as Pusher clients read it."""

from __future__ import annotations

from enum import IntEnum


class Code(IntEnum):
    """4000-4099: don't come back unchanged (4000: with TLS, at once); 4100-4199: come back a little later; 4200-4299: come
    back at once.

    Never 4300 and above: there stock clients stop for good. Wrong tokens and origins get no code, but 401 and 403
    before the socket is accepted.
    """

    reason: str

    TLS_ONLY = 4000, "Pusher clients come by TLS only."
    NO_SUCH_APP = 4001, "There is no app of this key."
    APP_DISABLED = 4003, "Pusher's protocol is switched off here."
    TOO_MANY_CONNECTIONS = 4004, "Too many windows are open."
    NO_SUCH_PATH = 4005, "There is nothing at this path."
    NOT_A_VERSION = 4006, "The protocol's version must be a number."
    OLD_PROTOCOL = 4007, "This version of the protocol is not spoken here."
    NO_VERSION = 4008, "The protocol's version is missing: ?protocol=7."
    SESSION_ENDED = 4009, "Your session has ended. Sign in again."
    OVER_CAPACITY = 4100, "This server is full. Try again in a moment."
    TOO_SLOW = 4101, "Too much was waiting to be read. Come back with your cursor."
    LEAVING = 4200, "Pulse is restarting."
    NO_PONG = 4201, "No pong came back."
    IDLE = 4202, "Nothing was said for a day."

    def __new__(cls, number: int, reason: str) -> Code:
        code = int.__new__(cls, number)
        code._value_ = number
        code.reason = reason
        return code
