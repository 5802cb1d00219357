"""Admins hear at once of a source that its provider refuses."""

from __future__ import annotations

import json
from collections.abc import Callable

from websockets.asyncio.client import connect

from pulse.aggregates.moderator import moderator_id
from pulse.aggregates.source import Source, source_id
from pulse.house import now
from tests.conftest import Pulse
from tests.push.ears import Ear

SIMULATOR = source_id("simulator", "simulator")


async def change(pulse: Pulse, act: Callable[[Source], None]) -> None:
    def decision(source: Source | None) -> Source:
        assert source is not None
        act(source)
        return source

    await pulse.house.store.decide(Source, SIMULATOR, decision, by="system")


def halted(source: Source) -> None:
    source.halt("Unauthorized", code="401", until=None, now=now())


async def test_admins_hear_of_a_halted_source_and_moderators_do_not(pulse: Pulse) -> None:
    signer = pulse.house.signer
    tokens = [signer.staff_token(moderator_id(f"{name}@pulse.example"), now()) for name in ("admin", "anna")]
    address = f"{pulse.push}/channel/ws?type=staff&access_token="
    async with connect(address + tokens[0]) as on_admin, connect(address + tokens[1]) as on_anna:
        admin, anna = Ear(on_admin), Ear(on_anna)
        await change(pulse, halted)
        told = await admin.next()
        assert (told["type"], told["data"]["reason"], told["data"]["source_id"]) == (
            "source.halted", "Unauthorized", str(SIMULATOR),
        )  # fmt: skip
        await change(pulse, lambda source: source.resume(now=now()))
        assert (await admin.next())["type"] == "source.resumed"
        await change(pulse, lambda source: source.disable(now=now()))
        await change(pulse, lambda source: source.enable(now=now()))
        assert [(await admin.next())["type"] for _ in range(2)] == ["source.disabled", "source.enabled"]
        await pulse.http.post(pulse.webhook("simulator"), json={"from": "77", "message": "Hello", "type": "text"})
        assert (await anna.next())["type"] == "chat.session.created"


async def test_admins_see_halted_sources_and_resume_them(pulse: Pulse) -> None:
    headers, annas = await pulse.sign_in("admin"), await pulse.sign_in("anna")
    await change(pulse, halted)
    await pulse.house.directory.wait_for(await pulse.house.log.last_position())
    listed = (await pulse.http.get("/api/sources", headers=headers)).json()["items"]
    assert [source["halted"]["reason"] for source in listed if source["halted"]] == ["Unauthorized"]
    assert not any("secret" in json.dumps(source["settings"]) for source in listed)
    address = f"/api/sources/{SIMULATOR}/resume"
    assert (await pulse.http.post(address, headers=annas)).status_code == 403
    assert (await pulse.http.get("/api/sources", headers=annas)).status_code == 403
    assert (await pulse.http.post(address, headers=headers)).status_code == 200
    await pulse.house.directory.wait_for(await pulse.house.log.last_position())
    assert pulse.house.directory.source(SIMULATOR).halted is None
