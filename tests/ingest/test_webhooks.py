"""Webhooks over HTTP, against real servers: each delivery is in the log before its answer, and counts once for good."""

from __future__ import annotations

import asyncio

import orjson
import pytest

from pulse.aggregates.chat import Chat, chat_id
from pulse.aggregates.chat_so_far import random_id_of
from pulse.aggregates.source import source_id
from tests.channels.recorded import all_recorded, recorded
from tests.conftest import Pulse
from tests.given import attempted
from tests.world import (
    PROOF,
    TELEGRAM_SECRET,
    Desk,
    a_bot,
    a_name,
    connect,
    is_problem,
    kinds,
    since,
    until_kept,
    update,
    vera_writes,
)

FIRST = ["chat.opened", "chat.message-received", "customer.met"]
IN_NEW_CHAT = FIRST[:2]
SAID = ["chat.message-received"]
KEPT = ["delivery.kept"]

TELEGRAM = {
    "01_text_private": FIRST,
    "02_start_deeplink_no_username": FIRST,
    "03_photo_caption": SAID,
    "04_document_pdf": SAID,
    "05_voice": SAID,
    "06_sticker_animated": SAID,
    "07_location": SAID,
    "08_contact_own_phone": [*SAID, "customer.profile-changed"],
    "09_edited_message": ["chat.message-edited"],
    "10_callback_query": ["chat.button-pressed"],
    "11_album_part1_photo": SAID,
    "12_album_part2_photo": SAID,
    "13_album_part3_video": SAID,
    "14_supergroup_mention_reply": IN_NEW_CHAT,
    "15_group_bot_added": IN_NEW_CHAT,
    "16_my_chat_member_blocked": ["customer.left", "chat.customer-lost"],
    "17_my_chat_member_unblocked": ["customer.returned", "chat.customer-found"],
    "18_video_note": SAID,
    "19_reply_with_quote": SAID,
    "20_message_reaction": ["chat.message-reacted"],
    "21_business_message": IN_NEW_CHAT,
    "22_deleted_business_messages": ["chat.messages-deleted"],
    "23_audio_track": SAID,
    "24_big_file_over_20mb": SAID,
    "25_poll_answer_unhandled": KEPT,
    "26_duplicate_of_01": [],
    "27_unknown_update_kind": KEPT,
    "28_unknown_message_content": SAID,
    "90_bad_no_update_id": KEPT,
    "91_bad_array_top_level": KEPT,
    "92_bad_wrong_types": KEPT,
    "93_bad_truncated": KEPT,
}

OK, REFUSED, UNREADABLE = "ok", 401, 400
VK: dict[str, tuple[str | int, list[str]]] = {
    "01_confirmation": ("demo1234", []),
    "02_confirmation_minimal_no_secret": (REFUSED, []),
    "03_message_new_text": (OK, FIRST),
    "04_message_new_start_button": (OK, SAID),
    "05_message_new_photo": (OK, SAID),
    "06_message_new_doc": (OK, SAID),
    "07_message_new_audio_message": (OK, SAID),
    "08_message_new_sticker": (OK, SAID),
    "09_message_new_geo": (OK, SAID),
    "10_message_new_reply": (OK, SAID),
    "11_message_new_forward_nested": (OK, SAID),
    "12_message_new_video": (OK, SAID),
    "13_message_new_group_chat_mention": (OK, FIRST),
    "14_message_new_old_client": (OK, SAID),
    "15_message_reply_own_api_send": (OK, ["chat.reply-echoed"]),
    "16_message_reply_by_human_admin": (OK, ["chat.reply-echoed"]),
    "17_message_edit": (OK, ["chat.message-edited"]),
    "18_message_allow": (OK, ["customer.returned"]),
    "19_message_deny": (OK, ["customer.left", "chat.customer-lost"]),
    "20_message_typing_state": (OK, []),
    "21_message_read": (OK, ["chat.seen-by-customer"]),
    "22_message_event_object_payload": (OK, ["chat.button-pressed"]),
    "23_message_event_string_payload": (OK, ["chat.button-pressed"]),
    "24_wall_post_new_unhandled": (OK, KEPT),
    "25_user_block": (OK, ["customer.left"]),
    "26_duplicate_of_03": (OK, []),
    "27_legacy_flat_message_new_v5_80": (OK, [*SAID, "customer.returned"]),
    "28_unknown_event_type": (OK, KEPT),
    "29_unknown_attachment_type": (OK, SAID),
    "90_bad_wrong_secret": (REFUSED, []),
    "91_bad_wrong_group": (REFUSED, []),
    "92_bad_no_type": (OK, KEPT),
    "93_bad_message_without_object": (OK, KEPT),
    "94_bad_array": (UNREADABLE, []),
    "95_bad_truncated": (UNREADABLE, []),
}
UNHANDLED = {
    "25_poll_answer_unhandled",
    "27_unknown_update_kind",
    "24_wall_post_new_unhandled",
    "28_unknown_event_type",
}
TRACED = {"01_confirmation": "confirmed", "20_message_typing_state": "live", "26_duplicate_of_03": "repeated"}


