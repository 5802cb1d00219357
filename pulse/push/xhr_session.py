"""A Pusher client without a socket: what it says comes in posts, what it is told leaves in one answer after another."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

import msgspec

from pulse.limits import TooOften
from pulse.push.codes import Code
from pulse.push.outlet import Outlet
from pulse.push.peers import Speaker
from pulse.push.post import Post

# Between two answers there is a moment without any; a client that is gone shows by nothing else.
SESSION_SECONDS = 10.0
POSTED, POST_SECONDS = 16, 3.0


class Parcel(msgspec.Struct, frozen=True):
    """What one reader is told: messages, and at the end with which code it closes. `stale`: another reads now."""

    messages: list[str] = []
    code: Code | None = None
    stale: bool = False


class XhrSession(Outlet, Speaker):
    """Lives for as long as somebody reads it. Of several readers the newest counts: the others' client is gone.

    Messages wait in the gap between two readers, within the bound of every outlet.
    """

    __slots__ = ("_expiry", "_inbox", "_parted", "_reader", "_room")

    def __init__(self, post: Post) -> None:
        super().__init__(post)
        self._reader = ""
        self._inbox: asyncio.Queue[str | None] = asyncio.Queue()
        self._room = asyncio.Semaphore(POSTED)
        self._parted = asyncio.Event()
        self._expiry: asyncio.TimerHandle | None = None
        self.keep()

    def keep(self) -> None:
        """Somebody asked for it, so it goes on."""
        if self._expiry is not None:
            self._expiry.cancel()
        self._expiry = asyncio.get_running_loop().call_later(SESSION_SECONDS, self.dismiss, Code.NO_PONG)

    async def parcel(self, reader: str, seconds: float, *, begins: bool = False) -> Parcel:
        """What waits; returns without any after some time. A reader that `begins` takes the place of all before it."""
        if begins:
            self._reader = reader
            self._changed.set()
        self.keep()
        if self._reader == reader:
            await self.wait(seconds)
        if self._reader != reader:
            return Parcel(stale=True)
        self.keep()
        if told := self.drain():
            return Parcel([wire.payload.decode() for wire in told])
        if self.code is not None:
            self._parted.set()
        return Parcel(code=self.code)

    async def hear(self, messages: Sequence[str]) -> bool:
        """Passes on what it says, no faster than it is read. Raises TooOften."""
        self.keep()
        try:
            async with asyncio.timeout(POST_SECONDS):
                for message in messages:
                    await self._room.acquire()
                    self._inbox.put_nowait(message)
        except TimeoutError:
            raise TooOften from None
        return True

    async def messages(self) -> AsyncIterator[str | bytes]:
        while (message := await self._inbox.get()) is not None and self.code is None:
            self._room.release()
            yield message

    def dismiss(self, code: Code) -> None:
        super().dismiss(code)
        self._inbox.put_nowait(None)

    async def parted(self) -> None:
        """Returns when its client was told that it has ended, or nobody asks any more."""
        if self._expiry is not None:
            self._expiry.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SESSION_SECONDS):
                await self._parted.wait()
        if self._expiry is not None:
            self._expiry.cancel()
