"""A day at the desk with an HTTP client and sockets alone: two moderators at two processes, three channels, a race for
one chat, a stale reply, a transfer, a search, and a session that is ended and cut off everywhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from pulse import wiring
from pulse.embedded import Addresses
from pulse.eventlog.jetstream import Log
from pulse.house import now
from tests.conftest import running_pulse
from tests.fakes.telegram import FakeTelegram
from tests.fakes.vk import FakeVk
from tests.insisting import insist
from tests.journeys.desk_day import IGOR, ZOYA, Colleague, Day, a_day, at, attending, later, saying, subscribed
from tests.journeys.desk_sessions import (
    a_lost_phone_is_cut_off,
    anna_signs_in_with_a_code,
    anna_turns_on_two_factors,
    boris_is_invited_by_a_link,
)
from tests.world import SUPPORT

ZOYA_ASKS, IGOR_ASKS, VERA_ASKS = "Do you ship to Kazan?", "How late are you open?", "Где мои заказы? Three parcels!"
HISTORY = [
    ("Vera", "opened"), ("Vera", "message-received"), ("Anna", "assigned"), ("Anna", "note-written"),
    ("Anna", "transferred"), ("Vera", "message-received"), ("Anna", "tags-changed"), ("Anna", "priority-changed"),
    ("Anna", "snoozed"), ("", "woken"), ("Anna", "closed"), ("Vera", "reopened"), ("Vera", "message-received"),
    ("Anna", "assigned"), ("Anna", "reply-written"),
]  # fmt: skip


@pytest.fixture
async def day(
    addresses: Addresses, log: Log, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    fake_telegram: FakeTelegram, fake_vk: FakeVk,
) -> AsyncIterator[Day]:  # fmt: skip
    """A whole Pulse that may call the fakes, and a second desk and push beside it."""
    hosts = ",".join(fake.address.removeprefix("http://") for fake in (fake_telegram, fake_vk))
    monkeypatch.setenv("PULSE_TRUSTED_HOSTS", hosts)
    own = replace(addresses, database_url=database_url)
    async with (
        running_pulse(own, tmp_path, wiring.ROLES) as pulse,
        a_day(pulse, fake_telegram, fake_vk, tmp_path) as day,
    ):
        yield day


@pytest.mark.timeout(180)
async def test_a_day_at_the_desk(day: Day) -> None:
    await anna_turns_on_two_factors(day)
    await boris_is_invited_by_a_link(day)
    await anna_signs_in_with_a_code(day)
    async with day.anna.listening(), day.boris.listening(), day.phone.listening():
        await three_customers_write(day)
        await both_open_one_chat_and_one_holds_it(day)
        await they_see_each_other_there(day)
        await a_colleague_is_asked_in_a_note(day)
        await the_customer_gets_a_canned_reply(day)
        await a_reply_comes_too_late(day)
        await a_chat_is_passed_on_and_out_of_sight(day)
        await it_is_sorted_put_off_and_comes_back(day)
        await it_is_closed_until_she_writes_again(day)
        await words_are_found_by_those_who_may(day)
        await the_chat_tells_its_own_history(day)
        await the_day_in_numbers(day)
        await a_lost_phone_is_cut_off(day)


async def three_customers_write(day: Day) -> None:
    """On the website, in Telegram and in VK: both hear it, and find the chats by view and by channel."""
    await day.vera.arrives()
    await day.vera.writes(VERA_ASKS)
    await day.telegram.message(ZOYA, ZOYA_ASKS, name="Zoya")
    await day.vk.message(IGOR, IGOR_ASKS)
    for colleague in (day.anna, day.boris):
        for text in (VERA_ASKS, ZOYA_ASKS, IGOR_ASKS):
            await colleague.hears(saying(text))
        listed = await colleague.until(lambda page: len(page["items"]) == 3, "/api/chats", view="unassigned")
        counted = {view: listed["counters"][view] for view in ("all", "mine", "unassigned", "unread", "waiting")}
        assert counted == {"all": 3, "mine": 0, "unassigned": 3, "unread": 3, "waiting": 3}
        for channel, chat in (("web", day.vera.chat), ("telegram", day.zoyas), ("vk", day.igors)):
            page = await colleague.done("GET", "/api/chats", channel=channel)
            assert [row["id"] for row in page["items"]] == [str(chat)]


async def both_open_one_chat_and_one_holds_it(day: Day) -> None:
    """At the same moment, at two processes; whoever came second is told who was first."""
    chat, both = f"/api/chats/{day.zoyas}", (day.anna, day.boris)
    await asyncio.gather(*(one.done("POST", f"{chat}/open") for one in both))
    heard = [await one.hears(lambda frame: frame["type"] == "chat.session.assigned") for one in both]
    assert heard[0]["data"] == heard[1]["data"]
    holder = heard[0]["data"]["holder"]
    rows = [await one.until(lambda row: row["holder"], chat) for one in both]
    assert [row["holder"] for row in rows] == [holder, holder]
    first, second = both if holder["id"] == str(day.anna.id) else both[::-1]
    told = await second.refused(409, "held-by-another", "POST", f"{chat}/assign-operator")
    assert told["holder"] == holder
    for one, mine in ((first, 1), (second, 0)):
        await one.until(lambda page, mine=mine: page["counters"]["mine"] == mine, "/api/chats")
    if first is day.boris:
        await first.done("POST", f"{chat}/transfer", {"moderatorId": str(day.anna.id)})


async def they_see_each_other_there(day: Day) -> None:
    """Boris looks at the chat in which Anna types; each hears it from their own process."""
    chat = f"/api/chats/{day.zoyas}"
    await day.boris.done("POST", f"{chat}/viewing")
    await day.anna.hears(attending(day.zoyas, boris=False))
    await day.anna.done("POST", f"{chat}/typing")
    for colleague in (day.anna, day.boris):
        await colleague.hears(attending(day.zoyas, boris=False, anna=True))
    await day.boris.done("POST", f"{chat}/viewing", {"viewing": False})
    await day.anna.until(lambda page: [row["name"] for row in page["items"]] == ["Anna"], f"{chat}/viewers")


async def a_colleague_is_asked_in_a_note(day: Day) -> None:
    """A note names Boris, who is notified at once; no customer hears of it."""
    note = {"text": "Do we ship there?", "mentions": [str(day.boris.id)], "clientMsgId": "n1"}
    noted = await day.anna.done("POST", f"/api/chats/{day.zoyas}/notes", note)
    told = (await day.boris.hears(at(noted["position"], "notification.created")))["data"]
    assert (told["kind"], told["by"]["name"], told["text"]) == ("mention", "Anna", "Do we ship there?")
    listed = await day.boris.until(lambda page: page["unread"] == 1, "/api/notifications", unread="true")
    assert listed["items"][0]["chat_id"] == str(day.zoyas)
    await day.boris.done("POST", f"/api/notifications/{told['id']}/read")
    await day.boris.until(lambda page: page["unread"] == 0, "/api/notifications", unread="true")


async def the_customer_gets_a_canned_reply(day: Day) -> None:
    """Begun as a draft on the laptop, seen on the phone, and filled in for her."""
    chat, texts = f"/api/chats/{day.zoyas}", {"en": "Hello, {customer}! {moderator} will see to it."}
    await day.anna.done("PUT", f"{chat}/draft", {"text": "Dear Zo"})
    assert (await day.phone.done("GET", f"{chat}/draft"))["text"] == "Dear Zo"
    await day.boris.refused(404, "not-found", "GET", f"{chat}/draft")
    await day.admin.done("PUT", "/api/canned-replies/hello", {"texts": texts})
    wanted = {"chatId": str(day.zoyas), "language": "en"}
    filled = (await day.anna.done("POST", "/api/canned-replies/hello/fill", wanted))["text"]
    assert filled == "Hello, Zoya! Anna will see to it."
    reply = await day.anna.done("POST", f"{chat}/messages", {"text": filled, "clientMsgId": "r1"})
    await day.phone.hears(at(reply["position"], "chat.message"))
    await insist(lambda: shown(day.anna, chat, reply["id"]), lambda entry: entry["status"] == "sent")
    assert day.telegram.seen_in(ZOYA) == [filled]
    await day.phone.refused(404, "not-found", "GET", f"{chat}/draft")


async def shown(who: Colleague, chat: str, number: int) -> Any:
    """A message as the thread has it now."""
    entries = (await who.done("GET", f"{chat}/messages"))["items"]
    return next((entry for entry in entries if entry["id"] == number), {"status": None})


async def a_reply_comes_too_late(day: Day) -> None:
    """Boris was faster: Anna sees what came between, and her second post goes through."""
    chat = f"/api/chats/{day.igors}"
    seen = (await day.anna.done("GET", chat))["version"]
    await day.boris.done("POST", f"{chat}/messages", {"text": "Until nine."})
    late = {"text": "Around the clock on Fridays.", "clientMsgId": "late"}
    told = await day.anna.refused(409, "stale-reply", "POST", f"{chat}/messages", late | {"seen_version": seen})
    assert [(one["sender"]["name"], one["text"]) for one in told["between"]] == [("Boris", "Until nine.")]
    await day.anna.done("POST", f"{chat}/messages", late | {"seen_version": told["version"]})

    async def at_igors() -> list[str]:
        return day.vk.seen_in(IGOR)

    assert await insist(at_igors, lambda texts: len(texts) == 2) == ["Until nine.", late["text"]]


async def a_chat_is_passed_on_and_out_of_sight(day: Day) -> None:
    """To Support, where Boris does not work: from then on he neither reads, does nor hears anything there."""
    chat, note = f"/api/chats/{day.vera.chat}", "She lost three parcels."
    await day.boris.done("POST", f"{chat}/viewing")
    await day.anna.done("POST", f"{chat}/open")
    async with subscribed(day.boris, day.key, f"private-chat.{day.vera.chat}") as pusher:
        moved = await day.anna.done("POST", f"{chat}/transfer", {"departmentId": str(SUPPORT), "note": note})
        assert (await day.anna.hears(saying(note)))["data"]["notice"] == "note"
        await day.boris.hears(at(moved["position"], "chat.session.assigned"))
        await boris_finds_nothing_there(day)
        await day.vera.writes("Is anybody there?")
        await day.anna.hears(saying("Is anybody there?"))
        await day.vk.message(IGOR, "Thanks!")
        await day.boris.hears(saying("Thanks!"))
        assert day.boris.told_of(day.vera.chat, after=moved["position"]) == []
        await pusher.send("pusher:ping", {})
        heard = [frame["event"] for frame in await pusher.until(lambda frame: frame["event"] == "pusher:pong")]
        assert heard[-3:] == ["ChatTransferred", "pusher:subscription_error", "pusher:pong"]


async def boris_finds_nothing_there(day: Day) -> None:
    """His process learns it from the log, not from the one that Anna works at."""
    chat, fill = f"/api/chats/{day.vera.chat}", {"chatId": str(day.vera.chat)}
    assert (await day.anna.done("GET", f"{chat}/viewers"))["items"] == []
    for method, address, body in (
        ("POST", f"{chat}/open", None), ("POST", f"{chat}/viewing", None), ("GET", f"{chat}/viewers", None),
        ("PUT", f"{chat}/draft", {"text": "Dear"}), ("POST", f"{chat}/messages", {"text": "Hello"}),
        ("POST", "/api/canned-replies/hello/fill", fill),
    ):  # fmt: skip
        await day.boris.refused(404, "not-found", method, address, body)
    signing = {"socket_id": "1.2", "channel_name": f"private-chat.{day.vera.chat}"}
    await day.boris.refused(403, "not-your-channel", "POST", "/broadcasting/auth", signing)
    left = {str(day.zoyas), str(day.igors)}
    await day.boris.until(lambda page: {row["id"] for row in page["items"]} == left, "/api/chats")
    for address in (chat, f"{chat}/messages", f"{chat}/events"):
        await day.boris.refused(404, "not-found", "GET", address)


async def it_is_sorted_put_off_and_comes_back(day: Day) -> None:
    """Tags and a priority say what it is; put off for a moment, it comes back by itself."""
    chat = f"/api/chats/{day.vera.chat}"
    await day.anna.done("POST", f"{chat}/tags", {"tag": "Delivery"})
    await day.anna.done("PUT", f"{chat}/priority", {"priority": "urgent"})
    await day.anna.done("PUT", "/api/views/Late parcels", {"query": {"tag": "delivery", "priority": "urgent"}})
    [view] = [one for one in (await day.phone.done("GET", "/api/views"))["items"] if one["name"] == "Late parcels"]
    found = await day.anna.until(lambda page: page["items"], "/api/chats", **view["query"])
    assert [(row["id"], row["tags"]) for row in found["items"]] == [(str(day.vera.chat), ["delivery"])]
    until = (now() + timedelta(seconds=2)).isoformat()
    put_off = await day.anna.done("POST", f"{chat}/snooze", {"until": until})
    frame = await day.anna.hears(at(put_off["position"], "chat.session.status"))
    assert frame["data"]["status"] == "snoozed"
    back = await day.anna.hears(later(put_off["position"], "chat.session.status"))
    assert (back["data"]["status"], back["session_id"]) == ("open", str(day.vera.chat))
    await day.anna.until(lambda row: row["status"] == "open" and row["snoozed_until"] is None, chat)


async def it_is_closed_until_she_writes_again(day: Day) -> None:
    """She is answered then, and heard all that was said to her, and none of what moderators say among themselves."""
    chat = f"/api/chats/{day.vera.chat}"
    closed = await day.anna.done("POST", f"{chat}/close")
    await day.anna.hears(at(closed["position"], "chat.session.status"))
    listed = await day.anna.until(lambda page: page["items"], "/api/chats", view="closed")
    assert (listed["counters"]["closed"], listed["counters"]["mine"]) == (1, 1)
    await day.anna.refused(409, "chat-is-closed", "POST", f"{chat}/messages", {"text": "One more thing"})
    await day.vera.writes("Found one of my parcels")
    assert (await day.anna.hears(later(closed["position"], "chat.session.status")))["data"]["status"] == "open"
    await day.anna.hears(saying("Found one of my parcels"))
    row = await day.anna.until(lambda row: row["version"] == row["last_version"], chat)
    assert (row["last_text"], row["holder"], row["department"]["name"]) == ("Found one of my parcels", None, "Support")
    await day.anna.done("POST", f"{chat}/messages", {"text": "Wonderful!"})
    heard = await day.vera.hears_up_to("Wonderful!")
    said = [frame["data"]["text"] for frame in heard if frame["type"] == "chat.message"]
    assert said == [VERA_ASKS, "Is anybody there?", "Found one of my parcels", "Wonderful!"]
    assert {"chat.viewers", "chat.session.sorted"}.isdisjoint(frame["type"] for frame in heard)
    assert "three parcels." not in str(heard)


async def words_are_found_by_those_who_may(day: Day) -> None:
    """In other forms of theirs, Russian and English; by nobody who may not see the chat."""
    page = await day.anna.until(lambda page: len(page["items"]) == 3, "/api/search", q="parcel", channel="web")
    assert [hit["kind"] for hit in page["items"]] == ["message", "note", "message"]
    for word in ("заказ", "заказами", "parcel"):
        page = await day.anna.done("GET", "/api/search", q=word)
        assert {hit["chat_id"] for hit in page["items"]} == {str(day.vera.chat)}
        assert (await day.boris.done("GET", "/api/search", q=word))["items"] == []
    page = await day.boris.done("GET", "/api/search", q="shipping")
    assert {(hit["chat_id"], hit["kind"]) for hit in page["items"]} == {
        (str(day.zoyas), "message"), (str(day.zoyas), "note"),
    }  # fmt: skip


async def the_chat_tells_its_own_history(day: Day) -> None:
    """Who did what, in order."""
    page = await day.anna.until(lambda page: len(page["items"]) >= len(HISTORY), f"/api/chats/{day.vera.chat}/events")
    told = [(event["by"]["name"], event["type"].removeprefix("chat.")) for event in page["items"]]
    assert told[: len(HISTORY)] == HISTORY


async def the_day_in_numbers(day: Day) -> None:
    """Each number has the events behind it, and each event its place in a chat's own history."""
    asked = {"by": "channel", "hours": "clock"}
    report = await day.admin.until(
        lambda page: {row["key"] for row in page["items"]} >= {"web", "telegram", "vk"}, "/api/reports", **asked
    )
    web = next(row for row in report["items"] if row["key"] == "web")
    assert (web["opened"], web["closed"], web["resolution"]["n"]) == (2, 1, 1)  # closed once, and opened again
    behind = await follow(day.admin, web["events"]["resolution"])
    [stretch] = behind["items"]
    assert stretch["chat_id"] == str(day.vera.chat)
    history = await follow(day.admin, stretch["events"])
    assert "chat.closed" in {event["type"] for event in history["items"]}
    await day.anna.refused(403, "admins-only", "GET", "/api/reports")
    mine = await day.anna.done("GET", "/api/reports/mine", hours="clock")
    assert mine["total"]["replies"] >= 3


async def follow(colleague: Colleague, link: str) -> dict[str, Any]:
    """What a link of an answer leads to."""
    parts = urlsplit(link)
    found: dict[str, Any] = await colleague.done("GET", parts.path, **dict(parse_qsl(parts.query)))
    return found
