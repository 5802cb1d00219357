"""S2's sockets: what staff and visitors hear live, and what their acknowledgements do."""

import asyncio
import json
from collections.abc import Callable
from typing import Any
from unittest.mock import Mock
from uuid import uuid4

import pytest
from websockets.asyncio.client import connect

from pulse.aggregates.blocklist import Blocklist, blocklist_id
from pulse.aggregates.chat import Chat
from pulse.house import now
from pulse.message import Author, Incoming
from pulse.push.acks import WRITTEN_BY_NEWER
from pulse.tokens import Visit
from tests.conftest import Pulse
from tests.push.ears import (
    ANNA,
    BORIS,
    SALES,
    SUPPORT,
    Ear,
    Frame,
    a_door,
    a_visit,
    act,
    assigned_to,
    happened,
    hire,
    moved_to,
    replies,
    staff_ear,
    staff_path,
    visitor_ear,
    writes,
)
from tests.world import BY_A_NEWER, newer_wrote

VERA = Author("77", "Vera")
KNOWN = {"raw": "{}", "now": now()}


def once(**known: Any) -> dict[str, Any]:
    return {"external_id": uuid4().hex, **KNOWN, **known}


def nothing(_: Chat) -> None: ...


# What happened before, what happens, and the frames' types that staff and the visitor hear of it.
HAPPENS: dict[str, tuple[Callable[[Chat], Any], Callable[[Chat], Any], list[str], list[str]]] = {
    "a first message": (
        nothing, writes("Hello"), ["chat.session.created", "chat.message", "chat.alert"],
        ["chat.session.created", "chat.message"],
    ),
    "a reply to a free chat": (
        writes("Hello"), replies("Good day"), ["chat.session.assigned", "chat.message"],
        ["chat.session.assigned", "chat.message"],
    ),
    "an assignment": (writes("Hello"), assigned_to(BORIS), ["chat.session.assigned"], ["chat.session.assigned"]),
    "a transfer": (writes("Hello"), moved_to(SUPPORT), ["chat.session.assigned"], ["chat.session.assigned"]),
    "a closing": (
        writes("Hello"), lambda chat: chat.close(ANNA, now=now()), ["chat.session.status"], ["chat.session.status"],
    ),
    "a button": (
        writes("Hello"),
        lambda chat: chat.press(author=VERA, payload="yes", query_id="q", message_id=None, **once()),
        ["chat.message"], ["chat.message"],
    ),
    "an echo": (
        writes("Hello"),
        lambda chat: chat.echo(
            text="By phone", attachments=(), message_id="e", random_id=0, outside_author="o", **once()
        ),
        ["chat.message"], ["chat.message"],
    ),
    "an edit": (
        writes("Hello", "m"), lambda chat: edit(chat, "m", "Hello!"), ["chat.message.changed"], ["chat.message.changed"],
    ),
    "a deletion": (
        writes("Hello", "m"), lambda chat: chat.delete(("m",), **once()), ["chat.message.changed"],
        ["chat.message.changed"],
    ),
    "a reaction": (
        writes("Hello", "m"),
        lambda chat: chat.react(author=VERA, message_id="m", reactions=("👍",), **once()),
        ["chat.message.changed"], ["chat.message.changed"],
    ),
    "a moderator's look": (writes("Hello"), lambda chat: chat.see(ANNA, 2, now=now()), ["chat.seen"], ["chat.seen"]),
    "the visitor's look": (
        writes("Hello"), lambda chat: chat.see_as_customer(2, now=now()), ["chat.seen"], ["chat.seen"],
    ),
}  # fmt: skip


def edit(chat: Chat, message_id: str, text: str) -> None:
    chat.edit(Incoming(uuid4().hex, VERA, text, message_id=message_id), raw="{}", now=now())


