"""V5 File handling."""

from __future__ import annotations

from uuid import uuid4

from pulse.channels.simulator import Simulator
from tests.conftest import Pulse
from tests.desk.test_files import a_file, get, upload
from tests.pictures import a_bomb
from tests.world import Desk, a_name, is_problem, vera_writes

PAGE = b"<html><script>alert(1)</script>"
NAME = '../../etc/"passwd\r\nX-Evil: 1.png'


async def test_v5_2_1_no_file_is_larger_than_can_be_dealt_with(shared: Pulse, desk: Desk) -> None:
    """As many bytes together as the channel takes, ten files at once, and other bodies 64 KiB; nothing of it is kept."""
    chat, limit = await vera_writes(shared, a_name()), Simulator.capabilities.file_limit
    before = await shared.house.log.last_position()
    half = ("half.bin", b"\0" * (limit // 2))
    assert (await upload(desk, chat, ("cat.txt", b"x"))).status_code == 201
    is_problem(await upload(desk, chat, half, half, ("more.bin", b"\0" * 99)), 413, "too-large")
    is_problem(await upload(desk, chat, *[("cat.txt", b"x")] * 11), 400, "not-an-upload")
    is_problem(await desk.reply("anna", chat, "x" * 70_000), 413, "too-large")
    assert await shared.house.log.last_position() == before


async def test_v5_2_6_a_picture_of_too_many_pixels_is_never_decoded(shared: Pulse, desk: Desk) -> None:
    """A few kilobytes that say they are gigabytes of pixels have no preview, and are bytes to be saved."""
    _, file = await a_file(desk, "cat.png", a_bomb())
    asked = await shared.http.get(f"/api/files/{file}?preview=1", headers=await desk.headers("anna"))
    is_problem(asked, 404, "no-preview")
    assert (await get(desk, file)).headers["content-disposition"].startswith("attachment")


async def test_v5_2_2_a_file_is_what_its_bytes_are(shared: Pulse, desk: Desk) -> None:
    """Neither its name nor what the caller says counts: a page called cat.png is no picture."""
    _, file = await a_file(desk, "cat.png", PAGE)
    answer = await get(desk, file)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment")


async def test_v5_2_4_one_person_brings_no_more_than_their_share(shared: Pulse, desk: Desk) -> None:
    """Uploads have a rate per person and ten files at once."""
    chat = await vera_writes(shared, a_name())
    answer = await upload(desk, chat, ("cat.txt", b"x"), who="boris")
    assert '"uploads";q=30' in answer.headers["ratelimit-policy"]


async def test_v5_3_1_what_was_uploaded_is_not_at_any_public_place(shared: Pulse, desk: Desk) -> None:
    """Files are behind a sign-in and their chat's permission; nothing serves a folder."""
    _, file = await a_file(desk, "run.py", b"print(1)")
    is_problem(await shared.http.get(f"/api/files/{file}"), 401, "not-authentic")
    for address in (f"/files/{file}", f"/blobs/{file}", "/web/../etc/passwd", "/static/%2e%2e/%2e%2e/etc/passwd"):
        assert (await shared.http.get(address)).status_code == 404


async def test_v5_3_2_no_path_is_made_of_a_callers_name(shared: Pulse, desk: Desk) -> None:
    """Blobs go by their hash, files by an id; a name that climbs leads nowhere."""
    _, file = await a_file(desk, NAME, b"plain words")
    assert (await get(desk, file)).content == b"plain words"
    for odd in ("..%2f..%2fetc%2fpasswd", str(uuid4())):
        assert (await get(desk, odd)).status_code in (404, 422)


async def test_v5_4_1_and_2_a_name_is_encoded_where_it_is_served(shared: Pulse, desk: Desk) -> None:
    """Content-Disposition as RFC 6266 says, without control characters, quotes or a path."""
    _, file = await a_file(desk, NAME, b"plain words")
    answer = await get(desk, file)
    told = answer.headers["content-disposition"]
    assert "x-evil" not in answer.headers
    assert "/" not in told
    assert "filename*=UTF-8''" in told
    assert told.count('"') == 2
