"""The fourth law for whoever comes and goes: a snapshot, and what one hears from its cursor on, equal a later snapshot.

A screen here does what an inbox or a widget does: it loads a snapshot, listens from its cursor on, is cut off at any
moment, comes back with the cursor of what it heard last, and loads another snapshot only when it is told to.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from pulse.aggregates.chat import chat_id
from pulse.cursors import Cursor
from pulse.embedded import Embedded
from pulse.errors import Trouble
from pulse.eventlog.commands import Decided
from pulse.house import now
from pulse.push import missed, resuming
from pulse.push.encoding import CURSOR
from pulse.push.ring import Ring
from pulse.snapshots import HEADER
from pulse.tokens import Visit
from tests.conftest import Pulse, running_pulse
from tests.insisting import insist
from tests.laws.test_snapshot_and_frames import (
    ACTS,
    ADMIN,
    PATIENCE,
    SALES,
    WEBSITE,
    Act,
    Client,
    Json,
    World,
    assign,
    by_id,
    close,
    compare,
    transfer,
    write,
)
from tests.push.ears import Door, Ear, a_door, hire, staff_path, staff_token, visitor_path

ALL = 10_000


class Screen:
    """One client. `loads` are its snapshots."""

    def __init__(
        self, chat: str, load: Callable[[int], Awaitable[tuple[Client, str]]], path: Callable[[], str]
    ) -> None:
        self.known = Client()
        self.loads = 0
        self._chat, self._load, self._path = chat, load, path
        self._cursor: str | None = None
        self._stack = AsyncExitStack()
        self._ear: Ear | None = None
        self._unread: list[Json] = []

    async def comes(self, door: Door) -> None:
        """With the cursor of what it heard last."""
        if self._ear is None:
            if self._cursor is None:
                await self._loads()
            address = f"{door.url}{self._path()}&cursor={self._cursor}"
            self._ear = Ear(await self._stack.enter_async_context(connect(address)))

    async def goes(self) -> None:
        """Whatever it did not read is lost on the way."""
        await self._stack.aclose()
        self._ear, self._unread = None, []

    async def hears(self, many: int) -> None:
        """So many of the frames that are there."""
        if self._ear is None:
            return
        try:
            self._unread += await self._so_far(self._ear)
        except ConnectionClosed:
            await self.goes()
        some, self._unread = self._unread[:many], self._unread[many:]
        for frame in some:
            if frame["type"] == "pulse:resync":
                await self.goes()
                await self._loads()
                return
            await self._take(frame)

    async def is_whole(self, door: Door) -> bool:
        """Everything that was told by now is known, and no snapshot had to be loaded for it."""
        before = self.loads
        await self.comes(door)
        await self.hears(ALL)
        return self._ear is not None and before == self.loads

    async def _so_far(self, ear: Ear) -> list[Json]:
        """What was written before the answer to something."""
        await ear.say("hm?")
        heard: list[Json] = []
        async with asyncio.timeout(PATIENCE):
            while not heard or heard[-1]["type"] != "error":
                heard.append(json.loads(await ear.socket.recv()))
        return heard[:-1]

    async def _take(self, frame: Json) -> None:
        if frame.get("session_id") == self._chat:
            self.known.hear(frame)
        self._cursor = frame.get("cursor") or frame["data"].get("cursor") or self._cursor

    async def _loads(self, at: int = 0) -> None:
        self.known, self._cursor = await self._load(at)
        self.loads += 1


class Limited(Screen):
    """That of a moderator who sees one department. Whatever leaves it is shown no more, and what they are told of without
    showing it is loaded. But they trust what they are told when they come back: that nothing of it is missing."""

    coming = True

    async def goes(self) -> None:
        await super().goes()
        self.coming = True

    async def _take(self, frame: Json) -> None:
        self.coming &= frame["type"] != CURSOR
        is_ours = frame.get("session_id") == self._chat
        if is_ours and not self.known.chat and frame["type"] != "chat.session.created":
            if is_in_sight(frame["data"]["chat"]):
                await self._loads(frame["seq"])
            return
        await super()._take(frame)
        if self.known.chat and not self.coming and not is_in_sight(self.known.chat):
            self.known = Client(whose=self.known.whose)


def is_in_sight(chat: Json) -> bool:
    return bool(chat["department"]["id"] == str(SALES))


class Watched:
    """One visitor's chat, an admin's inbox, its widget, Nina's inbox, and the push door that all listen at."""

    def __init__(self, pulse: Pulse, headers: Json, nina: UUID, servers: Embedded | None = None) -> None:
        peer = uuid4().hex
        self.visit = Visit(chat_id(WEBSITE, peer), WEBSITE, peer, "Vera", None, int(now().timestamp()))
        self.world = World(pulse, self.visit, headers, cast(Any, None), cast(Any, None))
        self.pulse, self.nina, self.servers = pulse, nina, servers
        chat, house = str(self.visit.chat), pulse.house
        self.worlds = {ADMIN: self.world, nina: replace(self.world, headers=bearer(staff_token(house, nina)))}
        self.inbox = Screen(chat, partial(self._load_inbox, ADMIN), lambda: staff_path(house, ADMIN))
        self.widget = Screen(chat, self._load_widget, lambda: visitor_path(house, self.visit))
        self.limited = Limited(chat, partial(self._load_inbox, nina), lambda: staff_path(house, nina))
        self.screens = (self.inbox, self.widget, self.limited)
        self._door = AsyncExitStack()
        self._frames = 1

    async def opens(self, frames: int) -> None:
        """Another process: it knows of the log only what it reads there."""
        await self._door.aclose()
        self._frames = frames
        self.door = await self._door.enter_async_context(a_door(self.pulse.house, ring=Ring(frames=frames)))

    async def closes(self) -> None:
        for screen in self.screens:
            await screen.goes()
        await self._door.aclose()

    async def act(self, what: Act) -> Decided | None:
        """As whoever it is does it: again, until there is an answer."""
        return await insist(lambda: self.world.act(what), despite=Trouble)

    async def restart(self, server: str) -> None:
        match server:
            case "nats" if self.servers:
                self.servers.kill_nats()
                self.servers.restart_nats()
            case "postgres" if self.servers:
                self.servers.kill_postgres()
                self.servers.restart_postgres()
            case _:
                await self.opens(self._frames)

    async def _load_inbox(self, whose: UUID, at: int) -> tuple[Client, str]:
        """The list first: where the chat is new, nothing else answers yet."""
        headers = self.worlds[whose].headers | {"X-Pulse-Position": str(at)}
        _, cursor = await self._read("/api/chats?limit=1", headers)
        chat, _ = await self._read(f"/api/chats/{self.visit.chat}", headers)
        page, _ = await self._read(f"/api/chats/{self.visit.chat}/messages?limit=200", headers)
        return Client(chat or {}, by_id(page), whose), cursor

    async def _load_widget(self, _: int) -> tuple[Client, str]:
        headers = bearer(self.pulse.house.signer.chat_token(self.visit))
        page, cursor = await self._read("/api/widget/messages?limit=200", headers)
        return Client({}, by_id(page)), cursor

    async def _read(self, path: str, headers: Json) -> tuple[Json | None, str]:
        http = self.pulse.http
        answer = await insist(lambda: http.get(path, headers=headers), lambda found: found.status_code in (200, 404))
        return (answer.json(), answer.headers[HEADER]) if answer.status_code == 200 else (None, "")


