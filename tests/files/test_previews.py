"""Previews: pictures made anew in a program of their own, once each."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from pulse.blobs import Blobs
from pulse.files import previews as made
from pulse.files.previews import ASKED, ASKED_OF_CHAT, NoPreview, NoPreviewYet, Previews, run_shrink
from pulse.files.shrink import SIDE
from tests.pictures import WHERE, a_bomb, a_jpeg, a_png, opened

CHAT = UUID(int=1)

Decoder = Callable[[str], None]


@pytest.fixture
def decoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Decoder:
    """Puts a program of the test's own, in shell, where the decoder was."""

    def becomes(script: str) -> None:
        program = tmp_path / "decoder"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setattr(made.sys, "executable", str(program))

    return becomes


async def preview_of(blobs: Blobs, content: bytes) -> bytes:
    name, size = await Previews(blobs).of(await blobs.keep(content), CHAT)
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
        await Previews(blobs).of(name, CHAT)
    monkeypatch.setattr(made.sys, "executable", "/no/such/program")
    with pytest.raises(NoPreview):
        await Previews(blobs).of(name, CHAT)


async def test_a_preview_is_made_once_however_many_ask(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    name = await blobs.keep(a_png())
    previews = Previews(blobs)
    found = await asyncio.gather(*(previews.of(name, CHAT) for _ in range(5)))
    assert len(set(found)) == 1
    before = [file.stat().st_mtime_ns for file in tmp_path.rglob("*.preview")]
    await previews.of(name, CHAT)
    assert [file.stat().st_mtime_ns for file in tmp_path.rglob("*.preview")] == before


async def test_a_file_too_large_to_be_a_picture_is_not_even_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(made, "LARGEST", 100)
    with pytest.raises(NoPreview):
        await preview_of(Blobs(tmp_path), a_png(400, 400, note="x" * 200))


async def test_a_decoder_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(made, "SECONDS", 0.0)
    with pytest.raises(NoPreviewYet):
        await run_shrink(a_png())


@pytest.mark.parametrize("end", ["kill -9 $$", "exit 1", None], ids=["killed", "python's own", "never begun"])
async def test_a_decoder_that_says_nothing_leaves_nothing_behind(
    tmp_path: Path, decoder: Decoder, monkeypatch: pytest.MonkeyPatch, end: str | None
) -> None:
    blobs = Blobs(tmp_path / "blobs")
    name = await blobs.keep(a_png())
    with monkeypatch.context() as meanwhile:
        if end is None:
            meanwhile.setattr(made.sys, "executable", "/no/such/program")
        else:
            decoder(end)
        with pytest.raises(NoPreviewYet):
            await Previews(blobs).of(name, CHAT)
    monkeypatch.undo()
    assert opened(await blobs.read((await Previews(blobs).of(name, CHAT))[0])).format == "WEBP"


async def test_the_decoder_knows_no_secret(decoder: Decoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULSE_MASTER_KEY", "planted-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "planted-secret")
    decoder("env")
    told = await run_shrink(b"")
    assert b"PATH=" in told
    assert b"planted" not in told


STUCK = 'read -r first; if [ "$first" = stuck ]; then read -r never < "$(dirname "$0")/never"; fi; echo made'


async def test_one_chat_holds_up_no_other(tmp_path: Path, decoder: Decoder) -> None:
    os.mkfifo(tmp_path / "never")
    decoder(STUCK)
    blobs = Blobs(tmp_path / "blobs")
    previews = Previews(blobs)
    stuck = [await blobs.keep(b"stuck\n%d" % number) for number in range(ASKED_OF_CHAT + 1)]
    waiting = await one_is_refused([previews.of(name, CHAT) for name in stuck])
    name, _ = await previews.of(await blobs.keep(b"fine\n"), uuid4())
    assert await blobs.read(name) == b"made\n"
    await ended(waiting)


async def test_no_more_than_so_many_wait(tmp_path: Path, decoder: Decoder) -> None:
    os.mkfifo(tmp_path / "never")
    decoder(STUCK)
    blobs = Blobs(tmp_path / "blobs")
    previews = Previews(blobs)
    stuck = await blobs.keep(b"stuck\n")
    await ended(await one_is_refused([previews.of(stuck, uuid4()) for _ in range(ASKED + 1)]))
    assert (await previews.of(await blobs.keep(b"fine\n"), CHAT))[1] == len(b"made\n")


async def one_is_refused(asked: list[Coroutine[Any, Any, tuple[str, int]]]) -> set[asyncio.Task[tuple[str, int]]]:
    """And the others wait, for ever."""
    refused, waiting = await asyncio.wait(map(asyncio.create_task, asked), return_when=asyncio.FIRST_COMPLETED)
    [error] = [one.exception() for one in refused]
    assert isinstance(error, NoPreviewYet)
    return waiting


async def ended(tasks: set[asyncio.Task[tuple[str, int]]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def test_a_preview_of_what_is_not_there_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await Previews(Blobs(tmp_path)).of(sha256(b"").hexdigest(), CHAT)
