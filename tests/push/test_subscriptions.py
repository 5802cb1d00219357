"""A subscription is let in once: whatever moves meanwhile, and however much there is to tell."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from websockets.asyncio.client import connect

from pulse.access import Place
from pulse.push import catch_ups, subscriptions
from pulse.push.catch_ups import ROOM, CatchUp
from pulse.push.encoding import event_wire
from pulse.push.hub import Hub
from pulse.push.missed import Comer
from pulse.push.post import Receipt
from tests.conftest import Pulse
from tests.insisting import insist
from tests.push.comers import data_of, texts_of
from tests.push.ears import ADMIN, Door, Frame, a_door, a_visit, act, happened, writes
from tests.push.test_comeback import cursor_of
from tests.push.test_protocol import PusherEar, pusher_ear, signed

ANSWER = "pusher_internal:subscription_succeeded"


def counted(patch: pytest.MonkeyPatch, owner: object, name: str, then: Callable[[], Any]) -> list[str]:
    """How often something is asked; `then` happens before its answer is there."""
    asked, ask = list[str](), getattr(owner, name)

    async def answer(*what: Any) -> Any:
        asked.append(name)
        found = await ask(*what)
        if (more := then()) is not None:
            await more
        return found

    patch.setattr(owner, name, answer)
    return asked


def move_elsewhere(door: Door) -> Callable[[], None]:
    return lambda: door.parts.evicting.from_chat(uuid4(), Place(None, None))


async def test_a_move_elsewhere_costs_no_second_catch_up_and_nothing_is_missed(
    pulse: Pulse, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit = a_visit()
    channel = f"private-chat.{visit.chat}"
    async with a_door(pulse.house, hub=Hub()) as door, pusher_ear(pulse, door.url) as ear:
        cursor = await cursor_of(pulse, door)
        await happened(pulse, visit, writes("Missed"))

        async def meanwhile() -> None:
            """While rights are asked for the second time, somebody writes."""
            if len(rights) == 2:
                decided = await act(pulse.house, visit, writes("Meanwhile"))

                async def told() -> bool:
                    return door.parts.telling.ring.head.position >= decided.position

                await insist(told, bool)

        reads = counted(monkeypatch, door.parts.resuming, "missed", move_elsewhere(door))
        rights = counted(monkeypatch, door.parts.evicting.rights, "of", meanwhile)
        answer = await ear.subscribe(channel, **signed(pulse, ear, channel, ADMIN), since=cursor)
        assert data_of(answer)["recovered"] is True
        await act(pulse.house, visit, writes("Next"))
        heard = await ear.until(lambda frame: texts_of([frame]) == ["Next"])
    assert texts_of(heard) == ["Missed", "Meanwhile", "Next"]
    assert (len(reads), len(rights)) == (1, 2)


async def test_who_can_never_be_sure_of_its_rights_is_refused_and_may_try_later(
    pulse: Pulse, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit = a_visit()
    await happened(pulse, visit, writes("Hello"))
    channel = f"private-chat.{visit.chat}"
    async with a_door(pulse.house, hub=Hub()) as door, pusher_ear(pulse, door.url) as ear:
        with monkeypatch.context() as patch:
            reads = counted(patch, door.parts.resuming, "missed", lambda: None)
            rights = counted(patch, door.parts.evicting.rights, "of", move_elsewhere(door))
            answer = await ear.subscribe(channel, **signed(pulse, ear, channel, ADMIN))
        assert (answer["event"], answer["channel"]) == ("pusher:subscription_error", channel)
        assert data_of(answer)["status"] == 503
        assert (len(reads), channel in door.hub.channels) == (1, False)
        assert 1 < len(rights) <= subscriptions.TRIES + 1
        answer = await ear.subscribe(channel, **signed(pulse, ear, channel, ADMIN))
        assert answer["event"] == ANSWER


async def test_by_the_apps_secret_nobody_waits_for_rights(pulse: Pulse, monkeypatch: pytest.MonkeyPatch) -> None:
    channel = f"private-chat.{a_visit().chat}"
    async with a_door(pulse.house, hub=Hub()) as door, pusher_ear(pulse, door.url) as ear:
        counted(monkeypatch, door.parts.resuming, "missed", move_elsewhere(door))
        assert (await ear.subscribe(channel, **signed(pulse, ear, channel, None)))["event"] == ANSWER


CHATS, MANY, LONG = 8, 22, 20_000  # below what one subscription may miss; together far more than may wait


@asynccontextmanager
async def far_behind(pulse: Pulse, door: Door) -> AsyncIterator[PusherEar]:
    """A client that comes back to busy chats and has said so, and has not read anything yet."""
    cursor = await cursor_of(pulse, door)
    visits = [a_visit() for _ in range(CHATS)]
    for visit in visits:
        for number in range(MANY):
            decided = await act(pulse.house, visit, writes(f"{number}" + "x" * LONG))

    async def told() -> bool:
        return door.parts.telling.ring.head.position >= decided.position

    await insist(told, bool)
    async with slow_ear(pulse, door) as ear:
        await ear.send("pulse:resume", {"cursor": cursor})
        for visit in visits:
            channel = f"private-chat.{visit.chat}"
            await ear.send("pusher:subscribe", {"channel": channel, **signed(pulse, ear, channel, ADMIN)})
        yield ear


async def until_much_waits(door: Door) -> None:
    async def much_waits() -> bool:
        return any(peer.waiting > ROOM for peer in door.hub.peers)

    await insist(much_waits, bool)


@asynccontextmanager
async def slow_ear(pulse: Pulse, door: Door) -> AsyncIterator[PusherEar]:
    """Little waits for it in the kernel."""
    where = urlsplit(door.url)
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 * 1024)
    line.setblocking(False)
    await asyncio.get_running_loop().sock_connect(line, (where.hostname, where.port))
    key = pulse.house.settings.push_key
    async with connect(f"{door.url}/app/{key}?protocol=7", sock=line, max_queue=2) as opened:
        ear = PusherEar(opened)
        ear.socket_id = data_of(await ear.next())["socket_id"]
        yield ear


async def all_answers(ear: PusherEar) -> list[Frame]:
    """What each subscription is answered, and the texts in between."""
    heard = list[Frame]()
    while sum(frame["event"] == ANSWER for frame in heard) < CHATS:
        heard.append(await ear.next())
    await ear.send("pusher:ping", {})
    return [*heard, *await ear.until(lambda frame: frame["event"] == "pusher:pong")]


async def test_who_missed_much_on_many_channels_is_told_all_of_it_as_it_reads(pulse: Pulse) -> None:
    async with a_door(pulse.house, hub=Hub()) as door, far_behind(pulse, door) as ear:
        await until_much_waits(door)
        heard = await all_answers(ear)
    assert {data_of(frame)["recovered"] for frame in heard if frame["event"] == ANSWER} == {True}
    assert len(texts_of(heard)) == CHATS * MANY


async def test_who_does_not_read_in_time_is_told_to_take_a_snapshot_and_is_not_cut(
    pulse: Pulse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catch_ups, "ROOM_SECONDS", 0.01)
    async with a_door(pulse.house, hub=Hub()) as door, far_behind(pulse, door) as ear:

        async def all_in() -> bool:
            return len(door.hub.channels) == CHATS

        await insist(all_in, bool)
        heard = await all_answers(ear)
    answers = [data_of(frame) for frame in heard if frame["event"] == ANSWER]
    reasons = {answer["reason"] for answer in answers}
    assert reasons == {None, "too_far"}
    assert len(texts_of(heard)) == MANY * sum(answer["recovered"] for answer in answers)


async def test_what_waits_in_the_post_counts_as_well(pulse: Pulse) -> None:
    channel = f"private-chat.{a_visit().chat}"
    async with a_door(pulse.house, hub=Hub()) as door, pusher_ear(pulse, door.url):
        (peer,) = door.hub.peers
        catch_up, before = CatchUp(door.parts.resuming, peer, door.parts.telling.head()), Receipt()
        door.hub.post.send([before], event_wire("news", {}))
        wanted = partial(door.parts.telling.for_channel, channel, ADMIN, "")
        await catch_up.read(Comer(wanted, ADMIN, channel))
        assert before.turn.is_set()
        assert catch_up.whole() == ([], None)
