"""Bodies and files too large for an event, kept by what they are: the SHA-256 of the content is the name.

In a folder, or in a bucket of an S3 server. Whatever comes is first gathered on the disk, never whole in memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import urlsplit

import obstore
import structlog
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, S3Store

from pulse.errors import Trouble, TryLater
from pulse.sniff import HEAD, sniff
from pulse.values import value

if TYPE_CHECKING:
    from obstore import GetOptions, GetResult  # there for the type checker only
    from obstore.store import S3Config

log = structlog.get_logger(__name__)

GATHERED = ".gathered"
PIECE = 256 * 1024
PART = 8 * 1024 * 1024  # of a multipart upload; S3 takes 10,000 of them
PARTS_AT_ONCE = 4
# A blob that is kept again counts as new after this; who looks for blobs that nobody names relies on it.
FRESH = timedelta(hours=24)
NAME = re.compile(r"[0-9a-f]{64}(\.[a-z]+)?")
NAMED = re.compile(rb"[0-9a-f]{64}")  # in whatever names blobs


class BlobNotKept(Trouble):
    """A large body can't be put on the disk, so nothing was accepted. Try again soon."""


class BlobsDown(TryLater):
    """The files can't be read right now. Try again soon."""


@value
class Bucket:
    """Where blobs lie on an S3 server. `url` is `s3://bucket/prefix`; without `endpoint` it is Amazon's."""

    url: str
    endpoint: str = ""
    key: str = ""
    secret: str = ""
    region: str = "us-east-1"

    def __repr__(self) -> str:
        return f"Bucket({self.url!r})"


@value
class Kept:
    """What was kept: its name, how many bytes, and its media type by its first bytes."""

    sha256: str
    size: int
    mime: str


@value
class Found:
    """A blob that is there, its size in bytes, and when it was last kept."""

    name: str
    size: int
    at: datetime


