"""Uploads: files out of a multipart body, each streamed into our storage while it arrives."""

from __future__ import annotations

import contextlib
import re
import unicodedata
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING
from urllib.parse import unquote

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from pulse.blobs import Blobs, Gathered
from pulse.errors import BadInput, TooLarge
from pulse.message import FILES
from pulse.sniff import sniff
from pulse.values import value

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks  # there for the type checker only

# Addresses that limit their own bodies, which are larger than any other's.
PATHS = re.compile(r"/api/(chats/[^/]+|widget)/files")
AT_ONCE = 10
PARTS = 100
AROUND = 64 * 1024  # what a body may hold beside its files: boundaries, headers, other fields
NAME_LIMIT = 150
BEGIN, BYTES, END = "begin", "bytes", "end"
# Letters that only turn the direction of what follows, so that `exe.gnp` reads as `png.exe`.
UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
KINDS = {"image": "photo", "video": "video", "audio": "audio"}
PHOTOS = frozenset({"image/jpeg", "image/png", "image/webp"})


class NotAnUpload(BadInput):
    """Send the files as multipart/form-data, each part with a filename; ten at most."""


class NotThisType(BadInput):
    """Files of this type are not taken here."""

    status = 415


@value
class Rules:
    """What may come: `limit` in bytes for all files together, `kinds` the channel's, `types` such as `image/*`, or any."""

    limit: int
    kinds: frozenset[str] = FILES
    types: tuple[str, ...] = ()

    @property
    def too_large(self) -> TooLarge:
        return TooLarge(f"Files of up to {self.limit / 2**20:g} MB are taken here.")

    def require_empty(self) -> None:
        """Raises NotThisType where only some types are taken: of no bytes nobody can tell one."""
        try:
            self.kind_of(sniff(b""))
        except NotThisType:
            raise NotThisType("This file is empty.") from None

    def kind_of(self, mime: str) -> str:
        """As what a file goes out. Raises NotThisType."""
        if self.types and not any(fits(mime, pattern) for pattern in self.types):
            raise NotThisType
        family = mime.partition("/")[0]
        kind = KINDS.get(family, "document") if family != "image" or mime in PHOTOS else "document"
        if kind not in self.kinds:
            kind = "document"
        if kind not in self.kinds:
            raise NotThisType
        return kind


@value
class Uploaded:
    """A file that lies in our storage; nobody names it yet."""

    sha256: str
    kind: str
    name: str
    mime: str
    size: int


async def take_uploads(request: Request, blobs: Blobs, rules: Rules) -> list[Uploaded]:
    """Every file of the body. Of a body that is refused nothing is kept but whole files that came before.

    Raises NotAnUpload, NotThisType, TooLarge, BlobNotKept.
    """
    media_type, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary", b"")
    if media_type != b"multipart/form-data" or not 1 <= len(boundary) <= 70:
        raise NotAnUpload
    if rules.limit <= 0:
        raise NotThisType
    reader = _Reader(boundary)
    found = await _read_files(request, reader, blobs, rules)
    if not reader.ended or not found:
        raise NotAnUpload
    return found


async def _read_files(request: Request, reader: _Reader, blobs: Blobs, rules: Rules) -> list[Uploaded]:
    async with contextlib.AsyncExitStack() as one_file:
        files = _Files(blobs, rules, one_file)
        async for chunk in _body(request, rules):
            for told, what in reader.read(chunk):
                await files.take(told, what)
    return files.found


class _Files:
    """The files of one body, each gathered while it comes. `one_file` closes the one that is being gathered."""

    def __init__(self, blobs: Blobs, rules: Rules, one_file: contextlib.AsyncExitStack) -> None:
        self.found: list[Uploaded] = []
        self._blobs = blobs
        self._rules = rules
        self._room = rules.limit
        self._one_file = one_file
        self._gathered: Gathered | None = None

    async def take(self, told: str, what: bytes) -> None:
        """What a reader tells. Raises NotAnUpload, NotThisType, TooLarge, BlobNotKept."""
        if told == BEGIN:
            if len(self.found) == AT_ONCE:
                raise NotAnUpload
            self._gathered = await self._one_file.enter_async_context(self._blobs.gather())
            return
        assert self._gathered is not None  # every part begins
        if told == BYTES:
            await self._add(self._gathered, what)
        else:
            self.found.append(await self._keep(self._gathered, what.decode()))
            await self._one_file.aclose()

    async def _add(self, gathered: Gathered, piece: bytes) -> None:
        self._room -= len(piece)
        if self._room < 0:
            raise self._rules.too_large
        await gathered.add(piece)

    async def _keep(self, gathered: Gathered, name: str) -> Uploaded:
        """Of a type that is not taken nothing is kept."""
        if not gathered.size:
            self._rules.require_empty()
        kind = self._rules.kind_of(gathered.mime)
        kept = await gathered.keep()
        return Uploaded(kept.sha256, kind, clean_name(name), kept.mime, kept.size)


async def _body(request: Request, rules: Rules) -> AsyncIterator[bytes]:
    """Every byte counts, also of what is passed over."""
    room = rules.limit + AROUND
    try:
        async for chunk in request.stream():
            room -= len(chunk)
            if room < 0:
                raise rules.too_large
            yield chunk
    except ClientDisconnect:
        raise NotAnUpload("The body broke off.") from None


class _Reader:
    """A multipart body as it is told, piece by piece: BEGIN, BYTES …, END with the file's name, again and again.

    Parts without a file name are passed over.
    """

    def __init__(self, boundary: bytes) -> None:
        self.ended = False
        self._parts = 0
        self._told: list[tuple[str, bytes]] = []
        self._header = b""
        self._value = b""
        self._name: bytes | None = None
        on: MultipartCallbacks = {
            "on_part_begin": self._begin,
            "on_header_field": self._on_field,
            "on_header_value": self._on_value,
            "on_header_end": self._on_header,
            "on_headers_finished": self._on_headers,
            "on_part_data": self._on_bytes,
            "on_part_end": self._on_part,
            "on_end": self._on_end,
        }
        self._parser = MultipartParser(boundary, on)

    def read(self, chunk: bytes) -> list[tuple[str, bytes]]:
        """Raises NotAnUpload, TooLarge."""
        try:
            self._parser.write(chunk)
        except FormParserError:
            raise NotAnUpload from None
        told, self._told = self._told, []
        return told

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > PARTS:
            raise TooLarge(f"A body of up to {PARTS} parts is taken here.")
        self._name = None

    def _on_field(self, data: bytes, start: int, end: int) -> None:
        self._header = self._header + data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value = self._value + data[start:end]

    def _on_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            options = parse_options_header(self._value)[1]
            self._name = options.get(b"filename", None)
        self._header = self._value = b""

    def _on_headers(self) -> None:
        if self._name is not None:
            self._told.append((BEGIN, b""))

    def _on_bytes(self, data: bytes, start: int, end: int) -> None:
        if self._name is not None:
            self._told.append((BYTES, data[start:end]))

    def _on_part(self) -> None:
        if self._name is not None:
            self._told.append((END, unquote(self._name.decode(errors="replace")).encode()))

    def _on_end(self) -> None:
        self.ended = True


def clean_name(name: str) -> str:
    """A file's name without folders and unseen letters; `file` where nothing is left."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    seen = "".join(letter for letter in last if unicodedata.category(letter) not in UNSEEN).strip(" .")
    return seen[-NAME_LIMIT:] or "file"  # the end of a long one says more


def fits(mime: str, pattern: str) -> bool:
    """`image/*` are all images."""
    return mime.startswith(pattern[:-1]) if pattern.endswith("*") else mime == pattern
