"""V14 Data protection, as far as it needs a log of its own."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from pulse.blobs import Blobs
from pulse.eventlog.store import EventStore
from tests.test_retention import MONTH, replied, swept
from tests.test_sweep import names


async def test_v14_2_7_files_go_when_their_time_is_over(store: EventStore, tmp_path: Path) -> None:
    """After the days that an admin set, by `pulse blobs sweep`; the chat says that the file is gone, and younger ones stay."""
    blobs = Blobs(tmp_path)
    for content, ago in ((b"old", 40), (b"young", 5)):
        await blobs.keep(content)
        await replied(store, content, ago=ago)
    assert (await swept(store, blobs, MONTH))[0] == 1
    assert await names(blobs) == {sha256(b"young").hexdigest()}
