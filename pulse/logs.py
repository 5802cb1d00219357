"""Logs: one JSON object a line on standard error, ours and the libraries'."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog

CHATTY = ("uvicorn", "httpx2", "httpcore2", "websockets", "nats")
# A line for every try while Postgres is away; the wiring says once that it is, and once that it is back.
SILENT = ("psycopg.pool",)

log = structlog.get_logger(__name__)


class Outage:
    """What is away and tried again: a line when it goes and one when it is back, however often it is tried between, and
    by however many: it is away from the first who misses it until the last has it again.
    """

    def __init__(self, what: str) -> None:
        self._goes, self._is_back = f"{what}.away", f"{what}.back"
        self._missing: set[object] = set()

    @property
    def is_on(self) -> bool:
        return bool(self._missing)

    def began(self, trouble: object, who: object = None) -> None:
        if not self._missing:
            log.warning(self._goes, trouble=str(trouble).strip() or repr(trouble))
        self._missing.add(who)

    def ended(self, who: object = None) -> None:
        if who in self._missing:
            self._missing.discard(who)
            if not self._missing:
                log.info(self._is_back)

    def forget(self, who: object) -> None:
        """They try no more."""
        self._missing.discard(who)


def configure_logs(level: str) -> None:
    """JSON lines on standard error, also of the libraries; our words to people go to standard output."""
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
        structlog.processors.format_exc_info,
    ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(level=number, handlers=[handler], force=True)
    for chatty in CHATTY:
        logging.getLogger(chatty).setLevel(max(number, logging.WARNING))
    for silent in SILENT:
        logging.getLogger(silent).setLevel(logging.CRITICAL)
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
    )
