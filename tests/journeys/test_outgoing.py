"""From a customer's message to another system, through a whole Pulse; and what admins see of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pulse import wiring
from pulse.embedded import Addresses
from pulse.eventlog.jetstream import Log
from pulse.house import now
from tests.conftest import Pulse, running_pulse
from tests.fakes.receiver import Mood, Receiver, a_receiver
from tests.insisting import insist
from tests.world import Desk, vera_writes

LIST = "/api/subscribers"


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with a_receiver() as receiver:
        yield receiver


@pytest.fixture
async def desk(
    addresses: Addresses, log: Log, database_url: str, tmp_path: Path, receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Desk]:  # fmt: skip
    """Of a Pulse that may tell this receiver, though it is private."""
    monkeypatch.setenv("PULSE_TRUSTED_HOSTS", f"crm.internal:80, {receiver.place}")
    async with running_pulse(replace(addresses, database_url=database_url), tmp_path, wiring.ROLES) as running:
        yield Desk(running)


async def test_a_message_reaches_another_system_and_admins_see_how_it_does(desk: Desk, receiver: Receiver) -> None:
    pulse: Pulse = desk.pulse
    wanted = {"url": receiver.address, "types": ["chat.message-received"], "title": "CRM"}
    made = (await desk.post("admin", LIST, wanted)).json()
    receiver.secret = made["secret"]

    async def health() -> dict[str, Any]:
        found: dict[str, Any] = (await desk.get("admin", f"{LIST}/{made['id']}")).json()
        return found

    tried = (await desk.post("admin", f"{LIST}/{made['id']}/test")).json()
    assert (tried["taken"], tried["id"]) == (True, receiver.posts[0].id)
    chat = await vera_writes(pulse, "vera", "Where is my order?")
    await receiver.until(2)
    assert (receiver.posts[1].text, receiver.posts[1].data["chat_id"]) == ("Where is my order?", str(chat))
    healthy = await insist(health, lambda found: found["lag"] == 0)
    assert (healthy["status"], healthy["last_error"]) == ("active", None)
    receiver.next(Mood(500))
    await vera_writes(pulse, "vera", "Hello?")
    waiting = await insist(health, lambda found: found["status"] == "retrying")
    assert (waiting["failed_attempts"], waiting["last_error"]) == (1, "It answered 500.")
    assert waiting["next_try_at"] > now().isoformat()[:16]
    assert waiting["lag"] > 0
    await desk.post("admin", f"{LIST}/{made['id']}/pause")
    await desk.post("admin", f"{LIST}/{made['id']}/resume")  # now, instead of when it would be tried again
    await receiver.until(4)
    assert [post.text for post in receiver.posts[2:]] == ["Hello?", "Hello?"]
    receiver.next(Mood(410))
    await vera_writes(pulse, "vera", "Anybody?")
    gone = await insist(health, lambda found: found["status"] == "paused")
    assert (gone["paused_for"], gone["last_error"], gone["next_try_at"]) == (
        "gone", "It answered 410: it wants no more.", None,
    )  # fmt: skip
