"""Blobs: bytes by their hash, on a real disk."""

from __future__ import annotations

import asyncio
from hashlib import sha256
from pathlib import Path

import pytest

from pulse.blobs import BlobNotKept, Blobs


@pytest.mark.parametrize("content", [b"", b"\0", "Привет".encode(), bytes(range(256)) * 8192])
async def test_what_was_kept_is_read_again(tmp_path: Path, content: bytes) -> None:
    name = await Blobs(tmp_path / "blobs").keep(content)
    assert name == sha256(content).hexdigest()
    assert await Blobs(tmp_path / "blobs").read(name) == content


async def test_the_same_bytes_are_kept_once(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    names = await asyncio.gather(*(blobs.keep(b"x" * 100_000) for _ in range(20)))
    assert len(set(names)) == 1
    assert len([found for found in tmp_path.rglob("*") if found.is_file()]) == 1


async def test_what_was_never_kept_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await Blobs(tmp_path).read(sha256(b"nothing").hexdigest())


async def test_a_disk_that_refuses_is_trouble_and_may_be_tried_again(tmp_path: Path) -> None:
    in_the_way = tmp_path / sha256(b"x").hexdigest()[:2]
    in_the_way.write_text("")
    with pytest.raises(BlobNotKept):
        await Blobs(tmp_path).keep(b"x")
    in_the_way.unlink()
    assert await Blobs(tmp_path).read(await Blobs(tmp_path).keep(b"x")) == b"x"


async def test_blobs_are_for_our_eyes_only(tmp_path: Path) -> None:
    await Blobs(tmp_path / "blobs").keep(b"x")
    assert (tmp_path / "blobs").stat().st_mode & 0o077 == 0
