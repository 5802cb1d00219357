"""Ranges and names of files, as HTTP has them."""

from __future__ import annotations

import pytest

from pulse.files.answers import Served, disposition, wanted_part

TAG = '"7"'


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("", (0, 10)), ("bytes=0-3", (0, 4)), ("bytes=0-", (0, 10)), ("bytes=4-100", (4, 10)), ("bytes=9-9", (9, 10)),
        ("bytes=-3", (7, 10)), ("bytes=-100", (0, 10)), ("bytes=10-", None), ("bytes=10-20", None), ("bytes=-0", None),
        ("bytes=0-1,3-4", (0, 10)), ("bytes=5-2", (0, 10)), ("lines=0-1", (0, 10)), ("bytes=-", (0, 10)),
        ("bytes=x-3", (0, 10)), ("bytes=" + "9" * 30 + "-", (0, 10)), ("bytes= 1 - 2", (1, 3)),
    ],
)  # fmt: skip
def test_one_range_is_a_part_and_anything_odd_is_the_whole(asked: str, part: tuple[int, int] | None) -> None:
    assert wanted_part({"range": asked}, TAG, 10) == part


def test_a_range_of_another_version_is_the_whole() -> None:
    assert wanted_part({"range": "bytes=0-1", "if-range": TAG}, TAG, 10) == (0, 2)
    for other in ('"8"', f"W/{TAG}", "Sat, 21 Nov 2026 09:30:00 GMT"):
        assert wanted_part({"range": "bytes=0-1", "if-range": other}, TAG, 10) == (0, 10)


def test_of_an_empty_file_there_is_no_part() -> None:
    assert wanted_part({}, TAG, 0) == (0, 0)
    assert wanted_part({"range": "bytes=0-"}, TAG, 0) is None


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("cat.jpg", "attachment; filename=\"cat.jpg\"; filename*=UTF-8''cat.jpg"),
        ("счёт 1.pdf", "attachment; filename=\"____ 1.pdf\"; filename*=UTF-8''%D1%81%D1%87%D1%91%D1%82%201.pdf"),
        (
            'a"; x="b\r\n.html',
            "attachment; filename=\"a__ x__b__.html\"; filename*=UTF-8''a%22%3B%20x%3D%22b%0D%0A.html",
        ),
    ],
)
def test_a_name_cannot_get_out_of_its_header(name: str, said: str) -> None:
    assert disposition(Served("b", 1, "x", name, "t")) == said
