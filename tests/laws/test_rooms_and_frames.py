"""The fourth law for rooms and notifications: a snapshot and the frames after it equal the snapshot after every act."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import UUID

import pytest
from websockets.asyncio.client import ClientConnection, connect

from pulse.aggregates import EVENTS
from pulse.aggregates.chat import Chat, chat_id
from pulse.aggregates.moderator import moderator_id
from pulse.aggregates.room import GENERAL, direct_id
from pulse.aggregates.source import source_id
from pulse.eventlog.envelope import open_envelope
from pulse.house import now
from tests.conftest import Pulse

ANNA, BORIS = (moderator_id(f"{name}@pulse.example") for name in ("anna", "boris"))
DIRECT = direct_id(ANNA, BORIS)
CHAT = chat_id(source_id("simulator", "simulator"), "vera")
PATIENCE = 20

Json = dict[str, Any]


class Client:
    """What Boris' window knows: his rooms, what was said in them, and what concerns him."""

    def __init__(self, rooms: list[Json], messages: list[Json], notifications: list[Json]) -> None:
        self.rooms = {room["id"]: room for room in rooms}
        self.messages = {(entry["room_id"], entry["id"]): entry for entry in messages}
        self.notifications = {told["id"]: told for told in notifications}

    def hear(self, frame: Json) -> None:
        told = frame["data"]
        match frame["type"]:
            case "room.opened":
                other = next(one for one in told["people"] if one["id"] != str(BORIS))
                mine = {"kind": "direct", "with": other, "seen": 0, "unread": 0, "seen_by_other": 0}
                self.rooms.setdefault(told["room_id"], mine | told["room"])
            case "room.message":
                row, mark = told.pop("room"), told.pop("mark")
                self.messages[told["room_id"], told["id"]] = told
                self.rooms[told["room_id"]] |= row
                self.mark(told["room_id"], mark)
            case "room.seen":
                self.mark(told["room_id"], told["mark"])
            case "notification.created":
                self.notifications.setdefault(told["id"], told)
            case "notification.read":
                for number, known in self.notifications.items():
                    in_room = known["room_id"] == told.get("room_id", "none") and known["number"] <= told["number"]
                    known["read"] |= in_room or number in told.get("ids", ()) or number <= told.get("up_to", 0)

    def mark(self, room_id: str, mark: Json) -> None:
        room = self.rooms[room_id]
        if mark["moderator_id"] == str(BORIS):
            room["seen"] = max(room["seen"], mark["seen"])
        elif room["kind"] == "direct":
            room["seen_by_other"] = max(room["seen_by_other"], mark["seen"])
        room["unread"] = room["messages"] - room["seen"]


