"""What people are shown who sign in with a provider: a plain sentence in their language, as a page or as a problem."""

from __future__ import annotations

from html import escape

from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from pulse.aggregates.identity import LinkedToAnother
from pulse.desk.html import language_of, page, page_headers
from pulse.desk.page_desk import DASHBOARD, Shell
from pulse.desk.words import WORDS
from pulse.errors import NotAllowed, NotAuthentic, PulseError, Trouble, sentence
from pulse.http import told
from pulse.limits import TooOften
from pulse.outside import NoAnswer
from pulse.ways import NotSignedIn, ProviderOff


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

# Telegram's widget returns what it says behind the #, as base64url of JSON, where no server sees it. The state is before it.
FRAGMENT = """
const said = new URLSearchParams(location.hash.slice(1)).get("tgAuthResult") || "";
const sent = new URLSearchParams(location.search);
history.replaceState(null, "", location.pathname);
let answer = {error: "access_denied"};
try {
  const bytes = Uint8Array.from(atob(said.replace(/-/g, "+").replace(/_/g, "/")), sign => sign.charCodeAt(0));
  const fields = JSON.parse(new TextDecoder().decode(bytes));
  if (fields && fields.hash) answer = fields;
} catch {}
location.replace(location.pathname + "?" + new URLSearchParams([...sent, ...Object.entries(answer)]));
"""


def refused(error: PulseError, request: Request) -> Response:
    """The error's sentence and nothing more: a page for browsers, a problem for everybody else."""
    language = language_of(request.headers.get("accept-language", ""))
    said = words_of(error, language)
    if "text/html" in request.headers.get("accept", ""):
        response = _private(_refusal_page(Shell(WORDS[language], request.url.path), said, error.status))
    else:
        response = _private(told(error.code, said, error.status))
    response.headers["Content-Language"] = language
    response.headers["Vary"] = "Accept, Accept-Language"
    if isinstance(error, Trouble):
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def fragment_page() -> Response:
    """Brings what stands behind the # to the callback."""
    shown = page("en", "Pulse", f"<p>…</p><script>{FRAGMENT}</script>")
    return _private(HTMLResponse(shown, headers=page_headers(FRAGMENT)))


def words_of(error: PulseError, language: str) -> str:
    """The sentence of the nearest error that has one; an English one is its class' own."""
    known: type[PulseError] | None = next((kind for kind in type(error).__mro__ if kind in RUSSIAN), None)
    if language == "ru":
        return RUSSIAN[known] if known else RUSSIAN_ELSE
    return ENGLISH.get(type(error), sentence(type(error)))


def _refusal_page(shell: Shell, said: str, status: int) -> Response:
    """The way back asks strangers to sign in first."""
    back = shell.link(DASHBOARD, shell.words[DASHBOARD])
    return shell.page(shell.words["error"], f"<p>{escape(said)}</p><p>{back}</p>", status)


def _private(response: Response) -> Response:
    """The address behind this page held a code: nobody keeps the page or is told where people came from."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
