"""A moderator's file on its way to the customer: uploaded, answered with, and there, byte for byte."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from pulse import wiring
from pulse.embedded import Addresses
from pulse.eventlog.jetstream import Log
from tests.conftest import running_pulse
from tests.fakes.telegram import FakeTelegram
from tests.fakes.vk import FakeVk
from tests.journeys.answering import Talks, talking

VERA = 615550142
PDF = b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF"


def a_photo() -> bytes:
    kept = BytesIO()
    Image.new("RGB", (60, 40), (200, 30, 30)).save(kept, "JPEG")
    return kept.getvalue()


@pytest.fixture
async def talks(
    addresses: Addresses, log: Log, database_url: str, tmp_path: Path, fake_telegram: FakeTelegram, fake_vk: FakeVk
) -> AsyncIterator[Talks]:
    own = replace(addresses, database_url=database_url)
    async with running_pulse(own, tmp_path, wiring.ROLES) as pulse, talking(pulse, fake_telegram, fake_vk) as talks:
        yield talks


def files_there(talks: Talks, channel: str) -> list[str]:
    """The hashes of the files that the channel got."""
    if channel == "telegram":
        return [call.file for call in talks.telegram.calls if call.file]
    return [sha256(upload.content).hexdigest() for upload in talks.vk.uploads]


@pytest.mark.parametrize("channel", ["telegram", "vk"])
@pytest.mark.parametrize(
    ("name", "mime", "content"), [("cat.jpg", "image/jpeg", a_photo()), ("bill.pdf", "application/pdf", PDF)],
    ids=["photo", "document"],
)  # fmt: skip
async def test_a_file_reaches_the_customer(talks: Talks, channel: str, name: str, mime: str, content: bytes) -> None:
    await talks.hear(channel, VERA)
    reply = await talks.answer(channel, VERA, "Look", files=[await talks.upload(channel, VERA, name, mime, content)])
    shown = await talks.until(reply, "sent")
    assert files_there(talks, channel) == [sha256(content).hexdigest()]
    assert talks.at_customer(reply) == ["Look"]
    served = await talks.ask("GET", f"/api/files/{shown['attachments'][0]['file']}?preview=0")
    assert served.content == content
