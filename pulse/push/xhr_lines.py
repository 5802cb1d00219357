"""The wire of pusher-js' HTTP fallback, as pusher-js 8.6 reads it (src/core/http).

Answers are lines, each a letter and JSON: `o` opened, `a` messages, `h` heartbeat, `c` code and reason. Over 256 KiB of
one answer its client opens another; so all is ASCII, and nothing is written after that, for what was on its way then
would be lost.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator

from pulse.errors import BadInput, LogDown
from pulse.push.xhr_elsewhere import Elsewhere
from pulse.push.xhr_session import SESSION_SECONDS, Parcel, XhrSession

PRELUDE = b"h" * 2048 + b"\n"  # browsers used to keep the first two KiB to themselves
LONGEST = 256 * 1024
TURN_SECONDS = 2.0  # below the time in which another process must have answered
HEARTBEAT_SECONDS = 25.0
MESSAGES = 50


class Reading:
    """One reader of a session: an answer that its client waits for."""

    def __init__(self, held: XhrSession | Elsewhere, *, is_new: bool = False) -> None:
        self.held = held
        self.is_new = is_new
        self._name = secrets.token_hex(8)
        self._begins = True

    async def lines(self) -> AsyncIterator[bytes]:
        yield PRELUDE
        written = len(PRELUDE)
        while written <= LONGEST:
            try:
                line = await self.line(HEARTBEAT_SECONDS)
            except LogDown:  # what was under way is lost, so this session is: its client begins anew
                return
            if not line:
                return
            yield line
            written += len(line)
            if line.startswith(b"c"):
                return
        await asyncio.sleep(SESSION_SECONDS)  # the client hangs up before that

    async def line(self, seconds: float) -> bytes:
        """The next; empty when another reads now. Raises LogDown."""
        if self.is_new:
            self.is_new = False
            return b"o\n"
        until = asyncio.get_running_loop().time() + seconds
        while (left := until - asyncio.get_running_loop().time()) > 0:
            parcel = await self.held.parcel(self._name, min(left, TURN_SECONDS), begins=self._begins)
            self._begins = False
            if parcel.stale or parcel.messages or parcel.code is not None:
                return written(parcel)
        return b"h\n"


def written(parcel: Parcel) -> bytes:
    """A parcel as a line, in ASCII."""
    if parcel.messages:
        return b"a" + json.dumps(parcel.messages).encode() + b"\n"
    if parcel.code is not None:
        return b"c" + json.dumps([parcel.code, parcel.code.reason]).encode() + b"\n"
    return b""


def messages_in(body: bytes) -> list[str]:
    """Raises BadInput."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        raise BadInput("This is not JSON.") from None
    if not isinstance(said, list) or len(said) > MESSAGES or not all(isinstance(one, str) for one in said):
        raise BadInput(f"Send a list of at most {MESSAGES} strings.")
    return said
