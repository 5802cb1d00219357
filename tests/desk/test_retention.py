"""`/api/retention`: for how long files are kept, and what a chat shows once they are gone."""

from __future__ import annotations

from functools import partial
from uuid import uuid4

import httpx2

from pulse.aggregates.retention import Limits, SourceDays
from pulse.aggregates.source import source_id
from pulse.eventlog.whole import whole
from pulse.house import now
from pulse.retention import expire, old_files
from tests.conftest import Pulse
from tests.world import Desk, a_name, is_problem, kinds, settled, since, vera_writes

ADDRESS = "/api/retention"
SIMULATOR = source_id("simulator", "simulator")


async def put(desk: Desk, body: object) -> httpx2.Response:
    return await desk.pulse.http.put(ADDRESS, json=body, headers=await desk.headers("admin"))


async def test_limits_are_set_once_and_shown(shared: Pulse, desk: Desk) -> None:
    assert (await desk.get("admin", ADDRESS)).json() == {"days": None, "sources": [], "last": None}
    wanted = {"days": 90, "sources": [{"source": str(SIMULATOR), "days": None}]}
    before = await shared.house.log.last_position()
    for _ in range(2):
        answer = await put(desk, wanted)
        assert answer.status_code == 200, answer.text
    assert kinds(await since(shared, before)) == ["retention.begun", "retention.changed"]
    assert (await desk.get("admin", ADDRESS)).json() == wanted | {"last": None}
    assert shared.house.directory.retention() == Limits(90, (SourceDays(SIMULATOR, None),))


async def test_what_is_no_limit_is_refused(shared: Pulse, desk: Desk) -> None:
    before = await shared.house.log.last_position()
    for days in (0, -1, 36_501, "soon"):
        is_problem(await put(desk, {"days": days}), 422, "invalid")
    is_problem(await put(desk, {"days": 1, "sources": [{"source": str(uuid4()), "days": 1}]}), 404, "not-found")
    twice = [{"source": str(SIMULATOR), "days": 1}] * 2
    is_problem(await put(desk, {"days": 1, "sources": twice}), 400, "not-a-retention")
    assert await shared.house.log.last_position() == before


async def test_a_file_that_is_gone_says_why_and_is_not_found(shared: Pulse, desk: Desk) -> None:
    chat = await vera_writes(shared, a_name())
    uploaded = await shared.http.post(
        f"/api/chats/{chat}/files", files={"file": ("a.txt", b"hello")}, headers=await desk.headers("anna")
    )
    claim = uploaded.json()["files"][0]["claim"]
    await desk.reply("anna", chat, files=[claim])
    file = (await desk.thread("anna", chat))[-1]["attachments"][0]["file"]
    assert (await desk.get("anna", f"/api/files/{file}")).status_code == 200
    log, at = shared.house.log, now().replace(year=now().year + 1)
    async with old_files(partial(whole, log, 0, lambda _, __: None), Limits(30), now=at) as ledger:
        assert await expire(ledger, shared.house.store, at) == 1
    await settled(shared)
    is_problem(await desk.get("anna", f"/api/files/{file}"), 404, "not-found")
    shown = (await desk.thread("anna", chat))[-1]["attachments"][0]
    assert (shown["lost"], shown["file"], shown["name"]) == ("Files are kept for 30 days.", None, "a.txt")
