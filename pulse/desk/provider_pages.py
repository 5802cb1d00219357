"""What people are shown who sign in with a provider: a plain sentence in their language, as a page or as a problem."""

from __future__ import annotations

import base64
import re
from hashlib import sha256
from html import escape
from string import Template

from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from pulse.aggregates.identity import LinkedToAnother
from pulse.errors import NotAllowed, NotAuthentic, PulseError, Trouble, sentence
from pulse.http import told
from pulse.limits import TooOften
from pulse.outside import NoAnswer
from pulse.providers import NotSignedIn, ProviderOff


class NotLinked(NotAllowed):
    """This account is linked to nobody here. Sign in with your password and link it, or ask an admin."""


RUSSIAN: dict[type[PulseError], str] = {
    NotLinked: "Эта учётная запись здесь ни с кем не связана. Войдите с паролем и привяжите её или обратитесь к"
    " администратору.",
    NotSignedIn: "Войти не получилось, или прошло больше десяти минут. Начните сначала.",
    ProviderOff: "Этот способ входа здесь не настроен.",
    LinkedToAnother: "Эта учётная запись Telegram или VK уже привязана к другому человеку.",
    TooOften: "Слишком много попыток. Подождите немного.",
    NoAnswer: "Сервис, через который вы входите, не отвечает. Попробуйте чуть позже.",
    NotAuthentic: "Сначала войдите.",
    Trouble: "Сейчас не получается. Ничего не изменилось, попробуйте чуть позже.",
}
ENGLISH: dict[type[PulseError], str] = {
    NoAnswer: "The service that you sign in with does not answer. Try again soon.",
    NotAuthentic: "Sign in first.",
}
RUSSIAN_ELSE = "Так нельзя."

PAGE = Template("""<!doctype html>
<html lang="$language">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Pulse</title>
<style>body { font: 1rem/1.5 system-ui, sans-serif; max-inline-size: 32rem; margin: 20vh auto; padding-inline: 1rem; color-scheme: light dark }</style>
<p>$said</p>
$script
</html>
""")
# Telegram's widget returns what it says behind the #, as base64url of JSON, where no server sees it.
FRAGMENT = """
const said = new URLSearchParams(location.hash.slice(1)).get("tgAuthResult") || "";
history.replaceState(null, "", location.pathname);
let query = new URLSearchParams({error: "access_denied"});
try {
  const bytes = Uint8Array.from(atob(said.replace(/-/g, "+").replace(/_/g, "/")), sign => sign.charCodeAt(0));
  const fields = JSON.parse(new TextDecoder().decode(bytes));
  if (fields && fields.hash) query = new URLSearchParams(fields);
} catch {}
location.replace(location.pathname + "?" + query);
"""
FRAGMENT_HASH = base64.b64encode(sha256(FRAGMENT.encode()).digest()).decode()
LANGUAGE = re.compile(r"\s*(ru|en)(?:-[\w-]+)?\s*(?:;\s*q=([01](?:\.\d{0,3})?)\s*)?", re.ASCII | re.IGNORECASE)


def refused(error: PulseError, request: Request) -> Response:
    """The error's sentence and nothing more: a page for browsers, a problem for everybody else."""
    language = language_of(request.headers.get("accept-language", ""))
    said = words_of(error, language)
    if "text/html" in request.headers.get("accept", ""):
        response = _page(said, language, error.status)
    else:
        response = _private(told(error.code, said, error.status))
    response.headers["Content-Language"] = language
    response.headers["Vary"] = "Accept, Accept-Language"
    if isinstance(error, Trouble):
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def fragment_page() -> Response:
    """Brings what stands behind the # to the callback."""
    return _page("…", "en", 200, FRAGMENT)


def words_of(error: PulseError, language: str) -> str:
    """The sentence of the nearest error that has one; an English one is its class' own."""
    known: type[PulseError] | None = next((kind for kind in type(error).__mro__ if kind in RUSSIAN), None)
    if language == "ru":
        return RUSSIAN[known] if known else RUSSIAN_ELSE
    return ENGLISH.get(type(error), sentence(type(error)))


def language_of(accepted: str) -> str:
    """`ru` or `en`, whichever Accept-Language likes better; English for everybody else."""
    liked = {"ru": 0.0, "en": 0.0}
    for part in accepted[:500].split(","):
        if found := LANGUAGE.fullmatch(part):
            tongue = found[1].lower()
            liked[tongue] = max(liked[tongue], float(found[2] or 1))
    return "ru" if liked["ru"] > liked["en"] else "en"


def _page(said: str, language: str, status: int, script: str = "") -> Response:
    """A page that loads nothing, runs only what is ours, and can't be framed."""
    rule = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    if script:
        rule += f"; script-src 'sha256-{FRAGMENT_HASH}'"
    tag = f"<script>{script}</script>" if script else ""
    page = PAGE.substitute(language=language, said=escape(said), script=tag)
    return _private(HTMLResponse(page, status, {"Content-Security-Policy": rule}))


def _private(response: Response) -> Response:
    """The address behind this page held a code: nobody keeps the page or is told where people came from."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
