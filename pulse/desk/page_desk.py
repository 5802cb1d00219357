"""What the routes of pages share: who looks at one, in which language they are told, and what stands around it."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from urllib.parse import parse_qs

from fastapi import Request
from starlette.responses import HTMLResponse, Response

from pulse.access import Person, may_manage
from pulse.desk.guard import Guard
from pulse.desk.html import language_of, page, page_headers
from pulse.desk.words import WORDS, Words
from pulse.errors import PulseError, Trouble
from pulse.http import read_body
from pulse.values import value

LOGIN, LOGOUT, DOCS = "/login", "/logout", "/docs"
DASHBOARD, PROFILE, PANEL = "/dashboard", "/settings/profile", "/admin"
FORM_LIMIT = 8 * 1024
SEE_OTHER = 303


@value
class Shell:
    """Around a page: the words of whoever looks at it, and where they can go from there."""

    words: Words
    address: str
    person: Person | None = None

    def page(self, title: str, body: str, status: int = 200) -> Response:
        """`body` is HTML; whoever puts a text into it escapes it."""
        shown = page(self.words["language"], title, body, self._header())
        return HTMLResponse(shown, status, page_headers() | {"Vary": "Accept-Language, Cookie"})

    def form_page(self, title: str, body: str, refusal: PulseError | None = None) -> Response:
        """A page with a form, and above it why the one before was refused."""
        said = self.says(refusal.code, refusal.status) if refusal else ""
        alert = f'<p role="alert">{escape(said)}</p>' if said else ""
        answered = self.page(title, alert + body, refusal.status if refusal else 200)
        if isinstance(refusal, Trouble):
            answered.headers["Retry-After"] = str(refusal.retry_after)
        return answered

    def says(self, code: str, status: int) -> str:
        """A sentence of the error's own, if there is one, or of all of its status."""
        return self.words.get(code) or self.words.get(f"{status}-says") or self.words["error-says"]

    @property
    def panel(self) -> str:
        """What `/admin` is called for whoever looks."""
        return self.words[PANEL if self.person and may_manage(self.person) else "panel"]

    def link(self, address: str, name: str) -> str:
        """A link to a page of ours, marked where it leads here."""
        here = ' aria-current="page"' if address == self.address else ""
        return f'<a href="{escape(address)}"{here}>{escape(name)}</a>'

    def _header(self) -> str:
        links = "".join(self.link(address, name) for address, name in self._ways())
        named = escape(self.words["pages"])
        return (
            f'<header><a class="home" href="/">Pulse</a><nav aria-label="{named}">{links}</nav>'
            f"{self._sign_out()}</header>"
        )

    def _ways(self) -> Iterator[tuple[str, str]]:
        words = self.words
        if self.person is not None:
            yield DASHBOARD, words[DASHBOARD]
            # Any of the settings is where the link to all of them leads.
            yield (self.address if self.address.startswith("/settings/") else PROFILE), words["settings"]
            yield PANEL, self.panel
        yield DOCS, words["docs"]
        if self.person is None:
            yield LOGIN, words["sign_in"]

    def _sign_out(self) -> str:
        if self.person is None:
            return ""
        name = escape(self.person.name)
        return (
            f'<form method="post" action="{LOGOUT}"><span dir="auto" title="{name}">{name}</span>'
            f"<button>{escape(self.words['sign_out'])}</button></form>"
        )


class PageDesk:
    """Who looks at a page. The language of people is what their profile says, else what their browser asks for."""

    def __init__(self, guard: Guard) -> None:
        self.guard = guard

    async def shell(self, request: Request) -> Shell:
        """For whoever comes; who can't be known right now is a stranger."""
        try:
            return await self.signed_in(request)
        except PulseError:
            return self.strangers(request)

    async def signed_in(self, request: Request) -> Shell:
        """Raises NotAuthentic, TooOften, NotFromHere, ReadsDown."""
        person = await self.guard.person(request)
        moderator = self.guard.directory.moderator(person.id)
        chosen = moderator.locale if moderator else ""
        return Shell(WORDS.get(chosen) or _asked(request), request.url.path, person)

    def strangers(self, request: Request) -> Shell:
        """Asks nobody who it is."""
        return Shell(_asked(request), request.url.path)


def _asked(request: Request) -> Words:
    return WORDS[language_of(request.headers.get("accept-language", ""))]


async def fields(request: Request, *names: str, limit: int = FORM_LIMIT) -> list[str]:
    """Of a form: the first of each name, empty without one. Raises TooLarge."""
    form = parse_qs((await read_body(request.headers, request.receive, limit)).decode("utf-8", "replace"))
    return [form.get(name, [""])[0] for name in names]
