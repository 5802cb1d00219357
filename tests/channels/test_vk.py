"""What each recorded VK event means, and what none of them may do."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pulse.channels import Unreadable
from pulse.channels.arrivals import (
    Arrival,
    ButtonArrived,
    Confirmation,
    EchoArrived,
    MessageArrived,
    ReachChanged,
    Reacted,
    ReadMark,
    TypingSeen,
    Unhandled,
)
from pulse.channels.vk import Vk
from pulse.errors import BadInput, NotAuthentic
from pulse.message import Attachment, Author, Incoming, Quoted
from tests.channels.recorded import account, all_recorded, at, readable, reads_or_refuses, recorded, spoiled

SECRET = b"pulse_demo_secret_Q7"
VK = Vk(account("219900123", settings={"confirmation": "a1b2c3d4"}, secret=SECRET))
BODIES = all_recorded("vk")

MARINA = Author("615550142")
PICTURE = ".jpg?quality=95&as=32x24,48x36,72x54,108x81,160x120,240x180,360x270,480x360,540x405,640x480,720x540,1080x810"


def event_id(name: str) -> str:
    named: str = orjson.loads(recorded("vk", name))["event_id"]
    return named


def marina(name: str, text: str, message_id: int, *, edited: bool = False, **rest: Any) -> MessageArrived:
    said = Incoming(event_id(name), MARINA, text, str(message_id), at(1795165200), **rest)
    return MessageArrived(event_id(name), MARINA.id, said, edited=edited)


def files(*attachments: Attachment) -> dict[str, Any]:
    return {"attachments": attachments}


def picture(host: str, number: str, width: int, height: int) -> Attachment:
    url = f"https://{host}.userapi.com/s/v1/ig2/{number}{PICTURE},1280x960&from=bu"
    return Attachment("photo", ref=url, width=width, height=height)


MEANINGS: dict[str, Arrival] = {
    "01_confirmation": Confirmation("33dd8a15ccdff0ae5c2c5e598a9b177d164d6144", "a1b2c3d4"),
    "02_confirmation_minimal_no_secret": Confirmation(
        sha256(b"confirmationnull").hexdigest(), "a1b2c3d4"
    ),
    "03_message_new_text": marina("03_message_new_text", "Добрый день! Заказ 1184 ещё не приехал 😕", 41),
    "04_message_new_start_button": marina(
        "04_message_new_start_button", "Начать", 42, payload='{"command":"start"}'
    ),
    "05_message_new_photo": marina(
        "05_message_new_photo", "", 43,
        **files(picture("sun9-18", "503115aef44426978f0e45e06623e48e685be478", 1280, 960)),
    ),
    "06_message_new_doc": marina(
        "06_message_new_doc", "вот счёт", 44,
        **files(Attachment(
            "document", "Счёт №42.pdf", size=491776,
            ref="https://vk.com/doc615550142_681220345?hash=4100d8119398f1fa47c2e732df4dd5ece47f3ba591"
            "&dl=18d6abb0d1d275bdb775888ce54447&api=1&no_preview=1",
        )),
    ),
    "07_message_new_audio_message": marina(
        "07_message_new_audio_message", "", 45,
        **files(Attachment(
            "voice", mime="audio/ogg", seconds=4,
            ref="https://psv4.userapi.com/s/v1/amsg/4eccca17d33736871be8a49646f90ce02059b567dee1e856f90f4c9e5809.ogg",
        )),
    ),
    "08_message_new_sticker": marina(
        "08_message_new_sticker", "", 46,
        **files(Attachment("sticker", ref="https://vk.com/sticker/1-9080-512", width=512, height=512)),
    ),
    "09_message_new_geo": marina(
        "09_message_new_geo", "", 47,
        **files(Attachment(
            "location", "Дворцовая площадь, Санкт-Петербург, Россия", latitude=59.939095, longitude=30.315868
        )),
    ),
    "10_message_new_reply": marina(
        "10_message_new_reply", "Да, именно этот", 48,
        reply_to=Quoted("Это заказ на ул. Садовой?", "club219900123", "40"),
    ),
    "11_message_new_forward_nested": marina(
        "11_message_new_forward_nested", "смотрите переписку", 49,
        forwarded=(
            Quoted(
                "Курьер уехал", "id88200311", "7",
                (picture("sun9-28", "b733646bff68559048442fe54d7c725362afc5d2", 600, 800),),
            ),
            Quoted("Курьер будет в 14:00", "club219900123", "5"),
            Quoted("и не отвечает", "id88200311", "8"),
        ),
    ),
    "12_message_new_video": marina(
        "12_message_new_video", "видео распаковки", 50,
        **files(Attachment(
            "video", "Видео от Марины", width=1280, height=720, seconds=23,
            ref="https://vk.com/video615550142_456240011_4db838238be2004a81",
        )),
    ),
    "13_message_new_group_chat_mention": MessageArrived(
        "05d4e62c4bb12ed973373c52bf7c44dd8771f3d3",
        "2000000017",
        Incoming(
            "05d4e62c4bb12ed973373c52bf7c44dd8771f3d3", Author("88200311"),
            "[club219900123|@pulse_demo] когда ответ?", "2165", at(1795165200),
        ),
        title="VK chat 17",
    ),
    "14_message_new_old_client": marina("14_message_new_old_client", "с кнопочного телефона", 51),
    "15_message_reply_own_api_send": EchoArrived(
        "bd415430f5b357221ad195f407530dd21784c1a2", MARINA.id, "Проверили: доставка завтра до 14:00.", (), "52",
        random_id=1483920571, outside_author=None,
    ),
    "16_message_reply_by_human_admin": EchoArrived(
        "2cc68e03e06dedddbf9e367fd8e21b4b79b925d5", MARINA.id, "Марина, это Борис, уже звоню курьеру", (), "53",
        random_id=0, outside_author="77100555",
    ),
    "17_message_edit": marina("17_message_edit", "Добрый день! Заказ 1148 ещё не приехал 😕", 41, edited=True),
    "18_message_allow": ReachChanged(
        "2730b7cd275850a56fa815e0cfc01df8b04cb671", MARINA, True, "allowed messages"
    ),
    "19_message_deny": ReachChanged(
        "2bb9e6538af865c58b14642d26f932ed6aeba70d", MARINA, False, "forbade messages"
    ),
    "20_message_typing_state": TypingSeen("03d82fe34b7c1a68336b3bdaf5df841702c31b20", MARINA.id),
    "21_message_read": ReadMark("a6e33898f42a91d75ed03e1d0ecaf6499d11bc9c", MARINA.id, "52"),
    "22_message_event_object_payload": ButtonArrived(
        "2c724d3b182bcd37fe394f5c6b2a470678322ab0", MARINA.id, MARINA, '{"cmd":"csat","score":5}',
        query_id="1776a756b921", message_id="54",
    ),
    "23_message_event_string_payload": ButtonArrived(
        "638f6f0e72bd9ee058f153e81dc40820cb1e5cb1", MARINA.id, MARINA, '{"cmd":"csat","score":1}',
        query_id="0f33c1d2a47b", message_id="54",
    ),
    "24_wall_post_new_unhandled": Unhandled("e55f04bffebd34fb770c6c453744f9aefadf18a8", "wall_post_new"),
    "25_user_block": ReachChanged(
        "37956e76932b666bd9ec147c2c132340c3acb12a", Author("88200311"), False, "was blocked by the community"
    ),
    "26_duplicate_of_03": marina("03_message_new_text", "Добрый день! Заказ 1184 ещё не приехал 😕", 41),
    "27_legacy_flat_message_new_v5_80": marina("27_legacy_flat_message_new_v5_80", "старый формат", 60),
    "28_unknown_event_type": Unhandled("850b051e32c226cf2cdb117642e253f4fc0ae262", "hologram_new"),
    "29_unknown_attachment_type": marina(
        "29_unknown_attachment_type", "", 61,
        **files(
            Attachment("unsupported", "smell"),
            Attachment(
                "document", "readme", size=0,
                ref="https://vk.com/doc615550142_681220999?hash=87dca30333559b325aa50c2ffde58b4247e8557ace"
                "&dl=3162566f94bb086728060e5c66f11f&api=1&no_preview=1",
            ),
        ),
    ),
}  # fmt: skip

FORGED = {"90_bad_wrong_secret", "91_bad_wrong_group"}

REASONS = {
    "92_bad_no_type": "type must be a text.",
    "93_bad_message_without_object": "object must be an object.",
    "94_bad_array": "The body is JSON, but not an object.",
    "95_bad_truncated": "The body is not JSON",
}


def test_every_recorded_body_has_a_meaning_here() -> None:
    assert set(BODIES) == set(MEANINGS) | FORGED | set(REASONS)


@pytest.mark.parametrize("name", MEANINGS)
def test_a_recorded_event_reads_as_what_it_means(name: str) -> None:
    assert VK.read(recorded("vk", name)) == [MEANINGS[name]]


@pytest.mark.parametrize("name", REASONS)
def test_a_bad_event_is_unreadable_and_says_why(name: str) -> None:
    with pytest.raises(Unreadable, match=REASONS[name]):
        VK.read(recorded("vk", name))


def test_a_redelivery_names_the_same_delivery() -> None:
    first, again = VK.read(BODIES["03_message_new_text"]), VK.read(BODIES["26_duplicate_of_03"])
    assert [a.external_id for a in first] == [a.external_id for a in again]


def event(kind: str = "message_new", **fields: Any) -> dict[str, Any]:
    message = {"from_id": 7, "peer_id": 7, "conversation_message_id": 5, "date": 1795165200, "text": "hi"}
    return {"type": kind, "group_id": 219900123, "event_id": "e", "object": message | fields}


def about(kind: str, **fields: Any) -> Arrival:
    return read({"type": kind, "group_id": 219900123, "event_id": "e", "object": fields})


def read(body: object) -> Arrival:
    [arrival] = VK.read(orjson.dumps(body))
    return arrival


def message(**fields: Any) -> Incoming:
    arrival = read(event(**fields))
    assert isinstance(arrival, MessageArrived)
    return arrival.message


def attached(kind: str, **fields: Any) -> Attachment:
    [found] = message(attachments=[{"type": kind, kind: fields}]).attachments
    return found


ATTACHED = [
    ("doc", {"title": "cat", "ext": "gif", "url": "u"}, Attachment("animation", "cat", ref="u")),
    ("doc", {"title": "cat", "type": 3, "url": "u"}, Attachment("animation", "cat", ref="u")),
    ("graffiti", {"url": "u", "width": 4, "height": 3}, Attachment("photo", ref="u", width=4, height=3)),
    ("link", {"url": "u", "title": "Shop"}, Attachment("link", "Shop", ref="u")),
    ("wall", {"to_id": -5, "id": 6, "text": "News\nof today"}, Attachment("link", "News", ref="https://vk.com/wall-5_6")),
    ("wall", {"owner_id": -5, "id": 6}, Attachment("link", "wall", ref="https://vk.com/wall-5_6")),
    ("market", {"owner_id": -5, "id": 6, "title": "Rose"}, Attachment("link", "Rose", ref="https://vk.com/product-5_6")),
    ("poll", {"owner_id": -5, "id": 6, "question": "Tea?"}, Attachment("link", "Tea?", ref="https://vk.com/poll-5_6")),
    ("story", {"owner_id": 5, "id": 6}, Attachment("link", "story", ref="https://vk.com/story5_6")),
    ("gift", {"id": 1, "thumb_256": "u"}, Attachment("unsupported", "gift")),
    ("audio", {"artist": "A", "title": "T", "url": "", "duration": 9}, Attachment("audio", "A – T", seconds=9)),
    ("video", {"owner_id": 5, "id": 6}, Attachment("video", ref="https://vk.com/video5_6")),
    ("video_message", {"owner_id": 5, "id": 6}, Attachment("video", ref="https://vk.com/video5_6")),
    ("article", {"url": "u"}, Attachment("link", "article", ref="u")),
    ("photo", {}, Attachment("photo")),
    ("sticker", {"sticker_id": 1}, Attachment("sticker")),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "fields", "meaning"), ATTACHED)
def test_an_attachment_becomes_what_a_moderator_can_use(kind: str, fields: dict[str, Any], meaning: Attachment) -> None:
    assert attached(kind, **fields) == meaning


def test_an_old_photo_without_measures_goes_by_its_letter() -> None:
    sizes = [{"type": letter, "url": letter, "width": 0, "height": 0} for letter in "sxmpq"]
    assert attached("photo", sizes=sizes) == Attachment("photo", ref="x", width=0, height=0)


def test_a_photo_without_an_original_is_its_largest_size() -> None:
    sizes = [{"type": letter, "url": letter, "width": side, "height": side} for letter, side in (("s", 75), ("w", 900))]
    assert attached("photo", sizes=sizes).ref == "w"


def nested(depth: int) -> dict[str, Any]:
    inner = [nested(depth - 1)] if depth > 1 else []
    return {"from_id": 7, "text": str(depth), "fwd_messages": inner}


def test_forwards_are_read_ten_deep() -> None:
    assert [quoted.text for quoted in message(fwd_messages=[nested(60)]).forwarded] == [
        str(n) for n in range(60, 50, -1)
    ]


def test_forwards_are_read_up_to_a_hundred() -> None:
    assert len(message(fwd_messages=[nested(3)] * 50).forwarded) == 100


def test_an_invitation_to_a_group_chat_is_a_notice() -> None:
    said = message(peer_id=2000000001, action={"type": "chat_invite_user", "member_id": 8})
    assert (said.notice, said.text) == ("chat_invite_user", "")


@pytest.mark.parametrize("fields", [{"out": 1}, {"from_id": -219900123}])
def test_a_new_message_from_our_side_is_an_echo(fields: dict[str, Any]) -> None:
    assert read(event(**fields)) == EchoArrived("e", "7", "hi", (), "5", 0, None)


def test_another_community_in_a_group_chat_is_not_us() -> None:
    assert message(from_id=-1, peer_id=2000000001).author == Author("-1")


def test_an_edit_from_our_side_is_unhandled() -> None:
    assert read(event("message_edit", from_id=-219900123)) == Unhandled("e", "message_edit")


def test_messages_may_be_allowed_again_after_a_ban() -> None:
    assert about("user_unblock", user_id=7) == ReachChanged("e", Author("7"), True, "was unblocked by the community")


def test_a_read_mark_without_a_number_in_the_chat_marks_nothing() -> None:
    read = Unhandled("e", "message_read")
    assert about("message_read", peer_id=7, from_id=7, read_message_id=9) == read


def test_what_our_side_has_read_is_no_mark_of_the_customer() -> None:
    read = {"peer_id": 7, "read_message_id": 9, "conversation_message_id": 5}
    assert about("message_read", from_id=-219900123, **read) == Unhandled("e", "message_read")
    assert about("message_read", from_id=7, **read) == ReadMark("e", "7", "5")


def test_a_reaction_is_put_and_taken_back() -> None:
    put = about("message_reaction_event", peer_id=2000000001, reacted_id=7, cmid=5, reaction_id=4)
    taken = about("message_reaction_event", peer_id=7, reacted_id=7, cmid=5)
    assert put == Reacted("e", "2000000001", Author("7"), "5", ("4",), "VK chat 1")
    assert taken == Reacted("e", "7", Author("7"), "5", ())


def test_an_event_without_an_id_is_named_by_its_content() -> None:
    body = {name: value for name, value in event().items() if name != "event_id"}
    turned = dict(reversed(body.items())) | {"object": dict(reversed(body["object"].items()))}
    other = body | {"object": body["object"] | {"text": "ho"}}
    first, again, another = (read(b).external_id for b in (body, turned, other))
    assert first == again != another
    assert len(first) == 64


def test_an_event_id_may_be_a_number() -> None:
    assert read(event() | {"event_id": 42}).external_id == "42"


def test_a_body_nested_too_deep_to_be_named_is_unreadable() -> None:
    deep = b'{"type": "x", "object": ' + b"[" * 500 + b"]" * 500 + b"}"
    with pytest.raises(Unreadable, match="nested too deep"):
        VK.read(deep)


WRONG = [
    (event(from_id=True), "object.from_id must be a whole number."),
    (event(peer_id=None), "object.peer_id must be a whole number."),
    (event(attachments={}), "object.attachments must be a list."),
    (event(attachments=[{"type": "photo"}]), r"object.attachments\[0\].photo must be an object."),
    (event(fwd_messages=["x"]), r"object.fwd_messages\[0\] must be an object."),
    (event(geo={"type": "point", "coordinates": "59 30"}), "object.geo.coordinates must be an object."),
    (event() | {"object": {"message": []}}, "object.message must be an object."),
    (event() | {"event_id": ""}, "event_id must be an id of 1 to 256 characters."),
    (event() | {"event_id": 1.5}, "event_id must be a whole number."),
]


@pytest.mark.parametrize(("body", "reason"), WRONG)
def test_a_wrong_type_is_unreadable_and_names_its_place(body: dict[str, Any], reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        read(body)


MADE = [
    event(attachments=[{"type": kind, kind: fields} for kind, fields, _ in ATTACHED]),
    event(fwd_messages=[nested(4)], reply_message={"from_id": 7}, action={"type": "chat_invite_user"}),
    event(peer_id=2000000001, payload={"a": 1}, geo={"coordinates": {"latitude": 1, "longitude": 2}}),
    event("message_reaction_event", reacted_id=7, cmid=5, reaction_id=4),
    event("user_unblock", user_id=7),
]


@given(body=spoiled([*readable(BODIES), *MADE]))
@settings(max_examples=400, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_spoiled_event_reads_or_is_unreadable_and_nothing_else(body: bytes) -> None:
    reads_or_refuses(VK, body)


@given(body=spoiled(readable(BODIES)) | st.binary(max_size=64))
@settings(max_examples=200, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_spoiled_proof_is_right_wrong_or_unreadable_and_nothing_else(body: bytes) -> None:
    try:
        VK.verify({}, body)
    except (NotAuthentic, BadInput):
        return
    assert orjson.loads(body)["secret"].encode() == SECRET


@pytest.mark.parametrize("name", sorted((set(MEANINGS) | {"92_bad_no_type"}) - {"02_confirmation_minimal_no_secret"}))
def test_a_recorded_event_is_authentic(name: str) -> None:
    VK.verify({}, recorded("vk", name))


def test_a_wrong_secret_and_a_wrong_group_are_told_the_same() -> None:
    answers = set()
    for name in FORGED:
        with pytest.raises(NotAuthentic) as refused:
            VK.verify({}, recorded("vk", name))
        answers.add(str(refused.value))
    assert len(answers) == 1


def test_a_missing_secret_is_not_authentic() -> None:
    with pytest.raises(NotAuthentic):
        VK.verify({}, recorded("vk", "02_confirmation_minimal_no_secret"))


@pytest.mark.parametrize("secret", [None, 5, True, ["pulse_demo_secret_Q7"], {}, "é", ""])
def test_a_secret_of_any_shape_is_only_wrong(secret: object) -> None:
    with pytest.raises(NotAuthentic):
        VK.verify({}, orjson.dumps(event() | {"secret": secret}))


@pytest.mark.parametrize("group", [None, 1, True, "219900124", 219900123.5, [219900123]])
def test_a_group_of_any_shape_is_only_wrong(group: object) -> None:
    with pytest.raises(NotAuthentic):
        VK.verify({}, orjson.dumps(event() | {"secret": SECRET.decode(), "group_id": group}))


def test_a_source_without_a_secret_asks_for_none() -> None:
    Vk(account("219900123")).verify({}, recorded("vk", "02_confirmation_minimal_no_secret"))


@pytest.mark.parametrize("name", ["94_bad_array", "95_bad_truncated"])
def test_a_proof_inside_a_body_that_is_no_object_is_bad_input(name: str) -> None:
    with pytest.raises(BadInput):
        VK.verify({}, recorded("vk", name))


def test_the_answer_is_the_word_vk_waits_for() -> None:
    assert VK.answer == ("text/plain", b"ok")
