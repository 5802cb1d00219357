"""S2's stream: what sockets are told, as Server-Sent Events; with a cursor nothing is missed and nothing comes twice."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from datetime import timedelta
from uuid import uuid4

import pytest
import structlog

from pulse.accounts import Accounts
from pulse.house import now
from pulse.push import channel_sse
from pulse.push.ring import Ring
from pulse.push.rounds import ROUND_SECONDS
from pulse.tokens import CHANNEL_TOKEN_LIFE, Visit
from tests.conftest import Pulse, a_client, running_pulse
from tests.insisting import insist
from tests.push.ears import (
    ADMIN,
    ANNA,
    SALES,
    a_visit,
    act,
    change,
    happened,
    hire,
    replies,
    staff_ear,
    visitor_ear,
    writes,
)
from tests.push.streams import an_http_door, staff_query, stop_the_clock, stream, visitor_query


async def test_staff_are_streamed_what_sockets_are_told(pulse: Pulse) -> None:
    path = f"/channel/sse?{staff_query(pulse.house, ADMIN)}"
    async with staff_ear(pulse) as ear, stream(pulse.http, path) as opened:
        await opened.placed()
        visit = a_visit()
        decided = await act(pulse.house, visit, writes("Hello"))
        decided = await act(pulse.house, visit, replies("Good day"))
        assert await opened.up_to(decided.position) == await ear.up_to(decided.position)
    shown = [block for block in opened.blocks if block.event]
    assert [block.event for block in shown] == [block.data["type"] for block in shown]
    assert [block.id for block in shown] == [block.data["cursor"] for block in shown]


async def test_a_stream_says_how_it_wants_to_be_passed_on(pulse: Pulse) -> None:
    async with stream(pulse.http, f"/channel/sse?{staff_query(pulse.house, ANNA)}") as opened:
        headers = opened.answer.headers
        first = await opened.next()
    assert headers["content-type"].startswith("text/event-stream")
    assert headers["x-accel-buffering"] == "no"
    assert "no-store" in headers["cache-control"]
    assert "content-encoding" not in headers
    assert first.retry is not None
    assert 1000 <= first.retry < 5000


async def test_who_asks_only_for_its_head_opens_no_stream(pulse: Pulse) -> None:
    async with an_http_door(pulse.house) as door:
        answer = await door.http.head(f"/channel/sse?{staff_query(pulse.house, ANNA)}")
        assert (answer.status_code, door.parts.hub.peers) == (200, set())
        assert answer.headers["content-type"].startswith("text/event-stream")


async def test_a_visitor_is_streamed_their_own_chat_and_no_positions(pulse: Pulse) -> None:
    visit, other = a_visit(), a_visit()
    path = f"/channel/sse?{visitor_query(pulse.house, visit)}"
    async with visitor_ear(pulse, visit) as ear, stream(pulse.http, path) as opened:
        await opened.placed()
        await act(pulse.house, other, writes("Not yours"))
        decided = await act(pulse.house, visit, writes("Hello"))
        told = await opened.up_to_version(decided.version)
        assert told == await ear.up_to_version(decided.version)
    assert {frame["session_id"] for frame in told} == {str(visit.chat)}
    assert "seq" not in str(told)


@pytest.mark.parametrize("way", ["header", "last_event_id", "cursor"])
async def test_who_comes_back_hears_what_was_missed_and_nothing_twice(pulse: Pulse, way: str) -> None:
    visit = a_visit()
    path = f"/channel/sse?{visitor_query(pulse.house, visit)}"
    async with stream(pulse.http, path) as opened:
        await opened.placed()
        first = await act(pulse.house, visit, writes("One"))
        await opened.up_to_version(first.version)
    await happened(pulse, visit, writes("Two"), writes("Three"))
    assert opened.last_id is not None
    headers = {"Last-Event-ID": opened.last_id} if way == "header" else {}
    query = "" if way == "header" else f"&{way}={opened.last_id}"
    async with stream(pulse.http, path + query, **headers) as again:
        last = await act(pulse.house, visit, writes("Four"))
        told = await again.up_to_version(last.version)
    assert [frame["data"]["text"] for frame in told if frame["type"] == "chat.message"] == ["Two", "Three", "Four"]


async def test_a_browser_that_comes_back_by_itself_says_the_newest_in_its_header(pulse: Pulse) -> None:
    visit = a_visit()
    async with stream(pulse.http, f"/channel/sse?{visitor_query(pulse.house, visit)}") as opened:
        old = await opened.placed()
        first = await act(pulse.house, visit, writes("One"))
        await opened.up_to_version(first.version)
        new = opened.last_id
    assert new is not None
    path = f"/channel/sse?{visitor_query(pulse.house, visit)}&cursor={old}"
    async with stream(pulse.http, path, Last_Event_ID=new) as again:
        second = await act(pulse.house, visit, writes("Two"))
        told = await again.up_to_version(second.version)
    assert [frame["data"]["text"] for frame in told if frame["type"] == "chat.message"] == ["Two"]


async def test_any_process_goes_on_from_any_cursor(pulse: Pulse) -> None:
    visit = a_visit()
    async with stream(pulse.http, f"/channel/sse?{staff_query(pulse.house, ANNA)}") as opened:
        cursor = await opened.placed()
    await act(pulse.house, visit, writes("Meanwhile"))
    async with an_http_door(pulse.house, ring=Ring(frames=2)) as door:
        path = f"/channel/sse?{staff_query(pulse.house, ANNA)}"
        async with stream(door.http, path, Last_Event_ID=cursor) as again:
            decided = await act(pulse.house, visit, writes("Now"))
            told = await again.up_to(decided.position)
    assert [f["data"]["text"] for f in told if f["type"] == "chat.message" and f["session_id"] == str(visit.chat)] == [
        "Meanwhile",
        "Now",
    ]


async def test_who_can_not_be_told_everything_is_told_to_take_a_snapshot(pulse: Pulse) -> None:
    for cursor in ("00000000.1", "nonsense"):
        path = f"/channel/sse?{staff_query(pulse.house, ANNA)}&cursor={cursor}"
        async with stream(pulse.http, path) as opened:
            told = await opened.event()
            assert (told.event, told.data["data"]) == ("pulse:resync", {"reason": "epoch"})
            assert await opened.placed()


async def test_quiet_streams_are_told_their_place_in_silence(pulse: Pulse) -> None:
    path = f"/channel/sse?{visitor_query(pulse.house, a_visit())}"
    async with an_http_door(pulse.house) as door, stream(door.http, path) as opened:
        before = await opened.placed()
        for _ in range(2):  # it was told its place a moment ago
            for second in range(ROUND_SECONDS):
                door.parts.rounds.go(second)
        silent = await opened.next()
    assert (silent.event, silent.data) == ("", None)
    assert silent.id not in (None, before)


async def test_where_nothing_is_told_a_comment_keeps_the_line_open(
    pulse: Pulse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel_sse, "HEARTBEAT_SECONDS", 0.05)
    async with stream(pulse.http, f"/channel/sse?{visitor_query(pulse.house, a_visit())}") as opened:
        await opened.placed()
        assert (await opened.next()).comment


# Who gets in


async def test_wrong_tokens_open_no_stream(pulse: Pulse) -> None:
    house, visit, other = pulse.house, a_visit(), a_visit()
    token = house.signer.channel_token(visit)
    for query in (
        "", "type=staff", f"type=staff&access_token={token}", f"session={other.chat}&token={token}",
        f"session={visit.chat}&token={house.signer.chat_token(visit)}",
    ):  # fmt: skip
        answer = await pulse.http.get(f"/channel/sse?{query}")
        assert (answer.status_code, answer.json()["code"]) == (401, "not-authentic"), query


async def test_a_session_that_ended_closes_its_streams_and_a_browser_that_comes_back_is_told_not_to(
    pulse: Pulse,
) -> None:
    dora = await hire(pulse.house, "dora", SALES)
    path = f"/channel/sse?{staff_query(pulse.house, dora)}"
    async with stream(pulse.http, path) as opened:
        cursor = await opened.placed()
        decided = await change(pulse.house, dora, lambda moderator: moderator.end_sessions(now=now()))
        blocks = await opened.ended()
    assert (blocks[-1].event, blocks[-1].data["data"]["code"]) == ("pulse:close", 4009)
    await pulse.house.directory.wait_for(decided.position)
    again = await pulse.http.get(path, headers={"Last-Event-ID": cursor, "Origin": "http://127.0.0.1"})
    assert again.status_code == 204
    assert again.headers["access-control-allow-origin"] == "http://127.0.0.1"
    anew = await pulse.http.get(path)
    assert (anew.status_code, anew.json()["code"]) == (401, "session-ended")


async def test_pages_that_may_not_embed_a_website_open_no_stream_of_it(pulse: Pulse) -> None:
    accounts = Accounts(pulse.house.store, pulse.house.vault, now)
    name = f"shop-{uuid4().hex[:6]}"
    listed = {"origins": "https://shop.example"}
    connected = await accounts.connect_source("web", name, "Shop", (SALES,), settings=listed, secrets={})
    await pulse.house.directory.wait_for(connected.position)
    source = pulse.house.directory.source_named("web", name)
    assert source is not None
    path = f"/channel/sse?{visitor_query(pulse.house, a_visit(source.id))}"
    refused = await pulse.http.get(path, headers={"Origin": "https://evil.example"})
    assert (refused.status_code, refused.json()["code"]) == (403, "wrong-origin")
    async with stream(pulse.http, path, Origin="https://shop.example") as opened:
        assert opened.answer.headers["access-control-allow-origin"] == "https://shop.example"
        assert opened.answer.headers["vary"] == "Origin"
    staff = await pulse.http.get(
        f"/channel/sse?{staff_query(pulse.house, ANNA)}", headers={"Origin": "https://shop.example"}
    )
    assert staff.status_code == 403


async def test_a_visitor_has_five_windows_of_whichever_kind_and_a_closed_one_is_noticed(pulse: Pulse) -> None:
    visit = a_visit()
    path = f"/channel/sse?{visitor_query(pulse.house, visit)}"
    async with AsyncExitStack() as tabs:
        opened = [await tabs.enter_async_context(stream(pulse.http, path)) for _ in range(3)]
        closing = AsyncExitStack()
        opened.append(await closing.enter_async_context(stream(pulse.http, path)))
        for one in opened:
            await one.placed()
        ear = await tabs.enter_async_context(visitor_ear(pulse, visit))
        await ear.say({"type": "ack", "last_id": "x"})
        await ear.next()
        answer = await pulse.http.get(path)
        assert (answer.status_code, answer.json()["code"]) == (429, "too-many-windows")
        await closing.aclose()

        async def status() -> int:
            async with pulse.http.stream("GET", path) as tried:
                return tried.status_code

        await insist(status, lambda code: code == 200)


async def test_streams_count_into_what_a_process_has_room_for(pulse: Pulse) -> None:
    async with an_http_door(pulse.house, capacity=1) as door:
        path = f"/channel/sse?{staff_query(pulse.house, ANNA)}"
        async with stream(door.http, path) as opened:
            await opened.placed()
            answer = await door.http.get(f"/channel/sse?{visitor_query(pulse.house, a_visit())}")
            assert (answer.status_code, answer.json()["code"]) == (503, "server-full")
            assert answer.headers["retry-after"]

        async def status() -> int:
            async with door.http.stream("GET", path) as tried:
                return tried.status_code

        await insist(status, lambda code: code == 200)


async def test_one_address_opens_only_so_many_streams(pulse: Pulse, monkeypatch: pytest.MonkeyPatch) -> None:
    stop_the_clock(monkeypatch)
    async with an_http_door(pulse.house) as door:
        answers = [await door.http.get("/channel/sse") for _ in range(202)]
    assert {answer.status_code for answer in answers[:199]} == {401}
    assert (answers[-1].status_code, answers[-1].json()["code"]) == (429, "too-often")


async def test_nobody_is_streamed_to_before_the_log_is_followed(pulse: Pulse) -> None:
    async with an_http_door(pulse.house, relaying=False) as door:
        for path in ("/channel/sse", "/channel/poll"):
            answer = await door.http.get(f"{path}?{staff_query(pulse.house, ANNA)}")
            assert (answer.status_code, answer.json()["code"]) == (503, "nobody-relays")


async def test_a_process_that_leaves_sends_its_streams_home(pulse: Pulse) -> None:
    path = f"/channel/sse?{staff_query(pulse.house, ANNA)}"
    async with an_http_door(pulse.house) as door, stream(door.http, path) as opened:
        await opened.placed()
        door.leave.cancel()
        blocks = await opened.ended()
    assert (blocks[-1].event, blocks[-1].data["data"]["code"]) == ("pulse:close", 4200)


async def test_pulse_ends_although_streams_are_open(pulse: Pulse) -> None:
    """All of them are sent home by the process itself; uvicorn would wait for them, and cut them in the end."""
    ending, house = AsyncExitStack(), pulse.house
    roles = ("ingest", "push")
    other = await ending.enter_async_context(running_pulse(house.addresses, house.settings.data_dir, roles))
    async with a_client(other.house.settings.http_address) as http:
        fallback = f"/pusher/app/{house.settings.push_key}/1/abcdefgh/xhr_streaming?protocol=7"
        async with (
            stream(http, f"/channel/sse?{staff_query(house, ANNA)}") as opened,
            http.stream("POST", fallback) as fallen_back,
        ):
            await opened.placed()
            lines = fallen_back.aiter_lines()
            while not (await anext(lines)).startswith("a"):
                pass
            leaving = asyncio.create_task(ending.aclose())
            blocks = await opened.ended()
            assert (await anext(lines)).startswith("c[4200")
        await leaving
    assert (blocks[-1].event, blocks[-1].data["data"]["code"]) == ("pulse:close", 4200)


async def test_no_token_of_a_stream_is_logged(pulse: Pulse, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("httpx2", "httpcore2", "httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    visit = a_visit()
    query, link = visitor_query(pulse.house, visit), pulse.house.signer.stream_link(visit)
    with structlog.testing.capture_logs() as told:
        async with stream(pulse.http, f"/channel/sse?{query}") as opened:
            await opened.placed()
        async with stream(pulse.http, link) as opened:
            await opened.placed()
        await pulse.http.get(f"/channel/sse?{query}x")
        await pulse.http.get(link + "x")
        await pulse.http.get(f"/channel/poll?{query}&wait=x")
    # Serving switches uvicorn.access off, which pytest hears all the same.
    logged = repr([one.getMessage() for one in caplog.records if one.name != "uvicorn.access"]) + repr(told)
    assert query.rpartition(".")[2] not in logged
    assert link.rpartition(".")[2] not in logged


# The signed link


async def test_a_session_comes_with_a_link_that_streams_its_chat(pulse: Pulse) -> None:
    opened = (await pulse.http.post("/chat/session", json={"source": "web_site", "name": "Vera"})).json()
    bearer = {"Authorization": f"Bearer {opened['chat_token']}"}
    fresh = (await pulse.http.get(f"/chat/session/{opened['chat_id']}/channel-token", headers=bearer)).json()
    for link in (opened["stream_url"], fresh["stream_url"]):
        async with stream(pulse.http, link) as streamed:
            await streamed.placed()
            said = await pulse.http.post("/api/widget/messages", json={"text": "Hello"}, headers=bearer)
            told = await streamed.up_to_version(said.json()["id"])
            assert {frame["session_id"] for frame in told} == {opened["chat_id"]}
    async with stream(pulse.http, link, Last_Event_ID=streamed.last_id or "") as again:
        said = await pulse.http.post("/api/widget/messages", json={"text": "More"}, headers=bearer)
        told = await again.up_to_version(said.json()["id"])
    assert [frame["data"]["text"] for frame in told if frame["type"] == "chat.message"] == ["More"]


async def test_a_link_is_good_for_its_chat_and_for_a_day(pulse: Pulse) -> None:
    visit, signer = a_visit(), pulse.house.signer
    good = signer.stream_link(visit)
    signature = good.partition("sig=")[2]
    long_ago = int((now() - CHANNEL_TOKEN_LIFE - timedelta(minutes=1)).timestamp())
    expired = Visit(visit.chat, visit.source, visit.peer, "", None, long_ago)
    for link in (
        f"/chat/{a_visit().chat}/stream?sig={signature}", f"/chat/{visit.chat}/stream", good[:-1],
        signer.stream_link(expired), f"/chat/{visit.chat}/stream?sig={signer.channel_token(visit)}",
    ):  # fmt: skip
        assert (await pulse.http.get(link)).status_code == 401, link
    socket = await pulse.http.get(f"/channel/sse?session={visit.chat}&token={signature}")
    assert socket.status_code == 401, "a link opens nothing else"
