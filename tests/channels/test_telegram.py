"""What each recorded Telegram update means, and what none of them may do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pulse.channels import Unreadable
from pulse.channels.arrivals import (
    Arrival,
    ButtonArrived,
    EchoArrived,
    MessageArrived,
    MessagesDeleted,
    ReachChanged,
    Reacted,
    Unhandled,
)
from pulse.channels.telegram import Telegram
from pulse.errors import NotAuthentic
from pulse.message import Attachment, Author, Incoming, Quoted
from tests.channels.recorded import account, all_recorded, at, readable, reads_or_refuses, recorded, spoiled

TELEGRAM = Telegram(account("7000000001"))
BODIES = all_recorded("telegram")

ANNA = Author("5230011842", "Анна Кедрова", "anna_kedrova_demo", "ru")
OLEG = Author("700420113", "Oleg", None, "en")
SHOP = "-1002100345678"
BUSINESS = "aB3dE5fG7hI9jK1lM3nO5pQ7"
BOX = "13998877665544332"


def anna(number: int, text: str, message_id: int, sent: int, author: Author = ANNA, **rest: Any) -> MessageArrived:
    said = Incoming(str(number), author, text, str(message_id), at(1795160000 + sent), **rest)
    return MessageArrived(str(number), ANNA.id, said)


def files(*attachments: Attachment) -> dict[str, Any]:
    return {"attachments": attachments}


def photo(ref: str, size: int, width: int, height: int) -> Attachment:
    return Attachment("photo", size=size, ref=ref, width=width, height=height)


MEANINGS: dict[str, Arrival] = {
    "01_text_private": anna(
        418220501, "Здравствуйте! Не приходит код подтверждения 🙏 https://example.com/help", 1201, 5200
    ),
    "02_start_deeplink_no_username": MessageArrived(
        "418220502",
        OLEG.id,
        Incoming("418220502", OLEG, "/start src_landing-42", "1", at(1795165205), payload="src_landing-42"),
    ),
    "03_photo_caption": anna(
        418220503, "Вот скриншот ошибки", 1203, 5260,
        **files(photo("AgACAgIAAxkBAAIVb9dhQMBKcAuuLDcgJuU5-OR_6RFQnBuMih2BtGIpzfqiAoycRQb3hLv252gUtUs",
                      191833, 960, 1280)),
    ),
    "04_document_pdf": anna(
        418220504, "", 1204, 5275,
        **files(Attachment(
            "document", "Договор № 17 (скан).pdf", "application/pdf", 482113,
            "BQACAgIAAxkBAAICN-FbpPx8kNLFuCEvYYMBS_yHTjYPA2ZCvLNsMjAwfx7uX8-ebV84JlEynd-TsO1",
        )),
    ),
    "05_voice": anna(
        418220505, "", 1205, 5290,
        **files(Attachment(
            "voice", None, "audio/ogg", 29410,
            "AwACAgIAAxkBAAIFR1cZROJfnvLBx52fzLNHTMpxdtxoi-puQvtfxq-cpaY2ry9UE--XEbjJc_0ZkrE", seconds=7,
        )),
    ),
    "06_sticker_animated": anna(
        418220506, "", 1206, 5320,
        **files(Attachment(
            "sticker", "👋", None, 44398,
            "CAACAgIAAxkBAAIVg_CQwor9wG2uKmTzFLnZDIa0V8KTWd6fDcAzyqjs7ue2dNOj91bUGyz0wfy2d55", 512, 512,
        )),
    ),
    "07_location": anna(
        418220507, "", 1207, 5330, **files(Attachment("location", latitude=59.939095, longitude=30.315868))
    ),
    "08_contact_own_phone": anna(
        418220508, "", 1208, 5340,
        author=replace(ANNA, phone="+79995550142"),
        **files(Attachment("contact", "Анна Кедрова", phone="+79995550142")),
        reply_to=Quoted("Оставьте номер, пожалуйста", "Pulse Support", "1199"),
    ),
    "09_edited_message": MessageArrived(
        "418220509",
        ANNA.id,
        Incoming(
            "418220509", ANNA, "Здравствуйте! Не приходит код подтверждения на почту.", "1201", at(1795165200)
        ),
        edited=True,
    ),
    "10_callback_query": ButtonArrived(
        "418220510", ANNA.id, ANNA, payload="csat:9f2c:5", query_id="3005270011842993417", message_id="1210"
    ),
    "11_album_part1_photo": anna(
        418220511, "Три фото коробки", 1211, 5500, album=BOX,
        **files(photo("AgACAgIAAxkBAAIpN5hvgNdZZUDti1AsIhLpiFaDQZCBmDlMPhrCmuh5_4dGxiZZuoOPGB8rCsXoM2g",
                      160022, 1280, 853)),
    ),
    "12_album_part2_photo": anna(
        418220512, "", 1212, 5500, album=BOX,
        **files(photo("AgACAgIAAxkBAAIK_uiflLkkhPATUnw_duhwSd-1AvrM2hOJQ8Us3zrqohlvwqjpZJlD9owsbKlpcYz",
                      158400, 1280, 853)),
    ),
    "13_album_part3_video": anna(
        418220513, "", 1213, 5500, album=BOX,
        **files(Attachment(
            "video", "IMG_0031.MOV", "video/quicktime", 1324819,
            "BAACAgIAAxkBAAIDM02iwkqxa99ATMqZKoCTIWTw-bJcKFLmjTRRWG_dSy48Xv5GcNYsnpU9YUc_McU", 848, 480, 5,
        )),
    ),
    "14_supergroup_mention_reply": MessageArrived(
        "418220514",
        SHOP,
        Incoming(
            "418220514", OLEG, "@pulse_support_demo_bot any news?", "88", at(1795165520),
            reply_to=Quoted("Заявка принята", "Pulse Support", "80"),
        ),
        title="Клиенты «Ромашка»",
    ),
    "15_group_bot_added": MessageArrived(
        "418220515",
        "-4150012345",
        Incoming("418220515", OLEG, "", "2", at(1795165530), notice="new_chat_members"),
        title="Ремонт офиса",
    ),
    "16_my_chat_member_blocked": ReachChanged("418220516", ANNA, False, "blocked the bot"),
    "17_my_chat_member_unblocked": ReachChanged("418220517", ANNA, True, "unblocked the bot"),
    "18_video_note": anna(
        418220518, "", 1218, 6110,
        **files(Attachment(
            "video", None, None, 402771,
            "DQACAgIAAxkBAAIQlEpUP-xhjUtS7SJxvvecugSsYdGrr070NQX1bo0WjA4oNrIrGQiqumGHvYlmVZC", 384, 384, 4,
        )),
    ),
    "19_reply_with_quote": anna(
        418220519, "Там пусто", 1219, 6150, reply_to=Quoted("папку «Спам»", "Pulse Support", "1217")
    ),
    "20_message_reaction": Reacted("418220520", SHOP, OLEG, "88", ("👍",), "Клиенты «Ромашка»"),
    "21_business_message": MessageArrived(
        "418220521",
        f"{BUSINESS}:700420113",
        Incoming("418220521", OLEG, "Is the shop open on Sunday?", "40211", at(1795166170)),
    ),
    "22_deleted_business_messages": MessagesDeleted("418220522", f"{BUSINESS}:700420113", ("40211", "40212")),
    "23_audio_track": anna(
        418220523, "запись звонка", 1223, 6180,
        **files(Attachment(
            "audio", "запись разговора.m4a", "audio/x-m4a", 3103594,
            "CQACAgIAAxkBAAINk0A4K5y_RqlPDilnKrunVuqSvr27YLG1NlqO22TvAMscUiSgqsw7xNrJS1CV7DO", seconds=193,
        )),
    ),
    "24_big_file_over_20mb": anna(
        418220524, "", 1224, 6190,
        **files(Attachment(
            "document", "backup.zip", "application/zip", 73400320,
            "BQACAgIAAxkBAAI75k7zKhvxksnPlo5W0HW8yIY1FJdautGm0NxNB-CB5ge_ZnAGRIUYm9oc9q5abBf",
        )),
    ),
    "25_poll_answer_unhandled": Unhandled("418220525", "poll_answer"),
    "26_duplicate_of_01": anna(
        418220501, "Здравствуйте! Не приходит код подтверждения 🙏 https://example.com/help", 1201, 5200
    ),
    "27_unknown_update_kind": Unhandled("418220526", "hologram_message"),
    "28_unknown_message_content": anna(
        418220527, "", 1228, 6200, **files(Attachment("unsupported", "dream_fragment"))
    ),
}  # fmt: skip

REASONS = {
    "90_bad_no_update_id": "update_id must be a whole number.",
    "91_bad_array_top_level": "The body is JSON, but not an object.",
    "92_bad_wrong_types": "update_id must be a whole number.",
    "93_bad_truncated": "The body is not JSON",
}


def test_every_recorded_body_has_a_meaning_here() -> None:
    assert set(BODIES) == set(MEANINGS) | set(REASONS)


@pytest.mark.parametrize("name", MEANINGS)
def test_a_recorded_update_reads_as_what_it_means(name: str) -> None:
    assert TELEGRAM.read(recorded("telegram", name)) == [MEANINGS[name]]


@pytest.mark.parametrize("name", REASONS)
def test_a_bad_update_is_unreadable_and_says_why(name: str) -> None:
    with pytest.raises(Unreadable, match=REASONS[name]):
        TELEGRAM.read(recorded("telegram", name))


def test_a_redelivery_names_the_same_delivery() -> None:
    first, again = TELEGRAM.read(BODIES["01_text_private"]), TELEGRAM.read(BODIES["26_duplicate_of_01"])
    assert [a.external_id for a in first] == [a.external_id for a in again]


PERSON = {"id": 7, "is_bot": False, "first_name": "Vera"}
VERA = Author("7", "Vera")
PRIVATE = {"id": 7, "type": "private", "first_name": "Vera"}
GROUP = {"id": -100, "type": "supergroup", "title": "Roses"}
CHANNEL = {"id": -200, "type": "channel", "title": "News", "username": "news_demo"}
POINT = {"latitude": 59.9, "longitude": 30.3}
OWNER = {"id": 99, "is_bot": False, "first_name": "Shop", "last_name": "Owner"}


def update(kind: str = "message", **fields: Any) -> dict[str, Any]:
    message = {"message_id": 5, "from": PERSON, "chat": PRIVATE, "date": 1795165200}
    return {"update_id": 1, kind: message | fields}


def read(body: object) -> Arrival:
    [arrival] = TELEGRAM.read(orjson.dumps(body))
    return arrival


def message(**fields: Any) -> Incoming:
    arrival = read(update(**fields))
    assert isinstance(arrival, MessageArrived)
    return arrival.message


def test_an_animation_wins_over_the_document_set_beside_it() -> None:
    gif = {"file_id": "g", "file_name": "cat.mp4", "width": 10, "height": 20, "duration": 3}
    said = message(document={"file_id": "d"}, animation=gif)
    assert said.attachments == (Attachment("animation", "cat.mp4", ref="g", width=10, height=20, seconds=3),)


def test_a_venue_is_a_place_with_a_name() -> None:
    said = message(location=POINT, venue={"location": POINT, "title": "Café", "address": "Nevsky 1"})
    assert said.attachments == (Attachment("location", "Café", latitude=59.9, longitude=30.3),)


def test_content_that_pulse_cannot_show_is_named() -> None:
    assert message(poll={"id": "1"}).attachments == (Attachment("unsupported", "poll"),)


def test_a_message_without_any_content_is_unsupported_too() -> None:
    assert message(has_media_spoiler=True).attachments == (Attachment("unsupported"),)


ORIGINS = [
    ({"forward_origin": {"type": "user", "sender_user": OWNER}}, "Shop Owner"),
    ({"forward_origin": {"type": "hidden_user", "sender_user_name": "Somebody"}}, "Somebody"),
    ({"forward_origin": {"type": "chat", "sender_chat": GROUP}}, "Roses"),
    ({"forward_origin": {"type": "channel", "chat": CHANNEL, "message_id": 3}}, "News"),
    ({"forward_origin": {"type": "from the future"}}, ""),
    ({"forward_from": OWNER, "forward_date": 1}, "Shop Owner"),
    ({"forward_from_chat": CHANNEL}, "News"),
    ({"forward_sender_name": "Somebody"}, "Somebody"),
]


@pytest.mark.parametrize(("origin", "name"), ORIGINS)
def test_a_forwarded_message_holds_the_words_of_its_first_author(origin: dict[str, Any], name: str) -> None:
    said = message(text="Sale!", **origin)
    assert (said.text, said.author, said.forwarded) == ("", VERA, (Quoted("Sale!", name),))


def test_a_forwarded_photo_is_the_first_authors_too() -> None:
    small, large = ({"file_id": ref, "width": side, "height": side} for ref, side in (("s", 90), ("l", 800)))
    said = message(photo=[small, large], caption="Look", forward_sender_name="Somebody")
    assert said.attachments == ()
    assert said.forwarded == (
        Quoted("Look", "Somebody", attachments=(Attachment("photo", ref="l", width=800, height=800),)),
    )


SERVICES = {
    "left_chat_member": PERSON,
    "migrate_to_chat_id": -100500,
    "group_chat_created": True,
    "pinned_message": {"message_id": 1, "chat": GROUP, "date": 0},
    "new_chat_title": "Roses and tulips",
}


@pytest.mark.parametrize("field", SERVICES)
def test_a_service_message_is_a_notice_without_words(field: str) -> None:
    said = message(chat=GROUP, **{field: SERVICES[field]})
    assert (said.notice, said.text, said.attachments) == (field, "", ())


def test_a_deep_link_in_a_group_carries_the_bots_name() -> None:
    assert message(text="/start@pulse_bot promo-7").payload == "promo-7"


@pytest.mark.parametrize("text", ["/start", "/start ", "/started x", "hello /start x", "/start two words"])
def test_a_text_that_is_no_deep_link_has_no_payload(text: str) -> None:
    assert message(text=text).payload is None


def test_an_anonymous_admin_writes_as_the_group() -> None:
    stand_in = {"id": 1087968824, "is_bot": True, "first_name": "Group", "username": "GroupAnonymousBot"}
    said = message(**{"from": stand_in}, sender_chat=GROUP, chat=GROUP, text="hi")
    assert said.author == Author("-100", "Roses")


@pytest.mark.parametrize("kind", ["channel_post", "edited_channel_post"])
def test_a_channel_post_is_by_the_channel(kind: str) -> None:
    post = {"message_id": 9, "chat": CHANNEL, "sender_chat": CHANNEL, "date": 1795165200, "text": "News!"}
    assert read({"update_id": 1, kind: post}) == MessageArrived(
        "1",
        "-200",
        Incoming("1", Author("-200", "News", "news_demo"), "News!", "9", at(1795165200)),
        title="News",
        edited=kind.startswith("edited"),
    )


def test_message_id_0_is_no_id() -> None:
    assert message(message_id=0, text="later").message_id is None


def test_an_answer_into_another_chat_quotes_what_was_chosen() -> None:
    elsewhere = {"origin": {"type": "channel", "chat": CHANNEL, "message_id": 3}, "chat": CHANNEL, "message_id": 3}
    said = message(text="Is it so?", external_reply=elsewhere, quote={"text": "Sale", "position": 0})
    assert said.reply_to == Quoted("Sale", "News")


def test_the_first_message_of_a_topic_is_nobodys_answer() -> None:
    topic = {"message_id": 2, "from": PERSON, "chat": GROUP, "date": 1, "forum_topic_created": {"name": "Roses"}}
    assert message(chat=GROUP, text="hi", reply_to_message=topic).reply_to is None


def test_an_answer_to_a_photo_shows_the_photo() -> None:
    answered = {"message_id": 2, "chat": PRIVATE, "photo": [{"file_id": "p", "width": 9, "height": 9}], "caption": "c"}
    said = message(text="this one", reply_to_message=answered)
    assert said.reply_to == Quoted("c", "Vera", "2", (Attachment("photo", ref="p", width=9, height=9),))


def query(**fields: Any) -> Arrival:
    return read({"update_id": 1, "callback_query": {"id": "q", "from": PERSON, "data": "yes"} | fields})


def test_a_button_under_an_inaccessible_message_still_tells_its_chat() -> None:
    under = {"chat": GROUP, "message_id": 4, "date": 0}
    assert query(message=under) == ButtonArrived("1", "-100", VERA, "yes", "q", "4", "Roses")


def test_a_button_without_a_message_belongs_to_the_person() -> None:
    assert query(inline_message_id="i") == ButtonArrived("1", "7", VERA, "yes", "q", None)


def test_a_bot_added_to_a_group_is_unhandled_as_the_service_message_shows_it() -> None:
    change = {"chat": GROUP, "from": PERSON, "date": 1, "new_chat_member": {"status": "member"}}
    assert read({"update_id": 1, "my_chat_member": change}) == Unhandled("1", "my_chat_member")


def test_reactions_are_the_whole_new_set() -> None:
    new = [{"type": "emoji", "emoji": "👍"}, {"type": "custom_emoji", "custom_emoji_id": "1"}, {"type": "paid"}]
    reaction = {"chat": GROUP, "message_id": 4, "actor_chat": GROUP, "date": 1, "old_reaction": [], "new_reaction": new}
    assert read({"update_id": 1, "message_reaction": reaction}) == Reacted(
        "1", "-100", Author("-100", "Roses"), "4", ("👍", "custom_emoji", "paid"), "Roses"
    )


def owners(kind: str = "business_message", **fields: Any) -> Arrival:
    return read(update(kind, **{"from": OWNER, "business_connection_id": "b", "text": "We open at 9"} | fields))


def test_the_owner_of_a_business_account_writes_from_our_side() -> None:
    assert owners() == EchoArrived("1", "b:7", "We open at 9", (), "5", 0, outside_author="99")


def test_what_a_bot_sent_for_the_owner_has_no_outside_author() -> None:
    bot = {"id": 7000000001, "is_bot": True, "first_name": "Pulse"}
    assert owners(sender_business_bot=bot) == EchoArrived("1", "b:7", "We open at 9", (), "5", 0, None)


def test_an_owners_edit_changes_nothing_a_customer_said() -> None:
    assert owners("edited_business_message") == Unhandled("1", "edited_business_message")


def test_a_customers_edit_in_a_business_chat_is_an_edit() -> None:
    edit = read(update("edited_business_message", business_connection_id="b", text="On Monday?"))
    assert isinstance(edit, MessageArrived)
    assert (edit.peer, edit.edited, edit.message.text) == ("b:7", True, "On Monday?")


def test_a_business_message_without_its_connection_is_unreadable() -> None:
    with pytest.raises(Unreadable, match=r"business_message\.business_connection_id must be"):
        read(update("business_message", text="hi"))


def test_a_very_long_text_is_cut() -> None:
    assert len(message(text="x" * 70_000).text) == 65_536


WRONG = [
    ({"update_id": True, "poll": {}}, "update_id must be a whole number."),
    ({"update_id": -1, "poll": {}}, "update_id must be positive."),
    ({"update_id": 2**53 + 1, "poll": {}}, "update_id must be a whole number."),
    ({"update_id": 1, "message": None}, "message must be an object."),
    (update(chat={"id": 7.5, "type": "private"}), "message.chat.id must be a whole number."),
    (update(date=2**50), "message.date must be a time in seconds since 1970."),
    (update(photo=[]), "message.photo must be a list of sizes."),
    (update(photo=[{"file_id": "p", "width": 1, "height": 1}, 5]), r"message.photo\[1\] must be an object."),
    (update(location={"latitude": "59", "longitude": 30}), "message.location.latitude must be a number."),
    (update(text={"a": 1}), "message.text must be a text."),
    (update(text="a\0b"), "The body holds a NUL character."),
    ({"update_id": 1, "deleted_business_messages": {"chat": PRIVATE, "message_ids": [1, "2"]}},
     r"deleted_business_messages.message_ids\[1\] must be a whole number."),
]  # fmt: skip


@pytest.mark.parametrize(("body", "reason"), WRONG)
def test_a_wrong_type_is_unreadable_and_names_its_place(body: dict[str, Any], reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        read(body)


def test_an_update_that_holds_nothing_is_unhandled() -> None:
    assert read({"update_id": 1}) == Unhandled("1", "nothing")


MADE = [
    update(document={"file_id": "d"}, animation={"file_id": "g", "width": 10}, caption="c"),
    update(venue={"location": POINT, "title": "Café"}, location=POINT),
    update(photo=[{"file_id": "p", "width": 9, "height": 9}], forward_origin={"type": "user", "sender_user": OWNER}),
    update(text="t", external_reply={"origin": {"chat": CHANNEL}}, quote={"text": "q"}, sender_chat=GROUP, chat=GROUP),
    update("business_message", **{"from": OWNER, "business_connection_id": "b", "sticker": {"file_id": "s"}}),
    {"update_id": 1, "callback_query": {"id": "q", "from": PERSON, "message": {"chat": GROUP, "message_id": 4}}},
    {"update_id": 1, "my_chat_member": {"chat": GROUP, "from": PERSON, "new_chat_member": {"status": "left"}}},
]


@given(body=spoiled([*readable(BODIES), *MADE]))
@settings(max_examples=400, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_spoiled_update_reads_or_is_unreadable_and_nothing_else(body: bytes) -> None:
    reads_or_refuses(TELEGRAM, body)


@given(body=st.binary(max_size=64))
@settings(deadline=None, database=None)
def test_any_bytes_read_or_are_unreadable(body: bytes) -> None:
    reads_or_refuses(TELEGRAM, body)


def verify(given_secret: str | None, **secrets: bytes) -> None:
    headers = {} if given_secret is None else {"x-telegram-bot-api-secret-token": given_secret}
    Telegram(account(**secrets)).verify(headers, b"anything")


def test_the_right_secret_is_authentic() -> None:
    verify("right", secret=b"right")


@pytest.mark.parametrize("given_secret", [None, "", "wrong", "righ", "righté", "right\u0416"])
def test_a_wrong_or_missing_secret_is_not_authentic(given_secret: str | None) -> None:
    with pytest.raises(NotAuthentic):
        verify(given_secret, secret=b"right")


def test_while_a_secret_is_replaced_both_are_right() -> None:
    verify("old", secret=b"old", next_secret=b"new")
    verify("new", secret=b"old", next_secret=b"new")
    with pytest.raises(NotAuthentic):
        verify("other", secret=b"old", next_secret=b"new")


def test_a_source_without_a_secret_asks_for_none() -> None:
    verify(None)


def test_the_answer_never_holds_a_method_for_telegram_to_execute() -> None:
    assert TELEGRAM.answer == ("application/json", b"{}")
