"""`/broadcasting/…` as pusher-js and Laravel Echo ask it, and many channels at once."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from structlog.testing import capture_logs

from pulse import demo
from pulse.access import may_watch
from pulse.aggregates.moderator import moderator_id
from pulse.desk.broadcasting import BATCHES_AT_ONCE
from pulse.eventlog.store import EventStore
from tests.conftest import Pulse
from tests.desk.test_chats import a_stranger
from tests.world import SALES, SUPPORT, Desk, a_name, accounts, is_problem, vera_writes

ANNA, BORIS = (moderator_id(f"{name}@pulse.example") for name in ("anna", "boris"))
SOCKET = "1234.5678"
AUTH, BATCH, USER = "/broadcasting/auth", "/broadcasting/auth/batch", "/broadcasting/user-auth"


async def test_a_form_and_json_are_signed_alike(shared: Pulse, desk: Desk) -> None:
    channel = f"private-chat.{await vera_writes(shared, a_name())}"
    asked = {"socket_id": SOCKET, "channel_name": channel}
    anna = await desk.headers("anna")
    form = await shared.http.post(AUTH, data=asked, headers=anna)
    json = await shared.http.post(AUTH, json=asked, headers=anna)
    assert form.status_code == json.status_code == 200
    assert form.json() == json.json()


async def test_the_signature_is_the_one_the_socket_expects(shared: Pulse, desk: Desk) -> None:
    channel = f"private-chat.{await vera_writes(shared, a_name())}"
    told = (await desk.post("anna", AUTH, {"socket_id": SOCKET, "channel_name": channel})).json()
    assert orjson.loads(told["channel_data"])["user_id"] == str(ANNA)
    key, _, signature = told["auth"].partition(":")
    secret = shared.house.app.secret.encode()  # as it is printed: server libraries know nothing else
    signed = f"{SOCKET}:{channel}:{told['channel_data']}"
    assert key == shared.house.settings.push_key
    assert signature == hmac.new(secret, signed.encode(), hashlib.sha256).hexdigest()


async def test_everybody_may_follow_themselves_only(shared: Pulse, desk: Desk) -> None:
    for channel in ("private-moderator", "private-user"):
        own = {"socket_id": SOCKET, "channel_name": f"{channel}.{ANNA}"}
        assert (await desk.post("anna", AUTH, own)).status_code == 200
        is_problem(await desk.post("boris", AUTH, own), 403, "not-your-channel")
        is_problem(await desk.post("admin", AUTH, own), 403, "not-your-channel")


async def test_a_chat_of_another_department_is_not_yours(shared: Pulse, desk: Desk) -> None:
    chat, stranger = await vera_writes(shared, a_name()), await a_stranger(shared)
    for kind in ("private-chat", "presence-chat", "private-cache-chat", "presence-cache-chat"):
        asked = {"socket_id": SOCKET, "channel_name": f"{kind}.{chat}"}
        is_problem(await shared.http.post(AUTH, json=asked, headers=stranger), 403, "not-your-channel")
        assert (await desk.post("admin", AUTH, asked)).status_code == 200


async def test_a_departments_channel_is_for_its_members_and_admins(shared: Pulse, desk: Desk) -> None:
    department = await accounts(shared).create_department(a_name("Attic"))
    await shared.house.directory.wait_for(department.position)
    sales = {"socket_id": SOCKET, "channel_name": f"private-department.{SALES}"}
    for name in ("anna", "admin"):
        assert (await desk.post(name, AUTH, sales)).status_code == 200
    is_problem(await shared.http.post(AUTH, json=sales, headers=await a_stranger(shared)), 403, "not-your-channel")


async def test_what_everybody_may_hear_is_signed_for_everybody(shared: Pulse, desk: Desk) -> None:
    """The general room by both its names, and who is online."""
    for channel in ("chat", "private-chat", "presence-chat"):
        for headers in (await desk.headers("anna"), await a_stranger(shared)):
            asked = {"socket_id": SOCKET, "channel_name": channel}
            assert (await shared.http.post(AUTH, json=asked, headers=headers)).status_code == 200
        assert (await shared.http.post(AUTH, json=asked)).status_code == 401


@pytest.mark.parametrize("channel", ["presence-chat", f"private-user.{ANNA}"])
async def test_a_member_is_shown_by_name_and_nothing_more(shared: Pulse, desk: Desk, channel: str) -> None:
    told = (await desk.post("anna", AUTH, {"socket_id": SOCKET, "channel_name": channel})).json()
    said = orjson.loads(told["channel_data"])
    assert (said["user_id"], said["user_info"]) == (str(ANNA), {"name": "Anna"})
    assert set(said) == {"user_id", "user_info", "session"}
    assert "@" not in told["channel_data"]


async def test_an_encrypted_channel_comes_with_its_key_and_no_other_does(shared: Pulse, desk: Desk) -> None:
    """base64 of SHA-256 over the channel's name and the app's key of 32 bytes."""
    for channel in ("private-encrypted-campaign.17", "private-encrypted-cache-campaign.17"):
        told = (await desk.post("anna", AUTH, {"socket_id": SOCKET, "channel_name": channel})).json()
        key = shared.house.app.encryption_key
        assert len(key) == 32
        assert b64decode(told["shared_secret"]) == hashlib.sha256(channel.encode() + key).digest()
    plain = (await desk.post("anna", AUTH, {"socket_id": SOCKET, "channel_name": "private-campaign.17"})).json()
    assert set(plain) == {"auth", "channel_data"}
    hers = {"socket_id": SOCKET, "channel_name": f"private-encrypted-financial.{ANNA}"}
    assert (await desk.post("anna", AUTH, hers)).status_code == 200
    is_problem(await desk.post("admin", AUTH, hers), 403, "not-your-channel")


async def test_rooms_channels_are_signed_for_who_is_in_the_room(shared: Pulse, desk: Desk) -> None:
    for name in ("anna", "boris", "admin"):
        assert (await desk.post(name, AUTH, {"socket_id": SOCKET, "channel_name": "private-chat"})).status_code == 200
        for channel in (f"private-chat.{ANNA}.{BORIS}", f"private-chat.{BORIS}.{ANNA}"):
            answer = await desk.post(name, AUTH, {"socket_id": SOCKET, "channel_name": channel})
            assert answer.status_code == (403 if name == "admin" else 200)


async def test_producers_channels_are_for_whom_their_configurations_say(shared: Pulse, desk: Desk) -> None:
    for name in ("anna", "boris", "admin"):
        for channel in ("private-campaign.17", "presence-campaign.17", f"private-campaign.{uuid4()}"):
            assert (await desk.post(name, AUTH, {"socket_id": SOCKET, "channel_name": channel})).status_code == 200
    hers = {"socket_id": SOCKET, "channel_name": f"private-financial.{ANNA}"}
    assert (await desk.post("anna", AUTH, hers)).status_code == 200
    is_problem(await desk.post("boris", AUTH, hers), 403, "not-your-channel")
    is_problem(await desk.post("admin", AUTH, hers), 403, "not-your-channel")
    campaign = {"socket_id": SOCKET, "channel_name": "private-campaign.17"}
    assert (await shared.http.post(AUTH, data=campaign)).status_code == 401


@pytest.mark.parametrize(
    "channel",
    [
        "private-campaign", "private-campaign.", "campaign.17", "private-Campaign.17", "private-financial.17",
        "private-chat.", "news", "cache-news", f"presence-user.{ANNA}", f"private-department.{UUID(int=1)}", "private-department",
        f"presence-department.{SALES}", f"#server-to-user-{BORIS}", "#server-to-user-", "private-encrypted-source.1", "private-campaign.17:{}",
        f"private-cache-moderator.{BORIS}", f"presence-chat.{ANNA}.{BORIS}", f"private-encrypted-financial.{BORIS}",
        f"private-chat.{ANNA}.{ANNA}", f"private-chat.{BORIS}.{UUID(int=1)}", "private-chat.x", f"private-chat.{UUID(int=1)}", f"chat.{ANNA}", "", "private-encrypted-chat",
        f"private-source.{UUID(int=1)}", f"private-moderator.{BORIS}", f"PRIVATE-MODERATOR.{ANNA}", "private-chat.\0",
        f"private-moderator.{ANNA}.{BORIS}", "x" * 5000, f"private-moderator.{ANNA}:x", f"private-encrypted-user.{ANNA}",
        f"private-moderator.{ANNA.hex}", f"private-moderator.{{{ANNA}}}", f"private-moderator.{str(ANNA).upper()}",
    ],
)  # fmt: skip
async def test_any_other_channel_is_foreign(shared: Pulse, desk: Desk, channel: str) -> None:
    answer = await desk.post("anna", AUTH, {"socket_id": SOCKET, "channel_name": channel})
    is_problem(answer, 403, "not-your-channel")


@pytest.mark.parametrize(
    "socket", ["", "1234", "1.2.3", f"1.2:private-moderator.{BORIS}", "1.2\n", "a.b", "\u0661.\u0662", "1" * 70]
)
async def test_a_socket_id_that_could_pass_for_more_is_not_signed(shared: Pulse, desk: Desk, socket: str) -> None:
    """https://pusher.com/docs/channels/library_auth_reference: a colon in it would sign another channel."""
    answer = await desk.post("anna", AUTH, {"socket_id": socket, "channel_name": f"private-moderator.{ANNA}"})
    is_problem(answer, 400, "bad-input")


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b"null", b'{"socket_id": "1.2"}', b'{"socket_id": 1, "channel_name": 2}', b"\xff"]
)
@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded", "text/plain"])
async def test_a_body_that_asks_nothing_is_bad_input(shared: Pulse, desk: Desk, body: bytes, kind: str) -> None:
    headers = await desk.headers("anna") | {"Content-Type": kind}
    is_problem(await shared.http.post(AUTH, content=body, headers=headers), 400, "bad-input")
    if b"1.2" not in body:
        is_problem(await shared.http.post(USER, content=body, headers=headers), 400, "bad-input")


