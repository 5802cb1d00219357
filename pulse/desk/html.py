"""What all pages share: their frame, their look, their language, and that they lead nowhere but here."""

from __future__ import annotations

import base64
import re
from functools import cache
from hashlib import sha256
from html import escape
from pathlib import Path

LANGUAGE = re.compile(r"\s*(ru|en)(?:-[\w-]+)?\s*(?:;\s*q=([01](?:\.\d{0,3})?)\s*)?", re.ASCII | re.IGNORECASE)
OWN_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]{0,500}", re.ASCII)


def page(language: str, title: str, body: str, header: str = "") -> str:
    """`body` and `header` are HTML; whoever puts a text into them escapes it."""
    shown = escape(title)
    called = shown if title == "Pulse" else f"{shown} · Pulse"
    return (
        f'<!doctype html><html lang="{language}"><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{called}</title>'
        f"<style>{_style()}</style>{header}<main><h1>{shown}</h1>{body}</main>"
    )


def page_headers(script: str = "") -> dict[str, str]:
    """A page loads nothing, runs nothing but this `script` of ours, is framed by nobody, and its forms say whose they are."""
    runs = f"script-src {_hash(script)}; " if script else ""
    return {
        "Content-Security-Policy": (
            f"default-src 'none'; style-src {_hash(_style())}; {runs}form-action 'self'; base-uri 'none'; "
            "frame-ancestors 'none'"
        ),
        # With no-referrer browsers send forms with `Origin: null` (https://fetch.spec.whatwg.org/#append-a-request-origin-header).
        "Referrer-Policy": "same-origin",
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


@cache
def _style() -> str:
    return Path(__file__).with_suffix(".css").read_text(encoding="utf-8")


@cache
def _hash(content: str) -> str:
    return f"'sha256-{base64.b64encode(sha256(content.encode()).digest()).decode()}'"
