"""Blobs: bytes by their hash, on a real disk and on a real S3 server."""

from __future__ import annotations

import asyncio
import os
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import httpx2
import pytest

from pulse.blobs import GATHERED, PART, BlobNotKept, Blobs, BlobsDown, Bucket, forget_gathered
from pulse.embedded import Addresses
from pulse.eventlog.jetstream import Log
from pulse.house import blobs_of
from pulse.settings import Settings
from pulse.wiring import ROLES
from tests.buckets import a_bucket, s3_server
from tests.conftest import running_pulse

MEGABYTE = 2**20


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with s3_server() as address:
        yield address


@pytest.fixture(params=["folder", "bucket"])
async def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Blobs]:
    if request.param == "folder":
        yield Blobs(tmp_path / "blobs")
        return
    async with a_bucket(request.getfixturevalue("s3")) as bucket:
        yield Blobs(tmp_path / "blobs", bucket)


async def names(blobs: Blobs) -> list[str]:
    return [one.name async for page in blobs.everything() for one in page]


@pytest.mark.parametrize("content", [b"", b"\0", "Привет".encode(), bytes(range(256)) * 8192])
async def test_what_was_kept_is_read_again(blobs: Blobs, content: bytes) -> None:
    name = await blobs.keep(content)
    assert name == sha256(content).hexdigest()
    assert await blobs.read(name) == content


async def test_the_same_bytes_are_kept_once(blobs: Blobs) -> None:
    kept = await asyncio.gather(*(blobs.keep(b"x" * 100_000) for _ in range(20)))
    assert len(set(kept)) == 1
    assert await names(blobs) == kept[:1]


async def test_what_was_never_kept_is_not_found(blobs: Blobs) -> None:
    nothing = sha256(b"nothing").hexdigest()
    with pytest.raises(FileNotFoundError):
        await blobs.read(nothing)
    with pytest.raises(FileNotFoundError):
        await blobs.stream(nothing, 0, 10)
    assert await blobs.find(nothing) is None
    await blobs.remove(nothing)


@pytest.mark.parametrize(("start", "end"), [(0, 1), (0, None), (5, 300_000), (999_999, None), (999_999, 1_000_000)])
async def test_a_part_is_read_without_the_rest(blobs: Blobs, start: int, end: int | None) -> None:
    content = os.urandom(1_000_000)
    name = await blobs.keep(content)
    assert b"".join([piece async for piece in await blobs.stream(name, start, end)]) == content[start:end]


async def test_a_large_file_is_never_whole_in_memory(blobs: Blobs) -> None:
    piece, pieces = os.urandom(MEGABYTE), 64
    tracemalloc.start()
    try:
        async with blobs.gather() as gathered:
            for _ in range(pieces):
                await gathered.add(piece)
            kept = await gathered.keep()
        size = 0
        async for read in await blobs.stream(kept.sha256):
            size += len(read)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (kept.size, size) == (pieces * MEGABYTE, pieces * MEGABYTE)
    assert pieces * MEGABYTE > 2 * PART, "so that a bucket takes it in several parts"
    assert peak < 8 * MEGABYTE
    assert kept.sha256 == sha256(piece * pieces).hexdigest()


async def test_its_type_is_told_by_its_first_bytes(blobs: Blobs) -> None:
    async with blobs.gather() as gathered:
        for byte in b"%PDF-1.7 and more":
            await gathered.add(bytes([byte]))
        assert (await gathered.keep()).mime == "application/pdf"


async def test_what_is_not_kept_leaves_nothing_behind(blobs: Blobs, tmp_path: Path) -> None:
    async with blobs.gather() as gathered:
        await gathered.add(b"half of it")
    assert await names(blobs) == []
    assert list((tmp_path / "blobs" / GATHERED).iterdir()) == []


async def test_what_is_made_from_a_blob_lies_beside_it(blobs: Blobs) -> None:
    name = await blobs.keep(b"large")
    await blobs.derive(name, "preview", b"small")
    assert await blobs.read(f"{name}.preview") == b"small"
    assert sorted(await names(blobs)) == [name, f"{name}.preview"]