async def test_a_large_body_is_too_large(shared: Pulse, desk: Desk) -> None:
    for address in (AUTH, USER):
        answer = await shared.http.post(address, content=b"x" * 9000, headers=await desk.headers("anna"))
        is_problem(answer, 413, "too-large")


# Whose a socket is


async def test_a_user_is_signed_as_pusher_documents_it(shared: Pulse, desk: Desk) -> None:
    """https://pusher.com/docs/channels/library_auth_reference/auth-signatures/#user-authentication"""
    headers, asked = await desk.headers("anna"), {"socket_id": SOCKET}
    form = await shared.http.post(USER, data=asked, headers=headers)
    told = (await shared.http.post(USER, json=asked, headers=headers)).json()
    assert form.json() == told
    signed = f"{SOCKET}::user::{told['user_data']}"
    signature = hmac.new(shared.house.app.secret.encode(), signed.encode(), hashlib.sha256).hexdigest()
    assert told["auth"] == f"{shared.house.app.key}:{signature}"


async def test_a_user_is_told_by_id_and_name_with_their_session(shared: Pulse, desk: Desk) -> None:
    told = (await desk.post("anna", USER, {"socket_id": SOCKET})).json()["user_data"]
    said = orjson.loads(told)
    assert (said["id"], said["user_info"]) == (str(ANNA), {"name": "Anna"})
    channel = (await desk.post("anna", AUTH, {"socket_id": SOCKET, "channel_name": "private-chat"})).json()
    assert said["session"] == orjson.loads(channel["channel_data"])["session"]
    assert "@" not in told


