"""What counts once counts once for good: after a restart, in another process, and without Postgres."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import httpx2

from pulse.aggregates.chat import chat_id
from pulse.aggregates.source import source_id
from pulse.embedded import Addresses
from pulse.eventlog.jetstream import Log
from tests.conftest import Pulse, running_pulse
from tests.ingest.test_webhooks import FIRST, SAID
from tests.world import PROOF, TELEGRAM_SECRET, Desk, is_problem, kinds, rows, since, update


async def test_an_update_again_after_a_restart_is_still_one_message(
    addresses: Addresses, log: Log, database_url: str, tmp_path: Path
) -> None:
    own = replace(addresses, database_url=database_url)
    body = update(1, "Once")
    for life in range(2):
        async with running_pulse(own, tmp_path) as pulse:
            before = await log.last_position()
            address = pulse.webhook("telegram")
            answers = await asyncio.gather(
                *(pulse.http.post(address, json=body, headers={PROOF: TELEGRAM_SECRET}) for _ in range(10))
            )
            assert {answer.status_code for answer in answers} == {200}
            assert kinds(await since(pulse, before)) == (FIRST if life == 0 else [])
            thread = await Desk(pulse).thread("anna", chat_id(source_id("telegram", "7000000001"), "77"))
            assert [entry["text"] for entry in thread] == ["Once"]


async def test_two_processes_on_one_log_take_an_update_once(
    addresses: Addresses, log: Log, database_url: str, tmp_path: Path
) -> None:
    own = replace(addresses, database_url=database_url)
    async with (
        running_pulse(own, tmp_path) as one,
        running_pulse(own, tmp_path, roles=("ingest",)) as other,
    ):
        for number in range(1, 11):
            before = await log.last_position()
            body, proof = update(number, str(number)), {PROOF: TELEGRAM_SECRET}
            address = one.webhook("telegram")
            doors = (one, other) * 5
            answers = await asyncio.gather(*(door.http.post(address, json=body, headers=proof) for door in doors))
            assert {answer.status_code for answer in answers} == {200}
            assert kinds(await since(one, before)) == (FIRST if number == 1 else SAID)


async def test_without_read_models_webhooks_go_on_and_reads_answer_503(
    addresses: Addresses, log: Log, database_url: str, tmp_path: Path
) -> None:
    own = replace(addresses, database_url=database_url)
    async with running_pulse(own, tmp_path, roles=("ingest",)) as pulse:
        session = (await pulse.http.post("/api/widget/session", json={"source": "web_site"})).json()
        token = {"Authorization": f"Bearer {session['chat_token']}"}
        said = await pulse.http.post("/api/widget/messages", json={"text": "Hello", "clientMsgId": "1"}, headers=token)
        assert said.status_code == 201
        for own_write in ({}, {"X-Pulse-Version": said.headers["x-pulse-version"]}):
            answer = await pulse.http.get("/api/widget/messages", headers=token | own_write)
            is_problem(answer, 503, "reads-down")
            assert int(answer.headers["retry-after"]) > 0
        assert (await post_update(pulse)).status_code == 200


async def test_a_list_that_is_gone_answers_503_and_comes_back(pulse: Pulse) -> None:
    desk = Desk(pulse)
    assert (await desk.get("anna", "/api/chats")).status_code == 200
    await rows(pulse, "alter schema read rename to away")
    for address in ("/api/chats", f"/api/chats/{uuid4()}", f"/api/chats/{uuid4()}/messages"):
        is_problem(await desk.get("anna", address), 503, "reads-down")
    is_problem(await desk.get("admin", "/api/deliveries"), 503, "reads-down")
    assert (await pulse.http.get("/healthz")).status_code == 503
    await rows(pulse, "alter schema away rename to read")
    assert (await desk.get("anna", "/api/chats")).status_code == 200
    assert (await pulse.http.get("/healthz")).status_code == 200


async def post_update(pulse: Pulse) -> httpx2.Response:
    return await pulse.http.post(pulse.webhook("telegram"), json=update(1), headers={PROOF: TELEGRAM_SECRET})
