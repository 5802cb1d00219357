"""What a file is, by its first bytes: what a sender says of it is never believed. A hint, not a proof of harmlessness.

Signatures: https://mimesniff.spec.whatwg.org/ and https://en.wikipedia.org/wiki/List_of_file_signatures
"""

from __future__ import annotations

import re

HEAD = 4096
UNKNOWN = "application/octet-stream"

# Where, what, and which type that is. The first that fits wins.
SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBPVP8", "image/webp"),
    (0, b"BM", "image/bmp"),
    (0, b"II*\0", "image/tiff"),
    (0, b"MM\0*", "image/tiff"),
    (4, b"ftypheic", "image/heic"),
    (4, b"ftypmif1", "image/heic"),
    (4, b"ftypavif", "image/avif"),
    (4, b"ftypM4A", "audio/mp4"),
    (4, b"ftypqt", "video/quicktime"),
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
    (28, b"OpusHead", "audio/ogg"),
    (0, b"OggS", "audio/ogg"),
    (0, b"ID3", "audio/mpeg"),
    (8, b"WAVE", "audio/wav"),
    (8, b"AVI ", "video/x-msvideo"),
    (0, b"fLaC", "audio/flac"),
    (0, b"#!AMR", "audio/amr"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"PK\x03\x04", "application/zip"),
    (0, b"PK\x05\x06", "application/zip"),
    (0, b"\x1f\x8b", "application/gzip"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"Rar!\x1a\x07", "application/vnd.rar"),
    (0, b"{\\rtf", "application/rtf"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (0, b"MZ", "application/vnd.microsoft.portable-executable"),
    (0, b"\x7fELF", "application/x-executable"),
)
OFFICE = "application/vnd.openxmlformats-officedocument"
# What lies in an office document, which is a zip.
OFFICE_PARTS = {
    b"word/": f"{OFFICE}.wordprocessingml.document",
    b"xl/": f"{OFFICE}.spreadsheetml.sheet",
    b"ppt/": f"{OFFICE}.presentationml.presentation",
}
MP3_FRAME = re.compile(rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb]")
MARKUP = re.compile(
    rb"(?:<!--.*?-->|<\?[^>]*>|<!doctype[^>]*>|\s)*<(?P<tag>[a-z!?][a-z0-9:]*)", re.IGNORECASE | re.DOTALL
)
NOT_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def sniff(head: bytes) -> str:
    """The media type of what begins like this (`HEAD` bytes are enough), UNKNOWN where nothing fits."""
    for place, signature, media_type in SIGNATURES:
        if head.startswith(signature, place):
            return _inside_zip(head) if media_type == "application/zip" else media_type
    if MP3_FRAME.match(head):
        return "audio/mpeg"
    return _text(head)


def _inside_zip(head: bytes) -> str:
    if b"[Content_Types].xml" not in head and b"_rels/" not in head:
        return "application/zip"
    return next((found for part, found in OFFICE_PARTS.items() if part in head), "application/zip")


def _text(head: bytes) -> str:
    """Text that a browser might take for a page is called what it is, so that nobody lists it as harmless text."""
    plain = head[:HEAD].removeprefix(b"\xef\xbb\xbf")
    if NOT_TEXT.search(plain) or not plain or not _is_utf8(plain):
        return UNKNOWN
    markup = MARKUP.match(plain)
    if markup is None:
        return "text/plain"
    tag = markup["tag"].lower()
    if tag == b"svg":
        return "image/svg+xml"
    return "application/xml" if plain.lstrip().startswith(b"<?xml") and tag != b"html" else "text/html"


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError as error:
        return error.end == len(text) and len(text) >= HEAD - 4  # a letter cut in two by the end of the head
    return True