class World:
    """Who does what, over HTTP."""

    def __init__(self, pulse: Pulse, anna: Json, boris: Json) -> None:
        self.pulse, self.headers = pulse, {"anna": anna, "boris": boris}

    async def post(self, name: str, address: str, body: object = None) -> int:
        answer = await self.pulse.http.post(address, json=body, headers=self.headers[name])
        assert answer.is_success, answer.text
        return int(answer.json()["position"])

    async def note(self, *mentions: UUID) -> int:
        def decision(chat: Chat | None) -> Chat:
            assert chat is not None
            chat.note("Look at this", moderator_id=ANNA, mentions=mentions, now=now())
            return chat

        decided = await self.pulse.house.store.decide(Chat, CHAT, decision, by=f"moderator:{ANNA.hex}")
        return decided.position

    async def snapshot(self) -> Client:
        at = {**self.headers["boris"], "X-Pulse-Position": str(await self.pulse.house.log.last_position())}

        async def items(address: str) -> list[Json]:
            answer = await self.pulse.http.get(address, headers=at)
            if answer.status_code == 404:
                return []
            assert answer.status_code == 200, answer.text
            found: list[Json] = answer.json()["items"]
            return found

        said = [entry for room in (GENERAL, DIRECT) for entry in await items(f"/api/rooms/{room}/messages")]
        return Client(await items("/api/rooms"), said, await items("/api/notifications"))

    async def act(self, number: int, first: int) -> int:
        general, direct = (f"/api/rooms/{room}" for room in (GENERAL, DIRECT))
        match number:
            case 0:
                return await self.post("anna", f"{general}/messages", {"text": "All?", "mentions": [str(BORIS)]})
            case 1:
                return await self.post("anna", "/api/direct", {"to": str(BORIS)})
            case 2:
                return await self.post("anna", f"{direct}/messages", {"text": "You?", "mentions": [str(BORIS)]})
            case 3:
                return await self.post("boris", f"{direct}/seen", {"upTo": 1})
            case 4:
                return await self.post("boris", f"{general}/messages", {"text": "Me.", "clientMsgId": "c"})
            case 5:
                return await self.post("anna", f"{direct}/messages", {"text": "x" * 300})
            case 6:
                return await self.post("boris", f"{direct}/messages", {"text": "Yes"})
            case 7:
                return await self.post("anna", f"{direct}/seen", {"upTo": 3})
            case 8:
                return await self.note(BORIS)
            case 9:
                return await self.post("anna", f"/api/chats/{CHAT}/assign-operator", {"moderatorId": str(BORIS)})
            case 10:
                return await self.post("boris", f"/api/notifications/{first}/read")
            case 11:
                return await self.post("boris", "/api/notifications/read-all")
            case 12:
                return await self.post("anna", f"{general}/messages", {"text": "@", "mentions": [str(BORIS)]})
            case 13:
                taken = {"from": str(BORIS)}
                return await self.post("anna", f"/api/chats/{CHAT}/assign-operator", taken)
            case 14:
                given = {"moderatorId": str(BORIS), "note": "Yours again"}
                return await self.post("anna", f"/api/chats/{CHAT}/transfer", given)
            case _:
                return await self.post("anna", f"/api/chats/{CHAT}/close")


# As what each act is told last.
CREATED, READ = "notification.created", "notification.read"
LAST = (
    CREATED, "room.opened", CREATED, READ, READ, CREATED, READ, "room.seen",
    CREATED, CREATED, READ, READ, CREATED, CREATED, CREATED, CREATED,
)  # fmt: skip
ACTS = len(LAST)


@pytest.fixture
async def world(pulse: Pulse) -> World:
    message = {"from": "vera", "message": "Hello", "type": "text", "message_id": "m1"}
    await pulse.http.post(pulse.webhook("simulator"), json=message)
    return World(pulse, await pulse.sign_in("anna"), await pulse.sign_in("boris"))


@pytest.mark.parametrize("cut", range(0, ACTS, 3))
async def test_a_snapshot_and_the_frames_after_it_equal_a_later_snapshot(world: World, cut: int) -> None:
    pulse = world.pulse
    token = pulse.house.signer.staff_token(BORIS, now())
    client, first = await world.snapshot(), 0
    async with connect(f"{pulse.push}/channel/ws?type=staff&access_token={token}") as socket:
        for number in range(ACTS):
            if number == cut:
                client = await world.snapshot()
            position = await world.act(number, first)
            first = first or position
            for frame in await up_to(socket, position, LAST[number]):
                if number >= cut:
                    client.hear(frame)
            if number >= cut:
                later = await world.snapshot()
                assert client.rooms == later.rooms, number
                assert client.messages == later.messages, number
                assert client.notifications == later.notifications, number
    await every_kind_happened(pulse)


async def every_kind_happened(pulse: Pulse) -> None:
    stored = [one for kind in ("room", "notification") for one in await pulse.house.log.read_all(f"pulse.ev.{kind}.>")]
    happened = {type(open_envelope(one.position, one.subject, one.body).event) for one in stored}
    assert happened == {event for (name, _), event in EVENTS.items() if name.startswith(("room.", "notification."))}


async def up_to(socket: ClientConnection, position: int, last: str) -> list[Json]:
    """All frames of the events up to a position, the last of which is told as `last`."""
    heard: list[Json] = []
    async with asyncio.timeout(PATIENCE):
        while not heard or heard[-1].get("seq", 0) < position:
            heard.append(json.loads(await socket.recv()))
        while heard[-1]["seq"] == position and heard[-1]["type"] != last:
            heard.append(json.loads(await socket.recv()))
    return [frame for frame in heard if not frame["type"].startswith("pulse:")]
