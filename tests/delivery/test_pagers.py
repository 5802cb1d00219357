"""Moderators are told of work in the Telegram they linked: what they want, once, and in few words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from uuid import UUID

import pytest

from pulse.accounts import Accounts
from pulse.aggregates.chat import Chat, chat_id
from pulse.aggregates.chat_standing import Seen
from pulse.aggregates.department import department_id
from pulse.aggregates.moderator import Moderator, moderator_id
from pulse.aggregates.pager import Pager, Wishes, pager_id
from pulse.aggregates.room import GENERAL, Room
from pulse.aggregates.source import Source
from pulse.channels.calls import MaybeSent, NeverDelivered, NotNow
from pulse.delivery import pager_sender
from pulse.delivery.pager_sender import PagerSender
from pulse.delivery.pager_words import Page, words_of
from pulse.delivery.pagers import NAME, STALE, Pagers
from pulse.eventlog import lease as leases
from pulse.eventlog.jetstream import Log
from pulse.eventlog.notes import Notes
from pulse.eventlog.streams import reconcile, wanted_streams
from pulse.message import Author, Incoming
from pulse.pager_codes import new_code
from pulse.projections.reads import Reads
from tests.conftest import STREAMS
from tests.delivery.conftest import Script, World, now
from tests.delivery.routing.conftest import projecting
from tests.insisting import insist
from tests.world import newer_wrote

SALES = department_id("Sales")
ANNA, BORIS = (moderator_id(f"{name}@pulse.example") for name in ("anna", "boris"))
NUMBERS = count(1)


@dataclass
class Office(World):
    """With read models that are kept up."""

    reads: Reads = field(kw_only=True)

    def sender(self, clock: Callable[[], datetime] = now) -> PagerSender:
        return PagerSender(self.store, self.directory, self.drivers, clock)


@pytest.fixture
async def office(world: World, log: Log, database_url: str) -> AsyncIterator[Office]:
    """Anna and Boris moderate, Anna in Sales."""
    accounts = Accounts(world.store, world.vault, now)
    for name, theirs in (("anna", (SALES,)), ("boris", ())):
        made = await accounts.invite(f"{name}@pulse.example", name.title(), "moderator", theirs, "password")
    await world.directory.wait_for(made.position)
    epoch = await reconcile(log, wanted_streams(STREAMS), max_bytes=1 << 30)
    async with projecting(log, database_url, epoch), Reads.open(database_url, log, size=2) as reads:
        yield Office(world.log, world.store, world.directory, world.vault, world.sources, reads=reads)


@asynccontextmanager
async def paging(
    office: Office, clock: Callable[[], datetime] = now, reads: Reads | None = None
) -> AsyncIterator[Pagers]:
    """A worker while the test is inside."""
    sender = office.sender(clock)
    pagers = Pagers(office.store, office.directory, reads or office.reads, sender, "epoch", clock)
    running = asyncio.create_task(pagers.run())
    begun = asyncio.create_task(pagers.begun.wait())
    await asyncio.wait([running, begun], return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        running.result()
    yield pagers
    running.cancel()
    await asyncio.wait([running])


async def linked(world: World, who: UUID = ANNA, peer: str = "900", language: str = "", **wishes: bool) -> None:
    code = new_code(who)

    def decision(_: Pager | None) -> Pager:
        pager = Pager.begin(who, now=now())
        pager.make_offer(world.sources[0], code, now=now())
        pager.link(code, source_id=world.sources[0], peer=peer, name="", language=language, now=now())
        if wishes:
            pager.wish(Wishes(**wishes), now=now())
        return pager

    await world.directory.wait_for((await world.store.decide(Pager, pager_id(who), decision, by="test")).position)


async def customer_writes(world: World, text: str = "Hello", department: UUID | None = SALES) -> UUID:
    """Somebody new."""
    peer = str(next(NUMBERS))
    said = Incoming(f"d{peer}", Author(peer, "Vera"), text, message_id="1")

    def decision(_: Chat | None) -> Chat:
        chat = Chat.open(
            source_id=world.sources[0], channel="scripted", peer=peer, title="Vera", group=False,
            department_id=department, customer_id=UUID(int=7), now=now(),
        )  # fmt: skip
        chat.receive(said, raw="{}", now=now())
        return chat

    chat = chat_id(world.sources[0], peer)
    await world.store.decide(Chat, chat, decision, by="customer")
    return chat


async def in_chat(world: World, chat: UUID, act: Callable[[Chat], object], by: str = "system") -> None:
    def decision(known: Chat | None) -> Chat:
        assert known is not None
        act(known)
        return known

    await world.store.decide(Chat, chat, decision, by=by)


def told(script: Script, peer: str = "900") -> list[str]:
    return [piece.text for piece in script.calls if piece.peer == peer]


LINKED = "You will be told of work here."


async def test_a_new_chat_is_told_with_its_first_words(office: Office, script: Script) -> None:
    async with paging(office):
        await linked(office)
        chat = await customer_writes(office, "Where is my order? " * 20)
        await in_chat(office, chat, lambda known: known.receive(
            Incoming("again", Author("1", "Vera"), "And another thing", message_id="2"), raw="{}", now=now()
        ))  # fmt: skip
        await customer_writes(office, "Second")
        await script.until_called(3)
        first, second, third = told(script)
        assert first == LINKED
        assert second.startswith("New chat: Vera\nWhere is my order?")
        assert len(second) <= len("New chat: Vera\n…") + 100
        assert third == "New chat: Vera\nSecond"


async def test_of_chats_one_may_not_see_nothing_is_told(office: Office, script: Script) -> None:
    async with paging(office):
        await linked(office, BORIS, "901")
        await linked(office, ANNA, "900")
        await customer_writes(office, "Secret", department=UUID(int=99))
        await customer_writes(office, "For Sales")
        await script.until_called(3)
        assert told(script, "901") == [LINKED]
        assert told(script) == [LINKED, "New chat: Vera\nFor Sales"]


async def test_who_chose_a_language_is_told_in_it_whatever_telegram_says(office: Office, script: Script) -> None:
    def decision(boris: Moderator | None) -> Moderator:
        assert boris is not None
        boris.change_profile(locale="ru", now=now())
        return boris

    chosen = await office.store.decide(Moderator, BORIS, decision, by="test")
    await office.directory.wait_for(chosen.position)
    async with paging(office):
        await linked(office, BORIS, "901", "en")
        await script.until_called(1)
    assert told(script, "901") == ["Сюда будут приходить сообщения о работе."]


async def test_a_chat_given_and_a_mention_are_told_in_ones_own_language(office: Office, script: Script) -> None:
    async with paging(office):
        await linked(office, BORIS, "901", "ru")
        chat = await customer_writes(office)
        by = f"moderator:{ANNA.hex}"
        await in_chat(office, chat, lambda known: known.assign(BORIS, now=now()), by)
        await in_chat(office, chat, lambda known: known.note(
            "@Boris, look", moderator_id=ANNA, mentions=(BORIS,), now=now()
        ), by)  # fmt: skip

        def write(room: Room | None) -> Room:
            room = room or Room.open_general(now=now())
            room.write("@Boris", moderator_id=ANNA, client_msg_id=None, mentions=(BORIS,), now=now())
            return room

        await office.store.decide(Room, GENERAL, write, by=by)
        await script.until_called(4)
        assert told(script, "901") == [
            "Сюда будут приходить сообщения о работе.",
            "Чат теперь ваш: Vera",
            "Вас упоминает Anna: Vera\n@Boris, look",
            "Вас упоминает Anna\n@Boris",
        ]


async def test_only_what_is_wished_for_is_told(office: Office, script: Script) -> None:
    async with paging(office):
        await linked(office, new_chats=False, assigned=False)
        chat = await customer_writes(office)
        await in_chat(office, chat, lambda known: known.assign(ANNA, now=now()))
        await in_chat(office, chat, lambda known: known.note(
            "x" * 300, moderator_id=BORIS, mentions=(ANNA,), now=now()
        ), f"moderator:{BORIS.hex}")  # fmt: skip
        await script.until_called(2)
        assert told(script)[1].startswith("Boris mentioned you: Vera\nxxx")


async def test_who_is_away_is_left_alone_unless_they_want_it_otherwise(office: Office, script: Script) -> None:
    def go_away(known: Moderator | None) -> Moderator:
        assert known is not None
        known.go_away(now=now())
        return known

    async with paging(office):
        await linked(office)
        await linked(office, BORIS, "901")
        await script.until_called(2)
        position = (await office.store.decide(Moderator, ANNA, go_away, by="test")).position
        await office.directory.wait_for(position)
        chat = await customer_writes(office, "While she is away")
        await in_chat(office, chat, lambda known: known.assign(BORIS, now=now()))
        await script.until_called(3)  # Boris was told: so the worker is past it
        await office.directory.wait_for(await wish(office, quiet_when_away=False))
        await customer_writes(office, "She wants it")
        await script.until_called(4)
        assert told(script)[1:] == ["New chat: Vera\nShe wants it"]


async def wish(world: World, **wishes: bool) -> int:
    """Anna changes her mind; returns the position."""

    def decision(pager: Pager | None) -> Pager:
        assert pager is not None
        pager.wish(Wishes(**wishes), now=now())
        return pager

    return (await world.store.decide(Pager, pager_id(ANNA), decision, by="test")).position


async def test_what_was_written_down_is_never_told_again(office: Office, script: Script) -> None:
    """A worker dies in the middle of a call; the next one goes on after it."""
    held = asyncio.Event()
    async with paging(office):
        await linked(office)
        await script.until_called(1)
        script.acts["900"].append(held)
        await customer_writes(office, "One")
        await script.until_called(2)
    async with paging(office):
        await customer_writes(office, "Two")
        await script.until_called(3)
    assert told(script) == [LINKED, "New chat: Vera\nOne", "New chat: Vera\nTwo"]


async def test_what_happened_while_nobody_worked_is_told_once_somebody_does(office: Office, script: Script) -> None:
    async with paging(office):
        await linked(office)
        await script.until_called(1)
    await customer_writes(office, "Meanwhile")
    async with paging(office):
        await script.until_called(2)
    assert told(script)[1:] == ["New chat: Vera\nMeanwhile"]


async def test_history_is_not_told(office: Office, script: Script) -> None:
    """Neither to a worker that begins, nor after a long outage."""
    await linked(office)
    await customer_writes(office, "Before there was a worker")
    async with paging(office):
        await customer_writes(office, "Now")
        await script.until_called(1)
    await customer_writes(office, "Long ago")
    async with paging(office, lambda: now() + STALE + timedelta(seconds=1)):
        pass
    assert told(script) == ["New chat: Vera\nNow"]


async def test_of_two_workers_one_tells(office: Office, script: Script) -> None:
    """The other was cut off and does not know it: what counts is who writes it down first."""
    async with paging(office) as one:
        await linked(office)
        await script.until_called(1)
        position = await office.log.last_position() + 1
        note = await Notes(office.log).read(NAME)
        await Notes(office.log).write(NAME, {"epoch": "epoch", "position": position + 1}, expect=note.revision)
        await customer_writes(office, "Told by the other")
        await customer_writes(office, "Told by this one")
        await script.until_called(2)
        assert one.begun.is_set()
        assert told(script)[1:] == ["New chat: Vera\nTold by this one"]


async def test_who_blocked_the_bot_is_unlinked_and_told_elsewhere(office: Office, script: Script) -> None:
    script.acts["900"].append(NeverDelivered("Telegram says: Forbidden", "403", unreachable=True))
    async with paging(office):
        await linked(office)
        async with asyncio.timeout(20):
            await office.directory.wait_until(lambda: not office.directory.pagers())
        pager = await office.store.load(Pager, pager_id(ANNA))
        assert pager is not None
        assert pager.linked_at is None
    stored = await office.log.read_all(f"pulse.ev.pager.*.{pager_id(ANNA).hex}")
    assert "Forbidden" in stored[-1].body.decode()


async def test_a_busy_telegram_is_asked_again_and_one_that_may_have_taken_it_is_not(
    office: Office, script: Script
) -> None:
    async with paging(office):
        script.acts["900"] += [NotNow("busy", "429", after=0.01), MaybeSent("silence")]
        await linked(office)
        await script.until_called(2)
        await customer_writes(office, "Next")
        await script.until_called(3)
        assert told(script) == [LINKED, LINKED, "New chat: Vera\nNext"]


async def test_a_hanging_bot_delays_no_other(office: Office, script: Script) -> None:
    held = asyncio.Event()
    script.acts["900"].append(held)
    async with paging(office):
        await linked(office)
        await script.until_called(1)
        office.sources[0] = await office.connect("two")
        await linked(office, BORIS, "901")
        await script.until_called(2)
        assert told(script, "901") == [LINKED]
        held.set()


async def test_after_a_lost_lease_new_pages_leave_and_those_that_waited_do_not(
    office: Office, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "RENEW_SECONDS", 0.05)
    async with paging(office) as pagers:
        await linked(office)
        await script.until_called(1)
        script.acts["900"].append(asyncio.Event())
        for text in ("On its way", "Waiting"):
            await customer_writes(office, text)
        await script.until_called(2)
        last = await office.log.last_position()
        await insist(lambda: Notes(office.log).read(NAME), lambda note: note.says["position"] >= last)
        pagers.begun.clear()
        await Notes(office.log).write(f"lease.{NAME}", {"holder": "another"}, seconds=1)
        await pagers.begun.wait()
        await customer_writes(office, "Afterwards")
        await script.until_called(3)
    assert told(script)[1:] == ["New chat: Vera\nOn its way", "New chat: Vera\nAfterwards"]


@pytest.mark.parametrize("off", ["disable", "halt"])
async def test_through_a_bot_that_is_off_nothing_is_told(office: Office, script: Script, off: str) -> None:
    [one] = office.sources
    await office.connect("two")
    async with paging(office):
        await linked(office)
        office.sources.reverse()
        await linked(office, BORIS, "901")
        await script.until_called(2)
        chat = await customer_writes(office, "First")
        await script.until_called(3)
        await switch(office, one, off)
        await in_chat(office, chat, lambda known: known.assign(ANNA, now=now()))
        await in_chat(office, chat, lambda known: known.assign(BORIS, seen=Seen(ANNA), now=now()))
        await script.until_called(4)  # Boris was told by the other bot: so the worker is past Anna's
        await switch(office, one, "enable" if off == "disable" else "resume")
        await customer_writes(office, "Later")
        await script.until_called(5)
    assert told(script) == [LINKED, "New chat: Vera\nFirst", "New chat: Vera\nLater"]


async def switch(office: Office, source: UUID, how: str) -> None:
    def decision(known: Source | None) -> Source:
        assert known is not None
        more = {"code": "401", "reason": "Unauthorized", "until": None} if how == "halt" else {}
        getattr(known, how)(**more, now=now())
        return known

    position = (await office.store.decide(Source, source, decision, by="test")).position
    await office.directory.wait_for(position)


async def test_a_chat_of_a_newer_pulse_is_told_of_by_its_name(office: Office, script: Script) -> None:
    """Its history is not read: that may be long, too."""
    async with paging(office):
        await linked(office, new_chats=False)
        await script.until_called(1)
    chat = await customer_writes(office)
    await in_chat(office, chat, lambda known: known.assign(ANNA, now=now()))
    await newer_wrote(office.log, chat)
    async with paging(office):
        await script.until_called(2)
    assert told(script)[1:] == ["A chat is yours now: Vera"]


async def test_without_the_lists_the_name_is_left_out(office: Office, script: Script) -> None:
    nowhere = "postgresql://nobody@127.0.0.1:1/nothing"
    async with Reads.open(nowhere, office.log) as reads, paging(office, reads=reads):
        await linked(office, new_chats=False)
        chat = await customer_writes(office)
        await in_chat(office, chat, lambda known: known.assign(ANNA, now=now()))
        await script.until_called(2)
    assert told(script)[1:] == ["A chat is yours now"]


async def test_nobody_is_flooded(office: Office, script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is too much for one minute is counted, not told."""
    monkeypatch.setattr(pager_sender, "PER_MINUTE", 3)
    sender = office.sender()
    await linked(office)
    [pager] = office.directory.pagers()
    async with asyncio.TaskGroup() as group:
        for number in range(6):
            sender.give(group, pager, Page("new", who=str(number)))
        assert sender._skipped == {ANNA: 3}
        sender._lately.clear()  # a minute later
        sender.give(group, pager, Page("new", who="last"))
        await script.until_called(4)
        for task in list(group._tasks):
            task.cancel()
    assert told(script)[-1] == "… and 3 more before this.\nNew chat: last"


@pytest.mark.parametrize("language", ["", "en", "ru", "ru-RU", "de"])
def test_every_kind_has_words(language: str) -> None:
    for kind in ("linked", "new", "assigned", "transferred", "mention", "room"):
        words = words_of(Page(kind, "Anna", "Vera", "👋🏽" * 200), language, whole=False)
        assert "{" not in words
        assert words.count("👋🏽") <= 100
        assert ("а" in words) is language.startswith("ru") or kind == "new"
    assert len(words_of(Page("new", text="x" * 5000), language, whole=True)) < 4096
