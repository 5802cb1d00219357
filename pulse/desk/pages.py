"""The pages people meet before the desk has a face of its own: home, sign-in, and what stands behind each address.

Plain HTML without a script, in Russian or English by `Accept-Language`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from urllib.parse import parse_qs, quote

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from pulse.desk.guard import Guard
from pulse.desk.html import language_of, own_path, page, page_headers
from pulse.desk.login import Login
from pulse.desk.second_factors import Proof
from pulse.desk.sign_in import CODE_PAGE, CodeAsked
from pulse.desk.words import WORDS, Words
from pulse.errors import NotAuthentic, PulseError
from pulse.http import read_body
from pulse.ways.offered import Ways

LIMIT = 8 * 1024
HOME = "/dashboard"
SIX_DIGITS = re.compile(r"\d{6}", re.ASCII)
# What the API has behind an address that will have a face.
BEHIND = {
    "/dashboard": ("GET /api/chats", "GET /api/callbacks", "POST /api/me/away"),
    "/settings/profile": ("GET /api/settings/profile", "GET /api/settings/sessions", "GET /api/settings/identities"),
    "/settings/password": ("POST /api/settings/password",),
    "/settings/2fa": ("GET /api/settings/2fa", "POST /api/settings/2fa"),
    "/admin": (
        "GET /api/users",
        "GET /api/departments",
        "GET /api/sources",
        "GET /api/deliveries",
        "GET /api/customers",
        "GET /api/subscribers",
    ),
}


def page_routes(guard: Guard, login: Login, ways: Ways) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def show_home(request: Request) -> Response:
        words = words_for(request)
        links = [("/login", words["sign_in"]), ("/docs", words["docs"]), ("/openapi.json", "openapi.json")]
        listed = "".join(f'<li><a href="{address}">{escape(name)}</a>' for address, name in links)
        return _shown(words, "Pulse", f"<p>{escape(words['what'])}</p><ul>{listed}</ul>")

    @router.get("/login")
    async def show_login(request: Request) -> Response:
        return login_page(words_for(request), request.query_params.get("next", ""), ways.offered)

    @router.post("/login")
    async def log_in(request: Request) -> Response:
        """The form's way to `POST /api/users/login`: the same limits, the same refusals, the same cookie."""
        form = parse_qs((await read_body(request.headers, request.receive, LIMIT)).decode("utf-8", "replace"))
        email, password, after = (form.get(name, [""])[0] for name in ("email", "password", "next"))
        answered = RedirectResponse(own_path(after, HOME), 303)
        try:
            begun = await login.by_password(email[:254], password[:1024], request, answered)
        except PulseError as refusal:
            return login_page(words_for(request), after, ways.offered, refusal)
        return login.sign_in.ask_code(begun) if isinstance(begun, CodeAsked) else answered

    @router.get(CODE_PAGE)
    async def show_code(request: Request) -> Response:
        return code_page(words_for(request))

    @router.post(CODE_PAGE)
    async def log_in_with_code(request: Request) -> Response:
        """The challenge came along in a cookie, from the form or from a provider."""
        form = parse_qs((await read_body(request.headers, request.receive, LIMIT)).decode("utf-8", "replace"))
        said = form.get("code", [""])[0].strip()[:64]
        proof = Proof(code=said) if SIX_DIGITS.fullmatch(said) else Proof(recovery_code=said)
        answered = RedirectResponse(HOME, 303)
        try:
            challenge = request.cookies.get(guard.challenge_cookie, "")
            await login.by_code(challenge, proof, request, answered)
        except PulseError as refusal:
            return code_page(words_for(request), refusal)
        answered.delete_cookie(guard.challenge_cookie, path="/", secure=guard.secure, httponly=True, samesite="lax")
        return answered

    async def show_behind(request: Request) -> Response:
        words, address = words_for(request), request.url.path
        try:
            person = await guard.person(request)
        except NotAuthentic:
            return RedirectResponse(f"/login?next={quote(address)}", 302)
        listed = "".join(f"<li><code>{escape(one)}</code>" for one in BEHIND[address])
        said = escape(words["behind"].format(name=person.name))
        return _shown(
            words, words[address], f'<p>{said}</p><ul>{listed}</ul><p><a href="/docs">{words["docs"]}</a></p>'
        )

    for address in BEHIND:
        router.add_api_route(address, show_behind, methods=["GET"])
    return router


def words_for(request: Request) -> Words:
    return WORDS[language_of(request.headers.get("accept-language", ""))]


def login_page(words: Words, after: str, offered: Iterable[str], refusal: PulseError | None = None) -> Response:
    others = "".join(f'<li><a href="/auth/{one}/redirect">{escape(words[one])}</a>' for one in offered)
    form = (
        f'<form method="post" action="/login"><input type="hidden" name="next" value="{escape(after)}">'
        f'<label>{words["email"]} <input type="email" name="email" autocomplete="username" required></label>'
        f'<label>{words["password"]} <input type="password" name="password" autocomplete="current-password" required>'
        f"</label><button>{words['sign_in']}</button></form><ul>{others}</ul>"
    )
    return _form_page(words, form, refusal)


def code_page(words: Words, refusal: PulseError | None = None) -> Response:
    """Asks for the second factor."""
    form = (
        f'<form method="post" action="{CODE_PAGE}"><label>{words["code"]} '
        f'<input name="code" autocomplete="one-time-code" required autofocus></label>'
        f"<button>{words['sign_in']}</button></form>"
    )
    return _form_page(words, form, refusal)


def _form_page(words: Words, form: str, refusal: PulseError | None) -> Response:
    said = words.get(refusal.code, str(refusal)) if refusal else ""
    alert = f'<p role="alert">{escape(said)}</p>' if said else ""
    answered = _shown(words, words["sign_in"], alert + form, refusal.status if refusal else 200)
    if refusal is not None and refusal.status in (429, 503):
        answered.headers["Retry-After"] = str(getattr(refusal, "retry_after", 2))
    return answered


def _shown(words: Words, title: str, body: str, status: int = 200) -> Response:
    return HTMLResponse(
        page(words["language"], title, body), status, page_headers() | {"Vary": "Accept-Language, Cookie"}
    )
