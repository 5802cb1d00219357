"""The fallback's wire, by hand: lines, sessions that outlive their answers, and sessions that other processes hold."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network
from typing import Any

import httpx2
import pytest

from pulse.eventlog.jetstream import Log
from pulse.house import now
from pulse.push import xhr_lines, xhr_session
from pulse.push.codes import Code
from tests.conftest import Pulse
from tests.insisting import insist
from tests.push.ears import PATIENCE, SALES, a_visit, act, change, hire, staff_token, writes
from tests.push.streams import HttpDoor, an_http_door, stop_the_clock
from tests.push.test_protocol import COUNT

LOOPBACK = ip_network("127.0.0.0/8")
NAMES = (f"{number % 1000}/s{number:07x}" for number in itertools.count())


class Client:
    """Speaks as pusher-js does; every answer may come from another process."""

    def __init__(self, pulse: Pulse, http: httpx2.AsyncClient | None = None, key: str | None = None) -> None:
        self.pulse = pulse
        self.http = http or pulse.http
        self.path = f"/pusher/app/{key or pulse.house.settings.push_key}/{next(NAMES)}"

    async def poll(self, http: httpx2.AsyncClient | None = None) -> str:
        """One line."""
        answer = await (http or self.http).post(f"{self.path}/xhr?protocol=7", timeout=PATIENCE + 20)
        assert answer.status_code == 200, answer.text
        return str(answer.text)

    async def said(self, http: httpx2.AsyncClient | None = None) -> list[dict[str, Any]]:
        return messages_of(await self.poll(http))

    async def say(self, event: str, data: object, http: httpx2.AsyncClient | None = None) -> int:
        said = json.dumps([json.dumps({"event": event, "data": data})])
        answer = await (http or self.http).post(f"{self.path}/xhr_send", content=said)
        return int(answer.status_code)

    @asynccontextmanager
    async def streaming(self, http: httpx2.AsyncClient | None = None) -> AsyncIterator[AsyncIterator[str]]:
        opened = (http or self.http).stream("POST", f"{self.path}/xhr_streaming?protocol=7", timeout=PATIENCE)
        async with opened as answer:
            assert answer.status_code == 200
            yield answer.aiter_lines()

    async def subscribe(self, chat: object, http: httpx2.AsyncClient | None = None) -> None:
        """Connects by polling, and subscribes with the app's secret."""
        assert await self.poll(http) == "o\n"
        [greeting] = await self.said(http)
        socket_id = json.loads(greeting["data"])["socket_id"]
        channel = f"private-chat.{chat}"
        auth = self.pulse.house.signer.subscription(self.pulse.house.settings.push_key, socket_id, channel)
        assert await self.say("pusher:subscribe", {"channel": channel, "auth": auth}, http) == 204
        told = [one["event"] for one in await self.said(http) if one["event"] != COUNT]
        assert told == ["pusher_internal:subscription_succeeded"]


def messages_of(line: str) -> list[dict[str, Any]]:
    assert line.startswith("a"), line
    assert line.endswith("\n")
    return [json.loads(message) for message in json.loads(line[1:])]


async def test_a_session_is_opened_once_and_greeted(pulse: Pulse) -> None:
    client = Client(pulse)
    assert await client.poll() == "o\n"
    [greeting] = await client.said()
    assert greeting["event"] == "pusher:connection_established"
    assert await client.say("pusher:ping", {}) == 204
    assert [message["event"] for message in await client.said()] == ["pusher:pong"]


async def test_two_first_requests_at_once_are_one_session_on_one_seat(pulse: Pulse) -> None:
    async with an_http_door(pulse.house, capacity=2) as door:
        client = Client(pulse, door.http)
        lines = await asyncio.gather(*(client.poll() for _ in range(5)))
        assert lines.count("o\n") == 1
        assert len(door.xhr.sessions) == 1
        assert await Client(pulse, door.http).poll() == "o\n"
        refused = await door.http.post(Client(pulse).path + "/xhr?protocol=7")
        assert (refused.status_code, refused.json()["code"]) == (503, "server-full")


async def test_a_stream_begins_with_a_prelude_and_says_things_as_they_come(pulse: Pulse) -> None:
    client = Client(pulse)
    async with client.streaming() as lines:
        assert await anext(lines) == "h" * 2048
        assert await anext(lines) == "o"
        [greeting] = messages_of(await anext(lines) + "\n")
        assert greeting["event"] == "pusher:connection_established"
        await client.say("pusher:ping", {})
        assert messages_of(await anext(lines) + "\n")[0]["event"] == "pusher:pong"


async def test_what_is_told_between_two_answers_waits(pulse: Pulse) -> None:
    visit, client = a_visit(), Client(pulse)
    await client.subscribe(visit.chat)
    for number in range(3):
        await act(pulse.house, visit, writes(str(number)))
    told: list[str] = []
    while "2" not in told:
        told += [json.loads(one["data"])["text"] for one in await client.said() if one["event"] == "NewChatMessage"]
    assert told == ["0", "1", "2"]