def outcome_of(name: str) -> str:
    return "unhandled" if name in UNHANDLED else "quarantined" if name.startswith("9") else "taken"


async def test_every_recorded_telegram_update_is_in_the_log_before_its_200(shared: Pulse, desk: Desk) -> None:
    bodies = all_recorded("telegram")
    assert set(bodies) == set(TELEGRAM)
    for name, body in bodies.items():
        before = await shared.house.log.last_position()
        answer = await shared.http.post(shared.webhook("telegram"), content=body, headers={PROOF: TELEGRAM_SECRET})
        assert (name, answer.status_code, answer.content) == (name, 200, b"{}")
        assert answer.headers["content-type"] == "application/json"
        assert (name, kinds(await since(shared, before))) == (name, TELEGRAM[name])
    expected = [(outcome_of(name), bodies[name].decode()) for name, told in TELEGRAM.items() if told]
    assert await listed(desk, "telegram", "7000000001") == expected


async def test_every_recorded_vk_event_is_in_the_log_before_its_ok(shared: Pulse, desk: Desk) -> None:
    bodies = all_recorded("vk")
    assert set(bodies) == set(VK)
    for name, body in bodies.items():
        expected, told = VK[name]
        before = await shared.house.log.last_position()
        answer = await shared.http.post(shared.webhook("vk"), content=body)
        if isinstance(expected, str):
            assert (name, answer.status_code, answer.text) == (name, 200, expected)
            assert answer.headers["content-type"].startswith("text/plain")
        else:
            is_problem(answer, expected, "not-authentic" if expected == REFUSED else "unreadable")
        assert (name, kinds(await since(shared, before))) == (name, told)
    stored = [(outcome_of(name), without_proof(bodies[name])) for name, (_, told) in VK.items() if told]
    assert await listed(desk, "vk", "219900123") == stored


def without_proof(body: bytes) -> str:
    """A VK body as it is kept: its secret blank."""
    return body.decode().replace("pulse_demo_secret_Q7", "")


async def test_vks_secret_is_kept_nowhere(shared: Pulse) -> None:
    before = await shared.house.log.last_position()
    for body in all_recorded("vk").values():
        await shared.http.post(shared.webhook("vk"), content=body.replace(b"4", b"5"))
    escaped = (
        recorded("vk", "03_message_new_text").replace(b"pulse_demo", b"pulse\\u005fdemo").replace(b"4160", b"4161")
    )
    assert (await shared.http.post(shared.webhook("vk"), content=escaped)).status_code == 200
    stored = await shared.house.log.read(before + 1)
    assert stored
    assert not [message for message in stored if b"secret_Q7" in message.body]


async def listed(desk: Desk, channel: str, identifier: str) -> list[tuple[str, str]]:
    """Outcome and raw body of all deliveries of a source, the oldest first; what the chat opened with has none."""
    found = await desk.items("admin", "/api/deliveries", source=source_id(channel, identifier))
    return [(one["outcome"], one["raw"]) for one in reversed(found)]