async def test_a_removed_blob_is_gone_and_can_be_kept_again(blobs: Blobs) -> None:
    name = await blobs.keep(b"x")
    await blobs.remove(name)
    assert await names(blobs) == []
    assert await blobs.read(await blobs.keep(b"x")) == b"x"


async def test_what_is_kept_again_counts_as_new(tmp_path: Path) -> None:
    name = await Blobs(tmp_path).keep(b"x")
    os.utime(tmp_path / name[:2] / name, (0, 0))
    await Blobs(tmp_path).keep(b"x")
    found = await Blobs(tmp_path).find(name)
    assert found
    assert found.at > datetime.now(UTC) - timedelta(hours=1)


async def test_a_disk_that_refuses_is_trouble_and_may_be_tried_again(tmp_path: Path) -> None:
    in_the_way = tmp_path / sha256(b"x").hexdigest()[:2]
    in_the_way.write_text("")
    with pytest.raises(BlobNotKept):
        await Blobs(tmp_path).keep(b"x")
    in_the_way.unlink()
    assert await Blobs(tmp_path).read(await Blobs(tmp_path).keep(b"x")) == b"x"


async def test_a_server_that_refuses_is_trouble(tmp_path: Path, s3: str) -> None:
    blobs = Blobs(tmp_path, Bucket("s3://no-such-bucket", s3, "key", "secret"))
    with pytest.raises(BlobNotKept):
        await blobs.keep(b"x")
    away = Blobs(tmp_path, Bucket("s3://bucket", "http://127.0.0.1:9", "key", "secret"))
    with pytest.raises(BlobsDown):
        await away.find("0" * 64)


async def test_a_bucket_holds_blobs_under_its_prefix(tmp_path: Path, s3: str) -> None:
    async with a_bucket(s3) as bucket, httpx2.AsyncClient() as client:
        name = await Blobs(tmp_path, bucket).keep(b"x")
        listed = (await client.get(f"{s3}/{bucket.url.split('/')[2]}")).text
        assert f"<Key>pulse/files/{name[:2]}/{name}</Key>" in listed


async def test_blobs_are_for_our_eyes_only(tmp_path: Path) -> None:
    name = await Blobs(tmp_path / "blobs").keep(b"x")
    assert (tmp_path / "blobs").stat().st_mode & 0o077 == 0
    assert (tmp_path / "blobs" / name[:2] / name).stat().st_mode & 0o077 == 0


def test_a_buckets_secret_is_not_shown() -> None:
    assert "pa55" not in repr(Bucket("s3://bucket", "", "key", "pa55"))


async def test_what_a_crash_left_half_gathered_can_be_forgotten(tmp_path: Path) -> None:
    folder = tmp_path / GATHERED
    folder.mkdir()
    (folder / "old").write_text("half")
    os.utime(folder / "old", (0, 0))
    (folder / "young").write_text("half")
    assert forget_gathered(tmp_path, datetime.now(UTC) - timedelta(days=3)) == 1
    assert [file.name for file in folder.iterdir()] == ["young"]


async def test_settings_say_where_blobs_lie(tmp_path: Path, s3: str) -> None:
    async with a_bucket(s3) as bucket:
        near = {"data_dir": tmp_path, "blobs_url": bucket.url, "blobs_endpoint": s3}
        far = Settings(_env_file=None, **near, blobs_key=bucket.key, blobs_secret=bucket.secret)
        name = await blobs_of(far).keep(b"x")
        assert await Blobs(tmp_path / "other", bucket).read(name) == b"x"
    await blobs_of(Settings(_env_file=None, data_dir=tmp_path)).keep(b"y")
    assert len([file for file in (tmp_path / "blobs").rglob("*") if file.is_file()]) == 1


async def test_a_process_has_one_storage_whatever_roles_it_runs(
    addresses: Addresses, log: Log, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []
    begin = Blobs.__init__

    def counted(self: Blobs, place: Path, bucket: Bucket | None = None) -> None:
        opened.append(place)
        begin(self, place, bucket)

    monkeypatch.setattr(Blobs, "__init__", counted)
    async with running_pulse(replace(addresses, database_url=database_url), tmp_path, ROLES):
        assert opened == [tmp_path / "blobs"]
