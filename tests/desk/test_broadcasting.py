"""`/broadcasting/auth` as pusher-js and Laravel Echo ask it."""

from __future__ import annotations

import hashlib
import hmac
from uuid import UUID, uuid4

import orjson
import pytest

from pulse.aggregates.moderator import moderator_id
from tests.conftest import Pulse
from tests.desk.test_chats import a_stranger
from tests.world import Desk, a_name, is_problem, vera_writes

ANNA, BORIS = (moderator_id(f"{name}@pulse.example") for name in ("anna", "boris"))
SOCKET = "1234.5678"
AUTH = "/broadcasting/auth"


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
    secret = shared.house.vault.derive_text("push").encode()
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
    asked = {"socket_id": SOCKET, "channel_name": f"private-chat.{await vera_writes(shared, a_name())}"}
    stranger = await a_stranger(shared)
    is_problem(await shared.http.post(AUTH, json=asked, headers=stranger), 403, "not-your-channel")
    assert (await desk.post("admin", AUTH, asked)).status_code == 200


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
        "private-chat.", "chat", f"private-chat.{ANNA}.{ANNA}", f"private-chat.{BORIS}.{UUID(int=1)}", "private-chat.x", f"private-chat.{UUID(int=1)}", f"chat.{ANNA}", "", "presence-chat",
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


async def test_a_large_body_is_too_large(shared: Pulse, desk: Desk) -> None:
    is_problem(await shared.http.post(AUTH, content=b"x" * 9000, headers=await desk.headers("anna")), 413, "too-large")
