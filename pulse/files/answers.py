"""How files are answered: ranges, validators, and headers that keep a browser from ever running one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote
from uuid import UUID

import structlog
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from pulse.blobs import Blobs
from pulse.errors import NotFound
from pulse.files.previews import MIME as PREVIEW_MIME
from pulse.files.previews import NoPreview, Previews
from pulse.values import value

log = structlog.get_logger(__name__)

# What browsers may know the type of; anything else is bytes to them.
TOLD = frozenset({
    "image/png", "image/jpeg", "image/webp", "image/gif", "video/mp4", "video/webm", "audio/mpeg", "audio/mp4",
    "audio/ogg", "audio/wav", "application/pdf",
})  # fmt: skip
RANGE = re.compile(r"bytes=(?P<first>\d{0,18})-(?P<last>\d{0,18})")
SAFE = {
    "Content-Security-Policy": "sandbox; default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "private, max-age=3600",
    "Vary": "Authorization, Cookie, Origin",
    "Accept-Ranges": "bytes",
    "Referrer-Policy": "no-referrer",
}


@value
class Served:
    """A file to answer with. `tag` names these bytes for caches; `blob` is where they lie."""

    blob: str
    size: int
    mime: str
    name: str
    tag: str
    inline: bool = False
    policy: str = "same-origin"


async def as_shown(original: Served, previews: Previews, chat: UUID, *, preview: bool | None, kind: str) -> Served:
    """An image made anew, which may be shown inline: when asked for, and for photos unless refused.

    Raises NoPreview when it was asked for, NoPreviewYet when it can't be made now.
    """
    if preview or (preview is None and kind == "photo"):
        try:
            blob, size = await previews.of(original.blob, chat)
        except (NoPreview, FileNotFoundError):
            if preview:
                raise NoPreview from None
        else:
            tag, name = f"{original.tag}.preview", f"{original.name.rpartition('.')[0] or original.name}.webp"
            return Served(blob, size, PREVIEW_MIME, name, tag, inline=True, policy=original.policy)
    return original


async def answer_file(request: Request, blobs: Blobs, file: Served) -> Response:
    """200, 206, 304 or 416; only the headers for a HEAD. Raises NotFound, BlobsDown."""
    tag = f'"{file.tag}"'
    headers = SAFE | {
        "ETag": tag, "Content-Disposition": disposition(file), "Cross-Origin-Resource-Policy": file.policy,
        "Content-Type": file.mime if file.mime in TOLD else "application/octet-stream",
    }  # fmt: skip
    if tag in re.split(r",\s*", request.headers.get("if-none-match", "")):
        return Response(status_code=304, headers=headers)
    part = wanted_part(request.headers, tag, file.size)
    if part is None:
        return Response(status_code=416, headers=headers | {"Content-Range": f"bytes */{file.size}"})
    start, end = part
    status = 206 if end - start < file.size else 200
    if status == 206:
        headers |= {"Content-Range": f"bytes {start}-{end - 1}/{file.size}"}
    headers |= {"Content-Length": str(end - start)}
    if request.method == "HEAD" or start == end:
        return Response(status_code=status, headers=headers)
    try:
        pieces = await blobs.stream(file.blob, start, end)
    except FileNotFoundError:
        log.error("files.missing", file=file.tag)  # noqa: TRY400  the file is the news, not the stack
        raise NotFound("This file is missing from the storage.") from None
    return StreamingResponse(pieces, status, headers)


def wanted_part(headers: Mapping[str, str], tag: str, size: int) -> tuple[int, int] | None:
    """From where up to (not with) where; all of it for what is no single range (RFC 9110, 14.2). None: there is none."""
    asked = RANGE.fullmatch(headers.get("range", "").replace(" ", ""))
    if asked is None or headers.get("if-range", tag) != tag or not (asked["first"] or asked["last"]):
        return 0, size
    if not asked["first"]:
        length = min(int(asked["last"]), size)
        return (size - length, size) if length else None
    first, last = int(asked["first"]), int(asked["last"] or size)
    if asked["last"] and last < first:
        return 0, size
    return (first, min(last + 1, size)) if first < size else None


def disposition(file: Served) -> str:
    """RFC 6266; the plain name is for clients of before 2011."""
    kind = "inline" if file.inline else "attachment"
    plain = re.sub(r'[^A-Za-z0-9._ -]|["\\]', "_", file.name)
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(file.name, safe='')}"
