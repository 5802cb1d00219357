"""A reply in pieces: what goes with what, in which order, and what is refused before it is written."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulse.channels import Capabilities
from pulse.channels.pieces import CannotCarry, pieces_of, require_carried
from pulse.channels.telegram import Telegram
from pulse.message import Attachment
from pulse.texts import length_in

TELEGRAM = Telegram.capabilities
PHOTO, PDF = Attachment("photo", size=1000), Attachment("document", name="invoice.pdf", size=2000)
MB = 2**20


def test_one_file_carries_a_short_text() -> None:
    assert pieces_of(TELEGRAM, "Look", (PHOTO,)) == [("Look", PHOTO)]
    assert pieces_of(TELEGRAM, "ж" * 1024, (PHOTO,)) == [("ж" * 1024, PHOTO)]


@pytest.mark.parametrize("text", ["ж" * 1025, "🙏" * 513], ids=["characters", "UTF-16 units"])
def test_a_text_too_long_for_a_caption_goes_first(text: str) -> None:
    assert pieces_of(TELEGRAM, text, (PHOTO,)) == [(text, None), ("", PHOTO)]


def test_several_files_follow_the_text() -> None:
    assert pieces_of(TELEGRAM, "Look", (PHOTO, PDF)) == [("Look", None), ("", PHOTO), ("", PDF)]


def test_files_need_no_text() -> None:
    assert pieces_of(TELEGRAM, "", (PHOTO,)) == [("", PHOTO)]
    assert pieces_of(TELEGRAM, " ", (PHOTO, PDF)) == [("", PHOTO), ("", PDF)]


def test_a_long_text_leaves_in_pieces_before_the_files() -> None:
    pieces = pieces_of(TELEGRAM, "word " * 2000, (PDF,))
    assert [file for _, file in pieces] == [None, None, None, PDF]
    assert all(length_in(text, "utf-16") <= 4096 for text, _ in pieces)


FILES = st.builds(Attachment, st.sampled_from(["photo", "document"]), size=st.integers(0, 100))


@given(text=st.text(max_size=40), files=st.lists(FILES, max_size=3).map(tuple))
def test_a_reply_always_leaves_in_the_same_pieces(text: str, files: tuple[Attachment, ...]) -> None:
    small = Capabilities(text_limit=8, caption_limit=5, file_limit=50, receipts=False, typing=False, units="utf-16")
    pieces = pieces_of(small, text, files)
    assert pieces == pieces_of(small, text, files)
    assert [file for _, file in pieces if file is not None] == list(files)
    assert all(words.strip() or file for words, file in pieces)


@pytest.mark.parametrize(
    ("capabilities", "text", "files", "said"),
    [
        (replace(TELEGRAM, kinds=frozenset({"photo"})), "", (Attachment("video"),), "This channel can't carry files of this kind (video)."),
        (TELEGRAM, "", (Attachment("location"),), "This channel can't carry files of this kind (location)."),
        (TELEGRAM, "", (Attachment("video", size=61 * MB),), "This file has 61 MB, and this channel carries up to 50 MB."),
        (TELEGRAM, "", (Attachment("video", size=50 * MB + 1),),
         "This file has 50.1 MB, and this channel carries up to 50 MB."),
        (TELEGRAM, "x" * 4096 * 11, (), "This reply would leave in 11 messages, and 10 is the most. Make it shorter."),
        (TELEGRAM, "", (PHOTO,) * 11, "This reply would leave in 11 messages, and 10 is the most. Make it shorter."),
    ],
    ids=["a kind", "no file", "a size", "a byte more", "a length", "many files"],
)  # fmt: skip
def test_what_a_channel_cannot_carry_is_refused_in_plain_words(
    capabilities: Capabilities, text: str, files: tuple[Attachment, ...], said: str
) -> None:
    with pytest.raises(CannotCarry) as refusal:
        require_carried(capabilities, text, files)
    assert str(refusal.value) == said


def test_what_fits_exactly_is_carried() -> None:
    require_carried(TELEGRAM, "x" * 4096 * 10, ())
    require_carried(TELEGRAM, "Look", (Attachment("video", size=50 * MB), Attachment("document")))


def test_a_channel_without_files_carries_none() -> None:
    words_only = Capabilities(text_limit=8, file_limit=0, receipts=False, typing=False, kinds=frozenset({"photo"}))
    with pytest.raises(CannotCarry):
        require_carried(words_only, "", (PHOTO,))