async def test_lines_are_ascii_and_nothing_is_written_after_what_the_client_keeps(pulse: Pulse) -> None:
    visit, client = a_visit(), Client(pulse)
    await client.subscribe(visit.chat)
    for number in range(60):
        await act(pulse.house, visit, writes(f"{number} " + "ы" * 1_500))
    told: list[str] = []
    answers = 0
    while len(told) < 60:
        answers += 1
        async with client.streaming() as lines:
            size = len(await anext(lines)) + 1
            while size <= xhr_lines.LONGEST and len(told) < 60:
                line = await anext(lines)
                assert line.isascii()
                size += len(line) + 1
                if line.startswith("a"):
                    told += [
                        json.loads(one["data"])["text"].split()[0]
                        for one in messages_of(line + "\n")
                        if one["event"] == "NewChatMessage"
                    ]
    assert told == [str(number) for number in range(60)]
    assert answers > 1


async def test_a_newer_reader_takes_the_place_of_an_older_one(pulse: Pulse) -> None:
    client = Client(pulse)
    assert await client.poll() == "o\n"
    await client.said()
    async with client.streaming() as older:
        await anext(older)
        newer = asyncio.create_task(client.poll())
        assert [line async for line in older] == [], "it ends"
        await client.say("pusher:ping", {})
        assert messages_of(await newer)[0]["event"] == "pusher:pong"


async def test_a_session_goes_on_in_any_process_and_is_held_by_one(pulse: Pulse) -> None:
    visit = a_visit()
    async with another_process(pulse) as door:
        client = Client(pulse)
        await client.subscribe(visit.chat, door.http)
        await act(pulse.house, visit, writes("Hello"))
        told: list[dict[str, Any]] = []
        for http in itertools.cycle((pulse.http, door.http)):
            told += await client.said(http)
            if "NewChatMessage" in [one["event"] for one in told]:
                break
        assert await client.say("pusher:ping", {}, pulse.http) == 204
        assert [one["event"] for one in await client.said(pulse.http)] == ["pusher:pong"]
        async with client.streaming(pulse.http) as lines:
            await anext(lines)
            await client.say("pusher:ping", {}, pulse.http)
            assert messages_of(await anext(lines) + "\n")[0]["event"] == "pusher:pong"
        assert len(door.xhr.sessions) == 1


@asynccontextmanager
async def another_process(pulse: Pulse) -> AsyncIterator[HttpDoor]:
    """With a connection of its own to NATS."""
    log = await Log.connect(pulse.house.addresses.nats_url, name="another")
    async with an_http_door(pulse.house) as door:
        door.xhr.source = log
        yield door
    await log.close()


async def test_who_says_something_in_no_session_is_told_so(pulse: Pulse) -> None:
    assert await Client(pulse).say("pusher:ping", {}) == 404


async def test_a_session_that_nobody_reads_ends_and_its_client_is_told_to_begin_anew(
    pulse: Pulse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xhr_session, "SESSION_SECONDS", 0.1)
    async with an_http_door(pulse.house, capacity=1) as door:
        client = Client(pulse, door.http)
        assert await client.poll() == "o\n"
        await insist(lambda: sessions(door), lambda count: count == 0)
        assert not door.parts.hub.peers
        monkeypatch.undo()
        assert await client.poll() == "o\n", "which pusher-js takes for a lost session"


async def sessions(door: HttpDoor) -> int:
    return len(door.xhr.sessions)


async def test_what_waits_for_a_reader_is_bounded(pulse: Pulse) -> None:
    visit = a_visit()
    async with an_http_door(pulse.house) as door:
        client = Client(pulse, door.http)
        await client.subscribe(visit.chat)
        [session] = door.xhr.sessions.values()
        wide = "x" * 9_900
        for number in range(160):
            await act(pulse.house, visit, writes(f"{number} {wide}"))
            if session.code is not None:
                break
        await insist(lambda: code_of(session), lambda code: code is not None)
        assert await client.poll() == f'c[4101, "{Code.TOO_SLOW.reason}"]\n'


async def code_of(session: xhr_session.XhrSession) -> Code | None:
    return session.code


# Ends


async def test_a_wrong_key_closes_for_good(pulse: Pulse) -> None:
    client = Client(pulse, key="nobody")
    assert await client.poll() == "o\n"
    assert await client.poll() == f'c[4001, "{Code.NO_SUCH_APP.reason}"]\n'


async def test_a_session_that_ended_closes_the_fallback_too(pulse: Pulse) -> None:
    dora = await hire(pulse.house, "dora", SALES)
    client = Client(pulse)
    await client.poll()
    [greeting] = await client.said()
    channel = f"private-moderator.{dora}"
    asked = {"socket_id": json.loads(greeting["data"])["socket_id"], "channel_name": channel}
    bearer = {"Authorization": f"Bearer {staff_token(pulse.house, dora)}"}
    signed = await pulse.http.post("/broadcasting/auth", data=asked, headers=bearer)
    await client.say("pusher:subscribe", {"channel": channel, **signed.json()})
    assert (await client.said())[0]["event"] == "pusher_internal:subscription_succeeded"
    await change(pulse.house, dora, lambda moderator: moderator.end_sessions(now=now()))
    assert await client.poll() == f'c[4009, "{Code.SESSION_ENDED.reason}"]\n'


