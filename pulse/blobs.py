"""Bodies and files too large for an event, kept by what they are: the SHA-256 of the content is the name."""

from __future__ import annotations

import asyncio
import os
from hashlib import sha256
from pathlib import Path

import obstore
import structlog
from obstore.exceptions import BaseError
from obstore.store import LocalStore

from pulse.errors import Trouble

log = structlog.get_logger(__name__)


class BlobNotKept(Trouble):
    """A large body can't be put on the disk, so nothing was accepted. Try again soon."""


class Blobs:
    """Content-addressed storage, for our eyes only; the same bytes are kept once."""

    def __init__(self, place: Path) -> None:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._place = place
        self._store = LocalStore(str(place))

    async def keep(self, content: bytes) -> str:
        """Stores bytes, returns their hash once they are on disk. Safe to repeat. Raises BlobNotKept."""
        name = sha256(content).hexdigest()
        try:
            await obstore.put_async(self._store, _path(name), content)
            await asyncio.to_thread(_sync, self._place / _path(name))
        except (OSError, BaseError) as error:
            log.warning("blobs.refused", trouble=str(error).partition("\n")[0])  # nobody else watches this disk
            raise BlobNotKept from error
        return name

    async def read(self, name: str) -> bytes:
        """The bytes of a hash. Raises FileNotFoundError."""
        found = await obstore.get_async(self._store, _path(name))
        return bytes(await found.bytes_async())


def _path(name: str) -> str:
    return f"{name[:2]}/{name}"


def _sync(file: Path) -> None:
    """The store writes beside and renames; only this makes the bytes and the name survive a power cut."""
    for place in (file, file.parent, file.parent.parent):
        handle = os.open(place, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
