"""A program of its own: an image on standard input becomes a small clean one on standard output.

Decoders have holes and bombs, so they run apart, with little memory and time. Nothing of the original's bytes but its
pixels gets out: no metadata, no second content. Exit code 0, or NO_PICTURE for what can't be shown; any other one says
nothing about the image.
"""

from __future__ import annotations

import io
import resource
import sys
import warnings

NO_PICTURE = 65  # not 1, with which Python itself ends
SIDE = 1600
PIXELS = 50_000_000
MEMORY_BYTES = 1 << 30
CPU_SECONDS = 15
FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF")


def shrink(content: bytes) -> bytes:
    """The image (of an animation the first picture), upright, at most SIDE pixels a side, as WebP.

    Raises OSError, ValueError, SyntaxError and whatever else a decoder stumbles over.
    """
    from PIL import Image, ImageOps  # noqa: PLC0415  only in the program of its own

    warnings.simplefilter("error", Image.DecompressionBombWarning)
    Image.MAX_IMAGE_PIXELS = PIXELS
    with Image.open(io.BytesIO(content), formats=FORMATS) as image:
        if image.width * image.height > PIXELS:
            raise ValueError("too many pixels")
        image.draft("RGB", (SIDE, SIDE))
        upright = ImageOps.exif_transpose(image)
        clean = upright.convert("RGBA" if "A" in upright.getbands() or "transparency" in upright.info else "RGB")
    clean.thumbnail((SIDE, SIDE))
    only_pixels = Image.frombytes(clean.mode, clean.size, clean.tobytes())
    out = io.BytesIO()
    only_pixels.save(out, "WEBP", quality=82, method=3)
    return out.getvalue()


def main() -> int:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))
    try:
        small = shrink(sys.stdin.buffer.read())
    except ImportError:  # without a decoder nobody knows
        raise
    except Exception:  # noqa: BLE001  whatever a decoder raises, there is no picture
        return NO_PICTURE
    sys.stdout.buffer.write(small)
    return 0


if __name__ == "__main__":
    sys.exit(main())
