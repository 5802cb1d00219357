"""What all pages share: their frame, their language, and that they lead nowhere but here."""

from __future__ import annotations

import base64
import re
from hashlib import sha256
from html import escape

STYLE = (
    "body { font: 1rem/1.5 system-ui, sans-serif; max-inline-size: 40rem; margin: 3rem auto; padding-inline: 1rem; "
    "color-scheme: light dark } label { display: block; margin-block: .8rem } input { font: inherit } "
    "[role=alert] { font-weight: bold }"
)
LANGUAGE = re.compile(r"\s*(ru|en)(?:-[\w-]+)?\s*(?:;\s*q=([01](?:\.\d{0,3})?)\s*)?", re.ASCII | re.IGNORECASE)
OWN_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]{0,500}", re.ASCII)


def page(language: str, title: str, body: str) -> str:
    """`body` is HTML; whoever puts a text into it escapes it."""
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    return f'<!doctype html><html lang="{language}">{head}<style>{STYLE}</style><h1>{escape(title)}</h1>{body}'


def page_headers(script: str = "") -> dict[str, str]:
    """A page loads nothing, runs nothing but this `script` of ours, and is framed by nobody."""
    runs = f"script-src {_hash(script)}; " if script else ""
    return {
        "Content-Security-Policy": (
            f"default-src 'none'; style-src {_hash(STYLE)}; {runs}form-action 'self'; base-uri 'none'; "
            "frame-ancestors 'none'"
        )
    }


def language_of(accepted: str) -> str:
    """`ru` or `en`, whichever Accept-Language likes better; English for everybody else."""
    liked = {"ru": 0.0, "en": 0.0}
    for part in accepted[:500].split(","):
        if found := LANGUAGE.fullmatch(part):
            tongue = found[1].lower()
            liked[tongue] = max(liked[tongue], float(found[2] or 1))
    return "ru" if liked["ru"] > liked["en"] else "en"


def own_path(wanted: str, otherwise: str) -> str:
    """Where to go in the end: a path of this site, never another's address (ASVS 5.0, 3.7.2)."""
    return wanted if OWN_PATH.fullmatch(wanted) else otherwise


def _hash(content: str) -> str:
    return f"'sha256-{base64.b64encode(sha256(content.encode()).digest()).decode()}'"
