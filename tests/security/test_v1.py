"""V1 Encoding and sanitization."""

from __future__ import annotations

import json

import orjson
import pytest

from pulse.errors import BadInput
from pulse.http import json_object
from pulse.outside import is_out_there
from tests.conftest import Pulse
from tests.desk.test_files import a_file, get
from tests.desk.test_sign_in import sign_in
from tests.world import Desk, a_name, is_problem, rows, settled, vera_writes

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script></svg>'
SCRIPT = '"><script>alert(1)</script>'


async def test_v1_2_1_texts_in_pages_are_encoded_for_html(shared: Pulse) -> None:
    """What a caller sends comes back into a page as text, never as markup."""
    page = await shared.http.get("/login", params={"next": SCRIPT})
    assert "<script" not in page.text
    assert "&lt;script&gt;" in page.text


async def test_v1_2_2_addresses_made_of_what_callers_send_stay_ours(shared: Pulse) -> None:
    """Where a form leads after signing in is an address of ours, whatever it was asked for."""
    answer = await sign_in(shared)
    assert answer.status_code == 200
    shared.http.cookies.clear()
    page = await shared.http.get("/dashboard", params={"next": "javascript:alert(1)"})
    assert page.headers["location"] == "/login?next=/dashboard"


@pytest.mark.parametrize("text", ["'; drop table read.inbox; --", "x' or '1'='1", "%' union select 1 --"])
async def test_v1_2_4_words_never_become_sql(shared: Pulse, desk: Desk, text: str) -> None:
    """Statements take parameters: a customer who is called so is found by that name, and nothing else happens."""
    peer = a_name()
    await vera_writes(shared, peer, text, name=text)
    await settled(shared)
    found = (
        await shared.http.get("/api/customers", params={"name": text}, headers=await desk.headers("admin"))
    ).json()["items"]
    assert peer in [row["peer"] for row in found]
    assert await rows(shared, "select 1 from read.inbox limit 1")


async def test_v1_3_4_a_picture_that_is_a_program_is_never_shown(shared: Pulse, desk: Desk) -> None:
    """An SVG, whatever it is called, is bytes to be saved in a sandbox, and no picture is made of it."""
    for name in ("cat.svg", "cat.png"):
        _, file = await a_file(desk, name, SVG)
        answer = await get(desk, file)
        assert answer.content == SVG
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"].startswith("attachment")
        assert "sandbox" in answer.headers["content-security-policy"]
        asked = await shared.http.get(f"/api/files/{file}?preview=1", headers=await desk.headers("anna"))
        is_problem(asked, 404, "no-preview")


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "64:ff9b::7f00:1", "2002:7f00:1::"]
)
def test_v1_3_6_addresses_inside_are_never_called(address: str) -> None:
    """Calls to addresses that others chose go to public machines only, judged after resolving."""
    assert not is_out_there(address)


@pytest.mark.parametrize("odd", [b'{"a": NaN}', b'{"a": "\xff"}', b'\xef\xbb\xbf{"a": 1}', b'{"a": "\\ud800"}'])
def test_v1_5_3_bodies_that_parsers_read_differently_are_refused(odd: bytes) -> None:
    """One strict parser reads every body: what others take in other ways (NaN, lone surrogates, a BOM) is refused."""
    with pytest.raises(BadInput):
        json_object(odd)
    assert json.loads(b'{"a": 1, "a": 2}') == orjson.loads(b'{"a": 1, "a": 2}')
