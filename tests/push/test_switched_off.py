"""PULSE_PUSH_APP=false: Pusher clients and libraries are turned away, and our own windows go on."""

from __future__ import annotations

from collections.abc import Iterator

import orjson
import pytest
from websockets.asyncio.client import connect

from pulse.house import now
from pulse.push.codes import Code
from tests.conftest import Pulse
from tests.push.ears import a_visit, act, staff_ear, visitor_ear, writes
from tests.push.test_server import closing_of


@pytest.fixture(scope="module", autouse=True)
def switched_off() -> Iterator[None]:
    """Before Pulse starts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PULSE_PUSH_APP", "false")
        yield


async def test_sockets_are_closed_for_good(pulse: Pulse) -> None:
    for key in ("pulse", "pulse-echo"):
        found = await closing_of(await connect(f"{pulse.push}/app/{key}?protocol=7"))
        assert found == (Code.APP_DISABLED, Code.APP_DISABLED.reason)
    assert (await closing_of(await connect(f"{pulse.push}/app/other?protocol=7")))[0] == Code.NO_SUCH_APP


async def test_the_fallback_says_so_too(pulse: Pulse) -> None:
    answer = await pulse.http.post("/pusher/app/pulse/1/abcdefgh/xhr_streaming?protocol=7")
    assert f"c[{Code.APP_DISABLED:d}," in answer.text


async def test_server_libraries_are_refused_in_words(pulse: Pulse) -> None:
    app, body = pulse.house.app, orjson.dumps({"name": "paid", "channel": "orders", "data": "{}"})
    signed = app.signed_query("POST", "/apps/1/events", [], body, now().timestamp())
    answer = await pulse.http.post("/apps/1/events", params=signed, content=body)
    assert (answer.status_code, "PULSE_PUSH_APP" in answer.text) == (403, True)
    assert (await pulse.http.get("/apps/1/channels")).status_code == 401  # whoever has not the secret learns nothing


async def test_nothing_is_signed(pulse: Pulse) -> None:
    headers = await pulse.sign_in("anna")
    asked = {
        "auth": {"channel_name": "private-chat"}, "auth/batch": {"channel_names": ["private-chat"]}, "user-auth": {}
    }  # fmt: skip
    answers = [
        await pulse.http.post(f"/broadcasting/{way}", json={"socket_id": "1.2", **body}, headers=headers)
        for way, body in asked.items()
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(403, "app-disabled")] * 3


async def test_windows_go_on(pulse: Pulse) -> None:
    visit = a_visit()
    async with staff_ear(pulse) as staff, visitor_ear(pulse, visit) as visitor:
        decided = await act(pulse.house, visit, writes("Hello"))
        await staff.up_to(decided.position)
        await visitor.up_to_version(decided.version)
