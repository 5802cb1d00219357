"""Pictures, good and hostile, made on the spot."""

from __future__ import annotations

import io
import struct
import zlib

from PIL import Image
from PIL.PngImagePlugin import PngInfo

WHERE = b"taken at 55.75, 37.61"


def a_png(width: int = 40, height: int = 30, mode: str = "RGB", note: str = "") -> bytes:
    info = PngInfo()
    if note:
        info.add_text("Comment", note)
    out = io.BytesIO()
    Image.new(mode, (width, height), (200, 30, 30, 90)[: len(mode)]).save(out, "PNG", pnginfo=info)
    return out.getvalue()


def a_jpeg(width: int = 40, height: int = 30) -> bytes:
    """Lying on its side, with the place it was taken at, and with a page hidden behind the picture."""
    exif = Image.Exif()
    exif[0x0112] = 6  # turn it upright
    exif[0x010E] = WHERE.decode()
    out = io.BytesIO()
    Image.new("RGB", (width, height), "navy").save(out, "JPEG", exif=exif)
    return out.getvalue() + b"<script>alert(1)</script>"


def a_bomb(side: int = 30_000) -> bytes:
    """A few kilobytes that say they are gigabytes of pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 10**6)) + chunk(b"IEND", b"")
    )


def opened(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    image.load()
    return image
