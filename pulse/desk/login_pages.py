"""`/login` and `/login/code` as forms, and `/logout`, the button of every page: the API's rules, without a script."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from html import escape

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from pulse.aggregates.moderator import EMAIL_LIMIT
from pulse.desk.html import own_path
from pulse.desk.login import Login
from pulse.desk.page_desk import DASHBOARD, LOGIN, LOGOUT, SEE_OTHER, PageDesk, Shell, fields
from pulse.desk.second_factors import Proof
from pulse.desk.sign_in import CODE_PAGE, CodeAsked
from pulse.errors import NotAuthentic, PulseError
from pulse.passwords import LONGEST
from pulse.ways.offered import Ways

SIX_DIGITS = re.compile(r"\d{6}", re.ASCII)


def login_page_routes(desk: PageDesk, login: Login, ways: Ways) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get(LOGIN)
    async def show_login(request: Request) -> Response:
        return login_page(await desk.shell(request), ways.offered, after=request.query_params.get("next", ""))

    @router.post(LOGIN)
    async def log_in(request: Request) -> Response:
        """The form's way to `POST /api/users/login`: the same limits, the same refusals, the same cookie."""
        email, password, after = await fields(request, "email", "password", "next")
        answered = RedirectResponse(own_path(after, DASHBOARD), SEE_OTHER)
        try:
            begun = await login.by_password(email[: EMAIL_LIMIT + 1], password[: LONGEST + 1], request, answered)
        except PulseError as refusal:
            return login_page(desk.strangers(request), ways.offered, after=after, email=email, refusal=refusal)
        return login.sign_in.ask_code(begun) if isinstance(begun, CodeAsked) else answered

    @router.post(LOGOUT)
    async def log_out(request: Request) -> Response:
        """The button's way to `POST /api/users/logout`. Whoever has no session any more is out as well."""
        gone = RedirectResponse(LOGIN, SEE_OTHER)
        with suppress(NotAuthentic):
            await login.sign_in.end(await login.guard.caller(request))
        login.sign_in.forget_session(gone)
        return gone

    return router


def code_page_routes(desk: PageDesk, login: Login) -> APIRouter:
    router, guard = APIRouter(include_in_schema=False), desk.guard

    @router.get(CODE_PAGE)
    async def show_code(request: Request) -> Response:
        return code_page(desk.strangers(request))

    @router.post(CODE_PAGE)
    async def log_in_with_code(request: Request) -> Response:
        """The challenge came along in a cookie, from the form or from a provider."""
        [said] = await fields(request, "code")
        code = said.strip()[:64]
        proof = Proof(code=code) if SIX_DIGITS.fullmatch(code) else Proof(recovery_code=code)
        answered = RedirectResponse(DASHBOARD, SEE_OTHER)
        try:
            challenge = request.cookies.get(guard.challenge_cookie, "")
            await login.by_code(challenge, proof, request, answered)
        except PulseError as refusal:
            return code_page(desk.strangers(request), refusal)
        answered.delete_cookie(guard.challenge_cookie, path="/", secure=guard.secure, httponly=True, samesite="lax")
        return answered

    return router


def login_page(
    shell: Shell, offered: Iterable[str], *, after: str = "", email: str = "", refusal: PulseError | None = None
) -> Response:
    """Asks for email and password, or leads to a provider."""
    words = shell.words
    others = "".join(f'<li><a href="/auth/{one}/redirect">{escape(words[one])}</a></li>' for one in offered)
    form = (
        f'<form method="post" action="{LOGIN}"><input type="hidden" name="next" value="{escape(after)}">'
        f'<label>{words["email"]} <input type="email" name="email" autocomplete="username" value="{escape(email)}" '
        f"required{'' if email else ' autofocus'}></label>"
        f'<label>{words["password"]} <input type="password" name="password" autocomplete="current-password" '
        f"required{' autofocus' if email else ''}></label><button>{words['sign_in']}</button></form>"
    )
    body = form + (f"<ul>{others}</ul>" if others else "") + _asked(shell, "forgotten")
    return shell.form_page(words["sign_in"], body, refusal)


def code_page(shell: Shell, refusal: PulseError | None = None) -> Response:
    """Asks for the second factor."""
    words = shell.words
    form = (
        f'<form method="post" action="{CODE_PAGE}"><label>{words["code"]} '
        f'<input name="code" autocomplete="one-time-code" required autofocus></label>'
        f"<button>{words['sign_in']}</button></form>"
    )
    return shell.form_page(words["sign_in"], form + _asked(shell, "lost"), refusal)


def _asked(shell: Shell, question: str) -> str:
    said = escape(shell.words[f"{question}_says"])
    return f"<details><summary>{escape(shell.words[question])}</summary><p>{said}</p></details>"
