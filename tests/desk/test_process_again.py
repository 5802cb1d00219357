"""A driver was wrong and is mended: stored deliveries are read again, shown first, and done once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import httpx2
import orjson
import pytest

from pulse.aggregates.chat import chat_id
from pulse.channels import Unreadable, telegram, vk
from pulse.channels.arrivals import Arrival, MessageArrived, TypingSeen
from pulse.channels.fields import Fields
from pulse.message import Attachment, Author, Incoming
from tests.conftest import Pulse
from tests.ingest.test_customers import block
from tests.ingest.test_widget import a_visitor
from tests.ingest.test_widget_files import PNG, bring, send
from tests.world import Bot, Desk, a_bot, a_name, connect, is_problem, kinds, rows, settled, since, update

LIST = "/api/deliveries"
AGAIN = "/api/deliveries/process-again"


@pytest.fixture
async def bot(shared: Pulse) -> Bot:
    return await a_bot(shared)


def unreadable(number: int, text: str = "Hello", **more: Any) -> dict[str, Any]:
    """A message that today's driver can't read: its date is no number."""
    body = update(number, text)
    body["message"]["date"] = "today"
    return body | more


def mended_message(external_id: str, message: Fields) -> Arrival:
    """The corrected driver: it needs no date."""
    return telegram.message_arrived(external_id, Fields({**message.values, "date": 1795165200}))


def hologram(external_id: str, found: Fields) -> Arrival:
    return MessageArrived(
        external_id, "77", Incoming(external_id, Author("77", "Vera"), found.text("says"), external_id)
    )


@pytest.fixture
def mend(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """From now on updates of a kind are read by this."""

    def replaced(reader: Callable[[str, Fields], Arrival] = mended_message, kind: str = "message") -> None:
        monkeypatch.setitem(telegram.KINDS, kind, reader)

    return replaced


async def ids_of(desk: Desk, bot: Bot, **which: Any) -> list[int]:
    """The oldest first."""
    return [one["id"] for one in reversed(await desk.items("admin", LIST, source=bot.id, **which))]


async def again(desk: Desk, ids: list[int], name: str = "admin", **more: Any) -> httpx2.Response:
    headers = await desk.headers(name)
    return await desk.pulse.http.post(AGAIN, json={"ids": ids, **more}, headers=headers)


async def shown(desk: Desk, ids: list[int]) -> dict[str, Any]:
    answer = await again(desk, ids)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def done(desk: Desk, ids: list[int]) -> dict[str, Any]:
    """Looks, and does what it saw."""
    seen = (await shown(desk, ids))["seen"]
    answer = await again(desk, ids, apply=True, seen=seen)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def one(desk: Desk, delivery: int) -> dict[str, Any]:
    await settled(desk.pulse)
    answer = await desk.get("admin", f"{LIST}/{delivery}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def chat_of(bot: Bot) -> UUID:
    return chat_id(bot.id, "77")


async def test_a_mended_driver_turns_what_was_quarantined_into_messages_once(
    shared: Pulse, desk: Desk, bot: Bot, mend: Callable[..., None]
) -> None:
    for number in (1, 2):
        assert (await bot.post(unreadable(number, f"Hello {number}"))).status_code == 200
    ids = await ids_of(desk, bot, outcome="quarantined")
    mend()

    before = await shared.house.log.last_position()
    look = await shown(desk, ids)
    assert await shared.house.log.last_position() == before, "only shown"
    assert [(item["id"], item["result"], item["outcome"]) for item in look["items"]] == [
        (each, "changes", "processed") for each in ids
    ]
    events = [[event["type"] for event in item["events"]] for item in look["items"]]
    assert events == [
        ["chat.opened", "chat.message-received", "customer.met", "delivery.processed"],
        ["chat.message-received", "delivery.processed"],
    ]
    received = look["items"][1]["events"][0]
    assert (received["chat_id"], received["version"]) == (str(chat_of(bot)), 3)
    assert received["data"]["message"]["text"] == "Hello 2"
    assert look["items"][0]["arrivals"][0]["arrival"] == "message-arrived"
    assert '"raw"' not in orjson.dumps(look).decode()

    answer = await again(desk, ids, apply=True, seen=look["seen"])
    applied = answer.json()
    assert (answer.status_code, answer.headers["x-pulse-position"]) == (200, str(applied["position"]))
    assert [[event["type"] for event in item["events"]] for item in applied["items"]] == events
    assert kinds(await since(shared, before)) == [name for names in events for name in names]
    assert [entry["text"] for entry in await desk.thread("anna", chat_of(bot))] == ["Hello 1", "Hello 2"]

    after = await shared.house.log.last_position()
    assert [item["result"] for item in (await done(desk, ids))["items"]] == ["nothing", "nothing"]
    assert (await again(desk, ids, apply=True, seen=look["seen"])).json()["position"] is None, "sent again"
    assert await shared.house.log.last_position() == after
    assert (await bot.post(update(1, "Hello 1"))).status_code == 200
    assert await shared.house.log.last_position() == after, "and the provider's own copy is known too"


async def test_the_delivery_then_shows_what_it_became_and_who_asked(
    shared: Pulse, desk: Desk, bot: Bot, mend: Callable[..., None]
) -> None:
    await bot.post(unreadable(1))
    [delivery] = await ids_of(desk, bot)
    kept = await one(desk, delivery)
    assert (kept["outcome"], kept["became"], kept["attempts"]) == ("quarantined", [], [])
    assert "date" in kept["reason"]
    mend()
    await done(desk, [delivery])
    found = await one(desk, delivery)
    assert (found["outcome"], found["kind"], found["reason"]) == ("processed", "chat.message-received", "")
    [became] = found["became"]
    assert (became["type"], became["chat_id"], became["version"]) == ("chat.message-received", str(chat_of(bot)), 2)
    [attempt] = found["attempts"]
    assert (attempt["outcome"], attempt["by"].partition(":")[0]) == ("processed", "moderator")
    assert orjson.loads(found["raw"])["update_id"] == 1
    [listed] = await desk.items("admin", LIST, source=bot.id)
    assert (listed["id"], listed["outcome"], listed["became"]) == (delivery, "processed", [became])
    assert await ids_of(desk, bot, outcome="processed") == [delivery]
    assert await ids_of(desk, bot, outcome="taken") == [], "it is one delivery, not two"


async def test_what_was_taken_in_shows_the_message_it_became(desk: Desk, bot: Bot) -> None:
    await bot.post(update(1))
    [delivery] = await ids_of(desk, bot)
    [became] = (await one(desk, delivery))["became"]
    assert (became["type"], became["chat_id"], became["version"]) == ("chat.message-received", str(chat_of(bot)), 2)


async def test_what_still_can_not_be_read_says_why_and_changes_nothing(
    shared: Pulse, desk: Desk, bot: Bot, mend: Callable[..., None]
) -> None:
    await bot.post(unreadable(1))
    ids = await ids_of(desk, bot)
    before = await shared.house.log.last_position()
    [item] = (await done(desk, ids))["items"]
    assert (item["result"], item["outcome"], item["events"]) == ("unreadable", "quarantined", [])
    assert "date" in item["reason"]
    assert await shared.house.log.last_position() == before

    def other(external_id: str, message: Fields) -> Arrival:
        raise Unreadable("Today's reason.")

    mend(other)
    [item] = (await done(desk, ids))["items"]
    assert (item["result"], [event["type"] for event in item["events"]]) == ("unreadable", ["delivery.processed"])
    found = await one(desk, ids[0])
    assert (found["outcome"], found["reason"]) == ("quarantined", "Today's reason.")
    assert [(attempt["outcome"], attempt["reason"]) for attempt in found["attempts"]] == [
        ("quarantined", "Today's reason.")
    ]


async def test_a_kind_that_nobody_handled_becomes_a_message(desk: Desk, bot: Bot, mend: Callable[..., None]) -> None:
    await bot.post({"update_id": 1, "hologram": {"says": "Boo"}})
    ids = await ids_of(desk, bot, outcome="unhandled")
    [item] = (await shown(desk, ids))["items"]
    assert item["result"] == "nothing"
    assert item["arrivals"] == [{"arrival": "unhandled", "kind": "hologram", "external_id": "1"}]
    mend(hologram, "hologram")
    await done(desk, ids)
    assert [entry["text"] for entry in await desk.thread("anna", chat_of(bot))] == ["Boo"]


async def test_a_change_of_what_nobody_saw_stays_unhandled_until_the_message_is_there(
    shared: Pulse, desk: Desk, bot: Bot
) -> None:
    reaction = {
        "update_id": 9,
        "message_reaction": {
            "chat": {"id": 77, "type": "private"}, "message_id": 1, "date": 1795165200, "old_reaction": [],
            "user": {"id": 77, "is_bot": False, "first_name": "Vera"},
            "new_reaction": [{"type": "emoji", "emoji": "👍"}],
        },
    }  # fmt: skip
    await bot.post(reaction)
    ids = await ids_of(desk, bot, outcome="unhandled")
    before = await shared.house.log.last_position()
    [item] = (await done(desk, ids))["items"]
    assert (item["result"], item["outcome"], item["reason"]) == ("nothing", "unhandled", "no such chat")
    assert await shared.house.log.last_position() == before
    await bot.post(update(1))
    [item] = (await done(desk, ids))["items"]
    assert [event["type"] for event in item["events"]] == ["chat.message-reacted", "delivery.processed"]
    [entry] = await desk.thread("anna", chat_of(bot))
    assert entry["reactions"] == {"77": ["👍"]}


def with_photo(external_id: str, message: Fields) -> Arrival:
    arrival = telegram.message_arrived(external_id, message)
    assert isinstance(arrival, MessageArrived)
    return replace(arrival, message=replace(arrival.message, attachments=(Attachment("photo", ref="file-secret"),)))


async def test_a_message_that_was_taken_in_is_corrected_and_nothing_is_destroyed(
    shared: Pulse, desk: Desk, bot: Bot, mend: Callable[..., None]
) -> None:
    await bot.post(update(1, "Look"))
    ids = await ids_of(desk, bot)
    assert [item["result"] for item in (await shown(desk, ids))["items"]] == ["nothing"]
    mend(with_photo)
    before = await shared.house.log.last_position()
    look = await shown(desk, ids)
    [event] = look["items"][0]["events"]
    assert (event["type"], event["data"]["of"], event["chat_id"]) == ("chat.message-reread", 2, str(chat_of(bot)))
    assert "file-secret" not in orjson.dumps(look).decode()
    assert await shared.house.log.last_position() == before
    await done(desk, ids)
    assert kinds(await since(shared, before)) == ["chat.message-reread"]
    [entry] = await desk.thread("anna", chat_of(bot))
    assert (entry["text"], [each["kind"] for each in entry["attachments"]]) == ("Look", ["photo"])
    assert entry["reread_at"]
    first = (await since(shared, ids[0] - 1))[0].event
    assert first.message.attachments == ()  # type: ignore[attr-defined]
    assert [item["result"] for item in (await done(desk, ids))["items"]] == ["nothing"]
    assert kinds(await since(shared, before)) == ["chat.message-reread"]
    found = await one(desk, ids[0])
    assert (found["outcome"], [became["version"] for became in found["became"]]) == ("taken", [2, 3])
    assert [attempt["outcome"] for attempt in found["attempts"]] == ["reread"]


async def test_what_a_mended_driver_took_in_can_be_corrected_by_the_next_one(
    desk: Desk, bot: Bot, mend: Callable[..., None]
) -> None:
    await bot.post({"update_id": 1, "hologram": {"says": "Boo"}})
    ids = await ids_of(desk, bot)
    mend(hologram, "hologram")
    await done(desk, ids)

    def louder(external_id: str, found: Fields) -> Arrival:
        arrival = hologram(external_id, found)
        assert isinstance(arrival, MessageArrived)
        return replace(arrival, message=replace(arrival.message, text=arrival.message.text.upper()))

    mend(louder, "hologram")
    [item] = (await done(desk, ids))["items"]
    assert [event["type"] for event in item["events"]] == ["chat.message-reread"]
    assert [entry["text"] for entry in await desk.thread("anna", chat_of(bot))] == ["BOO"]
    assert (await one(desk, ids[0]))["outcome"] == "processed"


async def test_an_edit_of_the_customers_stands_and_one_that_was_misread_is_corrected(
    desk: Desk, bot: Bot, mend: Callable[..., None]
) -> None:
    await bot.post(update(1, "Look"))
    edit = update(2, "Look here", message=1)
    await bot.post({"update_id": 2, "edited_message": edit["message"] | {"edit_date": 1795165300}})
    original, edited = await ids_of(desk, bot)
    mend(with_photo)
    assert (await shown(desk, [original]))["items"][0]["result"] == "nothing"

    def with_photo_edited(external_id: str, message: Fields) -> Arrival:
        arrival = with_photo(external_id, message)
        assert isinstance(arrival, MessageArrived)
        return replace(arrival, edited=True)

    mend(with_photo_edited, "edited_message")
    [item] = (await done(desk, [edited]))["items"]
    assert [(event["type"], event["data"]["of"]) for event in item["events"]] == [("chat.message-reread", 2)]
    [entry] = await desk.thread("anna", chat_of(bot))
    assert (entry["text"], len(entry["attachments"])) == ("Look here", 1)


async def test_what_is_only_live_is_neither_told_nor_kept(
    shared: Pulse, desk: Desk, bot: Bot, mend: Callable[..., None]
) -> None:
    await bot.post({"update_id": 1, "hologram": {"says": "…"}})
    ids = await ids_of(desk, bot)
    mend(lambda external_id, _: TypingSeen(external_id, "77"), "hologram")
    heard: list[bytes] = []

    async def hear(body: bytes) -> None:
        heard.append(body)

    await shared.house.log.listen("pulse.live.typing", hear)
    [item] = (await done(desk, ids))["items"]
    assert (item["outcome"], item["reason"]) == ("processed", "Nothing of it is kept.")
    await settled(shared)
    assert heard == []


async def test_a_websites_message_is_read_again_as_its_visitors(shared: Pulse, desk: Desk) -> None:
    session = (await shared.http.post("/api/widget/session", json={"source": "web_site", "name": "Vera"})).json()
    token = {"Authorization": f"Bearer {session['chat_token']}"}
    said = await shared.http.post("/api/widget/messages", json={"text": "Hi", "clientMsgId": "1"}, headers=token)
    assert said.status_code == 201
    [newest, *_] = await desk.items("admin", LIST, channel="web")
    [item] = (await shown(desk, [newest["id"]]))["items"]
    assert (item["result"], item["reason"]) == ("nothing", "It was taken in before.")


@pytest.mark.parametrize("text", ["", "See this"], ids=["file only", "text and file"])
async def test_a_websites_message_keeps_its_files_when_it_is_read_again(shared: Pulse, desk: Desk, text: str) -> None:
    before, vera = await shared.house.log.last_position(), await a_visitor(shared)
    claims = [one["claim"] for one in (await bring(vera, ("cat.png", PNG))).json()["files"]]
    assert (await send(vera, claims, text)).status_code == 201
    [taken] = [one.position for one in await since(shared, before) if hasattr(one.event, "message")]
    item = (await shown(desk, [taken]))["items"][0]
    assert (item["result"], item["events"], item["reason"]) == ("nothing", [], "It was taken in before.")


async def test_of_a_blocked_sender_nothing_stored_is_taken_in(
    shared: Pulse, desk: Desk, bot: Bot, mend: Callable[..., None]
) -> None:
    await bot.post(update(1, "Hello"))
    await bot.post(unreadable(2, "Buy this"))
    [delivery] = await ids_of(desk, bot, outcome="quarantined")
    mend()
    address = await block(shared, desk, bot.id, "77")
    [item] = (await done(desk, [delivery]))["items"]
    assert (item["outcome"], item["reason"]) == ("unhandled", "Its sender is blocked.")
    assert [entry["text"] for entry in await desk.thread("anna", chat_of(bot))] == ["Hello"]
    await desk.post("anna", f"{address}/unblock")
    await done(desk, [delivery])
    assert [entry["text"] for entry in await desk.thread("anna", chat_of(bot))] == ["Hello", "Buy this"]


async def test_vks_bodies_without_their_secret_are_read_again(
    shared: Pulse, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    community = "220000777"
    source = await connect(shared, "vk", community, secrets={"secret": "s3cret"}, settings={})
    message = {"from_id": 77, "peer_id": 77, "id": 1, "conversation_message_id": 1, "date": "today", "text": "Привет"}
    body = {
        "type": "message_new",
        "group_id": int(community),
        "event_id": a_name("e"),
        "secret": "s3cret",
        "v": "5.199",
    }
    posted = await shared.http.post(f"/webhook/vk/{source}", json=body | {"object": {"message": message}})
    assert (posted.status_code, posted.text) == (200, "ok")
    [kept] = await desk.items("admin", LIST, source=source)
    assert (kept["outcome"], "s3cret" in kept["raw"], '"secret":""' in kept["raw"]) == ("quarantined", False, True)

    def mended(event: vk.Event) -> Arrival:
        dated = {**event.object.child("message").values, "date": 1795165200}
        return vk.message_new(replace(event, object=Fields({"message": dated})))

    monkeypatch.setitem(vk.KINDS, "message_new", mended)
    await done(desk, [kept["id"]])
    assert [entry["text"] for entry in await desk.thread("anna", chat_id(source, "77"))] == ["Привет"]


async def test_a_large_body_is_read_from_where_it_lies_and_shown_whole(
    desk: Desk, bot: Bot, mend: Callable[..., None]
) -> None:
    await bot.post(unreadable(1, padding="x" * 300_000))
    [listed] = await desk.items("admin", LIST, source=bot.id)
    assert listed["raw"].startswith("blob:sha256:")
    mend()
    await done(desk, [listed["id"]])
    assert [entry["text"] for entry in await desk.thread("anna", chat_of(bot))] == ["Hello"]
    found = await one(desk, listed["id"])
    assert orjson.loads(found["raw"])["padding"] == "x" * 300_000


async def test_a_body_that_only_looks_like_a_large_ones_name_is_read_as_it_is(desk: Desk, bot: Bot) -> None:
    await bot.post(unreadable(1, padding="y" * 300_000))
    [large] = await desk.items("admin", LIST, source=bot.id)
    other = await a_bot(desk.pulse)
    await other.post(large["raw"].encode())
    [forged] = await ids_of(desk, other)
    assert (await one(desk, forged))["raw"] == large["raw"]
    assert "not JSON" in (await shown(desk, [forged]))["items"][0]["reason"]


async def test_bytes_that_are_no_text_come_back_as_they_were(desk: Desk, bot: Bot) -> None:
    await bot.post(b"\xff\0")
    [delivery] = await ids_of(desk, bot)
    found = await one(desk, delivery)
    assert (found["raw"], found["raw_base64"]) == ("", "/wA=")
    assert (await shown(desk, [delivery]))["items"][0]["result"] == "unreadable"


async def test_without_having_seen_it_nothing_is_done(
    shared: Pulse, desk: Desk, bot: Bot, mend: Callable[..., None]
) -> None:
    await bot.post(unreadable(1))
    await bot.post(unreadable(2, "Two"))
    ids = await ids_of(desk, bot)
    unmended = (await shown(desk, ids))["seen"]
    mend()
    before = await shared.house.log.last_position()
    other = (await shown(desk, ids[:1]))["seen"]
    for seen in ("", unmended, other, "x.y", "." * 1000):
        is_problem(await again(desk, ids, apply=True, seen=seen), 409, "not-as-shown")
    is_problem(await again(desk, ids, apply=True), 409, "not-as-shown")
    assert await shared.house.log.last_position() == before


async def test_what_changed_between_looking_and_doing_is_refused(
    shared: Pulse, desk: Desk, bot: Bot, mend: Callable[..., None]
) -> None:
    await bot.post(update(1, "First"))
    await bot.post(unreadable(2))
    ids = await ids_of(desk, bot, outcome="quarantined")
    mend()
    look = await shown(desk, ids)
    await shared.http.post(f"/api/chats/{chat_of(bot)}/close", headers=await desk.headers("admin"))
    before = await shared.house.log.last_position()
    is_problem(await again(desk, ids, apply=True, seen=look["seen"]), 409, "not-as-shown")
    assert await shared.house.log.last_position() == before
    events = [event["type"] for event in (await done(desk, ids))["items"][0]["events"]]
    assert events == ["chat.reopened", "chat.message-received", "delivery.processed"]


async def test_another_message_in_between_does_not_matter(desk: Desk, bot: Bot, mend: Callable[..., None]) -> None:
    await bot.post(update(1, "First"))
    await bot.post(unreadable(2, "Late"))
    ids = await ids_of(desk, bot, outcome="quarantined")
    mend()
    look = await shown(desk, ids)
    await bot.post(update(3, "Third"))
    applied = await again(desk, ids, apply=True, seen=look["seen"])
    assert [event["version"] for event in applied.json()["items"][0]["events"]] == [4, 2]
    assert [entry["text"] for entry in await desk.thread("anna", chat_of(bot))] == ["First", "Third", "Late"]


async def test_two_admins_at_once_make_one_message(desk: Desk, bot: Bot, mend: Callable[..., None]) -> None:
    for number in (1, 2, 3):
        await bot.post(unreadable(number, str(number)))
    ids = await ids_of(desk, bot)
    mend()
    seen = (await shown(desk, ids))["seen"]
    answers = await asyncio.gather(*(again(desk, ids, apply=True, seen=seen) for _ in range(5)))
    assert {answer.status_code for answer in answers} <= {200, 409}
    await again(desk, ids, apply=True, seen=seen)  # whatever was left
    assert [entry["text"] for entry in await desk.thread("anna", chat_of(bot))] == ["1", "2", "3"]


async def test_a_selection_over_pages_is_processed_in_the_order_it_came(
    shared: Pulse, desk: Desk, bot: Bot, mend: Callable[..., None]
) -> None:
    for number in range(1, 8):
        await bot.post(unreadable(number, str(number)))
    await settled(shared)
    selected, cursor = list[int](), None
    while not selected or cursor is not None:
        page = (await desk.get("admin", LIST, source=bot.id, outcome="quarantined", limit=3, cursor=cursor)).json()
        selected += [each["id"] for each in page["items"]]
        cursor = page["next"]
    assert len(selected) == 7
    mend()
    items = (await done(desk, [*selected, *selected]))["items"]
    assert [item["id"] for item in items] == sorted(selected)
    assert [entry["text"] for entry in await desk.thread("anna", chat_of(bot))] == list("1234567")


async def test_it_is_for_admins(desk: Desk, bot: Bot) -> None:
    await bot.post(update(1))
    [delivery] = await ids_of(desk, bot)
    for apply in (False, True):
        is_problem(await again(desk, [delivery], "anna", apply=apply), 403, "admins-only")
    is_problem(await desk.get("anna", f"{LIST}/{delivery}"), 403, "admins-only")


async def test_what_is_no_delivery_is_not_found(shared: Pulse, desk: Desk, bot: Bot, mend: Callable[..., None]) -> None:
    await bot.post(unreadable(1))
    [delivery] = await ids_of(desk, bot)
    mend()
    applied = await done(desk, [delivery])
    for number in (1, applied["position"], applied["position"] - 2, 10**9):  # a source, what came of it, nothing yet
        is_problem(await again(desk, [delivery, number]), 404, "not-found")
        is_problem(await desk.get("admin", f"{LIST}/{number}"), 404, "not-found")


@pytest.mark.parametrize("body", [{"ids": []}, {"ids": [0]}, {"ids": [2**63]}, {"ids": [1] * 101}, {"ids": ["x"]}, {}])
async def test_an_odd_selection_is_refused(shared: Pulse, desk: Desk, body: dict[str, Any]) -> None:
    answer = await shared.http.post(AGAIN, json=body, headers=await desk.headers("admin"))
    assert is_problem(answer, 422, "invalid")["errors"][0]["field"].startswith("ids")


async def test_the_list_is_filtered_by_channel_and_time(shared: Pulse, desk: Desk, bot: Bot) -> None:
    await bot.post(update(1))
    await bot.post(update(2))
    first, second = reversed(await desk.items("admin", LIST, source=bot.id))
    telegrams = await ids_of(desk, bot, channel="telegram")
    assert telegrams == [first["id"], second["id"]]
    assert await ids_of(desk, bot, channel="vk") == []
    everything = await desk.items("admin", LIST, channel="telegram")
    assert {first["id"], second["id"]} <= {each["id"] for each in everything}
    found = await rows(shared, "select source_id from read.deliveries where position = any(%(ids)s)",
                       ids=[each["id"] for each in everything])  # fmt: skip
    sources = {source.id for source in shared.house.directory.sources() if source.channel == "telegram"}
    assert {row["source_id"] for row in found} <= sources
    assert await ids_of(desk, bot, **{"from": second["at"]}) == [second["id"]]
    assert await ids_of(desk, bot, to=second["at"]) == [first["id"]]
    assert await ids_of(desk, bot, outcome="refused", to=second["at"], channel="telegram") == []


@pytest.mark.parametrize(("field", "value"), [("channel", "fax"), ("from", "yesterday"), ("to", "2026-11-21T09:00:00")])
async def test_an_odd_filter_names_the_field(desk: Desk, field: str, value: str) -> None:
    told = is_problem(await desk.get("admin", LIST, **{field: value}), 422, "invalid")
    assert told["errors"][0]["field"] == field
