"""Multipart bodies, whole and broken, piece by piece."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from starlette.requests import Request

from pulse.blobs import GATHERED, Blobs
from pulse.errors import BadInput, TooLarge
from pulse.files.uploads import (
    AROUND,
    AT_ONCE,
    PARTS,
    NotAnUpload,
    NotThisType,
    Rules,
    Uploaded,
    clean_name,
    take_uploads,
)
from tests.pictures import a_png

PNG = a_png()
USUAL = Rules(10**6)


def part(content: bytes, disposition: str = 'form-data; name="file"; filename="cat.png"') -> bytes:
    head = f"--B\r\nContent-Disposition: {disposition}\r\nContent-Type: text/html\r\n\r\n"
    return head.encode() + content + b"\r\n"


def body(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--B--\r\n"


async def upload(
    place: Path, sent: bytes, rules: Rules = USUAL, *, step: int = 1000, kind: str = "multipart/form-data; boundary=B"
) -> list[Uploaded]:  # fmt: skip
    pieces = [sent[at : at + step] for at in range(0, len(sent), step)]

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": pieces.pop(0) if pieces else b"", "more_body": bool(pieces)}

    scope = {"type": "http", "method": "POST", "path": "/", "headers": [(b"content-type", kind.encode())]}
    return await take_uploads(Request(scope, receive), Blobs(place), rules)  # type: ignore[arg-type]


def left(place: Path) -> list[str]:
    return [file.name for file in place.rglob("*") if file.is_file()]


@pytest.mark.parametrize("step", [1, 7, 1000])
async def test_files_are_read_whatever_the_pieces(tmp_path: Path, step: int) -> None:
    words = part(b"no file", 'form-data; name="text"')
    named = part("привет".encode(), 'form-data; name="f"; filename="../a b.txt"')
    found = await upload(tmp_path, body(part(PNG), words, named), step=step)
    assert [(one.name, one.kind, one.mime, one.size) for one in found] == [
        ("cat.png", "photo", "image/png", len(PNG)),
        ("a b.txt", "document", "text/plain", 12),
    ]
    assert await Blobs(tmp_path).read(found[0].sha256) == PNG


@pytest.mark.parametrize(
    "sent",
    [b"", b"no multipart", body(), body(part(b"x", 'form-data; name="text"')), part(PNG), body(part(PNG))[:-20],
     body(*[part(b"x")] * (AT_ONCE + 1)), b"--B\r\n" + b"X" * 100_000, b"--B\r\nNo colon\r\n\r\nx\r\n--B--\r\n"],
    ids=["nothing", "words", "no parts", "no file", "no end", "cut", "too many", "a header without end", "a broken one"],
)  # fmt: skip
async def test_what_is_no_upload_is_refused_and_leaves_nothing_half(tmp_path: Path, sent: bytes) -> None:
    with pytest.raises(NotAnUpload):
        await upload(tmp_path, sent)
    assert not list((tmp_path / GATHERED).glob("*"))


@pytest.mark.parametrize(
    "kind", ["", "application/json", "multipart/form-data", f"multipart/form-data; boundary={'x' * 71}"]
)
async def test_another_kind_of_body_is_refused(tmp_path: Path, kind: str) -> None:
    with pytest.raises(NotAnUpload):
        await upload(tmp_path, body(part(PNG)), kind=kind)


async def test_files_together_are_no_larger_than_the_limit(tmp_path: Path) -> None:
    assert await upload(tmp_path, body(part(b"x" * 60), part(b"y" * 40)), Rules(100))
    with pytest.raises(TooLarge):
        await upload(tmp_path, body(part(b"x" * 60), part(b"z" * 41)), Rules(100))
    with pytest.raises(NotThisType):
        await upload(tmp_path, body(part(PNG)), Rules(0))


@pytest.mark.parametrize("step", [1000, 70_000])
async def test_every_byte_of_a_body_counts_whatever_it_says_it_is(tmp_path: Path, step: int) -> None:
    words = 'form-data; name="text"'
    nothing = b"\0" * AROUND
    for sent in (
        body(part(PNG), part(nothing, words)), body(part(PNG)) + nothing, body(part(PNG), *[part(b"", words)] * PARTS)
    ):  # fmt: skip
        with pytest.raises(TooLarge):
            await upload(tmp_path, sent, Rules(len(PNG)), step=step)
    assert await upload(tmp_path, body(part(b"\0" * 1000, words), part(PNG)), Rules(len(PNG)), step=step)


async def test_only_types_on_the_list_are_kept_whatever_they_are_called(tmp_path: Path) -> None:
    rules = Rules(10**6, types=("image/*", "application/pdf"))
    assert await upload(tmp_path, body(part(PNG)), rules)
    before = left(tmp_path)
    for content in (b"MZ\x90\0 a program", b"<script>alert(1)</script>", b"words", b"\0\1"):
        with pytest.raises(NotThisType):
            await upload(tmp_path, body(part(content)), rules)
    assert left(tmp_path) == before


@pytest.mark.parametrize(
    ("mime", "kinds", "kind"),
    [
        ("image/png", {"photo", "document"}, "photo"), ("image/gif", {"photo", "document"}, "document"),
        ("image/png", {"document"}, "document"), ("video/mp4", {"video"}, "video"), ("audio/ogg", {"document"}, "document"),
        ("text/html", {"document"}, "document"),
    ],
)  # fmt: skip
def test_a_file_goes_out_as_what_the_channel_takes(mime: str, kinds: set[str], kind: str) -> None:
    assert Rules(1, frozenset(kinds)).kind_of(mime) == kind


def test_a_channel_without_documents_refuses_them() -> None:
    with pytest.raises(NotThisType):
        Rules(1, frozenset({"photo"})).kind_of("application/pdf")


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("cat.jpg", "cat.jpg"), ("../../etc/passwd", "passwd"), ("C:\\x\\y.txt", "y.txt"), ("", "file"), (" . ", "file"),
        ("a\0b\r\n.txt", "ab.txt"), ("gnp.\u202eexe.png", "gnp.exe.png"), ("x" * 200 + ".pdf", "x" * 146 + ".pdf"),
        ("e\u0301.txt", "é.txt"), (".htaccess", "htaccess"),
    ],
)  # fmt: skip
def test_a_name_is_a_name_and_nothing_else(name: str, clean: str) -> None:
    assert clean_name(name) == clean


async def test_a_body_that_breaks_off_is_refused(tmp_path: Path) -> None:
    told: AsyncIterator[dict[str, object]] = _broken()

    async def receive() -> dict[str, object]:
        return await anext(told)

    scope = {"type": "http", "headers": [(b"content-type", b"multipart/form-data; boundary=B")]}
    with pytest.raises(BadInput):
        await take_uploads(Request(scope, receive), Blobs(tmp_path), Rules(100))  # type: ignore[arg-type]
    assert left(tmp_path) == []


async def _broken() -> AsyncIterator[dict[str, object]]:
    yield {"type": "http.request", "body": part(b"half")[:-10], "more_body": True}
    yield {"type": "http.disconnect"}