@pytest.mark.parametrize("happening", HAPPENS)
async def test_staff_and_visitor_hear_of(pulse: Pulse, happening: str) -> None:
    before, what, for_staff, for_visitor = HAPPENS[happening]
    visit = a_visit()
    if before is not nothing:
        await happened(pulse, visit, before)
    async with staff_ear(pulse, ANNA) as anna, visitor_ear(pulse, visit) as vera:
        decided = await act(pulse.house, visit, what)
        staff = await anna.until(lambda frame: frame["seq"] == decided.position and frame["type"] == for_staff[-1])
        visitor = await vera.until(lambda frame: frame["data"]["version"] == decided.version)
    staff = [frame for frame in staff if "session_id" in frame]  # Anna is also told that the chat is hers
    assert [frame["type"] for frame in staff if frame["session_id"] == str(visit.chat)] == for_staff
    assert [frame["type"] for frame in visitor] == for_visitor
    for frame in [*staff, *visitor]:
        assert frame.keys() - {"seq"} == {"cursor", "type", "session_id", "data"}


async def test_a_reply_over_http_arrives_at_both_sockets_with_its_writers_name(pulse: Pulse) -> None:
    session = (await pulse.http.post("/api/widget/session", json={"source": "web_site", "name": "Vera"})).json()
    said = {"text": "Is it in stock?", "clientMsgId": "v1"}
    bearer = {"Authorization": f"Bearer {session['chat_token']}"}
    await pulse.http.post("/api/widget/messages", json=said, headers=bearer)
    headers = await pulse.sign_in("anna")
    jwt = headers["Authorization"].removeprefix("Bearer ")
    address = f"{pulse.push}/channel/ws"
    async with (
        connect(f"{address}?type=staff&access_token={jwt}") as staff,
        connect(f"{address}?session={session['session_id']}&token={session['token']}") as visitor,
    ):
        reply = {"text": "It is.", "clientMsgId": "a1"}
        answer = await pulse.http.post(f"/api/chats/{session['chat_id']}/messages", json=reply, headers=headers)
        assert answer.status_code == 201, answer.text
        to_staff = (await Ear(staff).up_to(answer.json()["position"]))[-1]
        to_visitor = (await Ear(visitor).up_to_version(answer.json()["version"]))[-1]
    assert (to_staff["type"], to_staff["session_id"]) == ("chat.message", session["session_id"])
    assert to_staff["data"]["text"] == to_staff["data"]["body"] == "It is."
    assert to_staff["data"]["sender"] == {"id": str(ANNA), "name": "Anna"}
    assert to_staff["data"]["client_msg_id"] == "a1"
    assert to_visitor["data"]["body"] == "It is."
    assert to_visitor["data"]["sender"] == {"name": "Anna"}


async def test_an_alert_says_how_much_waits(pulse: Pulse) -> None:
    visit = a_visit()
    async with staff_ear(pulse) as admin:
        await act(pulse.house, visit, writes("One"))
        second = await act(pulse.house, visit, writes("Two"))
        frames = await admin.until(lambda frame: frame["type"] == "chat.alert" and frame["seq"] == second.position)
    assert [frame["data"]["unread_count"] for frame in frames if frame["type"] == "chat.alert"] == [1, 2]


async def test_a_visitor_learns_nothing_of_the_staffs_side(pulse: Pulse) -> None:
    visit = a_visit()
    async with visitor_ear(pulse, visit) as vera:
        await act(pulse.house, visit, writes("Hello"))
        await act(pulse.house, visit, lambda chat: chat.see(ANNA, 2, now=now()))
        await act(pulse.house, visit, replies("Good day", client_msg_id="c-1"))
        decided = await act(pulse.house, visit, moved_to(SUPPORT))
        heard = json.dumps(await vera.up_to_version(decided.version))
    for secret in (ANNA, SALES, SUPPORT, "c-1", "unread_count", "chat.alert", "seq"):
        assert f'"{secret}' not in heard


async def test_a_visitor_hears_their_own_chat_only(pulse: Pulse) -> None:
    mine, theirs = a_visit(), a_visit()
    async with visitor_ear(pulse, mine) as vera:
        await act(pulse.house, theirs, writes("Not yours"))
        await act(pulse.house, mine, writes("Yours"))
        heard = await vera.until(lambda frame: frame["type"] == "chat.message")
    assert {frame["session_id"] for frame in heard} == {str(mine.chat)}


