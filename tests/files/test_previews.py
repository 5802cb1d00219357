"""Previews: pictures made anew in a program of their own, once each."""

from __future__ import annotations

import asyncio
from hashlib import sha256
from pathlib import Path

import pytest

from pulse.blobs import Blobs
from pulse.files import previews as made
from pulse.files.previews import NoPreview, Previews, run_shrink
from pulse.files.shrink import SIDE
from tests.pictures import WHERE, a_bomb, a_jpeg, a_png, opened


async def preview_of(blobs: Blobs, content: bytes) -> bytes:
    name, size = await Previews(blobs).of(await blobs.keep(content))
    small = await blobs.read(name)
    assert len(small) == size
    return small


async def test_a_preview_is_upright_and_holds_nothing_but_pixels(tmp_path: Path) -> None:
    original = a_jpeg(40, 30)
    assert WHERE in original
    small = await preview_of(Blobs(tmp_path), original)
    shown = opened(small)
    assert (shown.format, shown.size) == ("WEBP", (30, 40))
    assert WHERE not in small
    assert b"script" not in small
    assert not shown.getexif()


async def test_a_large_picture_becomes_small_and_what_is_seen_through_stays_so(tmp_path: Path) -> None:
    shown = opened(await preview_of(Blobs(tmp_path), a_png(4000, 1000, "RGBA", note="secret words")))
    assert (shown.size, shown.mode) == ((SIDE, SIDE // 4), "RGBA")


@pytest.mark.parametrize(
    "content",
    [b"", b"no picture", a_bomb(), a_bomb(8_000), b"<svg xmlns='http://www.w3.org/2000/svg'/>", a_png()[:60],
     b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n"],
    ids=["nothing", "words", "a bomb", "a small bomb", "svg", "half of one", "postscript"],
)  # fmt: skip
async def test_what_cannot_be_decoded_has_none_and_is_tried_once(
    tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = Blobs(tmp_path)
    name = await blobs.keep(content)
    with pytest.raises(NoPreview):
        await Previews(blobs).of(name)
    monkeypatch.setattr(made.sys, "executable", "/no/such/program")
    with pytest.raises(NoPreview):
        await Previews(blobs).of(name)


async def test_a_preview_is_made_once_however_many_ask(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    name = await blobs.keep(a_png())
    previews = Previews(blobs)
    found = await asyncio.gather(*(previews.of(name) for _ in range(5)))
    assert len(set(found)) == 1
    before = [file.stat().st_mtime_ns for file in tmp_path.rglob("*.preview")]
    await previews.of(name)
    assert [file.stat().st_mtime_ns for file in tmp_path.rglob("*.preview")] == before


async def test_a_file_too_large_to_be_a_picture_is_not_even_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(made, "LARGEST", 100)
    with pytest.raises(NoPreview):
        await preview_of(Blobs(tmp_path), a_png(400, 400, note="x" * 200))


async def test_a_decoder_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(made, "SECONDS", 0.0)
    assert await run_shrink(a_png()) == b""


async def test_a_preview_of_what_is_not_there_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await Previews(Blobs(tmp_path)).of(sha256(b"").hexdigest())
