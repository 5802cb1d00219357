"""`/docs`: the HTTP API as one plain page, the guide (docs/api.md) and a list of all there is; readable without internet."""

from collections.abc import Iterator
from functools import cache
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from markdown_it import MarkdownIt

GUIDE = Path(__file__).parent.parent / "guide" / "api.md"
METHODS = ("get", "post", "put", "patch", "delete", "options")

PAGE = Template("""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>$title: the HTTP API</title>
<style>
body { font: 1rem/1.5 system-ui, sans-serif; max-inline-size: 64rem; margin: 2rem auto; padding-inline: 1rem; color-scheme: light dark }
table { border-collapse: collapse; inline-size: 100% }
th, td { text-align: start; vertical-align: top; padding: .4rem .8rem .4rem 0; border-block-end: 1px solid #8884 }
caption { text-align: start; font-weight: bold; padding-block: 1.5rem .3rem }
code { white-space: nowrap }
td code, li code { white-space: normal; overflow-wrap: anywhere }
pre { overflow-x: auto; padding: .8rem; background: #8882 }
</style>
<p>$title $version. <a href="#all">All addresses</a>; every field and answer is in the OpenAPI document,
<a href="openapi.json">openapi.json</a>, for any tool that reads such.</p>
$guide
<h1 id="all">All addresses</h1>
$tables
</html>
""")

# Nothing is loaded from anywhere, and nothing runs.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
}


def docs_page(document: dict[str, Any]) -> str:
    """The page: a table for each tag, a row for each address and method."""
    groups: dict[str, list[str]] = {}
    for tag, row in _rows(document):
        groups.setdefault(tag, []).append(row)
    tables = [f"<table><caption>{escape(tag)}</caption>{''.join(rows)}</table>" for tag, rows in groups.items()]
    info = {name: escape(document["info"][name]) for name in ("title", "version")}
    return PAGE.substitute(info, guide=guide(), tables="\n".join(tables))


@cache
def guide() -> str:
    """docs/api.md as HTML; what looks like HTML in it is text."""
    html: str = MarkdownIt("commonmark", {"html": False}).enable("table").render(GUIDE.read_text(encoding="utf-8"))
    return html


def _rows(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for path, methods in document["paths"].items():
        for method in METHODS:
            if operation := methods.get(method):
                says = operation.get("description") or operation.get("summary", "")
                cells = (f"<code>{method.upper()} {escape(path)}</code>", escape(says))
                yield operation.get("tags", ["other"])[0], f"<tr><td>{cells[0]}</td><td>{cells[1]}</td></tr>"