async def test_one_watches_colleagues_a_hundred_at_most(shared: Pulse, desk: Desk) -> None:
    async def watched(name: str) -> list[str]:
        told = (await desk.post(name, USER, {"socket_id": SOCKET})).json()["user_data"]
        found: list[str] = orjson.loads(told)["watchlist"]
        return found

    directory = shared.house.directory
    for who in (ANNA, BORIS):
        person = directory.require_person(who)
        names = {str(one.id) for one in directory.active() if may_watch(person, one)}
        assert set(await watched("anna" if who == ANNA else "boris")) == names
    last = 0
    for number in range(101):
        last = (
            await accounts(shared).invite(
                f"{a_name('crowd')}@pulse.example", f"Crowd {number:03}", "moderator", (SUPPORT,), demo.PASSWORD
            )
        ).position
    await directory.wait_for(last)
    crowd = await watched("admin")
    assert len(crowd) == len(set(crowd)) == 100
    assert str(moderator_id("admin@pulse.example")) not in crowd


async def test_nobody_is_signed_as_anybody(shared: Pulse) -> None:
    assert (await shared.http.post(USER, data={"socket_id": SOCKET})).status_code == 401
    assert (await shared.http.post(BATCH, json={"socket_id": SOCKET, "channel_names": ["chat"]})).status_code == 401


