"""`/docs`: the HTTP API as one plain page, the guide (docs/api.md) and a list of all there is; readable without internet."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from markdown_it import MarkdownIt
from markdown_it.token import Token
from starlette.responses import Response

from pulse.desk.page_desk import DOCS, PageDesk, Shell
from pulse.values import value

GUIDE = Path(__file__).parent.parent / "guide" / "api.md"
METHODS = ("get", "post", "put", "patch", "delete", "options")
ALL = ("all-addresses", "All addresses")
# Where the guide says that Pulse is; readers are told where theirs is.
THERE, PUSH_THERE = "localhost:8000", "ws://127.0.0.1:8001"
HOST = re.compile(r"(?P<name>[\w.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?", re.ASCII)
NO_WORD = re.compile(r"[^\w -]")


@value
class Guide:
    """The guide as HTML, and its headings: anchor and words of each."""

    html: str
    headings: tuple[tuple[str, str], ...]


def docs_routes(desk: PageDesk, push_port: int) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get(DOCS)
    async def show_docs(request: Request) -> Response:
        told = guide().html + all_addresses(request.app.openapi())
        told = told.replace(THERE, here(request, secure=desk.guard.secure))
        told = told.replace(PUSH_THERE, push_here(request, push_port, secure=desk.guard.secure))
        return docs_page(await desk.shell(request), told, request.app.version)

    return router


def docs_page(shell: Shell, told: str, version: str) -> Response:
    """The words around it are the reader's, the guide itself is English."""
    words = shell.words
    links = "".join(f'<li><a href="#{anchor}">{escape(name)}</a></li>' for anchor, name in (*guide().headings, ALL))
    return shell.page(
        words["docs"],
        f'<p class="quiet">Pulse {escape(version)} · <a href="/openapi.json">{escape(words["openapi"])}</a></p>'
        f'<div class="guide"><nav aria-label="{escape(words["contents"])}"><ol lang="en">{links}</ol></nav>'
        f'<article lang="en">{told}</article></div>',
    )


def here(request: Request, *, secure: bool) -> str:
    """Where this page came from, as curl takes it."""
    host = request.headers.get("host", "")
    known = host if HOST.fullmatch(host) else THERE
    return f"https://{known}" if secure else known


def push_here(request: Request, port: int, *, secure: bool) -> str:
    """The push door, which has a port of its own, but stands behind the same name where there is TLS."""
    found = HOST.fullmatch(request.headers.get("host", ""))
    if secure and found:
        return f"wss://{found[0]}"
    return f"ws://{found['name'] if found else 'localhost'}:{port}"


@cache
def guide() -> Guide:
    """docs/api.md without its title; what looks like HTML in it is text."""
    markdown = _markdown()
    tokens = markdown.parse(GUIDE.read_text(encoding="utf-8"))[3:]
    headings = tuple(_anchored(tokens))
    html: str = markdown.renderer.render(tokens, markdown.options, {})
    # A block that is wider than the window is scrolled by keys too.
    return Guide(html.replace("<pre>", '<pre tabindex="0">'), headings)


def all_addresses(document: Mapping[str, Any]) -> str:
    """A table for each tag, a row for each address and method."""
    groups: dict[str, list[str]] = {}
    for tag, row in _rows(document):
        groups.setdefault(tag, []).append(row)
    tables = [_table(tag, rows) for tag, rows in groups.items()]
    return f'<h2 id="{ALL[0]}">{ALL[1]}</h2>{"".join(tables)}'


def anchor_of(heading: str) -> str:
    """As GitHub makes it, where the same file is read."""
    return NO_WORD.sub("", heading.lower()).replace(" ", "-")


@cache
def _markdown() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable("table")


def _anchored(tokens: Sequence[Token]) -> Iterator[tuple[str, str]]:
    """Gives every heading an id; the larger ones are the contents."""
    for opening, text in pairwise(tokens):
        if opening.type == "heading_open":
            opening.attrSet("id", anchor_of(text.content))
            if opening.tag == "h2":
                yield anchor_of(text.content), text.content


def _table(tag: str, rows: Sequence[str]) -> str:
    name = f"all-{anchor_of(tag)}"
    body = f'<table aria-labelledby="{name}"><tbody>{"".join(rows)}</tbody></table>'
    return f'<h3 id="{name}">{escape(tag.capitalize())}</h3>{body}'


def _rows(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for path, methods in document["paths"].items():
        for method in METHODS:
            if operation := methods.get(method):
                says = operation.get("description") or operation.get("summary", "")
                cells = (f"<code>{method.upper()} {escape(path)}</code>", _markdown().renderInline(says))
                yield operation.get("tags", ["other"])[0], f"<tr><td>{cells[0]}</td><td>{cells[1]}</td></tr>"
