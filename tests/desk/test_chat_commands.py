"""The commands on a chat over HTTP: once per client id, stale replies, passing on, and a race between two people."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any
from uuid import UUID

import pytest

from pulse.aggregates.chat import Chat
from pulse.aggregates.chat_standing import ChatIsClosed, Seen
from pulse.aggregates.department import department_id
from pulse.aggregates.moderator import moderator_id
from pulse.eventlog.store import EventStore
from pulse.house import now
from tests.conftest import Pulse
from tests.world import SUPPORT, Desk, a_name, accounts, is_problem, kinds, settled, since, vera_writes

ANNA, BORIS, ADMIN = (moderator_id(f"{name}@pulse.example") for name in ("anna", "boris", "admin"))


async def last_position(pulse: Pulse) -> int:
    return await pulse.house.log.last_position()


@pytest.mark.parametrize(
    ("command", "body"),
    [
        ("open", {}),
        ("assign-operator", {"moderatorId": str(ANNA)}),
        ("transfer", {"moderatorId": str(BORIS), "note": "Yours"}),
        ("transfer", {"departmentId": str(SUPPORT), "note": "Yours"}),
        ("close", {}),
        ("snooze", {"until": "2050-01-01T00:00:00+03:00"}),
        ("tags", {"tag": "invoice"}),
        ("notes", {"text": "Careful", "mentions": [str(BORIS)]}),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
async def test_a_command_that_comes_again_is_done_once_even_if_things_have_moved_on(
    shared: Pulse, desk: Desk, command: str, body: dict[str, Any]
) -> None:
    chat = await vera_writes(shared, a_name())
    once = body | {"clientMsgId" if command == "notes" else "clientId": "a1"}
    first = await desk.post("admin", f"/api/chats/{chat}/{command}", once)
    assert first.status_code in (200, 201), first.text

    def undo(known: Chat | None) -> Chat | None:
        assert known is not None
        known.reopen(now=now())
        known.wake(now=now())
        known.untag("invoice", now=now())
        if known.holder_id is not None:
            known.unassign(seen=Seen(known.holder_id), now=now())
        return known

    await shared.house.store.decide(Chat, chat, undo, by="system")
    before = await last_position(shared)
    again = await desk.post("admin", f"/api/chats/{chat}/{command}", once)
    assert again.status_code == 200, again.text
    assert await last_position(shared) == before
    if command == "notes":
        assert again.json()["id"] == first.json()["id"]


async def test_a_command_that_had_nothing_to_do_does_nothing_later_either(shared: Pulse, desk: Desk) -> None:
    peer = a_name()
    chat = await vera_writes(shared, peer)
    await desk.post("boris", f"/api/chats/{chat}/close")
    once = {"clientId": "c1"}
    assert (await desk.post("anna", f"/api/chats/{chat}/close", once)).status_code == 200  # closed already
    await vera_writes(shared, peer, "One more thing")
    before = await last_position(shared)
    assert (await desk.post("anna", f"/api/chats/{chat}/close", once)).status_code == 200
    assert await last_position(shared) == before


async def test_one_client_id_under_two_commands_is_two_commands(shared: Pulse, desk: Desk) -> None:
    chat = await vera_writes(shared, a_name())
    before = await last_position(shared)
    for command in ("close", "reopen"):
        assert (await desk.post("anna", f"/api/chats/{chat}/{command}", {"clientId": "1"})).status_code == 200
    assert kinds(await since(shared, before)) == ["chat.closed", "chat.reopened"]


@pytest.mark.parametrize("how", ["body", "header"])
async def test_a_reply_a_colleague_was_faster_than_is_refused_with_what_came_between(
    shared: Pulse, desk: Desk, how: str
) -> None:
    peer = a_name()
    chat = await vera_writes(shared, peer, "Where is my parcel?")
    await settled(shared)
    seen = int((await desk.get("anna", f"/api/chats/{chat}")).headers["etag"].strip('"'))
    assert (await desk.reply("boris", chat, "It left today.")).status_code == 201
    await vera_writes(shared, peer, "Thank you!")

    async def answer(version: int) -> Any:
        body: dict[str, Any] = {"text": "I will look.", "clientMsgId": "c1"}
        headers = await desk.headers("anna")
        if how == "body":
            body["seen_version"] = version
        else:
            headers = headers | {"If-Match": f'"{version}"'}
        return await shared.http.post(f"/api/chats/{chat}/messages", json=body, headers=headers)

    before = await last_position(shared)
    told = is_problem(await answer(seen), 409, "stale-reply")
    assert await last_position(shared) == before
    assert [(entry["sender_type"], entry["text"]) for entry in told["between"]] == [
        ("moderator", "It left today."), ("customer", "Thank you!"),
    ]  # fmt: skip
    assert told["between"][0]["sender"] == {"id": str(BORIS), "name": "Boris"}
    went = await answer(told["version"])
    assert went.status_code == 201
    assert (await answer(seen)).json()["id"] == went.json()["id"]  # the first post, come again: it was taken


async def test_a_position_is_no_version_of_a_chat(shared: Pulse, desk: Desk) -> None:
    chat, far = await vera_writes(shared, a_name()), {"seen_version": 10**9}
    before = await last_position(shared)
    for command in ({"messages": {"text": "Hello"}}, {"close": {}}):
        [(name, body)] = command.items()
        refused = is_problem(await desk.post("anna", f"/api/chats/{chat}/{name}", body | far), 400, "not-its-version")
        assert (refused["version"], "position" in refused["title"]) == (2, True)
    assert await last_position(shared) == before


async def test_what_is_no_version_is_a_bad_header(shared: Pulse, desk: Desk) -> None:
    chat, headers = await vera_writes(shared, a_name()), await desk.headers("anna")
    for written in ("abc", '"-1"', "*", '"12345678901"'):
        answer = await shared.http.post(
            f"/api/chats/{chat}/messages", json={"text": "Hello"}, headers=headers | {"If-Match": written}
        )
        is_problem(answer, 400, "bad-input")


async def test_a_note_is_for_moderators_and_those_it_names_can_see_the_chat(shared: Pulse, desk: Desk) -> None:
    chat = await vera_writes(shared, a_name())
    made = accounts(shared)
    await made.create_department("Warehouse")
    stranger = a_name("olga")
    invited = await made.invite(
        f"{stranger}@pulse.example", stranger, "moderator", (department_id("Warehouse"),), "pa55word!"
    )
    await shared.house.directory.wait_for(invited.position)
    far = {"text": "Look", "mentions": [str(moderator_id(f"{stranger}@pulse.example"))]}
    is_problem(await desk.post("anna", f"/api/chats/{chat}/notes", far), 409, "out-of-sight")
    is_problem(
        await desk.post("anna", f"/api/chats/{chat}/notes", {"text": "a", "mentions": [str(chat)]}), 404, "not-found"
    )
    assert (
        await desk.post("anna", f"/api/chats/{chat}/notes", {"text": "Look", "mentions": [str(BORIS)]})
    ).status_code == 201
    note = (await desk.thread("boris", chat))[-1]
    assert (note["text"], note["notice"], note["mentions"]) == ("Look", "note", [str(BORIS)])
    assert note["sender"] == {"id": str(ANNA), "name": "Anna"}


async def test_a_chat_is_passed_to_a_person_with_a_note(shared: Pulse, desk: Desk) -> None:
    chat = await vera_writes(shared, a_name())
    await desk.post("anna", f"/api/chats/{chat}/open")
    wanted = {"moderatorId": str(BORIS), "note": "She asks about an invoice."}
    held = is_problem(await desk.post("admin", f"/api/chats/{chat}/transfer", wanted), 409, "held-by-another")
    assert held["holder"]["name"] == "Anna"
    passed = await desk.post("admin", f"/api/chats/{chat}/transfer", wanted | {"from": str(ANNA)})
    row = (await desk.get("boris", f"/api/chats/{chat}", at=passed.json()["position"])).json()
    assert row["holder"]["name"] == "Boris"
    assert (await desk.thread("boris", chat))[-1]["text"] == "She asks about an invoice."


async def test_a_chat_is_not_passed_to_where_nobody_works(shared: Pulse, desk: Desk) -> None:
    chat = await vera_writes(shared, a_name())
    made = await accounts(shared).create_department("Empty hall")
    await shared.house.directory.wait_for(made.position)
    to = {"departmentId": str(department_id("Empty hall"))}
    is_problem(await desk.post("anna", f"/api/chats/{chat}/transfer", to), 409, "nobody-there")


async def test_the_row_shows_how_a_chat_was_sorted(shared: Pulse, desk: Desk) -> None:
    chat = await vera_writes(shared, a_name())
    address = f"/api/chats/{chat}"
    headers = await desk.headers("anna")
    await desk.post("anna", f"{address}/tags", {"tag": "Invoice"})
    await desk.post("anna", f"{address}/tags", {"tag": "late/delivery"})
    await shared.http.put(f"{address}/priority", json={"priority": "high"}, headers=headers)
    at = (await desk.post("anna", f"{address}/snooze", {"until": "2050-01-01T03:00:00+03:00"})).json()["position"]
    row = (await desk.get("anna", address, at=at)).json()
    assert (row["tags"], row["priority"], row["status"]) == (["invoice", "late/delivery"], "high", "snoozed")
    assert row["snoozed_until"] == "2050-01-01T00:00:00+00:00"
    assert row["waiting_since"] == row["last_at"]
    gone = await shared.http.delete(f"{address}/tags/Late%2Fdelivery", headers=headers)
    woken = await desk.post("anna", f"{address}/wake")
    row = (await desk.get("anna", address, at=woken.json()["position"])).json()
    assert gone.status_code == 200
    assert (row["tags"], row["status"], row["snoozed_until"]) == (["invoice"], "open", None)


async def test_the_customer_of_a_chat_is_blocked_and_taken_in_again(shared: Pulse, desk: Desk) -> None:
    peer = a_name()
    chat = await vera_writes(shared, peer)
    await settled(shared)
    assert (await desk.post("anna", f"/api/chats/{chat}/block", {"reason": "spam"})).status_code == 200
    before = await last_position(shared)
    await vera_writes(shared, peer, "Buy this")
    assert await last_position(shared) == before
    assert (await desk.post("anna", f"/api/chats/{chat}/unblock")).status_code == 200
    await vera_writes(shared, peer, "Sorry")
    assert await last_position(shared) > before


@pytest.mark.parametrize("seed", range(4))
async def test_sending_against_closing_has_one_outcome_whichever_the_log_saw_first(shared: Pulse, seed: int) -> None:
    """Fifty chats each; Anna's and Boris's desks are two processes that know nothing of each other but the log."""
    random = Random(seed)
    desks = shared.house.store, EventStore(shared.house.log)
    chats = [await vera_writes(shared, a_name()) for _ in range(50)]

    async def act(store: EventStore, chat: UUID, what: str, turns: int) -> str:
        for _ in range(turns):
            await asyncio.sleep(0)

        def decision(known: Chat | None) -> Chat:
            assert known is not None
            if what == "reply":
                known.reply("Good day", moderator_id=ANNA, client_msg_id="c1", now=now())
            else:
                known.close(BORIS, now=now())
            return known

        try:
            decided = await store.decide(Chat, chat, decision, by="test")
        except ChatIsClosed:
            return "refused"
        return "done" if decided.events else "nothing"

    async def race(chat: UUID) -> tuple[str, str]:
        one, two = random.sample(desks, 2)
        both = [act(one, chat, "reply", random.randrange(30)), act(two, chat, "close", random.randrange(30))]
        replied, closed = await asyncio.gather(*both)
        return replied, closed

    before = await last_position(shared)
    answers = dict(zip(chats, await asyncio.gather(*map(race, chats)), strict=True))
    lives: dict[UUID, list[str]] = {chat: [] for chat in chats}
    for recorded in await since(shared, before):
        if recorded.aggregate_id in lives and recorded.envelope.type in ("chat.reply-written", "chat.closed"):
            lives[recorded.aggregate_id].append(recorded.envelope.type)
    for chat, (replied, closed) in answers.items():
        assert closed == "done"
        happened = ["chat.reply-written", "chat.closed"] if replied == "done" else ["chat.closed"]
        assert lives[chat] == happened
