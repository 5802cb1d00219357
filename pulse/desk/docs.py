"""`/docs`: the HTTP API as a plain page made from its own document, so that it can be read without internet."""

from collections.abc import Iterator
from html import escape
from string import Template
from typing import Any

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
</style>
<h1>$title $version</h1>
<p>Every field and answer is in the OpenAPI document, <a href="openapi.json">openapi.json</a>, for any tool that reads such.</p>
$tables
</html>
""")

# Nothing is loaded from anywhere, and nothing runs.
HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}


def docs_page(document: dict[str, Any]) -> str:
    """The page: a table for each tag, a row for each address and method."""
    groups: dict[str, list[str]] = {}
    for tag, row in _rows(document):
        groups.setdefault(tag, []).append(row)
    tables = [f"<table><caption>{escape(tag)}</caption>{''.join(rows)}</table>" for tag, rows in groups.items()]
    info = {name: escape(document["info"][name]) for name in ("title", "version")}
    return PAGE.substitute(info, tables="\n".join(tables))


def _rows(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for path, methods in document["paths"].items():
        for method in METHODS:
            if operation := methods.get(method):
                says = operation.get("description") or operation.get("summary", "")
                cells = (f"<code>{method.upper()} {escape(path)}</code>", escape(says))
                yield operation.get("tags", ["other"])[0], f"<tr><td>{cells[0]}</td><td>{cells[1]}</td></tr>"
