"""What the commands say: results to standard output, everything else to standard error."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, NoReturn

import structlog
import typer
from rich.console import Console

from pulse.errors import BadInput, PulseError

NOTHING = "–"

log = structlog.get_logger(__name__)

out = Console()
err = Console(stderr=True)
Json = Annotated[bool, typer.Option("--json", help="For scripts.")]


def show(found: dict[str, Any], *, as_json: bool) -> None:
    """One thing, a line for each of its fields."""
    if as_json:
        show_json(found)
        return
    for name, value in found.items():
        out.print(f"{name:14} {shown(value)}", soft_wrap=True, markup=False, highlight=False)


def show_rows(columns: Sequence[str], rows: Sequence[dict[str, Any]], *, as_json: bool = False) -> None:
    """Many things, each a line; scripts get all fields, people the columns."""
    if as_json:
        show_json(rows)
        return
    lines = [list(columns), *([shown(row[column]) for column in columns] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        text = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        out.print(text.rstrip(), soft_wrap=True, markup=False, highlight=False)


def show_json(found: object) -> None:
    sys.stdout.write(json.dumps(found) + "\n")


def shown(value: object) -> str:
    """As people read it."""
    if value is None or value in ("", []):
        return NOTHING
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def secret_of(given: str, name: str) -> str:
    """What stands there; for `-` what PULSE_NEW_<NAME> says, else what is typed or piped in, which argv never shows.

    Raises BadInput.
    """
    label, secret = name.replace("_", " "), given
    if given == "-":
        secret = os.environ.get(_variable(name), "") or _asked(label)
    if not secret.strip():
        raise BadInput(f"The {label} is empty; nothing was changed.")
    return secret.strip()


def tell_of_argv(**given: str | None) -> None:
    """Says once, on standard error, which of these secrets stood in argv."""
    seen = [
        f"--{name.replace('_', '-')}"
        for name, value in given.items()
        if value and value not in ("-", os.environ.get(_variable(name)))
    ]
    if seen:
        others = "others on this machine can see what a command line holds. `-` in its place is asked for instead."
        err.print(f"{', '.join(seen)}: {others}", style="yellow", soft_wrap=True, markup=False, highlight=False)


def _variable(name: str) -> str:
    return f"PULSE_NEW_{name.upper()}"


def _asked(label: str) -> str:
    if sys.stdin.isatty():
        return str(typer.prompt(label, hide_input=True, err=True))
    return sys.stdin.readline()


@contextlib.contextmanager
def words_for_errors() -> Iterator[None]:
    """A sentence and exit code 1 instead of a stack."""
    try:
        yield
    except (PulseError, OSError) as error:
        if not _has_words(error):
            raise
        fail(_words(error))
    except BaseExceptionGroup as group:
        ours, others = group.split(_has_words)
        if ours is None:
            raise
        if others is not None:
            log.warning("cli.failed-too", exc_info=others)
        fail(_words(ours))


def _has_words(error: BaseException) -> bool:
    """Is it ours, or about a file?"""
    return isinstance(error, PulseError) or (isinstance(error, OSError) and error.filename is not None)


def _words(error: BaseException) -> str:
    """What is wrong, out of the groups of tasks it came through."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"Pulse can't use {error.filename}: {error.strerror}." if isinstance(error, OSError) else str(error)


def fail(message: str) -> NoReturn:
    err.print(message, style="red", soft_wrap=True, markup=False)
    raise typer.Exit(1)