@asynccontextmanager
async def watching(
    pulse: Pulse, headers: Json, nina: UUID, frames: int, servers: Embedded | None = None
) -> AsyncIterator[Watched]:
    watched = Watched(pulse, headers, nina, servers)
    await watched.opens(frames)
    try:
        yield watched
    finally:
        await watched.closes()


Step = tuple[str, Any]


async def check_law(watched: Watched, steps: list[Step]) -> None:
    """Lives through it all; then all screens know what anybody sees who looks now."""
    screens = watched.screens
    for what, how in steps:
        match what:
            case "happens":
                await watched.act(how)
            case "restarts":
                await watched.restart(how)
            case "comes":
                await screens[how].comes(watched.door)
            case "goes":
                await screens[how].goes()
            case "hears":
                which, many = how
                await screens[which].hears(many)
    last = await watched.act(write(1))
    assert last is not None
    await watched.pulse.projected.reach(last.position)
    await insist(lambda: head_of(watched.door), lambda head: head >= Cursor(last.position))
    for screen in screens:
        await insist(lambda screen=screen: screen.is_whole(watched.door), bool)
    for world, inbox, widget in (
        (watched.worlds[ADMIN], watched.inbox.known, watched.widget.known),
        (watched.worlds[watched.nina], watched.limited.known, None),
    ):
        same = partial(compare, world, inbox, widget, last.position, set())
        await insist(same, despite=Trouble)


async def head_of(door: Door) -> Cursor:
    return door.parts.telling.ring.head


def was_there(screen: int) -> list[Step]:
    return [("comes", screen), ("hears", (screen, ALL)), ("goes", screen)]


def was_away(screen: int, meanwhile: list[Step]) -> list[Step]:
    return [*was_there(screen), *meanwhile, *was_there(screen)]


HAPPENS = st.tuples(
    st.just("happens"), st.builds(lambda act, number: act(number), st.sampled_from(ACTS), st.integers(0, 50))
)
MOVES = st.tuples(st.just("happens"), st.one_of(st.builds(transfer, st.integers(0, 1)), st.builds(write, st.just(1))))
SCREENS = st.integers(0, 2)
ONE = st.one_of(
    HAPPENS, HAPPENS, HAPPENS, MOVES, st.tuples(st.sampled_from(["comes", "goes"]), SCREENS),
    st.tuples(st.just("hears"), st.tuples(SCREENS, st.integers(1, 6))),
)  # fmt: skip
GONE = st.builds(was_away, SCREENS, st.lists(MOVES, min_size=4, max_size=8))
STEPS = st.lists(st.one_of(ONE.map(lambda one: [one]), ONE.map(lambda one: [one]), GONE), max_size=12).map(
    lambda some: list(chain.from_iterable(some))
)
RARELY = settings(
    deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.generate],  # to shrink a history takes longer than to read it
)  # fmt: skip


