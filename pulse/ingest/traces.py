"""Tells about deliveries that leave no event (refused, blocked, repeated, only live), so that they can be looked at.

Live, lossy and rationed on purpose: a flood of forged webhooks must fill nothing.
"""

from __future__ import annotations

import orjson

from pulse.eventlog.jetstream import Log
from pulse.limits import Rate
from pulse.projections.rejections import REJECTED

BODY_SHOWN = 2048


class Traces:
    """A few a second per outcome; of the rest only the number is told."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._rate = Rate(per_second=5, burst=50)
        self._suppressed = 0

    async def leave(self, source: str, outcome: str, reason: str, body: bytes) -> None:
        if not self._rate.allows(outcome):
            self._suppressed += 1
            return
        shown = body[:BODY_SHOWN].decode(errors="replace")
        trace = {"source": source[:80], "outcome": outcome, "reason": reason[:200], "body": shown}
        storable = {name: text.replace("\0", "\ufffd") for name, text in trace.items()}
        suppressed, self._suppressed = self._suppressed, 0
        await self._log.tell(REJECTED, orjson.dumps({**storable, "suppressed": suppressed}))