@pytest.mark.parametrize("name", TRACED)
async def test_an_authentic_delivery_without_an_event_leaves_a_trace(shared: Pulse, name: str) -> None:
    body = recorded("vk", name)
    for _ in range(2):  # the second of a message is certainly a repeat
        assert (await shared.http.post(shared.webhook("vk"), content=body)).status_code == 200
    traced = {"source": str(source_id("vk", "219900123")), "outcome": TRACED[name], "body": without_proof(body)}
    query = "select 1 from trace.rejections where (source, outcome, body) = (%(source)s, %(outcome)s, %(body)s)"
    await until_kept(shared, query, **traced)


async def test_a_simulator_message_is_in_the_log_before_its_answer(shared: Pulse) -> None:
    body = {"from": a_name(), "message": "Hello", "type": "text", "message_id": "m1", "timestamp": 1795165200}
    before = await shared.house.log.last_position()
    answer = await shared.http.post(shared.webhook("simulator"), json=body)
    assert (answer.status_code, answer.content) == (200, b"{}")
    assert kinds(await since(shared, before)) == FIRST


async def test_the_same_update_fifty_times_at_once_is_one_message(shared: Pulse, desk: Desk) -> None:
    bot = await a_bot(shared)
    before = await shared.house.log.last_position()
    answers = await asyncio.gather(*(bot.post(update(1, "Once")) for _ in range(50)))
    assert {(answer.status_code, answer.content) for answer in answers} == {(200, b"{}")}
    assert kinds(await since(shared, before)) == FIRST
    assert [entry["text"] for entry in await desk.thread("anna", chat_id(bot.id, "77"))] == ["Once"]


async def test_a_repeat_in_a_chat_that_went_on_is_still_one_message(shared: Pulse, desk: Desk) -> None:
    bot = await a_bot(shared)
    for number in (1, 2, 1, 3, 2, 1):
        assert (await bot.post(update(number, str(number)))).status_code == 200
    assert [entry["text"] for entry in await desk.thread("anna", chat_id(bot.id, "77"))] == ["1", "2", "3"]


async def test_twenty_first_messages_of_one_person_at_once_are_one_chat(shared: Pulse, desk: Desk) -> None:
    bot = await a_bot(shared)
    before = await shared.house.log.last_position()
    answers = await asyncio.gather(*(bot.post(update(number, str(number))) for number in range(1, 21)))
    assert {answer.status_code for answer in answers} == {200}
    assert sorted(kinds(await since(shared, before))) == sorted(FIRST + SAID * 19)
    said = [entry["text"] for entry in await desk.thread("anna", chat_id(bot.id, "77"))]
    assert sorted(said, key=int) == [str(number) for number in range(1, 21)]


async def test_first_messages_of_twenty_people_at_once_are_twenty_chats(shared: Pulse) -> None:
    bot = await a_bot(shared)
    before = await shared.house.log.last_position()
    await asyncio.gather(*(bot.post(update(number, person=number)) for number in range(1, 21)))
    assert sorted(kinds(await since(shared, before))) == sorted(FIRST * 20)


async def test_messages_edits_and_deletions_at_once_lose_nothing(shared: Pulse, desk: Desk) -> None:
    bot = await a_bot(shared)
    await bot.post(update(1, "draft", message=1))
    edits = [{"update_id": 100 + n, "edited_message": update(1, f"edit {n}", message=1)["message"]} for n in range(10)]
    more = [update(200 + n, f"more {n}") for n in range(10)]
    before = await shared.house.log.last_position()
    answers = await asyncio.gather(*(bot.post(body) for body in edits + more + edits))
    assert {answer.status_code for answer in answers} == {200}
    assert sorted(kinds(await since(shared, before))) == ["chat.message-edited"] * 10 + SAID * 10
    thread = await desk.thread("anna", chat_id(bot.id, "77"))
    assert len(thread) == 11
    assert thread[0]["text"].startswith("edit ")


