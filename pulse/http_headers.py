"""What every answer carries: its request's id, what is left of the limits it met, and what browsers must know.

Around all of Pulse's HTTP, the webhooks too, which it costs less than two microseconds (`python -m bench headers`).
"""

from __future__ import annotations

import itertools
import re
import secrets
from collections.abc import Awaitable, Iterable
from contextvars import ContextVar

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import STRUCTLOG_KEY_PREFIX

from pulse.limits import collect_quotas, quota_headers

REQUEST_ID = b"x-request-id"
SANE = re.compile(rb"[A-Za-z0-9._-]{1,64}")

# structlog writes every variable of this prefix into each line; its own way to set one takes a microsecond.
OF_LINES: ContextVar[str] = ContextVar(f"{STRUCTLOG_KEY_PREFIX}request_id")

# Made up ids need to be told apart, not to be secret.
PROCESS = secrets.token_hex(6).encode()
NUMBERS = itertools.count(1)

# An answer that knows better (a page, a file) says so itself.
ALWAYS: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; base-uri 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
# Two years: https://hstspreload.org
BEHIND_TLS = (b"strict-transport-security", b"max-age=63072000; includeSubDomains")

# The whole head of a webhook's answer: it says none of them, so nothing need be looked for.
TYPE, LENGTH = b"content-type", b"content-length"


class AnswerHeaders:
    """An application whose answers all carry them. With `tls`, browsers are told to come by TLS only."""

    def __init__(self, app: ASGIApp, *, tls: bool) -> None:
        self.app = app
        self.always = (*ALWAYS, BEHIND_TLS) if tls else ALWAYS

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] != "http":
            return self.app(scope, receive, send)
        request_id = id_of(scope)
        OF_LINES.set(request_id.decode())
        met = collect_quotas()

        def with_headers(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                given = message["headers"]
                bare = len(given) == 2 and given[0][0] == TYPE and given[1][0] == LENGTH
                missing = self.always if bare else self._not_in(given)
                message["headers"] = [*given, (REQUEST_ID, request_id), *missing]
                if met:
                    message["headers"] += quota_headers(met)
            return send(message)

        return self.app(scope, receive, with_headers)

    def _not_in(self, given: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        said = {name for name, _ in given}
        return [header for header in self.always if header[0] not in said]


def id_of(scope: Scope) -> bytes:
    """The caller's own, if it can't spoil a log; else one made up."""
    for name, given in scope["headers"]:
        if name == REQUEST_ID and SANE.fullmatch(given):
            return bytes(given)
    return b"%s-%d" % (PROCESS, next(NUMBERS))
