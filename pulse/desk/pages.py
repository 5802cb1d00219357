"""The pages people meet before the desk has a face of its own: home, and what stands behind each address.

Plain HTML without a script, in Russian or English.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from pulse.access import may_manage
from pulse.desk.page_desk import DASHBOARD, DOCS, LOGIN, PANEL, PROFILE, PageDesk, Shell
from pulse.errors import NotAuthentic
from pulse.values import value

SETTINGS = (PROFILE, "/settings/password", "/settings/2fa")


@value
class Behind:
    """What the API has for an address that will have a face, for `admins` some more; `guide` is where it is told of."""

    operations: tuple[str, ...]
    admins: tuple[str, ...] = ()
    guide: str = "settings"


# S1.4: admins and moderators, and nobody else, reach /admin. S1.6: it is the panel of moderators, with chats, sources,
# departments and users; so a moderator sees what the API gives moderators, and only admins (S1.4) what they manage.
BEHIND: Mapping[str, Behind] = {
    DASHBOARD: Behind(
        ("GET /api/chats", "GET /api/notifications", "GET /api/callbacks", "GET /api/rooms", "POST /api/me/away"),
        guide="a-day-at-the-desk",
    ),
    PROFILE: Behind(
        (
            "GET /api/settings/profile",
            "PATCH /api/settings/profile",
            "GET /api/settings/sessions",
            "GET /api/settings/identities",
            "GET /api/settings/telegram",
        )
    ),
    "/settings/password": Behind(("POST /api/settings/password",)),
    "/settings/2fa": Behind(("GET /api/settings/2fa", "POST /api/settings/2fa")),
    PANEL: Behind(
        (
            "GET /api/chats",
            "GET /api/customers",
            "GET /api/colleagues",
            "GET /api/colleagues/departments",
            "GET /api/sources/mine",
            "GET /api/reports/mine",
        ),
        admins=(
            "GET /api/users",
            "GET /api/departments",
            "GET /api/sources",
            "GET /api/deliveries",
            "GET /api/subscribers",
            "GET /api/producers",
            "GET /api/retention",
            "GET /api/reports",
        ),
        guide="people-and-departments",
    ),
}


def page_routes(desk: PageDesk) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def show_home(request: Request) -> Response:
        return home_page(await desk.shell(request))

    @router.get("/settings")
    async def show_settings() -> Response:
        return RedirectResponse(PROFILE, 302)

    async def show_behind(request: Request) -> Response:
        try:
            return behind_page(await desk.signed_in(request))
        except NotAuthentic:
            return RedirectResponse(f"{LOGIN}?next={quote(request.url.path)}", 302)

    for address in BEHIND:
        router.add_api_route(address, show_behind, methods=["GET"])
    return router


def home_page(shell: Shell) -> Response:
    words = shell.words
    onwards = (LOGIN, words["sign_in"]) if shell.person is None else (DASHBOARD, words[DASHBOARD])
    links = [onwards, (DOCS, words["docs"]), ("/openapi.json", words["openapi"])]
    listed = "".join(f"<li>{shell.link(address, name)}</li>" for address, name in links)
    return shell.page("Pulse", f'<p>{escape(words["what"])}</p><ul class="ways">{listed}</ul>')


def behind_page(shell: Shell) -> Response:
    """What is there for whoever looks, who is signed in."""
    words, address, person = shell.words, shell.address, shell.person
    assert person is not None
    behind = BEHIND[address]
    theirs = ""
    if behind.admins and may_manage(person):
        theirs = f"<h2>{escape(words['for_admins'])}</h2>{_operations(words, behind.admins)}"
    body = (
        f"{_settings(shell)}<p>{escape(words['signed'].format(name=person.name))} {escape(words['behind'])}</p>"
        f"{_operations(words, behind.operations)}{theirs}"
        f'<p><a href="{DOCS}#{behind.guide}">{escape(words["guide"])}</a></p>'
    )
    return shell.page(shell.panel if address == PANEL else words[address], body)


def _settings(shell: Shell) -> str:
    """The ways between the settings, on each of them."""
    if shell.address not in SETTINGS:
        return ""
    links = "".join(shell.link(address, shell.words[address]) for address in SETTINGS)
    return f'<nav aria-label="{escape(shell.words["settings"])}">{links}</nav>'


def _operations(words: Mapping[str, str], operations: Iterable[str]) -> str:
    return f'<ul class="ways">{"".join(_operation(words[one], one) for one in operations)}</ul>'


def _operation(name: str, operation: str) -> str:
    """What can be read is a link to it."""
    method, address = operation.split(" ")
    shown = f'<a href="{address}">{escape(name)}</a>' if method == "GET" else f"<span>{escape(name)}</span>"
    return f"<li>{shown} <code>{operation}</code></li>"
