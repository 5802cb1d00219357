"""The `pulse` program in a process of its own that needs not load it again: a second and a half, some hundred times."""

from __future__ import annotations

import multiprocessing
import os
import sys
from pathlib import Path

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["pulse.commands"])


def run_to_end(words: tuple[str, ...], environment: dict[str, str], typed: str, place: Path) -> tuple[int, str]:
    """Its exit code and all it said."""
    said, heard = place / "said", place / "typed"
    heard.write_text(typed)
    process = FORKS.Process(target=_become, args=(words, environment, heard, said))
    process.start()
    process.join()
    code = process.exitcode
    process.close()
    return code or 0, said.read_text()


def _become(words: tuple[str, ...], environment: dict[str, str], heard: Path, said: Path) -> None:
    """The program, as `python -m pulse.cli` would start it."""
    os.dup2(os.open(heard, os.O_RDONLY), 0)
    os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 1)
    os.dup2(1, 2)
    sys.stdin = os.fdopen(0, closefd=False)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["pulse", *words]
    from pulse.cli import main

    main()
