"""`/docs`: one page with the guide and every address, which loads nothing and knows where it is."""

from __future__ import annotations

import re

import pytest
from starlette.requests import Request

from pulse.desk.docs import GUIDE, anchor_of, here, push_here
from pulse.desk.words import ENGLISH
from tests.conftest import Pulse
from tests.desk.test_pages import is_plain
from tests.desk.test_sign_in import a_cookie


async def test_the_docs_are_one_page_that_loads_nothing(shared: Pulse) -> None:
    page = await shared.http.get("/docs")
    is_plain(page)
    document = (await shared.http.get("/openapi.json")).json()
    for path, methods in document["paths"].items():
        for method in methods:
            assert f"{method.upper()} {path}" in page.text
    assert "Reading one's own write" in page.text  # the guide, too
    assert 'href="/openapi.json"' in page.text
    assert not re.search(r"<script|<link|<img|<iframe|src=|@import|url\(|\son\w+=", page.text)


async def test_the_contents_lead_to_every_part(shared: Pulse) -> None:
    text = (await shared.http.get("/docs")).text
    ids = re.findall(r'\sid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    linked = re.findall(r'href="#([^"]+)"', text)
    assert set(linked) <= set(ids)
    parts = re.findall(r"^## (.+)$", GUIDE.read_text(), re.MULTILINE)
    assert linked == [*map(anchor_of, parts), "all-addresses"]
    for heading in re.findall(r"^###? (.+)$", GUIDE.read_text(), re.MULTILINE):
        assert anchor_of(heading) in ids


async def test_the_lines_name_the_address_that_they_are_served_from(shared: Pulse) -> None:
    """Also of the push door, which has a port of its own."""
    port, push = shared.house.settings.http_port, shared.house.settings.push_port
    for host in (f"127.0.0.1:{port}", "pulse.example", f"[::1]:{port}"):
        text = (await shared.http.get("/docs", headers={"Host": host})).text
        assert f"curl -sS {host}/api/users/login" in text
        assert f"ws://{host.removesuffix(f':{port}')}:{push}/channel/ws" in text
        assert "localhost:8000" not in text


def asked_at(host: str) -> Request:
    return Request({"type": "http", "headers": [(b"host", host.encode())]})


def test_behind_tls_the_lines_say_so() -> None:
    request = asked_at("chat.example.org")
    assert here(request, secure=True) == "https://chat.example.org"
    assert push_here(request, 8001, secure=True) == "wss://chat.example.org"


@pytest.mark.parametrize("host", ['"><script>', "a b", "", "a/b", "x" * 300])
def test_a_host_that_is_none_is_not_repeated(host: str) -> None:
    assert here(asked_at(host), secure=False) == "localhost:8000"
    assert push_here(asked_at(host), 8001, secure=True) == "ws://localhost:8001"


async def test_the_docs_have_the_ways_on_of_every_page(shared: Pulse) -> None:
    assert 'href="/login"' in (await shared.http.get("/docs")).text
    page = await shared.http.get("/docs", headers=await a_cookie(shared) | {"Accept-Language": "ru"})
    assert '<html lang="ru">' in page.text
    assert '<article lang="en">' in page.text
    assert 'action="/logout"' in page.text
    assert ENGLISH["contents"] in (await shared.http.get("/docs")).text


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [("With Telegram and VK ID", "with-telegram-and-vk-id"), ("Canned replies, drafts", "canned-replies-drafts")],
)
def test_anchors_are_those_that_github_makes(heading: str, anchor: str) -> None:
    assert anchor_of(heading) == anchor
