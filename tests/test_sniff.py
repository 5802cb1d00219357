"""What a file is, by its first bytes, whatever it is called."""

from __future__ import annotations

import io
import zipfile

import pytest

from pulse.sniff import HEAD, UNKNOWN, sniff

OFFICE = "application/vnd.openxmlformats-officedocument"


def a_zip(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name in names:
            made.writestr(name, "")
    return out.getvalue()


@pytest.mark.parametrize(
    ("head", "mime"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0", "image/png"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "image/jpeg"),
        (b"GIF89a\1\0", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"\0\0\0\x18ftypheic", "image/heic"),
        (b"\0\0\0\x18ftypisom", "video/mp4"),
        (b"\0\0\0\x18ftypM4A ", "audio/mp4"),
        (b"\x1aE\xdf\xa3\1\0", "video/webm"),
        (b"OggS\0\2" + b"\0" * 22 + b"OpusHead", "audio/ogg"),
        (b"ID3\4\0", "audio/mpeg"),
        (b"\xff\xfb\x90d", "audio/mpeg"),
        (b"%PDF-1.7", "application/pdf"),
        (a_zip("a.txt"), "application/zip"),
        (a_zip("[Content_Types].xml", "_rels/.rels", "word/document.xml"), f"{OFFICE}.wordprocessingml.document"),
        (a_zip("[Content_Types].xml", "xl/workbook.xml"), f"{OFFICE}.spreadsheetml.sheet"),
        (b"MZ\x90\0", "application/vnd.microsoft.portable-executable"),
        ("Привет, мир".encode(), "text/plain"),
        (("я" * HEAD).encode()[: HEAD - 1], "text/plain"),
        (b" \n<!-- x --><!DOCTYPE html><HTML>", "text/html"),
        (b"<script>alert(1)</script>", "text/html"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<svg onload='x'>", "image/svg+xml"),
        (b"<?xml version='1.0'?><note/>", "application/xml"),
        (b"", UNKNOWN),
        (b"\0\1\2", UNKNOWN),
        (b"\xff\xfe\x00 no text", UNKNOWN),
    ],
)
def test_it_is_what_its_first_bytes_say(head: bytes, mime: str) -> None:
    assert sniff(head) == mime
