"""A session that has ended takes its sockets with it, at once, of either protocol; the others stay."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from pulse.aggregates.moderator import Moderator
from pulse.desk.sessions import SESSION_LIFE
from pulse.directory import Directory
from pulse.house import now
from pulse.push.codes import Code
from pulse.push.hub import Hub
from pulse.push.outlet import Outlet
from pulse.push.peers import Owner, Peer
from pulse.push.sign_outs import SignOuts
from pulse.tokens import Session, Staff
from tests.conftest import Pulse
from tests.desk.signing import PASSWORD, Browser, an_account, signed_in
from tests.insisting import insist
from tests.push.ears import SALES, SUPPORT, Ear, a_door, a_visit, act, change, hire, writes
from tests.push.test_protocol import PusherEar, pusher_ear


@asynccontextmanager
async def staff_window(pulse: Pulse, browser: Browser) -> AsyncIterator[Ear]:
    async with connect(f"{pulse.push}/channel/ws?type=staff&access_token={browser.token}") as socket:
        yield Ear(socket)


async def subscribed(browser: Browser, ear: PusherEar, channel: str) -> dict[str, Any]:
    """As pusher-js does it: the desk signs, the socket sends back what it answered."""
    asked = {"socket_id": ear.socket_id, "channel_name": channel}
    signed = await browser.post("/broadcasting/auth", asked)
    assert signed.status_code == 200, signed.text
    return await ear.subscribe(channel, **signed.json())


async def hears(ear: Ear, pulse: Pulse) -> None:
    """Everything said so far was handed out, and this window is open still."""
    decided = await act(pulse.house, a_visit(), writes("Hello"))
    await ear.up_to(decided.position)


ENDINGS: dict[str, Callable[[Browser, str], Any]] = {
    "revoked": lambda other, session: other.ask("DELETE", f"/api/settings/sessions/{session}"),
    "with all others": lambda other, _: other.ask("DELETE", "/api/settings/sessions?others=true"),
    "by another password": lambda other, _: other.post(
        "/api/settings/password", {"old": PASSWORD, "new": "another walk to the sea"}
    ),
}


@pytest.mark.parametrize("ending", ENDINGS)
async def test_a_session_that_is_ended_elsewhere_takes_both_kinds_of_sockets_with_it(pulse: Pulse, ending: str) -> None:
    email = await an_account(pulse, "anna")
    laptop, phone = await signed_in(pulse, email, "Laptop"), await signed_in(pulse, email, "Phone")
    sessions = (await laptop.get("/api/settings/sessions")).json()["items"]
    [session] = [row["id"] for row in sessions if row["agent"] == "Phone"]
    channel = f"private-moderator.{laptop.account}"
    async with (
        staff_window(pulse, laptop) as on_laptop,
        staff_window(pulse, phone) as on_phone,
        pusher_ear(pulse) as laptops_pusher,
        pusher_ear(pulse) as phones_pusher,
    ):
        for browser, ear in ((laptop, laptops_pusher), (phone, phones_pusher)):
            assert (await subscribed(browser, ear, channel))["event"].endswith("succeeded")
        assert (await ENDINGS[ending](laptop, session)).status_code == 200
        assert await on_phone.until_closed() == Code.SESSION_ENDED
        assert await phones_pusher.until_closed() == Code.SESSION_ENDED
        await hears(on_laptop, pulse)
        await laptops_pusher.send("pusher:ping", {})
        assert (await laptops_pusher.next())["event"] == "pusher:pong"
        with pytest.raises(InvalidStatus) as refused:
            await connect(f"{pulse.push}/channel/ws?type=staff&access_token={phone.token}")
        assert refused.value.response.status_code == 401


async def test_signing_out_closes_ones_own_windows(pulse: Pulse) -> None:
    browser = await signed_in(pulse, await an_account(pulse, "anna"))
    async with staff_window(pulse, browser) as window:
        assert (await browser.post("/api/users/logout")).status_code == 204
        assert await window.until_closed() == Code.SESSION_ENDED


LOSSES: dict[str, Callable[[Moderator], None]] = {
    "disabled": lambda moderator: moderator.disable(now=now()),
    "given another role": lambda moderator: moderator.change_role("admin", (SALES,), now=now()),
}


@pytest.mark.parametrize("loss", LOSSES)
async def test_nothing_is_heard_after_one_was(pulse: Pulse, loss: str) -> None:
    """Event after event, without a pause: what comes after the loss is judged by it."""
    browser = await signed_in(pulse, await an_account(pulse, "sam"))
    visit = a_visit()
    async with staff_window(pulse, browser) as window:
        await act(pulse.house, visit, writes("Before"))
        await change(pulse.house, browser.account, LOSSES[loss])
        await act(pulse.house, visit, writes("After"))
        assert await window.until_closed() == Code.SESSION_ENDED
    assert [frame["data"]["text"] for frame in window.heard if frame["type"] == "chat.message"] == ["Before"]


async def test_another_process_closes_its_own_also_when_it_hears_late(pulse: Pulse) -> None:
    """What ended while it heard nothing is in the log still, and closes its windows when it hears again."""
    browser = await signed_in(pulse, await an_account(pulse, "anna"))
    directory = Directory(pulse.house.log)
    reading = asyncio.create_task(directory.run())
    await directory.ready.wait()
    address = f"/channel/ws?type=staff&access_token={browser.token}"
    async with a_door(pulse.house, directory=directory) as door, connect(door.url + address) as socket:
        await insist(lambda: windows(door.hub, browser.account), bool)
        reading.cancel()
        assert (await browser.ask("DELETE", "/api/settings/sessions")).status_code == 200
        assert await windows(door.hub, browser.account)
        reading = asyncio.create_task(directory.run())
        assert await Ear(socket).until_closed() == Code.SESSION_ENDED
    reading.cancel()


async def test_another_department_closes_nothing(pulse: Pulse) -> None:
    browser = await signed_in(pulse, await an_account(pulse, "sam", "admin"))
    async with staff_window(pulse, browser) as window:
        await change(pulse.house, browser.account, lambda sam: sam.change_role("admin", (SUPPORT,), now=now()))
        await hears(window, pulse)


async def test_a_signature_of_an_ended_session_subscribes_to_nothing(pulse: Pulse) -> None:
    browser = await signed_in(pulse, await an_account(pulse, "anna"))
    channel = f"private-moderator.{browser.account}"
    async with pusher_ear(pulse) as ear:
        asked = {"socket_id": ear.socket_id, "channel_name": channel}
        signed = (await browser.post("/broadcasting/auth", asked)).json()
        assert set(json.loads(signed["channel_data"])["session"]) == {"id", "since", "until"}
        ended = await browser.ask("DELETE", "/api/settings/sessions")
        await pulse.house.directory.wait_for(ended.json()["position"])
        answer = await ear.subscribe(channel, **signed)
        assert answer["event"] == "pusher:subscription_error"
        assert json.loads(answer["data"])["status"] == 401


async def test_a_socket_is_no_older_than_its_session(pulse: Pulse) -> None:
    """Nobody ends it and no event tells of it: whoever looks at the clock closes it."""
    browser = await signed_in(pulse, await an_account(pulse, "anna"))
    async with (
        a_door(pulse.house) as door,
        connect(f"{door.url}/channel/ws?type=staff&access_token={browser.token}") as socket,
    ):
        await insist(lambda: windows(door.hub, browser.account), bool)
        for at, closed in ((now(), False), (now() + SESSION_LIFE + timedelta(seconds=1), True)):
            door.relay.sign_outs.look(list(door.hub.signed), at)
            assert (await windows(door.hub, browser.account) == set()) is closed
        assert await Ear(socket).until_closed() == Code.SESSION_ENDED


async def windows(hub: Hub, person: UUID) -> set[Peer]:
    return hub.signed.get(person, set())


async def test_what_the_relay_missed_is_seen_a_little_later(pulse: Pulse) -> None:
    """The clock's round asks the directory about every window, whatever was or was not told."""
    nina = await hire(pulse.house, "nina", SALES)
    hub = Hub()
    moment: Callable[[], datetime] = now
    session = Session(uuid4(), 1, int(now().timestamp()) + 60)
    peer = Outlet(hub.post, Owner(person_id=nina, staff=Staff(nina, session)))
    assert hub.enter(peer)
    outs = SignOuts(hub, pulse.house.directory)
    assert outs.holds(peer, moment())
    decided = await change(pulse.house, nina, lambda who: who.end_sessions(now=now()))
    await pulse.house.directory.wait_for(decided.position)
    assert not outs.holds(peer, moment())
    hub.leave(peer)
    assert hub.signed == {}


def test_the_directory_knows_nobody_it_never_heard_of() -> None:
    nowhere: Any = None
    assert Directory(nowhere).signed_in(Staff(uuid4(), Session(uuid4(), 0, 0))) is None
