"""Quiet clients are told how far the log was told, so that they need not come back from far behind."""

from __future__ import annotations

import asyncio
import json

import pytest
import structlog
from websockets.asyncio.client import connect

from pulse.cursors import Cursor
from pulse.push import rounds
from pulse.push.codes import Code
from pulse.push.encoding import wire_of
from pulse.push.outlet import Outlet
from pulse.push.peers import Owner, Peer
from pulse.push.post import Post
from tests.conftest import Pulse
from tests.insisting import insist
from tests.push.comers import PUSHERS, WAYS, WINDOWS, Back, back, texts_of
from tests.push.ears import ANNA, BORIS, Door, Ear, a_door, a_visit, act, happened, staff_path, writes
from tests.push.test_protocol import PusherEar, signed
from tests.push.test_user_sign_in import signed_in


def whole_round(door: Door) -> None:
    for second in range(rounds.ROUND_SECONDS):
        door.parts.rounds.go(second)


async def asides_of(there: Back) -> list[str]:
    await there.so_far()
    return [str(aside.get("type") or aside["event"]) for aside in there.ear.asides]


@pytest.mark.parametrize("way", [*WINDOWS, PUSHERS[0]])
async def test_who_was_told_nothing_gets_a_newer_cursor_each_round_and_comes_back_with_it(
    pulse: Pulse, way: str
) -> None:
    visit, other, house = a_visit(), a_visit(), pulse.house
    await happened(pulse, visit, writes("Before"))
    async with a_door(house) as door:
        async with back(door, house, way, visit) as there:
            whole_round(door)
            before = await asides_of(there)
            for _ in range(3):
                await act(house, other, writes("Elsewhere"))
            last = await act(house, visit, writes("Here"))
            await there.ear.until(lambda frame: texts_of([frame]) == ["Here"])
            await there.so_far()
            told = len(there.ear.asides)
            whole_round(door)  # it was told something: that had a cursor
            whole_round(door)
            assert (await asides_of(there))[told:].count("pulse:cursor") >= 1
            assert before.count("pulse:cursor") <= 1
            aside = there.ear.asides[-1]
            data = aside["data"] if isinstance(aside["data"], dict) else json.loads(aside["data"])
            newest = data["cursor"]
        assert last.position == door.parts.telling.ring.head.position
        async with back(door, house, way, visit, newest) as again:
            assert (again.reason, again.missed) == (None, [])


async def test_a_pusher_client_gets_one_each_round_whatever_it_is_told(pulse: Pulse) -> None:
    """Stock clients hand on neither the cursor beside `data`, nor their own pings' answers."""
    path = f"/app/{pulse.house.settings.push_key}?protocol=7&pulse=1"
    async with a_door(pulse.house) as door, connect(door.url + path) as socket:
        ear = PusherEar(socket)
        ear.socket_id = json.loads((await ear.next())["data"])["socket_id"]
        await ear.subscribe("private-campaign.1", **signed(pulse, ear, "private-campaign.1", None))
        for number in range(1, 4):
            await ear.send("pusher:ping", {})
            assert (await ear.next())["event"] == "pusher:pong"
            whole_round(door)
            await ear.send("pusher:ping", {})
            assert (await ear.next())["event"] == "pusher:pong"
            assert [aside["event"] for aside in ear.asides] == ["pulse:cursor"] * number


async def test_a_stock_pusher_client_is_told_none(pulse: Pulse) -> None:
    path = f"/app/{pulse.house.settings.push_key}?protocol=7"
    async with a_door(pulse.house) as door, connect(door.url + path) as socket:
        ear = PusherEar(socket)
        assert "cursor" not in json.loads((await ear.next())["data"])
        for _ in range(3):
            whole_round(door)
        await ear.send("pusher:ping", {})
        assert (await ear.next())["event"] == "pusher:pong"
        assert ear.asides == []


async def test_a_round_is_gone_again_and_again(pulse: Pulse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "SHARE_SECONDS", 0.001)
    async with a_door(pulse.house) as door, back(door, pulse.house, WAYS[1], a_visit()) as there:
        running = asyncio.create_task(door.parts.rounds.run())
        window: Ear = there.ear
        async with asyncio.timeout(20):
            for _ in range(3):
                assert json.loads(await window.socket.recv())["type"] == "pulse:cursor"
        running.cancel()


