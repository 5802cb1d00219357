"""Chats over HTTP: who sees which, lists and threads page by page, and commands of several people at once."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from pulse import demo
from pulse.aggregates.chat import chat_id
from pulse.aggregates.department import department_id
from pulse.aggregates.moderator import moderator_id
from pulse.aggregates.source import source_id
from tests.conftest import Pulse
from tests.world import (
    SALES,
    SUPPORT,
    Desk,
    a_bot,
    a_name,
    accounts,
    is_problem,
    kinds,
    settled,
    since,
    update,
    vera_writes,
)

ANNA, BORIS = (moderator_id(f"{name}@pulse.example") for name in ("anna", "boris"))


async def a_stranger(pulse: Pulse) -> dict[str, str]:
    """Headers of a moderator of another department."""
    return await someone(pulse, "Warehouse")


async def someone(pulse: Pulse, *departments: str) -> dict[str, str]:
    made = accounts(pulse)
    theirs = tuple(department_id(name) for name in departments)
    for name in departments:
        await made.create_department(name)
    name = a_name("olga")
    invited = await made.invite(f"{name}@pulse.example", name, "moderator", theirs, demo.PASSWORD)
    await pulse.house.directory.wait_for(invited.position)
    return await pulse.sign_in(name)


# Who sees what


async def test_moderators_see_the_chats_of_their_departments(shared: Pulse, desk: Desk) -> None:
    chat = await vera_writes(shared, a_name())
    for name in ("anna", "boris", "admin"):
        assert str(chat) in {one["id"] for one in await desk.items(name, "/api/chats")}
    support, stranger = await someone(shared, "Support"), await a_stranger(shared)
    for headers in (support, stranger):
        listed = (await shared.http.get("/api/chats?limit=200", headers=headers)).json()["items"]
        assert str(chat) not in {one["id"] for one in listed}


COMMANDS: dict[str, dict[str, Any] | None] = {
    "messages": {"text": "Hello"},
    "assign-operator": None,
    "open": None,
    "transfer": {"departmentId": str(SUPPORT)},
    "close": None,
    "reopen": None,
    "unassign": None,
    "notes": {"text": "Careful"},
    "snooze": {"until": "2050-01-01T00:00:00Z"},
    "wake": None,
    "tags": {"tag": "invoice"},
    "seen": {"upTo": 1},
}


async def test_a_chat_one_may_not_see_does_not_exist(shared: Pulse) -> None:
    chat, stranger = await vera_writes(shared, a_name()), await a_stranger(shared)
    at = await settled(shared)
    for one in (chat, uuid4()):
        for address in (f"/api/chats/{one}", f"/api/chats/{one}/messages"):
            is_problem(await shared.http.get(address, headers=stranger), 404, "not-found")
        for command, body in COMMANDS.items():
            answer = await shared.http.post(f"/api/chats/{one}/{command}", json=body, headers=stranger)
            is_problem(answer, 404, "not-found")
    assert await shared.house.log.last_position() == at


async def test_a_chat_moves_with_its_department_and_stays_with_its_holder(shared: Pulse, desk: Desk) -> None:
    chat, stranger = await vera_writes(shared, a_name()), await a_stranger(shared)
    warehouse = {"departmentId": str(department_id("Warehouse"))}
    moved = await desk.post("anna", f"/api/chats/{chat}/transfer", warehouse)
    own_write = {"X-Pulse-Position": str(moved.json()["position"])}
    assert (await shared.http.get(f"/api/chats/{chat}", headers=stranger | own_write)).status_code == 200
    is_problem(await desk.get("anna", f"/api/chats/{chat}"), 404, "not-found")
    given = await shared.http.post(
        f"/api/chats/{chat}/assign-operator", json={"moderatorId": str(ANNA)}, headers=stranger
    )
    assert given.status_code == 200
    held = await desk.get("anna", f"/api/chats/{chat}", at=given.json()["position"])
    assert held.json()["holder"] == {"id": str(ANNA), "name": "Anna"}
    assert str(chat) in {one["id"] for one in await desk.items("anna", "/api/chats")}


# Threads


async def a_thread(pulse: Pulse, length: int) -> UUID:
    peer = a_name()
    for number in range(length):
        chat = await vera_writes(pulse, peer, str(number))
    await settled(pulse)
    return chat


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 10, 11, 200])
async def test_a_thread_is_paged_back_to_its_beginning(shared: Pulse, desk: Desk, limit: int) -> None:
    chat = await a_thread(shared, 10)
    texts: list[str] = []
    before: str | None = None
    while True:
        page = (await desk.get("anna", f"/api/chats/{chat}/messages", limit=limit, beforeId=before)).json()
        assert 1 <= len(page["items"]) <= limit
        texts = [entry["text"] for entry in page["items"]] + texts
        before = page["prev"]
        if before is None:
            break
    assert texts == [str(number) for number in range(10)]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 10, 11, 200])
async def test_a_thread_is_paged_on_to_its_end(shared: Pulse, desk: Desk, limit: int) -> None:
    chat = await a_thread(shared, 10)
    texts: list[str] = []
    after: str | None = "0"
    while after is not None:
        page = (await desk.get("anna", f"/api/chats/{chat}/messages", limit=limit, afterId=after)).json()
        assert 1 <= len(page["items"]) <= limit
        texts += [entry["text"] for entry in page["items"]]
        after = page["next"]
    assert texts == [str(number) for number in range(10)]


async def test_the_cursors_of_a_page_lead_to_its_neighbours(shared: Pulse, desk: Desk) -> None:
    chat = await a_thread(shared, 9)
    address = f"/api/chats/{chat}/messages"
    newest = (await desk.get("anna", address, limit=3)).json()
    assert newest["next"] is None
    middle = (await desk.get("anna", address, limit=3, beforeId=newest["prev"])).json()
    again = (await desk.get("anna", address, limit=3, afterId=middle["next"])).json()
    assert again["items"] == newest["items"]
    back = (await desk.get("anna", address, limit=3, beforeId=again["prev"])).json()
    assert back["items"] == middle["items"]
    assert [entry["text"] for entry in middle["items"]] == ["3", "4", "5"]


async def test_beyond_its_ends_a_thread_is_empty(shared: Pulse, desk: Desk) -> None:
    address = f"/api/chats/{await a_thread(shared, 2)}/messages"
    for query in ({"beforeId": 0}, {"beforeId": 2}, {"afterId": 3}, {"afterId": 2**31 - 1}):
        assert (await desk.get("anna", address, **query)).json() == {"items": [], "next": None, "prev": None}


async def test_a_thread_says_who_said_what(shared: Pulse, desk: Desk) -> None:
    chat = await vera_writes(shared, a_name(), "Hello", name="Vera")
    await desk.reply("anna", chat, "Good day", clientMsgId="r1")
    hello, good_day = await desk.thread("boris", chat)
    assert (hello["sender_type"], hello["sender"]["name"], hello["text"]) == ("customer", "Vera", "Hello")
    assert (good_day["sender_type"], good_day["sender"]) == ("moderator", {"id": str(ANNA), "name": "Anna"})
    assert good_day["client_msg_id"] == "r1"


# The list


@pytest.fixture(scope="module")
async def ten(shared: Pulse) -> tuple[dict[str, str], list[str]]:
    """A moderator whose department has exactly ten chats; and those, the newest word first."""
    headers = await someone(shared, "Ten")
    ten = department_id("Ten")
    made = await accounts(shared).connect_source("simulator", "ten", "Ten", (ten,), settings={}, secrets={})
    await shared.house.directory.wait_for(made.position)
    source = source_id("simulator", "ten")
    for peer in range(10):
        body = {"from": str(peer), "message": "Hello"}
        assert (await shared.http.post(f"/webhook/simulator/{source}", json=body)).status_code == 200
    await settled(shared)
    return headers, [str(chat_id(source, str(peer))) for peer in reversed(range(10))]


@pytest.mark.parametrize("limit", [1, 3, 5, 9, 10, 11])
async def test_the_list_is_paged_down_and_up_again(
    shared: Pulse, ten: tuple[dict[str, str], list[str]], limit: int
) -> None:
    headers, expected = ten

    async def page(cursor: str | None) -> dict[str, Any]:
        query = {"limit": str(limit)} | ({"cursor": cursor} if cursor else {})
        found: dict[str, Any] = (await shared.http.get("/api/chats", params=query, headers=headers)).json()
        return found

    down = [await page(None)]
    assert down[0]["prev"] is None
    while down[-1]["next"] is not None:
        down.append(await page(down[-1]["next"]))
    assert [one["id"] for listed in down for one in listed["items"]] == expected
    up = [down[-1]]
    while up[0]["prev"] is not None:
        up.insert(0, await page(up[0]["prev"]))
    assert [one["id"] for listed in up for one in listed["items"]] == expected


async def test_a_new_word_moves_a_chat_to_the_top(shared: Pulse, desk: Desk) -> None:
    first, second = a_name(), a_name()
    older, newer = await vera_writes(shared, first), await vera_writes(shared, second)
    await settled(shared)
    assert [one["id"] for one in (await desk.get("anna", "/api/chats")).json()["items"][:2]] == [str(newer), str(older)]
    await vera_writes(shared, first, "Are you there?")
    await settled(shared)
    top = (await desk.get("anna", "/api/chats")).json()["items"][0]
    assert (top["id"], top["last_text"], top["unread"]) == (str(older), "Are you there?", 2)


@pytest.mark.parametrize("cursor", ["x", "before-", "before-x", "sideways-5", "before--5", "before-" + "9" * 30, "\0"])
async def test_a_made_up_cursor_is_bad_input(desk: Desk, cursor: str) -> None:
    is_problem(await desk.get("anna", "/api/chats", cursor=cursor), 400, "bad-input")


# Replies


async def test_a_reply_takes_a_free_chat(shared: Pulse, desk: Desk) -> None:
    chat = await vera_writes(shared, a_name())
    before = await shared.house.log.last_position()
    answer = await desk.reply("anna", chat, "Good day", clientMsgId="r1")
    assert answer.status_code == 201
    assert answer.json() == {"position": before + 2, "version": 4, "id": 4, "client_msg_id": "r1"}
    assert answer.headers["x-pulse-position"] == str(before + 2)
    assert kinds(await since(shared, before)) == ["chat.assigned", "chat.reply-written"]
    shown = (await desk.get("boris", f"/api/chats/{chat}", at=before + 2)).json()
    assert (shown["holder"]["name"], shown["last_text"], shown["unread_by_staff"]) == ("Anna", "Good day", 0)


async def test_a_reply_sent_again_is_one_reply(shared: Pulse, desk: Desk) -> None:
    chat = await vera_writes(shared, a_name())
    answers = [await desk.reply("anna", chat, "Good day", clientMsgId="r1") for _ in range(3)]
    await vera_writes(shared, a_name())
    assert [answer.status_code for answer in answers] == [201, 200, 200]
    assert {answer.json()["id"] for answer in answers} == {4}
    assert [entry["text"] for entry in await desk.thread("anna", chat)] == ["Hello", "Good day"]


async def test_a_reply_sent_twenty_times_at_once_is_one_reply(shared: Pulse, desk: Desk) -> None:
    chat = await vera_writes(shared, a_name())
    answers = await asyncio.gather(*(desk.reply("anna", chat, "Good day", clientMsgId="r1") for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [201]
    assert {answer.json()["id"] for answer in answers} == {4}
    assert [entry["text"] for entry in await desk.thread("anna", chat)] == ["Hello", "Good day"]


async def test_a_message_id_counts_once_per_person(shared: Pulse, desk: Desk) -> None:
    chat = await vera_writes(shared, a_name())
    answers = [await desk.reply(name, chat, name, clientMsgId="r1") for name in ("anna", "boris")]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert [entry["text"] for entry in await desk.thread("anna", chat)] == ["Hello", "anna", "boris"]


async def test_a_reply_known_by_its_id_is_answered_also_after_the_close(shared: Pulse, desk: Desk) -> None:
    chat = await vera_writes(shared, a_name())
    first = await desk.reply("anna", chat, clientMsgId="r1")
    await desk.post("anna", f"/api/chats/{chat}/close")
    again = await desk.reply("anna", chat, clientMsgId="r1")
    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])


async def test_an_empty_reply_is_refused(shared: Pulse, desk: Desk) -> None:
    chat = await vera_writes(shared, a_name())
    before = await shared.house.log.last_position()
    is_problem(await desk.reply("anna", chat, "  \n\t"), 409, "empty-reply")
    told = is_problem(await desk.reply("anna", chat, ""), 422, "invalid")
    assert [fault["field"] for fault in told["errors"]] == ["text"]
    assert await shared.house.log.last_position() == before


async def test_a_reply_that_its_channel_cannot_carry_is_refused(shared: Pulse, desk: Desk) -> None:
    """Of these lines Telegram takes one in a message, the simulator all."""
    bot = await a_bot(shared)
    await bot.post(update(1))
    telegram, simulator = chat_id(bot.id, "77"), await vera_writes(shared, a_name())
    eleven, ten = ("\n".join(["x" * 2100] * count) for count in (11, 10))
    before = await shared.house.log.last_position()
    told = is_problem(await desk.reply("anna", telegram, eleven), 409, "cannot-carry")
    assert told["title"] == "This reply would leave in 11 messages, and 10 is the most. Make it shorter."
    assert await shared.house.log.last_position() == before
    for chat, text in ((telegram, ten), (simulator, eleven)):
        assert (await desk.reply("anna", chat, text)).status_code == 201


async def test_a_closed_chat_takes_no_reply_and_opens_again_when_the_customer_writes(shared: Pulse, desk: Desk) -> None:
    peer = a_name()
    chat = await vera_writes(shared, peer)
    closed = await desk.post("anna", f"/api/chats/{chat}/close")
    shown = (await desk.get("anna", f"/api/chats/{chat}", at=closed.json()["position"])).json()
    assert (shown["status"], shown["holder"], shown["unread"]) == ("closed", None, 0)
    told = is_problem(await desk.reply("anna", chat), 409, "chat-is-closed")
    assert told["title"] == "This chat is closed. Open it again, or wait until the customer writes."
    for command in ("assign-operator", "transfer"):
        answer = await desk.post("anna", f"/api/chats/{chat}/{command}", COMMANDS[command])
        is_problem(answer, 409, "chat-is-closed")
    before = await shared.house.log.last_position()
    await vera_writes(shared, peer, "One more thing")
    assert kinds(await since(shared, before)) == ["chat.reopened", "chat.message-received"]
    assert (await desk.reply("anna", chat)).status_code == 201


async def test_closing_twice_is_closing_once(shared: Pulse, desk: Desk) -> None:
    chat = await vera_writes(shared, a_name())
    first, again = [await desk.post("anna", f"/api/chats/{chat}/close") for _ in range(2)]
    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()


@pytest.mark.parametrize("text", ["a\0b", "\0"])
async def test_a_reply_that_could_not_be_shown_is_not_taken(shared: Pulse, desk: Desk, text: str) -> None:
    chat = await vera_writes(shared, a_name())
    before = await shared.house.log.last_position()
    for body, field in (({"text": text}, "text"), ({"text": "Hello", "clientMsgId": text}, "clientMsgId")):
        told = is_problem(await desk.post("anna", f"/api/chats/{chat}/messages", body), 422, "invalid")
        assert [fault["field"] for fault in told["errors"]] == [field]
    assert await shared.house.log.last_position() == before


@pytest.mark.parametrize(
    "body", [b'{"text": "\\ud800"}', b'{"text": "\xff"}', b'{"text": NaN}', b"[" * 60_000, b"", b"{", b"[]"]
)
async def test_a_reply_that_is_no_json_is_not_taken(shared: Pulse, desk: Desk, body: bytes) -> None:
    chat = await vera_writes(shared, a_name())
    before = await shared.house.log.last_position()
    headers = await desk.headers("anna") | {"Content-Type": "application/json"}
    answer = await shared.http.post(f"/api/chats/{chat}/messages", content=body, headers=headers)
    assert answer.status_code in (400, 422), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert await shared.house.log.last_position() == before


@pytest.mark.parametrize("text", ["<script>", "a\\u0000b", "😀" * 1000, "x" * 32_000, "\u202e\x01\ufffe"])
async def test_any_other_reply_is_shown_as_it_was_written(shared: Pulse, desk: Desk, text: str) -> None:
    chat = await vera_writes(shared, a_name())
    assert (await desk.reply("anna", chat, text)).status_code == 201
    assert (await desk.thread("anna", chat))[-1]["text"] == text


# Holding


async def test_opening_a_free_chat_takes_it(shared: Pulse, desk: Desk) -> None:
    chat = await vera_writes(shared, a_name())
    opened = await desk.post("anna", f"/api/chats/{chat}/open")
    assert opened.status_code == 200
    looked = await desk.post("boris", f"/api/chats/{chat}/open")
    assert looked.status_code == 200
    assert looked.json() == opened.json()
    shown = (await desk.get("boris", f"/api/chats/{chat}", at=opened.json()["position"])).json()
    assert shown["holder"] == {"id": str(ANNA), "name": "Anna"}


async def test_of_two_who_take_a_chat_at_once_one_gets_it(shared: Pulse, desk: Desk) -> None:
    names = {str(ANNA): "Anna", str(BORIS): "Boris"}
    for _ in range(20):
        address = f"/api/chats/{await vera_writes(shared, a_name())}/assign-operator"
        before = await shared.house.log.last_position()
        answers = dict(
            zip(
                names.values(),
                await asyncio.gather(desk.post("anna", address), desk.post("boris", address)),
                strict=True,
            )
        )
        winner, loser = sorted(answers, key=lambda name: answers[name].status_code)
        assert answers[winner].status_code == 200
        told = is_problem(answers[loser], 409, "held-by-another")
        assert told["holder"]["name"] == winner
        assert names[told["holder"]["id"]] == winner
        assert kinds(await since(shared, before)) == ["chat.assigned"]


async def test_a_chat_is_handed_over_by_who_knows_the_holder(shared: Pulse, desk: Desk) -> None:
    address = f"/api/chats/{await vera_writes(shared, a_name())}/assign-operator"
    await desk.post("anna", address)
    is_problem(await desk.post("boris", address), 409, "held-by-another")
    handed = await desk.post("boris", address, {"moderatorId": str(BORIS), "from": str(ANNA)})
    assert handed.status_code == 200
    is_problem(await desk.post("anna", address, {"moderatorId": str(ANNA), "from": str(ANNA)}), 409, "held-by-another")


async def test_a_holder_hands_over_without_saying_from(shared: Pulse, desk: Desk) -> None:
    address = f"/api/chats/{await vera_writes(shared, a_name())}/assign-operator"
    await desk.post("anna", address)
    handed = await desk.post("anna", address, {"moderatorId": str(BORIS)})
    assert handed.status_code == 200
    told = is_problem(await desk.post("anna", address, {"moderatorId": str(ANNA)}), 409, "held-by-another")
    assert told["holder"] == {"id": str(BORIS), "name": "Boris"}


async def test_a_chat_is_not_taken_from_somebody_else_than_was_said(shared: Pulse, desk: Desk) -> None:
    address = f"/api/chats/{await vera_writes(shared, a_name())}/assign-operator"
    await desk.post("anna", address)
    told = is_problem(await desk.post("boris", address, {"from": str(BORIS)}), 409, "held-by-another")
    assert told["holder"] == {"id": str(ANNA), "name": "Anna"}
    told = is_problem(await desk.post("admin", address, {"moderatorId": str(BORIS)}), 409, "held-by-another")
    assert told["holder"]["name"] == "Anna"


async def test_a_chat_goes_to_nobody_unknown(shared: Pulse, desk: Desk) -> None:
    chat = await vera_writes(shared, a_name())
    assign = await desk.post("anna", f"/api/chats/{chat}/assign-operator", {"moderatorId": str(uuid4())})
    is_problem(assign, 404, "not-found")
    is_problem(await desk.post("anna", f"/api/chats/{chat}/transfer", {"departmentId": str(uuid4())}), 404, "not-found")


async def test_a_transfer_lets_go(shared: Pulse, desk: Desk) -> None:
    chat = await vera_writes(shared, a_name())
    await desk.post("anna", f"/api/chats/{chat}/open")
    moved = await desk.post("anna", f"/api/chats/{chat}/transfer", {"departmentId": str(SUPPORT)})
    shown = (await desk.get("anna", f"/api/chats/{chat}", at=moved.json()["position"])).json()
    assert (shown["department"]["name"], shown["holder"]) == ("Support", None)


async def test_what_was_seen_is_no_longer_unread(shared: Pulse, desk: Desk) -> None:
    peer = a_name()
    for text in ("1", "2", "3"):
        chat = await vera_writes(shared, peer, text)
    for up_to, unread in ((3, 1), (2, 1), (999, 1), (4, 0)):
        seen = await desk.post("anna", f"/api/chats/{chat}/seen", {"upTo": up_to})
        assert seen.status_code == 200
        shown = (await desk.get("anna", f"/api/chats/{chat}", at=seen.json()["position"])).json()
        assert (up_to, shown["unread"]) == (up_to, unread)


# At the same moment


async def test_send_and_close_at_once_have_one_outcome(shared: Pulse, desk: Desk) -> None:
    for number in range(50):
        chat = await vera_writes(shared, a_name())
        before = await shared.house.log.last_position()
        acts = [desk.reply("anna", chat), desk.post("boris", f"/api/chats/{chat}/close")]
        done = await asyncio.gather(*(acts if number % 2 else acts[::-1]))
        replied, closed = done if number % 2 else done[::-1]
        told = kinds(await since(shared, before))
        assert closed.status_code == 200
        if replied.status_code == 201:
            assert told == ["chat.assigned", "chat.reply-written", "chat.closed"]
        else:
            is_problem(replied, 409, "chat-is-closed")
            assert told == ["chat.closed"]


async def test_a_customers_word_and_a_close_at_once_lose_nothing(shared: Pulse, desk: Desk) -> None:
    for _ in range(20):
        peer = a_name()
        chat = await vera_writes(shared, peer)
        _, closed = await asyncio.gather(
            vera_writes(shared, peer, "Wait"), desk.post("anna", f"/api/chats/{chat}/close")
        )
        assert closed.status_code == 200
        assert [entry["text"] for entry in await desk.thread("anna", chat)] == ["Hello", "Wait"]


async def test_ten_replies_of_two_people_at_once_are_twenty(shared: Pulse, desk: Desk) -> None:
    chat = await vera_writes(shared, a_name())
    sent = [desk.reply(name, chat, f"{name} {number}") for number in range(10) for name in ("anna", "boris")]
    answers = await asyncio.gather(*sent)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 20
    assert len(await desk.thread("anna", chat)) == 21


async def test_one_reads_ones_own_write(shared: Pulse, desk: Desk) -> None:
    chat = await vera_writes(shared, a_name())
    for number in range(50):
        at = int((await desk.reply("anna", chat, str(number))).headers["x-pulse-position"])
        thread, top = await asyncio.gather(
            desk.get("anna", f"/api/chats/{chat}/messages", at=at, limit=1),
            desk.get("anna", "/api/chats", at=at, limit=1),
        )
        assert thread.json()["items"][0]["text"] == str(number)
        assert (top.json()["items"][0]["id"], top.json()["items"][0]["last_text"]) == (str(chat), str(number))


# Odd questions


@pytest.mark.parametrize(
    ("address", "body", "field"),
    [
        ("x/messages", {"text": "Hello"}, "chat_id"),
        ("{chat}/messages", {}, "text"),
        ("{chat}/messages", {"text": 5}, "text"),
        ("{chat}/messages", {"text": "x" * 32_001}, "text"),
        ("{chat}/messages", {"text": "x", "clientMsgId": ""}, "clientMsgId"),
        ("{chat}/messages", {"text": "x", "clientMsgId": "x" * 129}, "clientMsgId"),
        ("{chat}/assign-operator", {"moderatorId": "anna"}, "moderatorId"),
        ("{chat}/assign-operator", {"from": 5}, "from"),
        ("{chat}/assign-operator", {"operatorId": str(BORIS)}, "operatorId"),
        ("{chat}/messages", {"text": "x", "clientMsgid": "1"}, "clientMsgid"),
        ("{chat}/transfer", {}, "departmentId"),
        ("{chat}/seen", {"upTo": -1}, "upTo"),
        ("{chat}/seen", {"upTo": 2**31}, "upTo"),
        ("{chat}/seen", {"upTo": "many"}, "upTo"),
    ],
)
async def test_a_wrong_field_is_named(
    shared: Pulse, desk: Desk, address: str, body: dict[str, Any], field: str
) -> None:
    chat = await vera_writes(shared, a_name())
    told = is_problem(await desk.post("anna", f"/api/chats/{address.format(chat=chat)}", body), 422, "invalid")
    assert [fault["field"] for fault in told["errors"]] == [field]


@pytest.mark.parametrize(
    ("address", "field"),
    [
        ("?limit=0", "limit"), ("?limit=201", "limit"), ("?limit=x", "limit"), ("/x", "chat_id"), ("/x/messages", "chat_id"),
        ("/{chat}/messages?limit=0", "limit"), ("/{chat}/messages?beforeId=-1", "beforeId"),
        ("/{chat}/messages?afterId=x", "afterId"), ("/{chat}/messages?afterId=9999999999", "afterId"),
    ],
)  # fmt: skip
async def test_a_wrong_parameter_is_named(shared: Pulse, desk: Desk, address: str, field: str) -> None:
    chat = await vera_writes(shared, a_name())
    answer = await shared.http.get(f"/api/chats{address.format(chat=chat)}", headers=await desk.headers("anna"))
    told = is_problem(answer, 422, "invalid")
    assert [fault["field"] for fault in told["errors"]] == [field]


async def test_a_position_nobody_has_reached_is_waited_for_in_vain(shared: Pulse, desk: Desk) -> None:
    for position in (999_999_999, 1_000_000_000, 2**63 - 1):
        assert (await desk.get("anna", "/api/chats", at=position)).status_code == 200
    for odd in ("x", "-1", "1.5", str(2**63), "9" * 100):
        answer = await shared.http.get("/api/chats", headers=await desk.headers("anna") | {"X-Pulse-Position": odd})
        is_problem(answer, 400, "bad-input")


async def test_departments_of_the_demo(shared: Pulse, desk: Desk) -> None:
    assert {department.name for department in shared.house.directory.departments()} >= {"Sales", "Support"}
    chat = await vera_writes(shared, a_name())
    await settled(shared)
    assert (await desk.get("anna", f"/api/chats/{chat}")).json()["department"]["id"] == str(SALES)
