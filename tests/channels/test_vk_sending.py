"""Sending by VK, over real sockets: what leaves, what comes back as the message's id, and that a repeat counts once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx2
import pytest

from pulse.channels import FILES, Capabilities, File, Located, Outgoing, Profile
from pulse.channels.calls import BadPiece, CallFailed, MaybeSent, NeverDelivered, NotNow, SourceInTrouble
from pulse.channels.vk import Vk
from tests.channels.recorded import account
from tests.fakes.vk import SEND, FakeVk
from tests.fakes.vk_moods import as_json, bad_gateway, error, hang_up, hold, recorded, says

MARINA = 615550142
HELLO = Outgoing(str(MARINA), 1483920571, "Good day")
CAT = File("photo", "cat.png", "image/png", b"\x89PNG\r\n\r\n--\x00cat")
BILL = File("document", "Счёт №42.pdf", "application/pdf", b"%PDF-1.7\r\n")
VOICE = File("voice", "voice.ogg", "audio/ogg", b"OggS")
PHOTO = "photo-219900123_457239333_b1a2c3d4e5f6071829"
DOCUMENT = "doc-219900123_681400001"
PHOTO_CALLS = ["photos.getMessagesUploadServer", "upload.photo", "photos.saveMessagesPhoto", SEND]
DOCUMENT_CALLS = ["docs.getMessagesUploadServer", "upload.doc", "docs.save", SEND]


def methods(fake: FakeVk) -> list[str]:
    return [call.method for call in fake.calls]


def test_what_vk_can_carry() -> None:
    assert Vk.capabilities == Capabilities(
        text_limit=4096, caption_limit=4096, file_limit=200 * 2**20, kinds=FILES, receipts=True, typing=True,
        per_second=20, per_peer=20, per_group_minute=1200, repeat_seconds=3600, profiles=True,
    )  # fmt: skip


async def test_a_piece_is_one_call_and_its_id_is_the_number_that_echoes_name(vk: Vk, fake_vk: FakeVk) -> None:
    assert await vk.send(HELLO) == "41"
    [said] = fake_vk.messages
    assert (said.peer, said.text, said.random_id, said.number) == (MARINA, "Good day", 1483920571, 41)
    assert fake_vk.fields_of() == [{
        "v": "5.199", "peer_ids": str(MARINA), "random_id": "1483920571", "message": "Good day",
        "disable_mentions": "1",
    }]  # fmt: skip


async def test_the_recorded_answer_names_the_message(vk: Vk, fake_vk: FakeVk) -> None:
    fake_vk.next(says(as_json(recorded("messages_send_peer_ids_ok"))))
    assert await vk.send(HELLO) == "52"


@pytest.mark.parametrize("answer", [
    recorded("messages_send_peer_id_ok"),
    {"response": [{"peer_id": MARINA, "message_id": 2312, "conversation_message_id": 0}]},
    {"response": [{"peer_id": MARINA, "message_id": 2312}]},
])  # fmt: skip
async def test_a_message_without_its_number_was_sent_all_the_same(
    vk: Vk, fake_vk: FakeVk, answer: dict[str, Any]
) -> None:
    fake_vk.next(says(as_json(answer)))
    assert await vk.send(HELLO) is None


async def test_a_plain_piece_leaves_links_alone(vk: Vk, fake_vk: FakeVk) -> None:
    await vk.send(replace(HELLO, plain=True))
    assert fake_vk.fields_of()[0]["dont_parse_links"] == "1"


async def test_text_of_any_kind_arrives_as_it_is(vk: Vk, fake_vk: FakeVk) -> None:
    odd = "a&b=c;%20+\n\u2028 ❤️‍🔥 [id1|Vera] <b>" + "я" * 4000
    await vk.send(replace(HELLO, text=odd))
    assert fake_vk.seen_in(MARINA) == [odd]


@pytest.mark.parametrize("peer", [2_000_000_017, -5, 7])
async def test_groups_and_communities_are_written_to_as_people_are(vk: Vk, fake_vk: FakeVk, peer: int) -> None:
    assert await vk.send(replace(HELLO, peer=str(peer))) == "41"
    assert fake_vk.seen_in(peer) == ["Good day"]


# Once


async def test_the_same_piece_again_is_the_same_message(vk: Vk, fake_vk: FakeVk) -> None:
    fake_vk.next(hang_up(), bad_gateway(taken=True), error(10))
    for _ in range(3):
        with pytest.raises(MaybeSent):
            await vk.send(HELLO)
    assert await vk.send(HELLO) == await vk.send(HELLO) == "41"
    assert fake_vk.seen_in(MARINA) == ["Good day"]


async def test_the_same_piece_is_one_message_though_its_file_goes_up_twice(vk: Vk, fake_vk: FakeVk) -> None:
    piece = replace(HELLO, file=CAT)
    fake_vk.next(hang_up(), method=SEND)
    with pytest.raises(MaybeSent):
        await vk.send(piece)
    assert await vk.send(piece) == "41"
    assert methods(fake_vk) == 2 * PHOTO_CALLS
    assert [said.attachment for said in fake_vk.messages] == [PHOTO]


async def test_the_same_piece_in_another_dialogue_is_another_message(vk: Vk, fake_vk: FakeVk) -> None:
    assert await vk.send(HELLO) == await vk.send(replace(HELLO, peer="7")) == "41"
    assert len(fake_vk.messages) == 2


async def test_vk_forgets_after_an_hour_and_after_a_hundred_messages(vk: Vk, fake_vk: FakeVk) -> None:
    """What the fake promises to tests of whoever repeats."""
    now = 0.0
    fake_vk.clock = lambda: now
    await vk.send(HELLO)
    now = 3599.0
    await vk.send(HELLO)
    assert len(fake_vk.messages) == 1
    now = 3600.0
    await vk.send(HELLO)
    assert len(fake_vk.messages) == 2
    for number in range(100):
        now += 0.1
        await vk.send(replace(HELLO, random_id=number + 1))
    await vk.send(HELLO)
    assert len(fake_vk.messages) == 103


async def test_vk_takes_twenty_calls_a_second(vk: Vk, fake_vk: FakeVk) -> None:
    now = 0.0
    fake_vk.clock = lambda: now
    for number in range(20):
        await vk.send(replace(HELLO, random_id=number + 1))
    with pytest.raises(NotNow) as raised:
        await vk.send(HELLO)
    assert (raised.value.after, raised.value.whole_source) == (1, True)
    now = 1.0
    assert await vk.send(HELLO) == "61"
    assert len(fake_vk.messages) == 21


# Files


async def test_a_photo_goes_up_and_is_named_in_the_message(vk: Vk, fake_vk: FakeVk) -> None:
    assert await vk.send(replace(HELLO, file=CAT)) == "41"
    assert methods(fake_vk) == PHOTO_CALLS
    [upload], [said] = fake_vk.uploads, fake_vk.messages
    assert (upload.key, upload.name, upload.mime, upload.content) == ("photo", "cat.png", "image/png", CAT.content)
    assert (said.text, said.attachment) == ("Good day", PHOTO)
    saved = fake_vk.fields_of("photos.saveMessagesPhoto")[0]
    assert {key: saved[key] for key in ("photo", "server", "hash")} == {
        key: str(found) for key, found in recorded("photos_upload_ok").items()
    }


async def test_a_document_goes_up_under_its_name(vk: Vk, fake_vk: FakeVk) -> None:
    await vk.send(replace(HELLO, text="", file=BILL))
    assert methods(fake_vk) == DOCUMENT_CALLS
    [upload], [said] = fake_vk.uploads, fake_vk.messages
    assert (upload.key, upload.name, upload.mime, upload.content) == ("file", BILL.name, BILL.mime, BILL.content)
    assert (said.text, said.attachment) == ("", DOCUMENT)
    assert fake_vk.fields_of("docs.getMessagesUploadServer")[0]["type"] == "doc"
    assert fake_vk.fields_of("docs.save")[0]["title"] == BILL.name


async def test_a_voice_message_is_a_document_of_its_own_type(vk: Vk, fake_vk: FakeVk) -> None:
    await vk.send(replace(HELLO, text="", file=VOICE))
    assert fake_vk.fields_of("docs.getMessagesUploadServer")[0]["type"] == "audio_message"
    assert fake_vk.messages[0].attachment == DOCUMENT


@pytest.mark.parametrize("kind", sorted(FILES - {"photo", "voice"}))
async def test_every_other_file_is_a_document(vk: Vk, fake_vk: FakeVk, kind: str) -> None:
    await vk.send(replace(HELLO, file=replace(BILL, kind=kind)))
    assert fake_vk.fields_of("docs.getMessagesUploadServer")[0]["type"] == "doc"


async def test_a_photo_that_vk_cannot_read_goes_as_a_document_when_it_is_tried_plain(vk: Vk, fake_vk: FakeVk) -> None:
    fake_vk.next(says(as_json(recorded("photos_upload_empty_photo"))), method="upload.photo")
    with pytest.raises(BadPiece):
        await vk.send(replace(HELLO, file=CAT))
    await vk.send(replace(HELLO, file=CAT, plain=True))
    assert [said.attachment for said in fake_vk.messages] == [DOCUMENT]
    assert fake_vk.seen_in(MARINA) == ["Good day"]


async def test_a_voice_message_that_is_tried_plain_goes_as_a_document(vk: Vk, fake_vk: FakeVk) -> None:
    await vk.send(replace(HELLO, file=VOICE, plain=True))
    assert fake_vk.fields_of("docs.getMessagesUploadServer")[0]["type"] == "doc"


async def test_a_photo_too_large_for_one_goes_as_a_document(vk: Vk, fake_vk: FakeVk) -> None:
    await vk.send(replace(HELLO, file=replace(CAT, content=b"x" * (50 * 2**20 + 1))))
    assert methods(fake_vk) == DOCUMENT_CALLS
    assert len(fake_vk.uploads[0].content) == 50 * 2**20 + 1


@pytest.mark.parametrize("mime", ["", "image/png\r\nX: 1", "text/html; charset=utf-8", "é/é", "x" * 10])
async def test_an_odd_kind_of_file_is_only_bytes(vk: Vk, fake_vk: FakeVk, mime: str) -> None:
    await vk.send(replace(HELLO, file=replace(BILL, mime=mime)))
    assert fake_vk.uploads[0].mime == "application/octet-stream"


async def test_an_odd_file_name_stays_inside_its_quotes(vk: Vk, fake_vk: FakeVk) -> None:
    await vk.send(replace(HELLO, file=replace(BILL, name='a"b\r\nContent-Type: text/html\r\n\r\n.pdf')))
    assert (fake_vk.uploads[0].mime, fake_vk.uploads[0].content) == (BILL.mime, BILL.content)


async def test_a_full_upload_server_is_asked_again_later(vk: Vk, fake_vk: FakeVk) -> None:
    fake_vk.next(says(as_json(recorded("docs_upload_error"))), method="upload.doc")
    with pytest.raises(NotNow) as raised:
        await vk.send(replace(HELLO, file=BILL))
    assert not raised.value.whole_source
    await vk.send(replace(HELLO, file=BILL))
    assert len(fake_vk.messages) == 1


async def test_a_file_that_vk_does_not_take_is_a_bad_piece(vk: Vk, fake_vk: FakeVk) -> None:
    fake_vk.next(says(b'{"error":"not_allowed"}'), method="upload.doc")
    with pytest.raises(BadPiece):
        await vk.send(replace(HELLO, file=BILL))


async def test_a_file_too_large_for_vk_is_never_delivered(vk: Vk, fake_vk: FakeVk) -> None:
    fake_vk.next(says(b"", 413), method="upload.doc")
    with pytest.raises(NeverDelivered):
        await vk.send(replace(HELLO, file=BILL))


@pytest.mark.parametrize("method", PHOTO_CALLS[:3])
@pytest.mark.parametrize("mood", [hang_up(), bad_gateway(), says(b"{}"), says(b'{"response":[]}'), error(1), error(10)])
async def test_before_the_message_is_asked_for_nothing_can_have_arrived(
    vk: Vk, fake_vk: FakeVk, method: str, mood: Any
) -> None:
    fake_vk.next(mood, method=method)
    with pytest.raises(NotNow):
        await vk.send(replace(HELLO, file=CAT))
    assert fake_vk.fields_of(SEND) == []


async def test_an_upload_without_an_answer_is_one_to_repeat(vk: Vk, fake_vk: FakeVk) -> None:
    fake_vk.next(hold(), method="upload.doc")
    async with httpx2.AsyncClient(timeout=0.3) as hasty:
        with pytest.raises(NotNow):
            await Vk(vk.account, hasty).send(replace(HELLO, file=BILL))


@pytest.mark.parametrize(("code", "ended"), [(5, SourceInTrouble), (901, NeverDelivered), (6, NotNow)])
async def test_a_refusal_while_the_file_goes_up_is_a_refusal(
    vk: Vk, fake_vk: FakeVk, code: int, ended: type[CallFailed]
) -> None:
    fake_vk.next(error(code), method="photos.saveMessagesPhoto")
    with pytest.raises(ended) as raised:
        await vk.send(replace(HELLO, file=CAT))
    assert raised.value.provider_code == str(code)


FOREIGN = [
    "https://evil.example/upload", "https://vk.com.evil.example/", "https://evilvk.com/", "https://pu.vk.com@evil.example/",
    "http://169.254.169.254/", "file:///etc/passwd", "ftp://pu.vk.com/", "//pu.vk.com/", "https://[", "", "no address",
]  # fmt: skip


@pytest.mark.parametrize("address", FOREIGN)
async def test_no_file_goes_to_a_host_that_is_not_vks(vk: Vk, fake_vk: FakeVk, address: str) -> None:
    fake_vk.next(says(as_json({"response": {"upload_url": address}})), method="docs.getMessagesUploadServer")
    with pytest.raises(NeverDelivered):
        await vk.send(replace(HELLO, file=BILL))
    assert fake_vk.uploads == []


async def test_vks_own_upload_servers_get_the_file_and_never_the_token() -> None:
    asked: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        name = request.url.path.rpartition("/")[2]
        known = {
            "docs.getMessagesUploadServer": "docs_getMessagesUploadServer_ok",
            "upload_doc.php": "docs_upload_ok",
            "docs.save": "docs_save_ok",
            SEND: "messages_send_peer_ids_ok",
        }
        return httpx2.Response(200, json=recorded(known[name]))

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer)) as http:
        assert await Vk(account(token=b"t0ken"), http).send(replace(HELLO, file=BILL)) == "52"
    assert [request.url.host for request in asked] == ["api.vk.ru", "pu.vk.com", "api.vk.ru", "api.vk.ru"]
    assert [request.headers.get("authorization") for request in asked] == ["Bearer t0ken", None, *2 * ["Bearer t0ken"]]


# Beside messages


async def test_typing_is_shown(vk: Vk, fake_vk: FakeVk) -> None:
    await vk.show_typing(str(MARINA))
    assert fake_vk.fields_of("messages.setActivity") == [{"v": "5.199", "peer_id": str(MARINA), "type": "typing"}]


@pytest.mark.parametrize(("mood", "ended"), [
    (hang_up(), NotNow), (bad_gateway(), NotNow), (error(6), NotNow), (error(5), SourceInTrouble),
    (error(901), NeverDelivered),
])  # fmt: skip
async def test_typing_and_asking_for_names_fail_as_sending_does(
    vk: Vk, fake_vk: FakeVk, mood: Any, ended: type[CallFailed]
) -> None:
    fake_vk.next(mood, mood)
    with pytest.raises(ended):
        await vk.show_typing(str(MARINA))
    with pytest.raises(ended):
        await vk.profile(str(MARINA))


async def test_a_person_has_a_name_and_a_screen_name(vk: Vk) -> None:
    assert await vk.profile(str(MARINA)) == Profile("Марина Ольхова", username="marina_demo")


async def test_who_vk_says_nothing_about_has_no_profile(vk: Vk) -> None:
    assert await vk.profile("5") is None


async def test_a_deleted_person_is_not_called_deleted(vk: Vk, fake_vk: FakeVk) -> None:
    [deleted] = recorded("users_get_deactivated")["response"]
    fake_vk.people[deleted["id"]] = deleted
    assert await vk.profile(str(deleted["id"])) is None


async def test_a_banned_person_still_has_a_name(vk: Vk, fake_vk: FakeVk) -> None:
    fake_vk.people[7] = {"id": 7, "first_name": " Vera ", "last_name": "", "deactivated": "banned"}
    assert await vk.profile("7") == Profile("Vera")


async def test_a_name_has_an_end(vk: Vk, fake_vk: FakeVk) -> None:
    fake_vk.people[7] = {"id": 7, "first_name": "V" * 1000, "last_name": "\n"}
    assert await vk.profile("7") == Profile("V" * 200)


async def test_a_community_is_asked_for_by_its_own_method(vk: Vk, fake_vk: FakeVk) -> None:
    fake_vk.people[-5] = {"id": 5, "name": "Book club", "screen_name": "bookclub", "type": "group"}
    assert await vk.profile("-5") == Profile("Book club", username="bookclub")
    assert await vk.profile("-6") is None


async def test_older_versions_list_communities_without_more_ado(vk: Vk, fake_vk: FakeVk) -> None:
    fake_vk.next(says(b'{"response":[{"id":5,"name":"Book club"}]}'))
    assert await vk.profile("-5") == Profile("Book club")


async def test_a_group_chat_is_nobody(vk: Vk, fake_vk: FakeVk) -> None:
    assert await vk.profile("2000000017") is None
    assert fake_vk.calls == []


# Files that came


PICTURE = "https://sun9-18.userapi.com/s/v1/ig2/a.jpg?quality=95"
HOSTS = ("vk.com", "*.vk.com", "vk.ru", "*.vk.ru", "*.userapi.com", "*.vkuser.net", "*.mycdn.me", "*.okcdn.ru")


@pytest.mark.parametrize("ref", [PICTURE, "https://vk.com/doc615550142_681220345?hash=4&dl=1", "https://pu.vk.ru/a"])
async def test_a_file_that_came_lies_at_its_reference_for_now(ref: str) -> None:
    found = await Vk(account()).locate(ref)
    assert found == Located(ref, hosts=HOSTS)
    assert ref not in repr(found)


async def test_a_source_that_is_pointed_elsewhere_may_have_its_files_there(vk: Vk, fake_vk: FakeVk) -> None:
    found = await vk.locate(f"{fake_vk.address}/a.jpg")
    assert found.hosts == (*HOSTS, "127.0.0.1")


@pytest.mark.parametrize(
    "ref", [*FOREIGN, "https://vk.com/video615550142_456240011_4db8", "http://sun9-18.userapi.com/a"]
)
async def test_what_is_no_file_of_vks_is_not_fetched(ref: str) -> None:
    with pytest.raises(NeverDelivered):
        await Vk(account()).locate(ref)
