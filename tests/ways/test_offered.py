"""Which ways there are: the first of a provider's, or the one that is named."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from pulse.house import now
from pulse.ways import Flow, ProviderOff, Way
from pulse.ways.calls import Calls
from pulse.ways.offered import Ways
from pulse.ways.telegram_oidc import TelegramOidc
from pulse.ways.telegram_widget import TelegramWidget
from pulse.ways.vk_id import VkId

CALLS = Calls("http://127.0.0.1:9", frozenset())
OIDC, WIDGET = TelegramOidc("7", b"s", now, CALLS), TelegramWidget(b"7:t", now)
VK = VkId("5", b"", CALLS)


def test_the_first_is_taken_unless_one_is_named() -> None:
    ways = Ways([OIDC, WIDGET, VK], "https://chat.example.org/")
    assert ways.find("telegram") is OIDC
    assert ways.find("telegram", "widget") is WIDGET
    assert ways.find("vk") is VK
    assert ways.back(VK) == "https://chat.example.org/auth/vk/callback"


@pytest.mark.parametrize(
    ("there", "provider", "method"),
    [([], "telegram", ""), ([VK], "telegram", ""), ([OIDC], "telegram", "widget"), ([WIDGET], "telegram", "oidc")],
    ids=["none", "vk", "oidc", "widget"],
)
def test_what_was_not_set_up_is_not_there(there: list[Way], provider: str, method: str) -> None:
    with pytest.raises(ProviderOff):
        Ways(there, "https://chat.example.org").find(provider, method)


@pytest.mark.parametrize("way", [OIDC, WIDGET, VK])
def test_a_way_shows_no_secret_where_it_sends_people(way: Way) -> None:
    flow = Flow.begin(way.name, way.method, goes_to="/x", session="the-session", now=now())
    address = way.address(flow, "https://chat.example.org/auth/x/callback")
    assert urlsplit(address).scheme in ("http", "https")
    assert not any(secret in address for secret in (flow.verifier, "the-session", "7:t", "7%3At"))
