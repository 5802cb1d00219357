"""The tree of errors. Doors turn it into HTTP answers once and into close codes once.

PulseError
├── Refusal             a rule said no: 409, or the code the rule names
│   └── NotAllowed      403 (each rule has its own class beside its aggregate)
├── BadInput            the caller sent something we can't read: 400
│   └── TooLarge        413
├── NotAuthentic        wrong or missing credentials: 401, always the same words
├── NotFound            404
└── Trouble             our side: 503 with Retry-After
    ├── TryLater        busy; the same request may go through soon
    ├── StoreConflict   somebody else kept winning the same chat
    ├── LogDown         the event log can't take or give events
    └── ReadsDown       the read models can't be reached
"""


class PulseError(Exception):
    """Something went wrong in Pulse."""

    status = 500

    def __init__(self, message: str = "", **details: object) -> None:
        super().__init__(message or sentence(type(self)))
        self.details = details

    @property
    def code(self) -> str:
        """Stable name for programs: `ChatIsClosed` -> `chat-is-closed`."""
        return "".join(f"-{c.lower()}" if c.isupper() else c for c in type(self).__name__).lstrip("-")


def sentence(error: type[BaseException]) -> str:
    """The docstring's first paragraph: what people see."""
    return " ".join((error.__doc__ or error.__name__).split("\n\n")[0].split())


class Refusal(PulseError):
    """A rule said no."""

    status = 409


class NotAllowed(Refusal):
    """You may not do this."""

    status = 403


class BadInput(PulseError):
    """The request can't be read."""

    status = 400


class TooLarge(BadInput):
    """The body is larger than this address accepts."""

    status = 413


class NotAuthentic(PulseError):
    """Unknown sender or wrong credentials."""

    status = 401


class NotFound(PulseError):
    """There is nothing here, or nothing you may see."""

    status = 404


class Trouble(PulseError):
    """Pulse can't do this right now. Nothing was changed; try again soon."""

    status = 503


class TryLater(Trouble):
    """Pulse is busy. Nothing was changed; try again soon."""


class StoreConflict(Trouble):
    """Others kept changing the same thing at the same moment. Nothing was changed; try again."""


class LogDown(Trouble):
    """The event log can't be reached, so nothing was accepted. Try again soon."""


class ReadsDown(Trouble):
    """The lists can't be read right now. Messages are still accepted; try again soon."""