async def test_a_burst_of_500_messages_arrives_whole_and_in_order(pulse: Pulse) -> None:
    visit = a_visit()
    texts = [f"message {number}" for number in range(500)]
    async with staff_ear(pulse) as admin, visitor_ear(pulse, visit) as vera:
        await act(pulse.house, visit, writes("first"))
        decided = await asyncio.gather(*(act(pulse.house, visit, writes(text)) for text in texts))
        last = max(decided, key=lambda one: one.position)
        staff = await admin.until(lambda frame: frame["seq"] == last.position and frame["type"] == "chat.alert")
        visitor = await vera.up_to_version(last.version)
    assert messages(staff) == messages(visitor) == ["first", *texts]
    versions = [frame["data"]["version"] for frame in visitor]
    assert versions == list(range(1, 503))
    positions = [frame["seq"] for frame in staff]
    assert positions == sorted(positions)


def messages(frames: list[Frame]) -> list[str]:
    return [frame["data"]["text"] for frame in frames if frame["type"] == "chat.message"]


async def test_an_acknowledgement_of_a_moderator_moves_their_last_seen(pulse: Pulse) -> None:
    visit = a_visit()
    decided = await act(pulse.house, visit, writes("Hello"))
    async with staff_ear(pulse, ANNA) as anna:
        await anna.say({"type": "ack", "session_id": str(visit.chat), "last_id": decided.version})
        seen = (await anna.until(lambda frame: frame["type"] == "chat.seen"))[-1]
    assert seen["session_id"] == str(visit.chat)
    assert seen["data"] | {"chat": {}} == {
        "by": "moderator", "moderator_id": str(ANNA), "up_to": decided.version, "unread_count": 0,
        "unread_by_customer": 0, "version": decided.version + 1, "chat": {},
            "mark": {"moderator_id": str(ANNA), "messages_seen": 1},
    }  # fmt: skip
    chat = await pulse.house.store.load(Chat, visit.chat)
    assert chat is not None
    assert chat.seen_by == {ANNA: decided.version}


async def test_an_acknowledgement_of_a_visitor_moves_their_last_seen(pulse: Pulse) -> None:
    visit = a_visit()
    await act(pulse.house, visit, writes("Hello"))
    decided = await act(pulse.house, visit, replies("Good day"))
    async with visitor_ear(pulse, visit) as vera:
        await vera.say({"type": "ack", "last_id": decided.version})
        seen = (await vera.until(lambda frame: frame["type"] == "chat.seen"))[-1]
    assert seen["data"]["up_to"] == decided.version
    chat = await pulse.house.store.load(Chat, visit.chat)
    assert chat is not None
    assert (chat.seen_by_customer, chat.unread_by_customer) == (decided.version, [])


async def test_of_a_blocked_visitor_nothing_is_taken_in(pulse: Pulse) -> None:
    visit = a_visit()
    await act(pulse.house, visit, writes("Hello"))
    decided = await act(pulse.house, visit, replies("Good day"))
    async with visitor_ear(pulse, visit) as vera:
        await in_blocklist(pulse, visit, lambda listed: listed.block(visit.peer, reason="spam", now=now()))
        await vera.say({"type": "ack", "last_id": decided.version})
        await vera.say({"type": "junk"})
        again = await act(pulse.house, visit, replies("Still there?"))
        heard = await vera.until(lambda frame: frame["type"] == "chat.message" and frame["data"]["id"] == again.version)
        assert {frame["type"] for frame in heard}.isdisjoint({"chat.seen", "error"})
        await in_blocklist(pulse, visit, lambda listed: listed.unblock(visit.peer, now=now()))
        await vera.say({"type": "ack", "last_id": again.version})
        seen = (await vera.until(lambda frame: frame["type"] == "chat.seen"))[-1]
    assert seen["data"]["up_to"] == again.version


async def in_blocklist(pulse: Pulse, visit: Visit, decision: Callable[[Blocklist], None]) -> None:
    def listed(known: Blocklist | None) -> Blocklist:
        blocklist = known or Blocklist.begin(visit.source, now=now())
        decision(blocklist)
        return blocklist

    decided = await pulse.house.store.decide(Blocklist, blocklist_id(visit.source), listed, by="test")
    await pulse.house.directory.wait_for(decided.position)


