"""Customers write and Anna answers while `pulse deliver` is killed again and again, at moments drawn from a seed."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any
from uuid import UUID

from pulse.aggregates.chat_replies import ReplyAttempted, ReplyFailed, ReplyRequeued, ReplySent, ReplyVouched
from pulse.eventlog.envelope import open_envelope
from tests.fakes import telegram as telegrams
from tests.fakes import vk as vks
from tests.fakes import vk_moods
from tests.journeys.answering import ARRIVED, IDS, SETTLED, Delivering, Heard, Status, Talks, Written, chat_of

PEOPLE = (615550142, 615550143, 615550144)
ACTS_IN_A_ROUND = 6
TRIES = (b'"chat.reply-attempted"', b'"chat.reply-sent"')

Moment = Callable[[], Awaitable[None]]
Shown = dict[Status, dict[str, Any]]


class Storm:
    """`rage` kills so often; `calm` lets everything settle and has Anna decide; then `look` says what is wrong."""

    def __init__(self, talks: Talks, delivering: Delivering, seed: int) -> None:
        print(f"PULSE_JOURNEY_SEED={seed}")  # shown when a test fails
        self.talks, self.delivering, self.dice = talks, delivering, Random(seed)
        self.tries, self.leases = Heard(TRIES), Heard()
        self.killed_at: Counter[str] = Counter()
        self.sent_again: set[Status] = set()
        self.late: set[Status] = set()
        self.doubted = 0

    async def begin(self) -> None:
        log = self.talks.pulse.house.log
        await log.listen("pulse.ev.chat.>", self.tries.hear)
        await log.listen("pulse.note.lease.outbox.>", self.leases.hear)
        for person in PEOPLE:
            for channel in ("telegram", "vk"):
                await self.talks.hear(channel, person)

    # The storm

    async def rage(self, kills: int) -> None:
        for _ in range(kills):
            await self._round()

    async def _round(self) -> None:
        acts = [self._act() for _ in range(ACTS_IN_A_ROUND)]
        channel = self.dice.choice(acts)[0]
        replies = [written for written, _, _ in acts]
        moment = asyncio.ensure_future(self._moment(channel, replies.count(channel), len(replies))())
        now, later = acts[: ACTS_IN_A_ROUND // 2], acts[ACTS_IN_A_ROUND // 2 :]
        await self._write(now)
        await self.delivering.start()
        writing = asyncio.ensure_future(self._write(later))
        await moment
        await self.delivering.kill()
        await writing
        self._calm_down()

    def _act(self) -> tuple[str, int, str]:
        """Where Anna answers, and what: now and then too long for one message."""
        channel, person = self.dice.choice(("telegram", "vk")), self.dice.choice(PEOPLE)
        number = f"{self.dice.getrandbits(40):x}"
        words = 450 if self.dice.random() < 0.2 else 1
        return channel, person, " ".join(f"{number}-{word}" for word in range(words))

    async def _write(self, acts: list[tuple[str, int, str]]) -> None:
        for channel, person, text in acts:
            if self.dice.random() < 0.2:
                await self.talks.hear(channel, person, "And?")
            await self.talks.answer(channel, person, text)
            if channel == "vk" and self.dice.random() < 0.2:
                await self.talks.vk.read(person)

    def _moment(self, channel: str, replies: int, in_all: int) -> Moment:
        """When to kill; what it waits for is sure to come, for every reply makes a call."""
        name, moment = self.dice.choice(
            [
                ("ready", self._ready),
                ("lease", self._going_by(self.leases, self.dice.randint(1, 4))),
                ("try", self._going_by(self.tries, self.dice.randint(1, in_all))),
                ("call", self._called(channel, self.dice.randint(1, replies))),
                ("held", self._held(channel, taken=True)),
                ("held, not taken", self._held(channel, taken=False)),
            ]
        )
        self.killed_at[name] += 1
        self.talks.vk.echoes = self.dice.choice(("", "before", "after"))
        if not name.startswith("held") and self.dice.random() < 0.5:
            self._trouble(channel)
        return moment

    async def _ready(self) -> None:
        """As soon as it has started."""

    def _going_by(self, heard: Heard, count: int) -> Moment:
        return lambda: heard.until(heard.count + count)

    def _called(self, channel: str, times: int) -> Moment:
        fake = self.talks.telegram if channel == "telegram" else self.talks.vk
        return lambda: fake.until_called(self._calls(channel) + times)

    def _held(self, channel: str, *, taken: bool) -> Moment:
        """While the channel keeps a call waiting for its answer."""

        def held() -> Awaitable[None]:
            if channel == "telegram":
                self.talks.telegram.next(telegrams.hold(taken=taken), method="sendMessage")
            else:
                self.talks.vk.next(vk_moods.hold(taken=taken), method=vks.SEND)
            return self._called(channel, 1)()

        return held

    def _calls(self, channel: str) -> int:
        return len(self.talks.telegram.calls if channel == "telegram" else self.talks.vk.fields_of(vks.SEND))

    def _trouble(self, channel: str) -> None:
        """The channel is in no good mood either."""
        taken = self.dice.random() < 0.5
        if channel == "telegram":
            moods = [
                telegrams.busy(1), telegrams.hang_up(taken=taken), telegrams.hang_up(after=20),
                telegrams.says(b"<html>", 502, taken=taken),
            ]  # fmt: skip
            self.talks.telegram.next(self.dice.choice(moods), method="sendMessage")
        else:
            others = [vk_moods.error(6), vk_moods.hang_up(taken=taken), vk_moods.bad_gateway(taken=taken)]
            self.talks.vk.next(self.dice.choice(others), method=vks.SEND)

    def _calm_down(self) -> None:
        """Whoever is held back is let go, to nobody."""
        for fake in (self.talks.telegram, self.talks.vk):
            fake.well()
            fake.let_go.set()
            fake.let_go = asyncio.Event()

    # After it

    async def calm(self) -> None:
        """Everything leaves that can, then Anna looks at what customers have and decides what nobody knows."""
        async with self.delivering.running():
            shown = await self.talks.until_all(*SETTLED)
            self._look_before_decisions(shown)
            while doubted := [reply for reply in self.talks.written if shown[key(reply)]["status"] not in ARRIVED]:
                for reply in doubted:
                    await self._decide(reply, shown[key(reply)])
                shown = await self.talks.until_all(*SETTLED)
            for person in PEOPLE:
                await self.talks.vk.read(person)
            vk = [key(reply) for reply in self.talks.written if reply.channel == "vk"]
            await self.talks.until_shown(lambda shown: {shown[reply]["status"] for reply in vk} == {"read"})
        await self.talks.until_told(await self.talks.shown())

    async def _decide(self, reply: Written, entry: dict[str, Any]) -> None:
        there = reply.pieces[entry["part"] - 1] in self.talks.at_customer(reply)
        self.doubted += 1
        if not there:
            self.sent_again.add(key(reply))
        elif entry["part"] < entry["parts"]:
            self.late.add(key(reply))  # what is left of it leaves after what did not wait for it
        await self.talks.decide(reply, "arrived" if there else "send-again")

    def _look_before_decisions(self, shown: Shown) -> None:
        for reply in self.talks.written:
            times, status = self._times(reply), shown[key(reply)]["status"]
            assert max(times) <= 1, f"{reply} came twice"
            if status in ARRIVED:
                assert min(times) == 1, f"{reply} is shown as {status}, and is lost"
            else:
                assert (reply.channel, status) == ("telegram", "uncertain"), shown[key(reply)]

    async def look(self) -> None:
        for reply in self.talks.written:
            assert set(self._times(reply)) == {1}, f"{reply}: {self._times(reply)}"
        for channel in ("telegram", "vk"):
            for person in PEOPLE:
                self._look_at_order(chat_of(channel, person))
        for said in self.talks.told().values():
            arrived = said[min(map(said.index, set(said) & set(ARRIVED))) :]
            assert arrived == sorted(arrived, key=ARRIVED.index), said
        assert await self._blindly_resent() == []

    def _times(self, reply: Written) -> list[int]:
        """How often the customer has each piece."""
        got = Counter(self.talks.at_customer(reply))
        return [got[piece] for piece in reply.pieces]

    def _look_at_order(self, chat: UUID) -> None:
        waited = self.sent_again | self.late
        replies = [reply for reply in self.talks.written if reply.chat == chat and key(reply) not in waited]
        pieces = [piece for reply in sorted(replies, key=lambda reply: reply.id) for piece in reply.pieces]
        if pieces:
            assert [text for text in self.talks.at_customer(replies[0]) if text in set(pieces)] == pieces

    async def _blindly_resent(self) -> list[Status]:
        """Telegram calls that follow one whose end nobody knew, without a moderator's word in between."""
        calling: defaultdict[Status, bool] = defaultdict(bool)
        found: list[Status] = []
        for stored in await self.talks.pulse.house.log.read_all("pulse.ev.chat.>"):
            recorded = open_envelope(stored.position, stored.subject, stored.body)
            of = (recorded.aggregate_id, getattr(recorded.event, "of", 0))
            match recorded.event:
                case ReplyAttempted() if recorded.scope.source == IDS["telegram"]:
                    if calling[of]:
                        found.append(of)
                    calling[of] = True
                case ReplySent() | ReplyFailed() | ReplyRequeued() | ReplyVouched():
                    calling[of] = False
        return found


def key(reply: Written) -> Status:
    return reply.chat, reply.id
