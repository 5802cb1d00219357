"""How a call to a channel can end badly, as drivers tell it to whoever sends. What they don't raise, arrived."""

from __future__ import annotations

from pulse.errors import Trouble


class CallFailed(Trouble):
    """The channel did not take it."""

    def __init__(self, reason: str, code: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.provider_code = code


class NotNow(CallFailed):
    """The channel is busy or away, and surely took nothing; the same call may go through later.

    `after` is how many seconds the channel asked for, None if it did not say; `whole_source`: all its chats wait.
    """

    def __init__(self, reason: str, code: str = "", *, after: float | None = None, whole_source: bool = False) -> None:
        super().__init__(reason, code)
        self.after = after
        self.whole_source = whole_source


class MaybeSent(CallFailed):
    """The call went out and no answer came, so nobody knows whether it arrived."""


class NeverDelivered(CallFailed):
    """The channel will not take this. `unreachable`: nor anything else for this customer, until they write again."""

    def __init__(self, reason: str, code: str = "", *, unreachable: bool = False) -> None:
        super().__init__(reason, code)
        self.unreachable = unreachable


class BadPiece(CallFailed):
    """The channel calls this piece malformed; a plainer one may do."""


class SourceInTrouble(CallFailed):
    """The channel refuses this account. Nothing of it can be sent until an admin mends it, or `after` seconds passed."""

    def __init__(self, reason: str, code: str = "", *, after: float | None = None) -> None:
        super().__init__(reason, code)
        self.after = after


class PeerMoved(CallFailed):
    """The chat has another address from now on."""

    def __init__(self, reason: str, peer: str, code: str = "") -> None:
        super().__init__(reason, code)
        self.peer = peer