async def test_each_second_has_its_share_and_every_client_is_in_one(pulse: Pulse) -> None:
    async with a_door(pulse.house) as door:
        post, peers = door.hub.post, [AtItsTurn(door.hub.post) for _ in range(200)]
        assert post is peers[0].post
        door.hub.peers |= set(peers)
        shares = []
        for second in range(rounds.ROUND_SECONDS):
            door.parts.rounds.go(second)
            shares.append(sum(peer.told for peer in peers) - sum(shares))
        door.hub.peers -= set(peers)
    assert sum(shares) == len(peers)
    assert max(shares) < len(peers)
    assert len({id(peer.wire) for peer in peers}) <= rounds.ROUND_SECONDS  # made once a share, not for each


@pytest.mark.parametrize("way", ["a window", "a Pusher client", "a stream"])
async def test_who_said_nothing_and_was_told_nothing_for_a_day_is_sent_away_and_may_come_back_at_once(
    pulse: Pulse, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """Its own cursors count for nothing, also when they have to wait for others' letters."""
    monkeypatch.setattr(rounds, "IDLE_ROUNDS", 3)
    async with a_door(pulse.house) as door:
        path = staff_path(pulse.house, ANNA)
        if way == "a Pusher client":
            path = f"/app/{pulse.house.settings.push_key}?protocol=7"
        async with connect(door.url + path) as socket:
            await socket.recv()
            [peer] = door.hub.peers
            if way == "a stream":
                peer = Outlet(door.hub.post, Owner(person_id=BORIS))
                assert await door.parts.windows.open(peer) is None
            whole_round(door)  # its greeting was something
            for _ in range(2):
                door.hub.post.send([AtItsTurn(door.hub.post)], wire_of({"type": "all"}))
                whole_round(door)
                await insist(lambda: nothing_waits(door), bool)
            assert peer.dismissed is None
            whole_round(door)
            assert peer.dismissed is Code.IDLE
            if way != "a stream":
                assert await Ear(socket).until_closed() == Code.IDLE == 4202
    assert rounds.ROUND_SECONDS * (24 * 60 * 2) == 24 * 60 * 60


async def nothing_waits(door: Door) -> bool:
    return door.hub.post._began is None


@pytest.mark.parametrize("how", ["it says something", "it is told something"])
async def test_who_says_or_is_told_something_stays(pulse: Pulse, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    monkeypatch.setattr(rounds, "IDLE_ROUNDS", 3)
    visit = a_visit()
    async with a_door(pulse.house) as door, back(door, pulse.house, WINDOWS[1], visit) as there:
        [peer] = door.hub.peers
        for _ in range(5):
            whole_round(door)
            whole_round(door)
            if how == "it says something":
                await there.so_far()
            else:
                await act(pulse.house, visit, writes("Hello"))
                await there.ear.until(lambda frame: texts_of([frame]) == ["Hello"])
        assert peer.dismissed is None


class AtItsTurn(Peer):
    """A moderator's, and counts what it is told."""

    told, wire = 0, b""

    def __init__(self, post: Post) -> None:
        super().__init__(post, Owner(person_id=ANNA))

    def put(self, framed: bytes, wires: object) -> None:
        self.told += 1
        self.wire = framed

    async def close(self, code: Code) -> None:
        """Nothing is open."""


@pytest.mark.parametrize("proof", ["a signed subscription", "a sign-in"])
async def test_strangers_are_told_no_cursor(pulse: Pulse, proof: str) -> None:
    """However they come: positions tell how much all of Pulse has to do."""
    path = f"/app/{pulse.house.settings.push_key}?protocol=7&pulse=1"
    beyond = pulse.house.cursors.write(Cursor(10**9))
    async with a_door(pulse.house) as door, connect(door.url + path) as socket:
        ear = PusherEar(socket)
        greeting = json.loads((await ear.next())["data"])
        ear.socket_id = greeting.pop("socket_id")
        assert greeting == {"activity_timeout": 30}
        await ear.send("pulse:resume", {"cursor": beyond})
        with structlog.testing.capture_logs() as logged:
            told = await ear.subscribe("news", since=beyond)
        assert (told["event"], told["data"]) == ("pusher_internal:subscription_succeeded", "{}")
        assert "push.cursor_beyond" not in [line["event"] for line in logged]
        for _ in range(2):
            whole_round(door)
        await ear.send("pusher:ping", {})
        assert (await ear.next())["event"] == "pusher:pong"
        assert ear.asides == []
        if proof == "a sign-in":
            assert (await signed_in(pulse, ear))["event"] == "pusher:signin_success"
        else:
            told = await ear.subscribe("private-campaign.1", **signed(pulse, ear, "private-campaign.1", None))
            assert "cursor" in json.loads(told["data"])
        for _ in range(2):
            whole_round(door)
        await ear.send("pusher:ping", {})
        assert (await ear.next())["event"] == "pusher:pong"
        assert "pulse:cursor" in [aside["event"] for aside in ear.asides]
