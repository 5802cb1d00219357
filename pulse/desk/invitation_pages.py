"""`/invitations/{token}`: the page behind a link by which somebody sets their password. It leads to `/login`."""

from __future__ import annotations

from html import escape

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from pulse.desk.invitations import PAGE, Invitations, Token
from pulse.desk.page_desk import LOGIN, SEE_OTHER, PageDesk, fields
from pulse.desk.words import Words
from pulse.errors import PulseError
from pulse.passwords import LONGEST, SHORTEST

LIMIT = 16 * 1024  # the longest password, each sign as four bytes of %xx


def invitation_page_routes(desk: PageDesk, invitations: Invitations) -> APIRouter:
    router = APIRouter(prefix=PAGE, include_in_schema=False)

    async def shown(token: str, request: Request, refusal: PulseError | None = None) -> Response:
        """The form, for as long as the link is good."""
        shell, form = desk.strangers(request), ""
        try:
            form = _form(shell.words, token, (await invitations.whose(token)).email)
        except PulseError as dead:
            refusal = dead
        return shell.form_page(shell.words["set_password"], form, refusal)

    @router.get("/{token}")
    async def show_invitation(token: Token, request: Request) -> Response:
        return await shown(token, request)

    @router.post("/{token}")
    async def accept_by_form(token: Token, request: Request) -> Response:
        """The form's way to `POST /api/invitations/{token}`: the same limits, the same refusals."""
        [password] = await fields(request, "password", limit=LIMIT)
        try:
            await invitations.accept(token, password[: LONGEST + 1], request)
        except PulseError as refusal:
            return await shown(token, request, refusal)
        return RedirectResponse(LOGIN, SEE_OTHER)

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
