"""Texts in pieces: nothing lost but blanks at the cuts, nothing too long, nobody's character in two."""

from __future__ import annotations

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from pulse import texts
from pulse.texts import length_in, split_text

FAMILY = "👨‍👩‍👧‍👦"  # four people, joined: one character, 11 UTF-16 units
FLAG = "🇫🇮"
ACUTE = "е\u0301"
UNITS = ("utf-16", "characters")

LETTERS = st.sampled_from(
    ["a", "ж", " ", "  ", "\n", "\r\n", ". ", "! ", "\xa0", " \u0301", FAMILY, FLAG, ACUTE, "🙏🏽"]
)
TEXTS = st.lists(LETTERS, max_size=60).map("".join) | st.text(max_size=60)


@pytest.mark.parametrize(
    ("text", "units", "length"),
    [("", "utf-16", 0), ("жук", "utf-16", 3), ("🙏", "utf-16", 2), ("🙏", "characters", 1), (FAMILY, "utf-16", 11)],
)
def test_a_text_is_as_long_as_its_channel_counts(text: str, units: str, length: int) -> None:
    assert length_in(text, units) == length


@pytest.mark.parametrize(
    ("text", "limit", "pieces"),
    [
        ("short", 5, ["short"]),
        ("  short\n", 8, ["  short\n"]),
        ("", 5, []),
        (" \n ", 2, []),
        ("one two. six\nten eleven", 16, ["one two. six", "ten eleven"]),
        ("one\r\ntwo", 5, ["one", "two"]),
        ("One two. Three four", 12, ["One two.", "Three four"]),
        ("one two three", 10, ["one two", "three"]),
        ("one two", 3, ["one", "two"]),
        ("a bbbbbbbbbb", 8, ["a", "bbbbbbbb", "bb"]),
        ("abcdefgh", 3, ["abc", "def", "gh"]),
        ("10\xa0000 roubles", 8, ["10\xa0000", "roubles"]),
        ("one   \n\n   two", 5, ["one", "two"]),
    ],
)
def test_a_text_is_cut_where_a_person_would(text: str, limit: int, pieces: list[str]) -> None:
    assert split_text(text, limit, "characters") == pieces


def test_a_later_sentence_goes_before_an_early_line() -> None:
    """So a greeting on a line of its own makes no message of its own."""
    assert split_text("Hi\nA long story. It goes on", 20, "characters") == ["Hi\nA long story.", "It goes on"]


@pytest.mark.parametrize("character", [FAMILY, FLAG, ACUTE, "🙏🏽", "\u1100\u1161\u11a8"])
@pytest.mark.parametrize("units", UNITS)
def test_no_character_is_cut(character: str, units: str) -> None:
    limit = 2 * length_in(character, units) + 1
    assert split_text(character * 5, limit, units) == [character * 2, character * 2, character]


def test_a_character_longer_than_the_limit_is_cut_between_code_points() -> None:
    pieces = split_text("e" + "\u0301" * 7 + "x", 4, "utf-16")
    assert pieces == ["e" + "\u0301" * 3, "\u0301" * 4, "x"]


def test_a_long_character_is_measured_point_by_point_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = 0

    def counted(text: str, units: str) -> int:
        nonlocal measured
        measured += len(text)
        return length_in(text, units)

    monkeypatch.setattr(texts, "length_in", counted)
    long = "e" + "\u0301" * 31_999
    assert "".join(split_text(long, 4096, "utf-16")) == long
    assert measured <= 4 * len(long)


def test_a_limit_counts_utf16_units_for_who_counts_them() -> None:
    assert split_text("🙏" * 5000, 4096, "utf-16") == ["🙏" * 2048, "🙏" * 2048, "🙏" * 904]
    assert split_text("🙏" * 5000, 4096, "characters") == ["🙏" * 4096, "🙏" * 904]


@given(text=TEXTS, limit=st.integers(2, 30), units=st.sampled_from(UNITS))
def test_pieces_fit_and_say_everything(text: str, limit: int, units: str) -> None:
    pieces = split_text(text, limit, units)
    assert all(0 < length_in(piece, units) <= limit for piece in pieces)
    assert all(piece.strip() for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())
    if length_in(text, units) <= limit:
        assert pieces == ([text] if text.strip() else [])


@given(text=TEXTS, limit=st.integers(12, 30), units=st.sampled_from(UNITS))
def test_pieces_begin_and_end_between_characters(text: str, limit: int, units: str) -> None:
    clusters = regex.findall(r"\X", text)
    if any(length_in(cluster, units) > limit for cluster in clusters):
        return
    for piece in split_text(text, limit, units):
        found = regex.findall(r"\X", piece)
        at = next(at for at in range(len(clusters)) if clusters[at : at + len(found)] == found)
        assert not any(cluster.strip() for cluster in clusters[:at])  # only blanks lie between the pieces
        del clusters[: at + len(found)]
    assert not "".join(clusters).strip()


@given(text=TEXTS, limit=st.integers(2, 30), units=st.sampled_from(UNITS))
def test_the_same_text_is_always_cut_the_same(text: str, limit: int, units: str) -> None:
    assert split_text(text, limit, units) == split_text(text, limit, units)
