"""The look of pages: colours are tokens that can be read in both schemes, and nothing knows left from right."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pulse.desk import html

STYLE = Path(html.__file__).with_suffix(".css").read_text()
LIGHT, DARK = (dict(re.findall(r"--([\w-]+): (#\w+);", part)) for part in STYLE.split("@media", 2)[:2])
# A text and what it stands on.
TEXTS = [
    ("ink", "paper"), ("ink", "tint"), ("quiet", "paper"), ("quiet", "tint"), ("accent", "paper"), ("alarm", "paper"),
    ("on-accent", "accent"),
]  # fmt: skip


def luminance(colour: str) -> float:
    """https://www.w3.org/TR/WCAG22/#dfn-relative-luminance"""
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    parts = [int(digits[start : start + 2], 16) / 255 for start in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), TEXTS)
def test_every_text_can_be_read_in_both_schemes(tokens: dict[str, str], text: str, ground: str) -> None:
    """WCAG 2.2, 1.4.3."""
    darker, lighter = sorted((luminance(tokens[text]), luminance(tokens[ground])))
    assert (lighter + 0.05) / (darker + 0.05) >= 4.5


def test_colours_are_tokens_and_dark_has_all_of_them() -> None:
    assert LIGHT.keys() == DARK.keys()
    rules = re.sub(r"--[\w-]+: [^;]+;", "", STYLE)
    assert re.findall(r"#[0-9a-f]{3,8}\b|rgb|hsl", rules) == []
    assert set(re.findall(r"var\(--([\w-]+)\)", STYLE)) <= LIGHT.keys()


def test_nothing_knows_left_from_right() -> None:
    assert (
        re.findall(r"\b(?:left|right)\b|(?:margin|padding|border)-(?:top|bottom)|[^-]\b(?:width|height):", STYLE) == []
    )
