"""Previews: images decoded and made anew, so that a browser may show them. Kept beside their originals."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from uuid import UUID

import structlog

from pulse.blobs import Blobs
from pulse.errors import NotFound, TryLater
from pulse.files.shrink import NO_PICTURE

KIND = "preview"
MIME = "image/webp"
LARGEST = 30 * 1024 * 1024
AT_ONCE = 2
SECONDS = 20.0
# So many may be asked for at once, in all and of one chat; more are told to come again.
ASKED = 32
ASKED_OF_CHAT = 10
# All that the decoder gets to know of this process: no key, no password.
ENVIRONMENT = ("PATH", "LANG", "PYTHONPATH", "PYTHONHOME")

log = structlog.get_logger(__name__)


class NoPreview(NotFound):
    """This file has no preview."""


class NoPreviewYet(TryLater):
    """The preview can't be made right now. Try again soon."""


class Previews:
    """Makes each once, and of one chat one after the other, so that nobody holds up all others."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._room = asyncio.Semaphore(AT_ONCE)
        self._asked: Counter[UUID] = Counter()
        self._turns: defaultdict[UUID, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def of(self, name: str, chat: UUID) -> tuple[str, int]:
        """The preview's own name and size in bytes. `name` is a blob's.

        Raises NoPreview, NoPreviewYet, BlobsDown, BlobNotKept, FileNotFoundError.
        """
        preview = f"{name}.{KIND}"
        found = await self._blobs.find(preview)
        if found is None:
            async with self._turn(chat), self._room:
                await self._make(name)
            found = await self._blobs.find(preview)
        if found is None or found.size == 0:
            raise NoPreview
        return preview, found.size

    @contextlib.asynccontextmanager
    async def _turn(self, chat: UUID) -> AsyncIterator[None]:
        """Raises NoPreviewYet."""
        if self._asked.total() >= ASKED or self._asked[chat] >= ASKED_OF_CHAT:
            raise NoPreviewYet
        self._asked[chat] += 1
        try:
            async with self._turns[chat]:
                yield
        finally:
            self._asked[chat] -= 1
            if not self._asked[chat]:
                del self._asked[chat], self._turns[chat]

    async def _make(self, name: str) -> None:
        """An empty one says that there can be none, so that a broken image is tried once. Raises NoPreviewYet."""
        if await self._blobs.find(f"{name}.{KIND}") is not None:
            return
        original = await self._blobs.find(name)
        if original is None:
            raise FileNotFoundError(name)
        small = await run_shrink(await self._blobs.read(name)) if original.size <= LARGEST else b""
        await self._blobs.derive(name, KIND, small)


async def run_shrink(content: bytes) -> bytes:
    """The image made anew; nothing where the decoder says that it can't be shown.

    Raises NoPreviewYet where it says nothing: it took too long, was ended, or did not begin.
    """
    process = await _begin_shrink()
    try:
        async with asyncio.timeout(SECONDS):
            small, _ = await process.communicate(content)
    except TimeoutError:
        log.warning("preview.too-slow")
        raise NoPreviewYet from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode not in (0, NO_PICTURE):
        log.warning("preview.ended", code=process.returncode)
        raise NoPreviewYet
    return small if process.returncode == 0 else b""


async def _begin_shrink() -> asyncio.subprocess.Process:
    known = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
    try:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "pulse.files.shrink", env=known,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
    except OSError as error:
        raise NoPreviewYet from error