class Blobs:
    """Content-addressed storage, for our eyes only; the same bytes are kept once."""

    def __init__(self, place: Path, bucket: Bucket | None = None) -> None:
        """`place` holds the blobs; with a bucket, only what is on its way there."""
        self._place = place
        self._in_bucket = bucket is not None
        self._store: ObjectStore = open_bucket(bucket) if bucket else LocalStore(str(_made(place)))

    async def keep(self, content: bytes) -> str:
        """Stores bytes, returns their hash once they are on disk. Safe to repeat. Raises BlobNotKept."""
        async with self.gather() as gathered:
            await gathered.add(content)
            return (await gathered.keep()).sha256

    @contextlib.asynccontextmanager
    async def gather(self) -> AsyncIterator[Gathered]:
        """Takes a body piece by piece; what was not kept at the end is gone. Raises BlobNotKept."""
        with _refused():
            file, path = await asyncio.to_thread(_new_file, self._place)
        try:
            yield Gathered(self, file, path)
        finally:
            file.close()
            path.unlink(missing_ok=True)

    async def derive(self, name: str, kind: str, content: bytes) -> None:
        """Keeps what was made from a blob beside it, as `<name>.<kind>`: it can be made again. Raises BlobNotKept."""
        async with self.gather() as gathered:
            await gathered.add(content)
            await gathered.keep(f"{name}.{kind}")

    async def read(self, name: str) -> bytes:
        """The bytes of a hash. Raises FileNotFoundError, BlobsDown."""
        return b"".join([piece async for piece in await self.stream(name)])

    async def stream(self, name: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `start` up to (not with) `end`, piece by piece. Raises FileNotFoundError, BlobsDown."""
        options: GetOptions = {}
        if end is not None:
            options = {"range": (start, end)}
        elif start:
            options = {"range": {"offset": start}}
        with _down():
            return _pieces(await obstore.get_async(self._store, _path(name), options=options))

    async def find(self, name: str) -> Found | None:
        """What is there of this name. Raises BlobsDown."""
        with _down():
            try:
                met = await obstore.head_async(self._store, _path(name))
            except FileNotFoundError:
                return None
        return Found(name, met["size"], met["last_modified"])

    async def everything(self) -> AsyncIterator[list[Found]]:
        """Every blob, page by page, in no order. Raises BlobsDown."""
        with _down():
            async for page in obstore.list(self._store, chunk_size=1000):
                names = ((one["path"].rpartition("/")[2], one) for one in page)
                yield [Found(name, one["size"], one["last_modified"]) for name, one in names if NAME.fullmatch(name)]

    async def remove(self, name: str) -> None:
        """Removes a blob for good; one that is not there is passed over. Raises BlobsDown."""
        with _down(), contextlib.suppress(FileNotFoundError):
            await obstore.delete_async(self._store, _path(name))

    async def _settle(self, gathered: Path, size: int, name: str) -> None:
        """Puts a gathered file where it belongs; on return it survives a power cut, or is the server's concern."""
        if not self._in_bucket:
            await asyncio.to_thread(_rename, gathered, self._place / _path(name))
            return
        there = await self.find(name)
        if there is None or there.at < datetime.now(UTC) - FRESH:
            await obstore.put_async(
                self._store, _path(name), gathered, use_multipart=size > PART, chunk_size=PART,
                max_concurrency=PARTS_AT_ONCE,
            )  # fmt: skip


class Gathered:
    """A body on its way in."""

    def __init__(self, blobs: Blobs, file: BinaryIO, path: Path) -> None:
        self.size = 0
        self.head = b""
        self._blobs = blobs
        self._file = file
        self._path = path
        self._hash = sha256()

    @property
    def mime(self) -> str:
        """By its first bytes."""
        return sniff(self.head)

    async def add(self, piece: bytes) -> None:
        """Raises BlobNotKept."""
        with _refused():
            await asyncio.to_thread(self._write, piece)
        self.size += len(piece)
        if len(self.head) < HEAD:
            self.head += piece[: HEAD - len(self.head)]

    async def keep(self, name: str = "") -> Kept:
        """Keeps what was gathered, under its hash. Raises BlobNotKept."""
        kept = Kept(self._hash.hexdigest(), self.size, self.mime)
        with _refused():
            await asyncio.to_thread(_sync_file, self._file)
            await self._blobs._settle(self._path, kept.size, name or kept.sha256)
        return kept

    def _write(self, piece: bytes) -> None:
        self._file.write(piece)
        self._hash.update(piece)


def open_bucket(bucket: Bucket) -> S3Store:
    """Nothing is asked of the server yet."""
    where = urlsplit(bucket.url)
    config: S3Config = {"region": bucket.region}
    if bucket.endpoint:
        config["endpoint"] = bucket.endpoint
    if bucket.key:
        config |= {"access_key_id": bucket.key, "secret_access_key": bucket.secret}
    return S3Store(
        where.netloc, prefix=where.path.strip("/") or None, config=config,
        client_options={"allow_http": bucket.endpoint.startswith("http:"), "connect_timeout": "5s", "timeout": "900s"},
        retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=20)},
    )  # fmt: skip


def forget_gathered(place: Path, before: datetime) -> int:
    """Removes what a crash left half gathered; returns how many files it was."""
    gone = 0
    for file in (place / GATHERED).glob("*"):
        with contextlib.suppress(FileNotFoundError):  # its upload has just ended
            if file.stat().st_mtime < before.timestamp():
                file.unlink()
                gone += 1
    return gone


@contextlib.contextmanager
def _refused() -> Iterator[None]:
    try:
        yield
    except (OSError, BaseError, BlobsDown) as error:
        log.warning("blobs.refused", trouble=str(error).partition("\n")[0])  # nobody else watches this disk
        raise BlobNotKept from error


@contextlib.contextmanager
def _down() -> Iterator[None]:
    try:
        yield
    except BaseError as error:
        raise BlobsDown from error


async def _pieces(found: GetResult) -> AsyncIterator[bytes]:
    with _down():
        async for piece in found.stream(min_chunk_size=PIECE):
            yield piece


def _path(name: str) -> str:
    return f"{name[:2]}/{name}"


def _made(place: Path) -> Path:
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    return place


def _new_file(place: Path) -> tuple[BinaryIO, Path]:
    """Beside the blobs, so that it can be renamed to one."""
    folder = _made(_made(place) / GATHERED)
    handle, path = tempfile.mkstemp(dir=folder)
    return os.fdopen(handle, "w+b"), Path(path)


def _sync_file(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _rename(gathered: Path, final: Path) -> None:
    """The bytes are on the disk; only this makes the name survive a power cut too."""
    final.parent.mkdir(mode=0o700, exist_ok=True)
    gathered.rename(final)
    os.utime(final)
    for place in (final.parent, final.parent.parent):
        handle = os.open(place, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
