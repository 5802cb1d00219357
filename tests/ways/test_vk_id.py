"""VK ID: its answer in both forms, errors with status 200, and a token that is its person's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from pulse.outside import NoAnswer
from pulse.ways import Flow, NotSignedIn
from pulse.ways.calls import Calls
from pulse.ways.vk_id import VkId, person_of, token_of
from tests.fakes.provider import MOODS, a_provider
from tests.fakes.vkid import FakeVkId, a_vk_id, recorded

BACK = "https://chat.example.org/auth/vk/callback"
QUERY, PAYLOAD = recorded("vkid_callback_query"), recorded("vkid_callback_payload_param")
TOKEN, USER = recorded("vkid_token_ok"), recorded("vkid_user_info_ok")
# The flow that the recorded answers belong to.
FLOW = Flow("vk", "oauth", QUERY["state"], "v" * 86, "", "", "", 0)
BORIS = "77100555"


@pytest.fixture
async def vk() -> AsyncIterator[FakeVkId]:
    async with a_vk_id() as fake:
        yield fake


def way_to(vk: FakeVkId) -> VkId:
    inside = frozenset({urlsplit(vk.address).netloc})
    return VkId(vk.client_id, vk.service_token.encode(), Calls(vk.address, inside))


def code_of(vk: FakeVkId, way: VkId, flow: Flow = FLOW) -> dict[str, str]:
    """As if somebody had agreed."""
    asked = {name: values[0] for name, values in parse_qs(urlsplit(way.address(flow, BACK)).query).items()}
    code = f"code-{len(vk.codes)}"
    vk.codes[code] = asked | {"device_id": QUERY["device_id"]}
    return QUERY | {"code": code}


@pytest.mark.parametrize("fields", [QUERY, PAYLOAD], ids=["query", "payload"])
def test_both_forms_of_the_answer_are_read(fields: dict[str, str]) -> None:
    way = VkId("53000000", b"", Calls("http://127.0.0.1:9", frozenset()))
    way.require_own(fields, FLOW)
    another = Flow.begin("vk", "oauth", goes_to="", session="", now=datetime.now(UTC))
    with pytest.raises(NotSignedIn):
        way.require_own(fields, another)


@pytest.mark.parametrize(
    "payload", ["", "[]", "null", "no JSON", "[" * 5000, '{"state": 5}', '{"state": null}', '{"code": "c"}']
)
def test_a_payload_that_is_none_is_refused(payload: str) -> None:
    way = VkId("53000000", b"", Calls("http://127.0.0.1:9", frozenset()))
    with pytest.raises(NotSignedIn):
        way.require_own({"payload": payload, "state": FLOW.state}, FLOW)


def test_the_recorded_answers_tell_who_it_is() -> None:
    token, external_id = token_of(TOKEN, FLOW)
    theirs = person_of(USER, external_id)
    assert (token, theirs.external_id, theirs.name) == ("vk2.a.demoAccess", BORIS, "Борис Лунин")


@pytest.mark.parametrize(
    "told",
    [
        recorded("vkid_token_error_in_200"), TOKEN | {"error": "invalid_grant"}, TOKEN | {"state": "another"},
        TOKEN | {"state": None}, TOKEN | {"access_token": ""}, TOKEN | {"access_token": 5}, TOKEN | {"user_id": None},
        TOKEN | {"user_id": True}, TOKEN | {"user_id": 0}, TOKEN | {"user_id": "-5"}, TOKEN | {"user_id": "077"},
        TOKEN | {"user_id": [5]}, {},
    ],
    ids=str,
)  # fmt: skip
def test_a_token_that_is_not_of_this_flow_is_refused(told: dict[str, Any]) -> None:
    with pytest.raises(NotSignedIn):
        token_of(told, FLOW)


@pytest.mark.parametrize(
    "told",
    [
        {"user": USER["user"] | {"user_id": "77100556"}}, {"user": USER["user"] | {"user_id": None}}, {"user": []},
        {"user": {}}, {}, {"error": "invalid_token"}, USER | {"error": "invalid_token"}, recorded("vk_legacy_token_ok"),
    ],
    ids=str,
)  # fmt: skip
def test_a_person_who_is_not_the_tokens_is_refused(told: dict[str, Any]) -> None:
    with pytest.raises(NotSignedIn):
        person_of(told, BORIS)


async def test_the_whole_way(vk: FakeVkId) -> None:
    way = way_to(vk)
    assert (await way.identify(code_of(vk, way), FLOW, BACK)).external_id == BORIS
    vk.other = 77100556
    with pytest.raises(NotSignedIn):
        await way.identify(code_of(vk, way), FLOW, BACK)


@pytest.mark.parametrize("lost", ["code", "device_id"])
async def test_code_and_device_are_both_needed(vk: FakeVkId, lost: str) -> None:
    way = way_to(vk)
    fields = code_of(vk, way)
    for wrong in ({**fields, lost: ""}, {**fields, lost: "x"}, {n: said for n, said in fields.items() if n != lost}):
        with pytest.raises(NotSignedIn):
            await way.identify(wrong, FLOW, BACK)


async def test_a_public_app_sends_no_service_token(vk: FakeVkId) -> None:
    vk.service_token = ""
    way = way_to(vk)
    assert (await way.identify(code_of(vk, way), FLOW, BACK)).external_id == BORIS


@pytest.mark.parametrize("mood", MOODS)
async def test_whatever_else_it_answers_nobody_is_signed_in(mood: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pulse.ways.calls.SECONDS", 0.5)
    async with a_provider(MOODS[mood]) as provider:
        way = VkId("7", b"a-service-token", Calls(provider.address, frozenset({urlsplit(provider.address).netloc})))
        with pytest.raises((NoAnswer, NotSignedIn)) as said:
            await way.identify(QUERY, FLOW, BACK)
        assert not any(hidden in repr(said.value) for hidden in (QUERY["code"], "a-service-token", FLOW.verifier))
        assert (said.value.__cause__, provider.drained) == (None, False)