# Many at once


async def test_many_channels_are_answered_in_their_order_each_for_itself(shared: Pulse, desk: Desk) -> None:
    chat = await vera_writes(shared, a_name())
    names = [
        f"private-chat.{chat}", f"private-user.{BORIS}", "presence-chat", "nonsense", f"presence-chat.{chat}",
        "private-encrypted-campaign.17", f"private-chat.{chat}",
    ]  # fmt: skip
    answer = await desk.post("anna", BATCH, {"socket_id": SOCKET, "channel_names": names})
    assert answer.status_code == 200
    found: list[dict[str, Any]] = answer.json()["channels"]
    assert [one["channel"] for one in found] == names
    assert [one["status"] for one in found] == [200, 403, 200, 403, 200, 200, 200]
    for one in found:
        alone = await desk.post("anna", AUTH, {"socket_id": SOCKET, "channel_name": one["channel"]})
        assert one["status"] == alone.status_code
        expected = {"code", "title"} if one["status"] == 403 else set(alone.json())
        told = {name: said for name, said in one.items() if name in expected}
        assert told == {name: said for name, said in alone.json().items() if name in expected}
        assert set(one) == expected | {"channel", "status"}


async def test_what_was_refused_among_many_is_written_down(shared: Pulse, desk: Desk) -> None:
    """Once, however many they were: who asked, not what for."""
    await desk.headers("anna")
    names = ["private-chat", f"private-user.{BORIS}", f"private-chat.{uuid4()}"]
    with capture_logs() as lines:
        assert (await desk.post("anna", BATCH, {"socket_id": SOCKET, "channel_names": names})).is_success
        assert (await desk.post("anna", BATCH, {"socket_id": SOCKET, "channel_names": names[:1]})).is_success
    [line] = [line for line in lines if line["event"] == "push.refused"]
    assert (line["account"], line["channels"], line["log_level"]) == (str(ANNA), 2, "warning")


async def test_a_chat_is_looked_at_once_however_many_channels_name_it(
    shared: Pulse, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    chats = [await vera_writes(shared, a_name()) for _ in range(2)]
    looks, look = [], EventStore.look

    async def counted(store: EventStore, kind: Any, which: UUID) -> Any:
        looks.append(which)
        return await look(store, kind, which)

    monkeypatch.setattr(EventStore, "look", counted)
    names = [f"{kind}-chat.{chat}" for chat in chats for kind in ("private", "presence", "private-cache")]
    answer = await desk.post("anna", BATCH, {"socket_id": SOCKET, "channel_names": [*names, "presence-chat"]})
    assert {one["status"] for one in answer.json()["channels"]} == {200}
    assert sorted(looks) == sorted(chats)


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"channel_names": ["chat"]}, "socket_id"),
        ({"socket_id": SOCKET}, "channel_names"),
        ({"socket_id": "1.2:private-chat", "channel_names": ["chat"]}, "socket_id"),
        ({"socket_id": "1.2\n", "channel_names": ["chat"]}, "socket_id"),
        ({"socket_id": SOCKET, "channel_names": []}, "channel_names"),
        ({"socket_id": SOCKET, "channel_names": ["chat"] * 101}, "channel_names"),
        ({"socket_id": SOCKET, "channel_names": ["chat", 1]}, "channel_names.1"),
        ({"socket_id": SOCKET, "channel_names": ["x" * 201]}, "channel_names.0"),
        ({"socket_id": SOCKET, "channel_names": ["chat"], "more": 1}, "more"),
    ],
)
async def test_what_is_no_batch_is_refused_whole(shared: Pulse, desk: Desk, asked: object, field: str) -> None:
    refused = is_problem(await desk.post("anna", BATCH, asked), 422, "invalid")
    assert [fault["field"] for fault in refused["errors"]] == [field]


async def test_batches_have_a_rate_of_their_own(shared: Pulse) -> None:
    """Every window of somebody's may come back at once; more than that is no window."""
    headers, asked = await a_stranger(shared), {"socket_id": SOCKET, "channel_names": ["chat"]}
    answers = [await shared.http.post(BATCH, json=asked, headers=headers) for _ in range(BATCHES_AT_ONCE + 20)]
    assert {answer.status_code for answer in answers[:BATCHES_AT_ONCE]} == {200}
    is_problem(answers[-1], 429, "too-often")