@settings(RARELY, max_examples=25)
@given(steps=STEPS, more=STEPS, frames=st.integers(1, 20), span=st.sampled_from([2, 10, 10_000]))
async def test_the_law_holds_for_whoever_comes_and_goes(
    pulse: Pulse, headers: Json, nina: UUID, steps: list[Step], more: list[Step], frames: int, span: int
) -> None:
    """With another process in the middle, and with logs that are too far behind to be read."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resuming, "SPAN", span)
        async with watching(pulse, headers, nina, frames) as watched:
            await check_law(watched, [*steps, ("restarts", "door"), *more])


async def test_whoever_is_told_to_loads_a_snapshot_and_nobody_else_does(
    pulse: Pulse, headers: Json, nina: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However far it is, a widget reads its one chat; more frames than one may be told are too much for both."""
    went = [*was_there(0), *was_there(1)]
    cases = (
        (resuming, "SPAN", 10_000, (False, False)), (resuming, "SPAN", 1, (True, False)),
        (missed, "FRAMES", 3, (True, True)),
    )  # fmt: skip
    for where, limit, bound, told_to in cases:
        with monkeypatch.context() as patch:
            patch.setattr(where, limit, bound)
            async with watching(pulse, headers, nina, 1) as watched:
                await check_law(watched, [("happens", write(1)), *went, *[("happens", write(n)) for n in range(1, 9)]])
                assert (watched.inbox.loads > 1, watched.widget.loads > 1) == told_to


GAPS: dict[str, tuple[tuple[Act, ...], bool]] = {
    "away, and back": ((transfer(1), write(1), transfer(0)), True),
    "away and back at once": ((transfer(1), transfer(0), write(1)), False),
    "in one's sight all the time": ((assign(0), write(1), close(0), write(2), assign(1)), False),
    "away": ((write(1), transfer(1), write(2)), False),
}


@pytest.mark.parametrize("frames", [1, ALL], ids=["out of the log", "out of memory"])
@pytest.mark.parametrize("gap", GAPS)
async def test_who_missed_what_was_said_where_they_may_not_look_loads_a_snapshot(
    pulse: Pulse, headers: Json, nina: UUID, gap: str, frames: int
) -> None:
    """And nobody else does, whatever happened to the chat."""
    acts, told_to = GAPS[gap]
    async with watching(pulse, headers, nina, frames) as watched:
        steps = [("happens", write(1)), *was_there(0), *was_there(2), *[("happens", one) for one in acts]]
        await check_law(watched, steps)
        assert (watched.inbox.loads, watched.limited.loads) == (1, 2 if told_to else 1)


@pytest.fixture(scope="module")
def servers_that_die(data_dir: Path) -> Iterator[Embedded]:
    with Embedded(data_dir / "coming-and-going") as running:
        yield running


@pytest.fixture(scope="module")
async def pulse_on_them(servers_that_die: Embedded, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pulse]:
    async with running_pulse(servers_that_die.addresses, tmp_path_factory.mktemp("pulse")) as running:
        yield running


@pytest.mark.timeout(300)
@settings(RARELY, max_examples=4)
@given(
    parts=st.lists(STEPS, min_size=4, max_size=4), servers=st.permutations(["door", "nats", "postgres"]),
    frames=st.integers(1, 20),
)  # fmt: skip
async def test_the_law_holds_though_every_server_is_killed(
    pulse_on_them: Pulse, servers_that_die: Embedded, parts: list[list[Step]], servers: list[str], frames: int
) -> None:
    """One after the other, in any order and at any moment."""
    steps: list[Step] = [("comes", 0), ("comes", 1), ("comes", 2)]
    for part, server in zip(parts, [*servers, "door"], strict=True):
        steps += [*part, ("restarts", server)]
    headers = await insist(lambda: pulse_on_them.sign_in("admin"), despite=AssertionError)
    nina = await insist(lambda: hire(pulse_on_them.house, "nina", SALES), despite=Trouble)
    async with watching(pulse_on_them, headers, nina, frames, servers_that_die) as watched:
        await check_law(watched, steps)


@pytest.fixture
async def headers(pulse: Pulse) -> Json:
    return await pulse.sign_in("admin")


@pytest.fixture
async def nina(pulse: Pulse) -> UUID:
    """She sees Sales, where chats open, and not Support."""
    return await hire(pulse.house, "nina", SALES)


def bearer(token: str) -> Json:
    return {"Authorization": f"Bearer {token}"}
