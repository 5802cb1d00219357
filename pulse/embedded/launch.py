"""Becomes a server: drops to its user, asks to end with its parent, and runs it. A program of its own on purpose.

The same steps between fork and exec, as `preexec_fn`, would be Python in a copy of a process whose other threads are
gone: when a server is started again while the parent's threads run, a lock that one of them held would stay taken.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(parent: int, how: int, owner: str, command: list[str]) -> None:
    """`owner` is `user:group`, or empty for our own."""
    # The library is loaded first: the server's user may not be able to read it.
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if owner:
        user, group = map(int, owner.split(":"))
        os.setgroups([])
        os.setgid(group)
        os.setuid(user)
    if libc is not None:  # macOS has no such thing; a change of user would clear the wish
        libc.prctl(PR_SET_PDEATHSIG, how)
    if os.getppid() != parent:
        sys.exit(1)
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):  # by Python, and exec would pass it on
        signal.signal(ignored, signal.SIG_DFL)
    os.execve(command[0], command, {name: os.environ[name] for name in ("PATH", "LC_ALL")})  # noqa: S606


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:])
