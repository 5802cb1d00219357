"""A source that sends nothing says so: to its admins, and to whoever waits for a reply to leave."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest

from pulse.accounts import Accounts
from pulse.aggregates.chat_replies import ReplyFailed
from pulse.aggregates.department import department_id
from pulse.aggregates.moderator import moderator_id
from pulse.aggregates.source import SourceHalted
from pulse.channels.calls import SourceInTrouble
from pulse.channels.table import CHANNELS
from pulse.delivery.sender import LOCKED
from pulse.eventlog.envelope import open_envelope
from pulse.projections.entries import status_of
from pulse.vault import Vault
from tests.delivery.conftest import Script, Scripted, World, now, running


async def happened(world: World, kind: type, aggregate: UUID) -> Iterator[object]:
    stored = await world.log.read_all(f"pulse.ev.*.*.{aggregate.hex}")
    events = [open_envelope(one.position, one.subject, one.body).event for one in stored]
    return (event for event in events if isinstance(event, kind))


async def hire(world: World, name: str, role: str) -> UUID:
    email = f"{name}@pulse.example"
    hired = await Accounts(world.store, world.vault, now).invite(email, name, role, (), "pa55word!")
    await world.directory.wait_for(hired.position)
    return moderator_id(email)


async def test_a_refused_account_is_told_to_its_admins_and_a_moderator_reads_whom_to_ask(
    world: World, script: Script
) -> None:
    script.acts["77"] = [SourceInTrouble("It has no token, or one that can't be right.", "401")]
    admin, _ = await hire(world, "admin", "admin"), await hire(world, "olga", "moderator")
    async with running(world.outbox()):
        chat = await world.reply("77", "hello")
        await world.until(world.sources[0], SourceHalted)
    [halted] = await happened(world, SourceHalted, world.sources[0])
    assert isinstance(halted, SourceHalted)
    assert (halted.admins, halted.reason) == ((admin,), "It has no token, or one that can't be right.")
    [failed] = await happened(world, ReplyFailed, chat)
    assert isinstance(failed, ReplyFailed)
    found = status_of(failed)
    assert found is not None
    assert (found[1]["status"], found[1]["error"]) == (
        "waiting",
        "Tell an admin: the source “one” sends nothing. It has no token, or one that can't be right.",
    )


async def test_secrets_that_cannot_be_opened_halt_their_source_for_a_while_and_no_other(
    world: World, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Scripted, "secret_names", ("token",))
    elsewhere = Accounts(world.store, Vault(bytes([1]) * 32), now)
    made = await elsewhere.connect_source(
        "scripted", "sealed", "sealed", (department_id("Sales"),), settings={}, secrets={"token": "t"}
    )
    await world.directory.wait_for(made.position)
    [sealed] = [source.id for source in world.directory.sources() if source.identifier == "sealed"]
    async with running(world.outbox()):
        await world.reply("77", "hello", sealed)
        await world.until(sealed, SourceHalted)
    [halted] = await happened(world, SourceHalted, sealed)
    assert isinstance(halted, SourceHalted)
    assert (halted.reason, halted.until is None) == (LOCKED, False)
    assert script.texts == []


def test_telegram_and_vk_need_a_token_to_send() -> None:
    assert {name: channel.sending_secrets for name, channel in CHANNELS.items() if channel.sending_secrets} == {
        "telegram": ("token",), "vk": ("token",),
    }  # fmt: skip
