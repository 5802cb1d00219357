"""Whoever names their socket with a command (`X-Socket-Id`) is not told on it what they did: the others are."""

import json
from typing import Any
from uuid import uuid4

from pulse.access import GENERAL
from tests.conftest import Pulse
from tests.push.ears import ANNA, a_visit, happened, staff_ear, writes
from tests.push.test_protocol import pusher_ear, signed


async def test_the_sending_socket_is_left_out(pulse: Pulse) -> None:
    visit = a_visit()
    await happened(pulse, visit, writes("Hello"))
    channel = f"private-chat.{visit.chat}"
    headers = await pulse.sign_in("anna")
    async with pusher_ear(pulse) as mine, pusher_ear(pulse) as tab, staff_ear(pulse, ANNA) as window:
        for ear in (mine, tab):
            await ear.subscribe(channel, **signed(pulse, ear, channel, ANNA))
        for number, sender in enumerate((mine.socket_id, None)):
            more: dict[str, Any] = {} if sender is None else {"X-Socket-Id": sender}
            body = {"text": f"Reply {number}", "clientMsgId": uuid4().hex}
            answer = await pulse.http.post(f"/api/chats/{visit.chat}/messages", json=body, headers={**headers, **more})
            assert answer.is_success, answer.text
        assert await texts(tab, 2) == ["Reply 0", "Reply 1"]
        assert await texts(mine, 1) == ["Reply 1"]
        frames = await window.until(lambda frame: frame["data"].get("text") == "Reply 1")
        assert [frame["data"]["text"] for frame in frames if frame["type"] == "chat.message"] == ["Reply 0", "Reply 1"]


async def texts(ear: Any, number: int) -> list[str]:
    found: list[str] = []
    while len(found) < number:
        frame = await ear.next()
        if frame["event"] == "NewChatMessage":
            found.append(json.loads(frame["data"])["text"])
    return found


async def test_an_odd_socket_id_is_passed_over(pulse: Pulse) -> None:
    headers = {**await pulse.sign_in("anna"), "X-Socket-Id": "1.2:private-chat"}
    async with pusher_ear(pulse) as ear:
        await ear.subscribe(GENERAL, **signed(pulse, ear, GENERAL, ANNA))
        room = next(one for one in (await pulse.http.get("/api/rooms", headers=headers)).json()["items"])["id"]
        answer = await pulse.http.post(f"/api/rooms/{room}/messages", json={"text": "All?"}, headers=headers)
        assert answer.is_success, answer.text
        assert (await ear.next())["event"] == "MessageSent"
