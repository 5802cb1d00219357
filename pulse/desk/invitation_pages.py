"""`/invitations/{token}`: the page behind a link by which somebody sets their password. It leads to `/login`."""

from __future__ import annotations

from html import escape
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from pulse.desk.html import page, page_headers
from pulse.desk.invitations import PAGE, Invitations, Token
from pulse.desk.pages import words_for
from pulse.desk.words import Words
from pulse.errors import PulseError, Trouble
from pulse.http import read_body
from pulse.passwords import LONGEST, SHORTEST

LIMIT = 16 * 1024  # the longest password, each sign as four bytes of %xx


def invitation_pages(invitations: Invitations) -> APIRouter:
    router = APIRouter(prefix=PAGE, include_in_schema=False)

    async def shown(token: str, request: Request, refusal: PulseError | None = None) -> Response:
        """The form, for as long as the link is good."""
        words = words_for(request)
        try:
            person = await invitations.whose(token)
        except PulseError as dead:
            return _page(words, "", dead)
        return _page(words, _form(words, token, person.email), refusal)

    @router.get("/{token}")
    async def show_invitation(token: Token, request: Request) -> Response:
        return await shown(token, request)

    @router.post("/{token}")
    async def accept_by_form(token: Token, request: Request) -> Response:
        """The form's way to `POST /api/invitations/{token}`: the same limits, the same refusals."""
        form = parse_qs((await read_body(request.headers, request.receive, LIMIT)).decode("utf-8", "replace"))
        password = form.get("password", [""])[0]
        try:
            await invitations.accept(token, password[: LONGEST + 1], request)
        except PulseError as refusal:
            return await shown(token, request, refusal)
        return RedirectResponse("/login", 303)

    return router


def _form(words: Words, token: str, email: str) -> str:
    """The email is there for whoever keeps passwords."""
    return (
        f"<p>{escape(words['password_of'].format(email=email))}</p>"
        f'<form method="post" action="{PAGE}/{escape(token)}">'
        f'<input type="email" name="email" autocomplete="username" value="{escape(email)}" hidden>'
        f'<label>{escape(words["new_password"])} <input type="password" name="password" autocomplete="new-password" '
        f'minlength="{SHORTEST}" required autofocus></label><button>{escape(words["set_password"])}</button></form>'
    )


def _page(words: Words, form: str, refusal: PulseError | None) -> Response:
    said = words.get(refusal.code, str(refusal)) if refusal else ""
    alert = f'<p role="alert">{escape(said)}</p>' if said else ""
    answered = HTMLResponse(
        page(words["language"], words["set_password"], alert + form),
        refusal.status if refusal else 200,
        # With no-referrer browsers send forms with `Origin: null` (https://fetch.spec.whatwg.org/#append-a-request-origin-header).
        page_headers() | {"Vary": "Accept-Language", "Referrer-Policy": "same-origin"},
    )
    if isinstance(refusal, Trouble):
        answered.headers["Retry-After"] = str(refusal.retry_after)
    return answered
