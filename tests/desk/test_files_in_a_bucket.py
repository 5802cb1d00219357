"""The same files with an S3 server behind: only settings say so."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from pulse.blobs import GATHERED, Blobs, Bucket
from pulse.embedded import Addresses
from pulse.eventlog.jetstream import Log
from tests.buckets import a_bucket, s3_server
from tests.conftest import Pulse, running_pulse
from tests.desk.test_files import a_file, get
from tests.pictures import a_png, opened
from tests.world import Desk


@pytest.fixture
async def bucket(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bucket]:
    with s3_server() as address:
        async with a_bucket(address) as made:
            settings = {"URL": made.url, "ENDPOINT": made.endpoint, "KEY": made.key, "SECRET": made.secret}
            for name, value in settings.items():
                monkeypatch.setenv(f"PULSE_BLOBS_{name}", value)
            yield made


@pytest.fixture
async def pulse(
    bucket: Bucket, addresses: Addresses, log: Log, database_url: str, tmp_path: Path
) -> AsyncIterator[Pulse]:
    async with running_pulse(replace(addresses, database_url=database_url), tmp_path) as running:
        yield running


async def test_a_file_in_a_bucket_is_sent_served_and_shown(pulse: Pulse, bucket: Bucket, tmp_path: Path) -> None:
    desk, png = Desk(pulse), a_png(60, 40, note="x" * 9_000_000)
    _, file = await a_file(desk, "cat.png", png)
    part = await get(desk, f"{file}?preview=0", Range="bytes=100-199")
    assert (part.status_code, part.content) == (206, png[100:200])
    assert (await get(desk, f"{file}?preview=0")).content == png
    assert opened((await get(desk, file)).content).size == (60, 40)
    kept = [one.name async for page in Blobs(tmp_path / "other", bucket).everything() for one in page]
    assert sorted(len(name) for name in kept) == [64, 64 + len(".preview")]
    assert [place.name for place in (tmp_path / "blobs").iterdir()] == [GATHERED], "nothing stays behind here"
