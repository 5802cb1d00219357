"""Texts as channels count and cut them: in their own units, and never inside what people see as one character."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate

import regex

GRAPHEME = regex.compile(r"\X")
LINE_ENDS = frozenset({"\n", "\r\n", "\r", "\x85", "\u2028", "\u2029"})
SENTENCE_ENDS = tuple(".!?…。！？")
GLUE = frozenset({"\xa0", "\u202f"})  # blank, but there to keep words together


def length_in(text: str, units: str) -> int:
    """How long a channel calls a text: in UTF-16 units (`utf-16`) or in code points (`characters`)."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2 if units == "utf-16" else len(text)


def split_text(text: str, limit: int, units: str) -> list[str]:
    """The text in pieces of at most `limit` units (2 or more). One that fits stays as it is; a blank one has none.

    A piece ends with a line, else a sentence, else a word that ends in its later half; else with any of them, else with
    a character. A single character longer than the limit is cut between code points. Left out are only blanks: at the
    cuts, and at both ends of a text that was cut.
    """
    if length_in(text, units) <= limit:
        return [text] if text.strip() else []
    clusters = [part for cluster in GRAPHEME.findall(text) for part in parts_of(cluster, limit, units)]
    del clusters[before_blanks(clusters, len(clusters)) :]
    lengths = [0, *accumulate(length_in(cluster, units) for cluster in clusters)]  # up to each cluster
    pieces: list[str] = []
    start = after_blanks(clusters, 0)
    while start < len(clusters):
        room_until = bisect_right(lengths, lengths[start] + limit) - 1
        end = best_cut(clusters, start, max(room_until, start + 1))
        pieces.append("".join(clusters[start : before_blanks(clusters, end)]))
        start = after_blanks(clusters, end)
    return pieces


def best_cut(clusters: list[str], start: int, end: int) -> int:
    """Where the piece that begins at `start`, and has room until `end`, ends. A blank after it needs no room."""
    if end == len(clusters):
        return end
    for first in (max(start + 1, (start + end) // 2), start + 1):
        for ends in (ends_line, ends_sentence, ends_word):
            found = next((at for at in range(end, first - 1, -1) if ends(clusters, at)), None)
            if found is not None:
                return found
    return end


def ends_line(clusters: list[str], at: int) -> bool:
    return clusters[at] in LINE_ENDS


def ends_sentence(clusters: list[str], at: int) -> bool:
    return ends_word(clusters, at) and clusters[at - 1].endswith(SENTENCE_ENDS)


def ends_word(clusters: list[str], at: int) -> bool:
    return clusters[at].isspace() and clusters[at] not in GLUE


def after_blanks(clusters: list[str], at: int) -> int:
    while at < len(clusters) and clusters[at].isspace():
        at += 1
    return at


def before_blanks(clusters: list[str], at: int) -> int:
    while at > 0 and clusters[at - 1].isspace():
        at -= 1
    return at


def parts_of(cluster: str, limit: int, units: str) -> list[str]:
    """A cluster whole, or in runs of code points that fit."""
    if length_in(cluster, units) <= limit:
        return [cluster]
    parts: list[str] = []
    start = length = 0
    for at, point in enumerate(cluster):
        own = length_in(point, units)
        if length + own > limit:
            parts.append(cluster[start:at])
            start, length = at, 0
        length += own
    return [*parts, cluster[start:]]
