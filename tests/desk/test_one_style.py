"""One style for the whole API: request ids, limits, other websites, and errors that show nothing of the inside."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from pulse.accounts import Accounts
from pulse.desk import guard as guards
from pulse.house import now
from pulse.limits import Rate
from pulse.push import stream_openapi
from tests.conftest import Pulse
from tests.promises import address_of_nothing, document
from tests.world import Desk, is_problem

ELSEWHERE = "https://elsewhere.example"
ADDRESSES = [
    (method.upper(), address_of_nothing(path)) for path, methods in document()["paths"].items() for method in methods
]
OF_THE_WIDGET = ("/api/widget/", "/chat/session")
# Read by the widget's pages, and by pages that talk as pusher-js does.
OF_STREAMS = {address_of_nothing(path) for path in stream_openapi.PATHS}
ANY_PAGE = "/pusher/app/"


@pytest.mark.parametrize(("method", "address"), ADDRESSES)
async def test_every_answer_names_its_request(shared: Pulse, method: str, address: str) -> None:
    answer = await shared.http.request(method, address, headers={"X-Request-Id": "order-17"})
    assert answer.headers["x-request-id"] == "order-17"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("method", "address"),
    [one for one in ADDRESSES if not one[1].startswith(OF_THE_WIDGET) and one[1] not in OF_STREAMS],
)
async def test_no_page_elsewhere_may_read_what_is_not_the_widgets(shared: Pulse, method: str, address: str) -> None:
    """Neither for a visitor's browser nor for one of ours, neither the answer nor the question before it."""
    for answer in await answers_elsewhere(shared, method, address):
        assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize(("method", "address"), [one for one in ADDRESSES if one[1] in OF_STREAMS])
async def test_streams_are_read_by_the_pages_of_sources_and_never_with_cookies(
    shared: Pulse, method: str, address: str
) -> None:
    """What pusher-js asks any page may read: without a signature it is told nothing."""
    any_page = address.startswith(ANY_PAGE)
    for origins, of_page in (("https://shop.example", None), (ELSEWHERE, ELSEWHERE)):
        await embed_only(shared, origins)
        for answer in await answers_elsewhere(shared, method, address):
            assert answer.headers.get("access-control-allow-origin") == ("*" if any_page else of_page)
            assert "access-control-allow-credentials" not in answer.headers
            assert "authorization" not in answer.headers.get("access-control-allow-headers", "")


async def embed_only(pulse: Pulse, origins: str) -> None:
    """From now on pages from there, and no others, show our widgets."""
    accounts = Accounts(pulse.house.store, pulse.house.vault, now)
    for source in [one for one in pulse.house.directory.sources() if one.channel == "web"]:
        changed = await accounts.change_source(source.id, settings={"origins": origins}, secrets={})
        await pulse.house.directory.wait_for(changed.position)


async def answers_elsewhere(pulse: Pulse, method: str, address: str) -> list[httpx2.Response]:
    """What a page elsewhere is answered: a stranger's, a moderator's, and before either is asked."""
    anna = await pulse.sign_in("anna")  # some of these end the session
    origin = {"Origin": ELSEWHERE}
    asks = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": "authorization"}
    return [
        await pulse.http.request(method, address, headers=origin),
        await pulse.http.request(method, address, headers=origin | anna),
        await pulse.http.options(address, headers=origin | asks),
    ]


async def test_an_error_that_nobody_foresaw_shows_nothing_of_the_inside(
    shared: Pulse, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = await desk.headers("anna")

    async def stumble(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("a secret of ours")

    monkeypatch.setattr("pulse.desk.chats.chat_list.page", stumble)
    async with httpx2.AsyncClient(base_url=shared.http.base_url) as unheld:  # the document promises no 500
        answer = await unheld.get("/api/chats", headers=headers)
    told = is_problem(answer, 500, "unforeseen")
    assert told.keys() == {"type", "title", "status", "code"}
    for inside in ("secret", "ZeroDivision", "Traceback", ".py"):
        assert inside not in answer.text
    assert answer.headers["x-request-id"]


async def test_one_person_has_a_limit_of_their_own(shared: Pulse, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert guards.AT_ONCE >= 100
    anna, boris = await desk.headers("anna"), await desk.headers("boris")
    answer = await shared.http.get("/api/users/me", headers=anna)
    assert f'"person";q={guards.AT_ONCE};w=' in answer.headers["ratelimit-policy"]
    assert '"person";r=' in answer.headers["ratelimit"]
    assert '"address";r=' in answer.headers["ratelimit"]
    scarce = Rate(per_second=0.01, burst=2, name="person")
    monkeypatch.setattr(Rate, "require", limited(scarce, Rate.require))
    told = [await shared.http.get("/api/users/me", headers=anna) for _ in range(3)]
    assert [answer.status_code for answer in told] == [200, 200, 429]
    assert int(told[-1].headers["retry-after"]) > 2
    assert (await shared.http.get("/api/users/me", headers=boris)).status_code == 200


def limited(scarce: Rate, before: Any) -> Any:
    """The person's rate is another one; the others stay."""
    return lambda rate, key: before(scarce if rate.name == "person" else rate, key)


async def test_an_address_with_a_slash_too_many_is_not_there_and_leads_nowhere_else(shared: Pulse, desk: Desk) -> None:
    for address in ("/api/chats/", "/api/tags/", "/api/rooms/"):
        is_problem(await desk.get("anna", address), 404, "not-found")