async def test_an_album_is_one_chat_and_three_messages(shared: Pulse, desk: Desk) -> None:
    bot = await a_bot(shared)
    parts = [recorded("telegram", f"{number}_album_part{number - 10}*") for number in (11, 12, 13)]
    await asyncio.gather(*(bot.post(part) for part in parts))
    chats = [chat for chat in await desk.items("anna", "/api/chats") if chat["source_id"] == str(bot.id)]
    assert len(chats) == 1
    thread = await desk.thread("anna", chats[0]["id"])
    assert sorted(entry["attachments"][0]["kind"] for entry in thread) == ["photo", "photo", "video"]
    assert len({entry["album"] for entry in thread}) == 1


async def test_the_same_update_id_from_two_bots_is_two_messages(shared: Pulse) -> None:
    one, other = await a_bot(shared), await a_bot(shared)
    before = await shared.house.log.last_position()
    await asyncio.gather(one.post(update(1)), other.post(update(1)))
    assert sorted(kinds(await since(shared, before))) == sorted(FIRST * 2)


async def test_the_log_keeps_the_body_that_was_posted(shared: Pulse) -> None:
    bot = await a_bot(shared)
    before = await shared.house.log.last_position()
    body = b' {"extra": [1.0, 1e2, "\\u0416"],  ' + orjson.dumps(update(1, "Ж"))[1:]
    assert (await bot.post(body)).status_code == 200
    said = (await since(shared, before))[1]
    assert said.event.raw == body.decode()  # type: ignore[attr-defined]


async def test_a_get_is_no_way_in(shared: Pulse) -> None:
    answer = await shared.http.get(shared.webhook("simulator"))
    is_problem(answer, 405, "post-only")


async def test_words_reach_the_list_with_what_it_shows(shared: Pulse, desk: Desk) -> None:
    peer = a_name()
    chat = await vera_writes(shared, peer, "Where is my order?", name="Vera")
    await desk.thread("anna", chat)
    shown = (await desk.get("anna", f"/api/chats/{chat}")).json()
    assert {key: shown[key] for key in ("name", "channel", "status", "last_text", "unread", "holder")} == {
        "name": "Vera", "channel": "simulator", "status": "open", "last_text": "Where is my order?", "unread": 1,
        "holder": None,
    }  # fmt: skip
    assert shown["department"]["name"] == "Sales"


def attempting(chat: Chat | None, of: int) -> Chat | None:
    if chat is not None:
        attempted(of)(chat)
    return chat


async def test_vk_shows_our_own_reply_again_and_the_thread_does_not(shared: Pulse, desk: Desk) -> None:
    source = await connect(shared, "vk", "5", secrets={"secret": "s3cret"})
    chat = chat_id(source, "77")

    async def vk(kind: str, number: int, text: str, **more: object) -> None:
        message = {"conversation_message_id": number, "peer_id": 77, "text": text, "date": 1795165200, **more}
        event = {"type": kind, "group_id": 5, "secret": "s3cret", "event_id": f"e{number}", "object": message}
        assert (await shared.http.post(f"/webhook/vk/{source}", content=orjson.dumps(event))).status_code == 200

    await vk("message_new", 1, "Where is it?", from_id=77)
    written = (await desk.reply("anna", chat, "On its way.")).json()
    ours = random_id_of(chat, written["id"])
    await shared.house.store.decide(Chat, chat, lambda known: attempting(known, written["id"]), by="system")
    await vk("message_reply", 2, "On its way.", from_id=-5, out=1, random_id=ours)
    await vk("message_reply", 3, "I called you.", from_id=-5, out=1, random_id=0, admin_author_id=42)
    await vk("message_reply", 4, "Rate us!", from_id=-5, out=1, random_id=ours + 1)
    said = [(entry["sender_type"], entry["text"]) for entry in await desk.thread("anna", chat)]
    assert said == [
        ("customer", "Where is it?"), ("moderator", "On its way."), ("outside", "I called you."), ("outside", "Rate us!")
    ]  # fmt: skip


async def test_a_source_without_its_code_confirms_nothing_and_says_what_is_missing(shared: Pulse) -> None:
    source = await connect(shared, "vk", "219900777", secrets={"secret": "s3cret"})
    body = {"type": "confirmation", "group_id": 219900777, "secret": "s3cret"}
    answer = await shared.http.post(f"/webhook/vk/{source}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "no-code")
    assert "pulse source set" in answer.json()["title"]
