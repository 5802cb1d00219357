"""`pulse subscriber …`, and `pulse deliver` as a process that is killed."""

from __future__ import annotations

import asyncio
import json
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from pulse.aggregates.chat import Chat
from pulse.eventlog.jetstream import Log
from pulse.eventlog.store import EventStore
from tests.commands.conftest import PULSE, Command
from tests.fakes.receiver import Mood, Receiver, a_receiver
from tests.given import a_chat, vera_writes
from tests.insisting import insist

NOBODY = "https://crm.example/hooks"


@pytest.fixture
async def receiver(environment: dict[str, str]) -> AsyncIterator[Receiver]:
    async with a_receiver() as receiver:
        environment["PULSE_TRUSTED_HOSTS"] = receiver.place
        yield receiver


async def test_a_subscriber_is_added_listed_and_told_again(command: Command, log: Log) -> None:
    code, said = await command("subscriber", "add", NOBODY, "--type", "chat.*", "--type", "customer.met", "--json")
    made = json.loads(said)
    assert (code, made["url"], made["secret"][:6]) == (0, NOBODY, "whsec_")
    code, said = await command("subscriber", "replay", made["id"], "1", "--json")
    assert (code, json.loads(said)) == (0, {"id": made["id"], "position": made["position"] + 1})
    code, said = await command("subscriber", "list", "--json")
    [one] = json.loads(said)
    assert (one["id"], one["title"], one["types"]) == (made["id"], "crm.example", ["chat.*", "customer.met"])
    assert (one["status"], one["position"], one["lag"]) == ("active", 0, 2)
    code, said = await command("subscriber", "list")
    assert (code, made["id"] in said, made["secret"] in said) == (0, True, False)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("add", NOBODY, "--type", "fax.*"), "There are no events 'fax.*'. There are: chat.opened, "),
        (("add", "https://10.0.0.1/", "--type", "*"), "PULSE_TRUSTED_HOSTS names others."),
        (("add", NOBODY, "--type", "*", "--position", "9"), "9 is none of them."),
        (("replay", "crm", "1"), "There is no subscriber 'crm'."),
        (("replay", "01900000-0000-7000-8000-000000000000", "1"), "`pulse subscriber list` shows them all."),
    ],
)
async def test_what_can_not_be_done_leaves_nothing(
    command: Command, log: Log, words: tuple[str, ...], sentence: str
) -> None:
    code, said = await command("subscriber", *words)
    assert (code, sentence in said, "Traceback" in said) == (1, True, False), said
    assert await log.last_position() == 0


async def test_a_worker_that_is_killed_in_the_middle_is_followed_by_one_that_misses_nothing(
    command: Command, environment: dict[str, str], receiver: Receiver, store: EventStore
) -> None:
    _, said = await command("subscriber", "add", receiver.address, "--type", "chat.message-received", "--json")
    receiver.secret = json.loads(said)["secret"]
    receiver.next(Mood(), Mood(held=asyncio.Event()))
    texts = ["one", "two", "three", "four"]
    async with deliver(environment) as process:
        for text in texts:
            await vera_says(store, text)
        await receiver.until(2)
        process.send_signal(signal.SIGKILL)
    async with deliver(environment):
        await insist(lambda: last_of(receiver), lambda text: text == "four")
    assert list(dict.fromkeys(receiver.texts)) == texts
    assert len({post.id for post in receiver.posts}) == len(texts)
    assert len(receiver.posts) > len(texts), "what was on its way when it was killed comes again, under its id"


async def last_of(receiver: Receiver) -> str:
    return receiver.texts[-1]


async def vera_says(store: EventStore, text: str) -> None:
    def decision(known: Chat | None) -> Chat:
        chat = known or a_chat()
        vera_writes(text, text=text)(chat)
        return chat

    await store.decide(Chat, a_chat().id, decision, by="customer")


@asynccontextmanager
async def deliver(environment: dict[str, str]) -> AsyncIterator[Process]:
    """`pulse deliver` from when it is ready to its end."""
    process = await asyncio.create_subprocess_exec(*PULSE, "deliver", env=environment, stdout=PIPE)
    assert process.stdout is not None
    assert b"pulse deliver is ready" in await process.stdout.readline()
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
        await process.wait()
