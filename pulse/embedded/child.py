"""A server as our child process: started, waited for, ended; it dies with us."""

import contextlib
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO, Any

import psutil  # type: ignore[import-untyped]

from pulse.errors import Trouble

Say = Callable[[str], None]
Owner = tuple[int, int] | None  # user and group that Postgres runs as; None: our own
LAUNCH = Path(__file__).resolve().with_name("launch.py")


class ServerFailed(Trouble):
    """A server that Pulse starts did not start."""


class Child:
    """One child process that dies with us, and its log."""

    def __init__(self, name: str, data_dir: Path, say: Say, ends_by: signal.Signals, ends_in: float) -> None:
        self.name, self.dir, self.say = name, data_dir, say
        self.ends_by, self.ends_in = ends_by, ends_in
        self.log = data_dir / "logs" / f"{name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._again: Callable[[], None] = lambda: None

    def run(self, command: list[str], ready: Callable[[], bool], owner: Owner = None, keep: int = -1) -> None:
        """Starts it and waits without a limit: a living server that doesn't answer is reading its store."""
        self._again = partial(self._spawn, command, owner, keep)
        self._again()
        until(lambda: self.has_ended or ready(), math.inf, self.say, f"{self.name} is starting")
        if self.has_ended:
            last = "\n".join(self.log.read_text(errors="replace").splitlines()[-8:])
            raise ServerFailed(f"{self.name} ended while starting. {self.log} says last:\n{last}")

    def revive(self) -> bool:
        """Starts it again if it has died; does not wait until it answers. Did it have to?"""
        if self.process is None or not self.has_ended:
            return False
        self._again()
        return True

    @property
    def has_ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def _spawn(self, command: list[str], owner: Owner, keep: int) -> None:
        with open_log(self.log) as log:
            self.process = subprocess.Popen(  # noqa: S603
                [*launcher(self.ends_by, owner), *command],
                **as_owner(None),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[keep] if keep >= 0 else [],
            )

    def stop(self) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(self.ends_by)
        try:
            self.process.wait(self.ends_in)
        except subprocess.TimeoutExpired:
            self.say(f"{self.name} did not end in {self.ends_in:.0f} s and is killed")
            self.kill()

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            kill_tree(psutil.Process(self.process.pid))
            self.process.wait()


def until(done: Callable[[], bool], limit: float, say: Say, what: str) -> bool:
    """Waits until `done`, saying `what` once a second; False when it took more than `limit` seconds."""
    begun, told = time.monotonic(), 0
    while not done():
        gone = time.monotonic() - begun
        if gone > limit:
            return False
        if int(gone) > told:
            told = int(gone)
            say(f"{what} ({told} s)")
        time.sleep(0.01)
    return True


def launcher(ends_by: signal.Signals, owner: Owner) -> list[str]:
    """What comes before a server's command so that it runs as its owner and dies with us."""
    python = [sys.executable, "-I", "-S", str(LAUNCH)]  # nothing but the interpreter: 20 ms
    return [*python, str(os.getpid()), str(int(ends_by)), "" if owner is None else f"{owner[0]}:{owner[1]}"]


def kill_tree(process: psutil.Process) -> None:
    """kill -9 for a process and its children; frozen first, so that no child is born meanwhile."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process.suspend()
        family = [*process.children(recursive=True), process]
        for member in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        psutil.wait_procs(family, timeout=5)


def as_owner(owner: Owner) -> dict[str, Any]:
    """A child runs as `owner`, from where it may be, without the secrets our environment may hold."""
    user = {} if owner is None else {"user": owner[0], "group": owner[1], "extra_groups": []}
    env = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
    # A session of its own: Ctrl-C is for us alone, and the servers end last.
    return user | {"cwd": "/", "env": env, "start_new_session": True}


def open_log(path: Path) -> IO[bytes]:
    path.touch(mode=0o600)
    return path.open("ab")
