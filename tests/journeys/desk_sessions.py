"""How people come to the desk and are put out of it: the parts of the day that are about sessions."""

from __future__ import annotations

import time

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from pulse import demo
from pulse.push.codes import Code
from tests.desk.signing import code_of
from tests.insisting import insist
from tests.journeys.desk_day import Day, saying, subscribed
from tests.world import SALES

CHOSEN = "a long walk to the sea"


async def anna_turns_on_two_factors(day: Day) -> None:
    await day.admin.sign_in(demo.PASSWORD)
    await day.connect()
    await day.anna.sign_in(demo.PASSWORD)
    begun = await day.anna.done("POST", "/api/settings/2fa", {"password": demo.PASSWORD})
    day.secret = begun["secret"]
    confirmed = await day.anna.done("POST", "/api/settings/2fa/confirm", {"code": code_of(day.secret)})
    assert len(confirmed["recovery_codes"]) == 10


async def boris_is_invited_by_a_link(day: Day) -> None:
    """Once; the Boris of the demo goes, and the new one works in Sales only."""
    people = {row["name"]: row["id"] for row in (await day.admin.done("GET", "/api/users"))["items"]}
    await day.admin.done("POST", f"/api/users/{people['Boris']}/disable")
    wanted = {"email": day.boris.email, "name": "Boris", "departments": [str(SALES)]}
    link = (await day.admin.done("POST", "/api/users", wanted))["invitation"]["address"]
    await day.boris.done("POST", link, {"password": CHOSEN})
    await day.boris.refused(401, "not-an-invitation", "POST", link, {"password": CHOSEN})
    assert (await day.boris.sign_in(CHOSEN))["user"]["name"] == "Boris"
    await day.boris.refused(403, "admins-only", "GET", "/api/users")


async def anna_signs_in_with_a_code(day: Day) -> None:
    """On her phone, at another process; her laptop lists both."""
    asked = await day.phone.sign_in(demo.PASSWORD)
    assert set(asked) == {"two_factor", "challenge"}
    await day.phone.refused(401, "not-authentic", "GET", "/api/users/me")
    proof = {"challenge": asked["challenge"], "code": code_of(day.secret, 1)}
    await day.phone.done("POST", "/api/users/login/code", proof)
    rows = (await day.anna.done("GET", "/api/settings/sessions"))["items"]
    assert {row["agent"]: row["this"] for row in rows} == {"Laptop": True, "Phone": False}


async def a_lost_phone_is_cut_off(day: Day) -> None:
    """Ended on the laptop, at one process: the phone, at another, is out on HTTP and on both its sockets.

    One event says so. Each process follows the log: its desk asks at every request what it learnt there (the cookie's row
    is gone besides), and its push closes what this session opened before it relays anything later. So nothing that is
    said after the end is heard on the phone; how long that took is printed and not judged.
    """
    rows = (await day.anna.done("GET", "/api/settings/sessions"))["items"]
    [lost] = [row["id"] for row in rows if row["agent"] == "Phone"]
    assert day.phone.window is not None
    async with subscribed(day.phone, day.key, f"private-chat.{day.vera.chat}") as pusher:
        began = time.perf_counter()
        ended = (await day.anna.done("DELETE", f"/api/settings/sessions/{lost}"))["position"]
        await day.phone.refused(401, "not-authentic", "GET", "/api/users/me")
        await day.vera.writes("Thank you all!")
        assert await day.phone.window.until_closed() == Code.SESSION_ENDED
        assert await pusher.until_closed() == Code.SESSION_ENDED
        print(f"cut off after {1000 * (time.perf_counter() - began):.0f} ms")
    await day.anna.hears(saying("Thank you all!"))
    assert [frame for frame in (*day.phone.window.heard, *pusher.heard) if frame.get("seq", 0) > ended] == []
    await its_token_opens_nothing(day)
    assert (await day.anna.done("GET", "/api/chats"))["counters"]["all"] == 3


async def its_token_opens_nothing(day: Day) -> None:
    """Which would be good for minutes, and needs no cookie."""
    day.phone.http.cookies.clear()
    bearer = {"Authorization": f"Bearer {day.phone.token}"}
    answer = await insist(lambda: day.phone.http.get("/api/chats", headers=bearer), lambda got: got.status_code == 401)
    assert answer.json()["code"] == "not-authentic"
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"{day.phone.push}/channel/ws?type=staff&access_token={day.phone.token}")
    assert refused.value.response.status_code == 401
