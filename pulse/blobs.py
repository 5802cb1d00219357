"""Bodies and files too large for an event, kept by what they are: the SHA-256 of the content is the name."""

from __future__ import annotations

import asyncio
import os
from hashlib import sha256
from pathlib import Path

import obstore
from obstore.store import LocalStore


class Blobs:
    """Content-addressed storage, for our eyes only; the same bytes are kept once."""

    def __init__(self, place: Path) -> None:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._place = place
        self._store = LocalStore(str(place))

    async def keep(self, content: bytes) -> str:
        """Stores bytes, returns their hash once they are on disk. Safe to repeat."""
        name = sha256(content).hexdigest()
        await obstore.put_async(self._store, _path(name), content)
        await asyncio.to_thread(_sync, self._place / _path(name))
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
