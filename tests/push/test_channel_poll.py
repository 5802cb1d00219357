"""Long polling: from poll to poll nothing is missed and nothing comes twice, whichever process answers."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest
from websockets.asyncio.client import connect

from pulse.house import now
from pulse.push.channel_poll import hear
from pulse.push.codes import Code
from pulse.push.encoding import CURSOR, wire_of
from pulse.push.outlet import Outlet
from pulse.push.post import Post
from pulse.push.ring import Ring
from tests.conftest import Pulse
from tests.insisting import insist
from tests.push.ears import ANNA, SALES, Ear, a_visit, act, change, happened, hire, replies, writes
from tests.push.streams import HttpDoor, an_http_door, staff_query, stop_the_clock, stream, visitor_query


async def poll(http: httpx2.AsyncClient, query: str, cursor: str | None = None, wait: int = 20) -> dict[str, Any]:
    since = "" if cursor is None else f"&cursor={cursor}"
    answer = await http.get(f"/channel/poll?{query}{since}&wait={wait}", timeout=40)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def words(answer: dict[str, Any]) -> list[str]:
    return [frame["data"]["text"] for frame in answer["frames"] if frame["type"] == "chat.message"]


async def test_the_first_poll_gives_a_cursor_at_once(pulse: Pulse) -> None:
    for query in (visitor_query(pulse.house, a_visit()), staff_query(pulse.house, ANNA)):
        first = await poll(pulse.http, query)
        assert first.pop("cursor")
        assert first == {"frames": [], "recovered": None, "reason": None, "stale": False}


async def test_what_was_missed_is_answered_at_once_and_only_once(pulse: Pulse) -> None:
    visit = a_visit()
    query = visitor_query(pulse.house, visit)
    cursor = (await poll(pulse.http, query))["cursor"]
    await happened(pulse, visit, writes("One"), writes("Two"))
    second = await poll(pulse.http, query, cursor)
    assert (words(second), second["recovered"], second["reason"]) == (["One", "Two"], True, None)
    third = await poll(pulse.http, query, second["cursor"], wait=0)
    assert (third["frames"], third["recovered"]) == ([], True)
    assert third["cursor"]


async def test_one_poll_after_the_other_is_no_coming_back_and_one_after_a_gap_is(pulse: Pulse) -> None:
    visit = a_visit()
    async with an_http_door(pulse.house) as door:
        ring, query = door.parts.telling.ring, visitor_query(pulse.house, visit)
        before, first = came_back(pulse), (await poll(door.http, query))["cursor"]
        cursor = first
        for text in ("One", "Two"):
            await act(pulse.house, visit, writes(text))
            heard = await poll(door.http, query, cursor)
            assert words(heard) == [text]
            cursor = heard["cursor"]
        assert came_back(pulse) == before
        for _ in range(3):
            ring.mark()  # each says that half a minute is over
        assert words(await poll(door.http, query, first)) == ["One", "Two"]
        assert came_back(pulse) == before + 1
        async with stream(door.http, f"/channel/sse?{query}&cursor={cursor}") as events:
            await events.placed()
        assert came_back(pulse) == before + 2  # a stream that opens again does come back


def came_back(pulse: Pulse) -> float:
    labels = {"result": "recovered", "reason": ""}
    return pulse.house.metrics.registry.get_sample_value("pulse_push_resumes_total", labels) or 0


async def test_a_poll_waits_for_what_comes_next(pulse: Pulse) -> None:
    visit = a_visit()
    async with an_http_door(pulse.house) as door:
        query = visitor_query(pulse.house, visit)
        cursor = (await poll(door.http, query))["cursor"]
        waiting = asyncio.create_task(poll(door.http, query, cursor))
        await insist(lambda: windows(door), lambda count: count == 1)
        await act(pulse.house, visit, writes("Hello"))
        heard = await waiting
        assert heard["frames"]
        assert heard["cursor"] == heard["frames"][-1]["cursor"]
        await insist(lambda: windows(door), lambda count: count == 0)


async def windows(door: HttpDoor) -> int:
    return len(door.parts.hub.peers)


async def test_from_poll_to_poll_everything_comes_once_whichever_process_answers(pulse: Pulse) -> None:
    visit, query = a_visit(), staff_query(pulse.house, ANNA)
    async with an_http_door(pulse.house, ring=Ring(frames=2)) as door:
        cursor = (await poll(door.http, query))["cursor"]
        told: list[dict[str, Any]] = []

        async def say() -> None:
            for number in range(20):
                await act(pulse.house, visit, writes(str(number)))
            await act(pulse.house, visit, replies("That was all"))

        saying = asyncio.create_task(say())
        doors = (door.http, pulse.http)
        turn = 0
        while "That was all" not in words({"frames": told}):
            answer = await poll(doors[turn % 2], query, cursor)
            assert answer["recovered"], answer
            told += answer["frames"]
            cursor, turn = answer["cursor"], turn + 1
        await saying
    ours = [frame for frame in told if frame.get("session_id") == str(visit.chat)]
    assert words({"frames": ours}) == [*map(str, range(20)), "That was all"]
    places = [frame["cursor"] for frame in told if "cursor" in frame]
    assert len(places) == len(set(places))


async def test_a_cursor_of_one_transport_is_good_for_the_others(pulse: Pulse) -> None:
    visit = a_visit()
    query = visitor_query(pulse.house, visit)
    told: list[str] = []
    async with connect(f"{pulse.push}/channel/ws?{query}") as socket:
        first = await act(pulse.house, visit, writes("Over a socket"))
        heard = await Ear(socket).up_to_version(first.version)
        told += words({"frames": heard})
    await happened(pulse, visit, writes("While a stream opened"))
    async with stream(pulse.http, f"/channel/sse?{query}&cursor={heard[-1]['cursor']}") as opened:
        told += words({"frames": [(await opened.event()).data]})
    await happened(pulse, visit, writes("While nobody listened"))
    polled = await poll(pulse.http, query, opened.last_id)
    told += words(polled)
    await happened(pulse, visit, writes("And back"))
    async with connect(f"{pulse.push}/channel/ws?{query}&cursor={polled['cursor']}") as socket:
        last = await act(pulse.house, visit, writes("To a socket"))
        told += words({"frames": await Ear(socket).up_to_version(last.version)})
    assert told == [
        "Over a socket", "While a stream opened", "While nobody listened", "And back", "To a socket",
    ]  # fmt: skip


async def test_who_can_not_be_told_everything_learns_why_and_goes_on_from_now(pulse: Pulse) -> None:
    query = staff_query(pulse.house, ANNA)
    for cursor in ("00000000.1", "nonsense"):
        answer = await poll(pulse.http, query, cursor)
        assert (answer["frames"], answer["recovered"], answer["reason"]) == ([], False, "epoch")
        decided = await act(pulse.house, a_visit(), writes("Hello"))
        later = await poll(pulse.http, query, answer["cursor"])
        assert later["frames"][-1]["seq"] <= decided.position


async def test_wait_is_a_number_of_seconds_up_to_thirty(pulse: Pulse) -> None:
    query = visitor_query(pulse.house, a_visit())
    for wait in ("31", "-1", "x", "1.5", "٣"):
        answer = await pulse.http.get(f"/channel/poll?{query}&wait={wait}")
        assert (answer.status_code, answer.json()["code"]) == (400, "bad-input"), wait
    for wait in ("0", "30"):
        assert (await pulse.http.get(f"/channel/poll?{query}&wait={wait}")).status_code == 200


async def test_polls_are_let_in_like_sockets(pulse: Pulse) -> None:
    visit = a_visit()
    assert (await pulse.http.get(f"/channel/poll?session={visit.chat}&token=x")).status_code == 401
    query = staff_query(pulse.house, ANNA)
    evil = await pulse.http.get(f"/channel/poll?{query}", headers={"Origin": "https://evil.example"})
    assert (evil.status_code, evil.json()["code"]) == (403, "wrong-origin")
    page = await pulse.http.get(f"/channel/poll?{query}", headers={"Origin": "http://127.0.0.1:3000"})
    assert (page.status_code, page.headers["access-control-allow-origin"]) == (200, "http://127.0.0.1:3000")
    asked = await pulse.http.options(f"/channel/poll?{query}", headers={"Origin": "http://127.0.0.1:3000"})
    assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (204, "http://127.0.0.1:3000")


async def test_one_client_polls_only_so_often(pulse: Pulse, monkeypatch: pytest.MonkeyPatch) -> None:
    stop_the_clock(monkeypatch)
    query = visitor_query(pulse.house, a_visit())
    async with an_http_door(pulse.house) as door:
        answers = [await door.http.get(f"/channel/poll?{query}") for _ in range(61)]
    assert {answer.status_code for answer in answers[:60]} == {200}
    assert answers[-1].status_code == 429
    assert answers[-1].headers["retry-after"]


async def test_a_poll_ends_with_its_session(pulse: Pulse) -> None:
    dora = await hire(pulse.house, "dora", SALES)
    async with an_http_door(pulse.house) as door:
        query = staff_query(pulse.house, dora)
        cursor = (await poll(door.http, query))["cursor"]
        waiting = asyncio.create_task(door.http.get(f"/channel/poll?{query}&cursor={cursor}"))
        await insist(lambda: windows(door), lambda count: count == 1)
        await change(pulse.house, dora, lambda moderator: moderator.end_sessions(now=now()))
        answer = await waiting
    assert (answer.status_code, answer.json()["code"]) == (401, "session-ended")


async def test_whoever_stops_waiting_leaves_nothing_behind(pulse: Pulse) -> None:
    async with an_http_door(pulse.house, capacity=1) as door:
        query = staff_query(pulse.house, ANNA)
        cursor = (await poll(door.http, query))["cursor"]
        waiting = asyncio.create_task(poll(door.http, query, cursor))
        await insist(lambda: windows(door), lambda count: count == 1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await insist(lambda: windows(door), lambda count: count == 0)
        assert (await poll(door.http, query))["cursor"], "its seat is free"


async def test_a_process_that_leaves_answers_its_polls(pulse: Pulse) -> None:
    async with an_http_door(pulse.house) as door:
        query = staff_query(pulse.house, ANNA)
        cursor = (await poll(door.http, query))["cursor"]
        waiting = asyncio.create_task(poll(door.http, query, cursor))
        await insist(lambda: windows(door), lambda count: count == 1)
        door.leave.cancel()
        answer = await waiting
        assert (answer["recovered"], answer["reason"]) == (True, None)
        assert answer["cursor"]


async def test_a_poll_says_that_the_feed_is_stale_and_still_waits(pulse: Pulse) -> None:
    """Else whoever polls would ask without a pause just when the log is ill."""
    async with an_http_door(pulse.house) as door:
        query = staff_query(pulse.house, ANNA)
        cursor = (await poll(door.http, query))["cursor"]
        for stale in (True, False):
            door.parts.telling.tell_stale(stale)
            answer = await poll(door.http, query, cursor, wait=1)
            assert (answer["frames"], answer["stale"], answer["recovered"]) == ([], stale, True)


@pytest.mark.parametrize("seconds", [0, 20])
async def test_a_poll_waits_for_its_place_though_much_is_being_told(seconds: int) -> None:
    """Without a cursor, what is told until the next poll would be lost without a word."""
    post, resync = Post(), {"type": "pulse:resync", "data": {"reason": "epoch"}}
    for said, reason in (([], None), ([wire_of(resync)], "epoch")):
        outlet = Outlet(post)
        post.send([Outlet(post) for _ in range(1000)], wire_of({"type": "chat.message"}))  # takes turns of the loop
        for wire in [*said, wire_of({"type": CURSOR, "data": {"cursor": "here"}}, "here")]:
            outlet.take(wire)
        assert outlet.idle
        heard = await hear(outlet, 0 if reason is None else seconds)
        assert (heard.cursor, heard.reason, heard.frames) == ("here", reason, [])


async def test_a_poll_that_ends_before_it_has_a_place_goes_on_where_it_was() -> None:
    outlet = Outlet(Post())
    outlet.dismiss(Code.LEAVING)
    assert (await hear(outlet, 20, "there")).cursor == "there"
