"""Notices that the log lost its end, or was replaced: clients were told what it does not hold.

One odd cursor is no proof, for those of moderators and apps are not sealed. One that Pulse sealed is, and so is what
several moderators have at the same time.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from uuid import UUID

import structlog

from pulse.limits import Rate
from pulse.metrics import Metrics

WITNESSES, WITNESS_SECONDS = 3, 300.0
ALARM_SECONDS = 60.0

log = structlog.get_logger(__name__)


class Rollbacks:
    """Each proof is counted, and in the log once a minute."""

    def __init__(self, metrics: Metrics, clock: Callable[[], float] = time.monotonic) -> None:
        self._proofs = metrics.rollbacks
        self._clock = clock
        self._lines = Rate(per_second=1 / ALARM_SECONDS, burst=1, clock=clock)
        self._witnesses: dict[UUID, float] = {}

    def note(self, reason: str, person: UUID | None, *, is_sealed: bool) -> None:
        """Somebody came with a cursor that does not fit the log; `person` is the moderator, if it is one."""
        is_proof = is_sealed or (person is not None and self._are_many(person))
        if is_proof:
            self._proofs.inc()
        if self._lines.allows("proof" if is_proof else "oddity"):
            log.log(logging.ERROR if is_proof else logging.WARNING, "push.cursor_beyond", reason=reason)

    def _are_many(self, person: UUID) -> bool:
        now = self._clock()
        self._witnesses[person] = now
        self._witnesses = {who: at for who, at in self._witnesses.items() if now - at < WITNESS_SECONDS}
        return len(self._witnesses) >= WITNESSES