async def test_a_process_that_leaves_closes_its_sessions(pulse: Pulse) -> None:
    async with an_http_door(pulse.house) as door:
        client = Client(pulse, door.http)
        await client.poll()
        await client.said()
        door.leave.cancel()
        assert await client.poll() == f'c[4200, "{Code.LEAVING.reason}"]\n'


# Limits


async def test_odd_addresses_and_bodies_are_refused(pulse: Pulse) -> None:
    key = pulse.house.settings.push_key
    for path in (
        "1234/abcdefgh/xhr",
        "1/abc.efgh/xhr",
        "x/abcdefgh/xhr",
        f"1/{'a' * 33}/xhr_streaming",
        "1/a>/xhr_send",
    ):
        assert (await pulse.http.post(f"/pusher/app/{key}/{path}")).status_code == 404, path
    client = Client(pulse)
    await client.poll()
    for body in ("", "{}", '"x"', "[1]", "[[]]", json.dumps(["{}"] * 51), "[" * 60_000):
        assert (await pulse.http.post(f"{client.path}/xhr_send", content=body)).status_code == 400, body
    for way in ("xhr", "xhr_send", "xhr_streaming"):
        answer = await pulse.http.post(f"{client.path}/{way}", content="x" * (64 * 1024 + 1))
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (413, "*")


async def test_pages_anywhere_may_use_it_as_they_may_open_sockets(pulse: Pulse) -> None:
    client = Client(pulse)
    asked = await pulse.http.options(f"{client.path}/xhr", headers={"Origin": "https://shop.example"})
    assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (204, "*")
    assert "access-control-allow-credentials" not in asked.headers


async def test_only_pages_that_may_open_sockets_may_use_it(pulse: Pulse) -> None:
    async with an_http_door(pulse.house) as door:
        door.server.porter.origins = {"https://shop.example"}
        for way in ("xhr", "xhr_streaming"):
            refused = await door.http.post(f"{Client(pulse).path}/{way}", headers={"Origin": "https://evil.example"})
            assert (refused.status_code, refused.json()["code"]) == (403, "wrong-origin")
            assert "access-control-allow-origin" not in refused.headers
        assert not door.xhr.sessions
        mine = {"Origin": "https://shop.example"}
        for headers, allowed in ((mine, "https://shop.example"), ({}, None)):
            answer = await door.http.post(f"{Client(pulse).path}/xhr?protocol=7", headers=headers)
            assert (answer.text, answer.headers.get("access-control-allow-origin")) == ("o\n", allowed)
            assert "Origin" in answer.headers["vary"]
        asked = await door.http.options(f"{Client(pulse).path}/xhr", headers={"Origin": "https://evil.example"})
        assert (asked.status_code, asked.headers.get("access-control-allow-origin")) == (204, None)


async def test_sessions_count_into_what_a_process_has_room_for(pulse: Pulse) -> None:
    async with an_http_door(pulse.house, capacity=1) as door:
        assert await Client(pulse, door.http).poll() == "o\n"
        full = await door.http.post(f"{Client(pulse).path}/xhr")
        assert (full.status_code, full.json()["code"]) == (503, "server-full")


async def test_one_address_begins_only_so_many_sessions(pulse: Pulse, monkeypatch: pytest.MonkeyPatch) -> None:
    stop_the_clock(monkeypatch)
    async with an_http_door(pulse.house) as door:
        answers = [await door.http.post(f"{Client(pulse).path}/xhr") for _ in range(202)]
    assert {answer.status_code for answer in answers[:199]} == {200}
    assert answers[-1].status_code == 429


async def test_who_says_too_much_is_held_back(pulse: Pulse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xhr_session, "POST_SECONDS", 0.1)
    client = Client(pulse)
    await client.poll()
    said = json.dumps([json.dumps({"event": "pusher:ping", "data": {}})] * 50)
    codes = [(await pulse.http.post(f"{client.path}/xhr_send", content=said)).status_code for _ in range(4)]
    assert codes[0] == 204
    assert codes[-1] == 429


async def test_who_came_without_tls_to_a_proxy_is_sent_to_it(pulse: Pulse) -> None:
    async with an_http_door(pulse.house) as door:
        porter = door.server.porter
        for tls_only, proxies, said, refused in (
            (True, [LOOPBACK], "http", True), (True, [LOOPBACK], "https", False), (True, [], "http", False),
            (False, [LOOPBACK], "http", False),
        ):  # fmt: skip
            porter.tls_only, porter.proxies = tls_only, proxies
            path = f"{Client(pulse).path}/xhr?protocol=7"
            headers = {"X-Forwarded-Proto": said}
            await door.http.post(path, headers=headers)  # a session began
            lines = (await door.http.post(path, headers=headers)).text
            assert lines.startswith(f"c[{Code.TLS_ONLY:d},") is refused, lines