JUNK = (
    b"\xff\xfe", b"\x00", "", "no json", "[]", "null", "1" * 60_000, "[" * 60_000, "{}", '{"type":"message"}',
    '{"type":"ack"}', '{"type":"ack","last_id":"2"}', '{"type":"ack","last_id":-1}', '{"type":"ack","last_id":1e9}',
    '{"type":"ack","last_id":true}', '{"type":"ack","last_id":99999999999999999999}', '{"type":["ack"],"last_id":1}',
    '{"type":"ack","last_id":1,"session_id":"nobody"}', '{"type":"ack","last_id":1,"session_id":["x"]}',
    '{"type":"ack","last_id":1,"session_id":"00000000-0000-0000-0000-000000000000"}',
    '{"type":"ack","last_id":1,"session_id":' + "[" * 1000 + "]" * 1000 + "}",
)  # fmt: skip


async def test_junk_is_answered_politely_and_the_socket_lives(pulse: Pulse) -> None:
    visit = a_visit()
    await happened(pulse, visit, writes("Hello"))
    async with staff_ear(pulse, ANNA) as anna:
        for junk in JUNK:
            await anna.socket.send(junk)
            told = await anna.next()
            assert told["type"] == "error", junk
            assert told["data"].keys() == {"code", "message"}
        await anna.say({"type": "ack", "session_id": str(visit.chat), "last_id": 2})
        assert (await anna.next())["type"] == "chat.seen"


@pytest.mark.parametrize("unlike", BY_A_NEWER)
async def test_what_a_newer_pulse_wrote_is_answered_and_the_socket_lives(
    pulse: Pulse, unlike: dict[str, object]
) -> None:
    visit = a_visit()
    await happened(pulse, visit, writes("Hello"))
    async with visitor_ear(pulse, visit) as vera:
        await newer_wrote(pulse.house.log, visit.chat, unlike)
        for _ in range(2):
            await vera.say({"type": "ack", "last_id": 1})
            error = (await vera.until(lambda frame: frame["type"] == "error"))[-1]
            assert error == {"type": "error", "data": {"code": "unknown-event", "message": WRITTEN_BY_NEWER}}


async def test_whoever_fails_while_coming_in_leaves_the_hub(pulse: Pulse, monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_door(pulse.house) as door:
        monkeypatch.setattr(door.parts.telling, "warn", Mock(side_effect=RuntimeError("late")))
        async with connect(door.url + staff_path(pulse.house, ANNA)) as socket:
            assert await Ear(socket).until_closed() == 1011
        assert (door.hub.peers, door.hub.staff, door.hub.signed) == (set(), {}, {})


async def test_a_visitor_cannot_acknowledge_another_chat(pulse: Pulse) -> None:
    mine, theirs = a_visit(), a_visit()
    await act(pulse.house, theirs, writes("Hello"))
    await happened(pulse, mine, writes("Hello"))
    async with visitor_ear(pulse, mine) as vera:
        await vera.say({"type": "ack", "session_id": str(theirs.chat), "last_id": 2})
        seen = await vera.next()
    assert (seen["type"], seen["session_id"]) == ("chat.seen", str(mine.chat))
    chat = await pulse.house.store.load(Chat, theirs.chat)
    assert chat is not None
    assert chat.seen_by_customer == 0


async def test_a_moderator_acknowledges_only_what_they_may_see(pulse: Pulse) -> None:
    visit = a_visit()
    await act(pulse.house, visit, writes("Hello"))
    carol = await hire(pulse.house, "carol", SUPPORT)
    async with staff_ear(pulse, carol) as ear:
        await ear.say({"type": "ack", "session_id": str(visit.chat), "last_id": 2})
        assert (await ear.next())["data"]["code"] == "not-found"


async def test_an_acknowledgement_beyond_the_last_message_is_an_error_and_changes_nothing(pulse: Pulse) -> None:
    visit = a_visit()
    await happened(pulse, visit, writes("Hello"))
    async with visitor_ear(pulse, visit) as vera, staff_ear(pulse, ANNA) as anna:
        for ear in (vera, anna):
            await ear.say({"type": "ack", "last_id": 1000, "session_id": str(visit.chat)})
            told = await ear.next()
            assert told["type"] == "error"
            assert told["data"] == {"code": "bad-input", "message": "last_id is beyond the chat's last message."}
    chat = await pulse.house.store.load(Chat, visit.chat)
    assert chat is not None
    assert (chat.seen_by_customer, chat.seen_by) == (0, {})
