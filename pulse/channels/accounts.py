"""What a provider says of an account: whose its token is, and where it posts to."""

from __future__ import annotations

from datetime import datetime

from pulse.values import value


@value
class Holder:
    """Whose a token is. `identifier` is what a source of this account is called."""

    identifier: str
    name: str = ""
    username: str | None = None


@value
class Posting:
    """Where a provider posts deliveries to, as it says itself; None for nowhere.

    `pending` is how many wait there, where it tells; `error` why the last one failed; `missing` which kinds of deliveries
    Pulse would read and never gets.
    """

    url: str | None
    pending: int | None = None
    error: str = ""
    error_at: datetime | None = None
    missing: tuple[str, ...] = ()
