"""The `pulse` command: what happens before everything else is loaded."""

from __future__ import annotations

import signal


def main() -> None:
    # Python loses a Ctrl-C that falls into a callback of its imports. Nothing is open yet: end at once instead.
    # Each command says for itself what a signal means from then on.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from pulse.commands import app  # noqa: PLC0415  (the long import, see above)

    app()


if __name__ == "__main__":
    main()
