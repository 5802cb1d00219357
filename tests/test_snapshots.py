"""What people load before they listen says from where on to listen."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from starlette.testclient import TestClient
from websockets.asyncio.client import connect

from pulse.cursors import Cursor, Cursors, NotACursor
from pulse.errors import ReadsDown
from pulse.http import answer
from pulse.snapshots import HEADER, Snapshots, is_snapshot
from tests.conftest import Pulse
from tests.desk.test_rooms import GENERAL
from tests.promises import operations
from tests.push.ears import ADMIN, Ear, staff_path
from tests.world import Desk, a_name, vera_writes

CURSORS = Cursors("0123456789", bytes(32))


def test_of_the_documents_operations_these_are_snapshots() -> None:
    promised = {one.id for one in operations() if HEADER in one.responses.get("200", {}).get("headers", {})}
    assert promised == {
        "list_chats", "show_chat", "list_messages", "list_rooms", "show_room", "list_room_messages",
        "list_notifications", "open_widget_session", "list_widget_messages", "get_channel_token",
    }  # fmt: skip
    assert is_snapshot("POST", "/chat/session")
    for address in ("GET /api/users", "POST /api/chats", "GET /api/chats/1/events", "GET /api/chatses"):
        assert not is_snapshot(*address.split(" ", 1))


async def test_staff_are_told_a_position_that_the_rows_have_reached(pulse: Pulse) -> None:
    desk, chat = Desk(pulse), await vera_writes(pulse, a_name())
    written = await desk.post("anna", f"/api/chats/{chat}/open")
    position = written.json()["position"]
    await pulse.projected.reach(position)
    for address in (
        "/api/chats", f"/api/chats/{chat}", f"/api/chats/{chat}/messages", "/api/rooms", f"/api/rooms/{GENERAL}",
        f"/api/rooms/{GENERAL}/messages", "/api/notifications",
    ):  # fmt: skip
        found = await desk.get("anna", address)
        assert found.status_code == 200, (address, found.text)
        assert pulse.house.cursors.read(found.headers[HEADER]).position <= await pulse.house.log.last_position()
    async with connect(f"{pulse.push}{staff_path(pulse.house, ADMIN)}&cursor={found.headers[HEADER]}") as socket:
        ear = Ear(socket)
        reply = await desk.post("anna", f"/api/chats/{chat}/messages", {"text": "On its way"})
        assert (await ear.up_to(reply.json()["position"]))[-1]["data"]["text"] == "On its way"
        assert not [aside for aside in ear.asides if aside["type"] == "pulse:resync"]


async def test_what_is_no_snapshot_and_what_is_refused_tells_none(pulse: Pulse) -> None:
    desk = Desk(pulse)
    assert (await pulse.http.get("/api/chats")).status_code == 401
    for found in (
        await pulse.http.get("/api/chats"), await desk.get("anna", f"/api/chats/{uuid4()}"),
        await desk.get("anna", "/api/users/me"), await pulse.http.get("/healthz"),
    ):  # fmt: skip
        assert HEADER not in found.headers


async def test_a_visitor_gets_theirs_sealed_for_their_chat(pulse: Pulse) -> None:
    opened = await pulse.http.post("/api/widget/session", json={"source": "web_site", "name": "Vera"})
    session = opened.json()
    bearer = {"Authorization": f"Bearer {session['chat_token']}"}
    listed = await pulse.http.get("/api/widget/messages", headers=bearer)
    renewed = await pulse.http.get(f"/chat/session/{session['chat_id']}/channel-token", headers=bearer)
    cursors, chat = pulse.house.cursors, UUID(session["chat_id"])
    for found in (opened, listed, renewed):
        told = found.headers[HEADER]
        assert cursors.unseal(told, chat).position <= await pulse.house.log.last_position()
        for other in (lambda told=told: cursors.read(told), lambda told=told: cursors.unseal(told, uuid4())):
            with pytest.raises(NotACursor):
                other()


class FakeReads:
    def __init__(self, position: int, reached: int | None) -> None:
        self.position = position
        self._reached = reached

    async def reached(self) -> int:
        if self._reached is None:
            raise ReadsDown
        return self._reached


@pytest.mark.parametrize(
    ("announced", "reached", "told"),
    [(7, 9, "01234567.7"), (0, 9, "01234567.9"), (0, None, None), (0, 0, "01234567.0")],
)
def test_it_is_taken_before_anything_is_read(announced: int, reached: int | None, told: str | None) -> None:
    """What was announced will do; else the tables are asked, and where they can't tell there is none."""
    reads: Any = FakeReads(announced, reached)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        reads.position = 100  # the rows are newer by now
        await answer({})(scope, receive, send)

    client = TestClient(Snapshots(app, reads, CURSORS))
    assert client.get("/api/chats").headers.get(HEADER) == told
    assert HEADER not in client.get("/api/users").headers


def test_cursors_are_read_as_they_were_written_and_nothing_else_is() -> None:
    for cursor in (Cursor(7), Cursor(7, 2), Cursor(0), Cursor(10**17, 65_000)):
        assert CURSORS.read(CURSORS.write(cursor)) == cursor
        chat = uuid4()
        assert CURSORS.unseal(CURSORS.seal(cursor, chat), chat) == cursor
        assert CURSORS.seal(cursor, chat) != CURSORS.seal(cursor, chat)
    sealed = CURSORS.seal(Cursor(7), chat)
    for text in (
        "", ".", "01234567", "01234567.", "01234567.x", "01234567.-1", "01234567.1.2.3", "01234567.1.65536",
        "76543210.7", "01234567.٧", "01234567." + "1" * 30, sealed, "x" * 10_000,
    ):  # fmt: skip
        with pytest.raises(NotACursor):
            CURSORS.read(text)
    another = Cursors("9876543210", bytes(32)).seal(Cursor(7), chat)
    for text in ("", "é", "x", sealed[:-1], sealed[:-8] + "AAAAAAA=", another, "01234567.7"):
        with pytest.raises(NotACursor):
            CURSORS.unseal(text, chat)


def test_cursors_stand_in_the_order_of_what_they_tell() -> None:
    assert Cursor(6) < Cursor(7, 1) < Cursor(7, 2) < Cursor(7) < Cursor(8, 1)
