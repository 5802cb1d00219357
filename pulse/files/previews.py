"""Previews: images decoded and made anew, so that a browser may show them. Kept beside their originals."""

from __future__ import annotations

import asyncio
import contextlib
import sys

import structlog

from pulse.blobs import Blobs
from pulse.errors import NotFound

KIND = "preview"
MIME = "image/webp"
LARGEST = 30 * 1024 * 1024
AT_ONCE = 2
SECONDS = 20.0

log = structlog.get_logger(__name__)


class NoPreview(NotFound):
    """This file has no preview."""


class Previews:
    """Makes each once. `name` is a blob's."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._room = asyncio.Semaphore(AT_ONCE)

    async def of(self, name: str) -> tuple[str, int]:
        """The preview's own name and size in bytes. Raises NoPreview, BlobsDown, BlobNotKept, FileNotFoundError."""
        preview = f"{name}.{KIND}"
        found = await self._blobs.find(preview)
        if found is None:
            async with self._room:
                await self._make(name)
            found = await self._blobs.find(preview)
        if found is None or found.size == 0:
            raise NoPreview
        return preview, found.size

    async def _make(self, name: str) -> None:
        """An empty one says that there can be none, so that a broken image is tried once."""
        if await self._blobs.find(f"{name}.{KIND}") is not None:
            return
        original = await self._blobs.find(name)
        if original is None:
            raise FileNotFoundError(name)
        small = await run_shrink(await self._blobs.read(name)) if original.size <= LARGEST else b""
        await self._blobs.derive(name, KIND, small)


async def run_shrink(content: bytes) -> bytes:
    """The image made anew; nothing where it can't be decoded, is too large or takes too long."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "pulse.files.shrink",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with asyncio.timeout(SECONDS):
            small, _ = await process.communicate(content)
    except TimeoutError:
        small = b""
        log.warning("preview.too-slow")
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return small if process.returncode == 0 else b""
