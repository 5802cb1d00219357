"""What the headers of every answer cost a webhook: the same empty application with them and without, in one process.

A request with six headers and an answer with two, as a messenger's are; no sockets, so that nothing else is measured.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bench.report import Figure, Report, Size, Verdict
from pulse.http_headers import AnswerHeaders

REACH = 2.0
ROUNDS = 5
SENT = [
    (b"host", b"pulse.example"), (b"content-type", b"application/json"), (b"content-length", b"320"),
    (b"user-agent", b"Telegram"), (b"accept", b"*/*"), (b"x-telegram-bot-api-secret-token", b"s3cret"),
]  # fmt: skip
SAID = [(b"content-type", b"application/json"), (b"content-length", b"2")]


async def empty(_: Scope, __: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": SAID})
    await send({"type": "http.response.body", "body": b"{}"})


def main(size: Size) -> Report:
    report = Report("headers", "request id and security headers cost a webhook less than 2 µs")
    times = max(int(40_000 * size.seconds), 1000)
    bare, headed = asyncio.run(_rounds(times))
    report.figures = [Figure("an empty answer", bare, "µs"), Figure("with the headers", headed, "µs")]
    # Of the processor, not of the clock; whatever else runs here only adds, so the least of each is what it costs.
    report.verdicts = [Verdict("what they add", min(headed) - min(bare), REACH, "µs", at_most=True)]
    return report


async def _rounds(times: int) -> tuple[list[float], list[float]]:
    """One after the other in turns, so that both meet the same machine."""
    bare, headed = [], []
    for _ in range(ROUNDS):
        bare.append(await _microseconds(empty, times))
        headed.append(await _microseconds(AnswerHeaders(empty, tls=True), times))
    return bare, headed


async def _microseconds(app: ASGIApp, times: int) -> float:
    nothing: Any = None

    async def send(_: Message) -> None:
        pass

    began = time.process_time()
    for _ in range(times):
        await app({"type": "http", "path": "/webhook/telegram/1", "headers": SENT}, nothing, send)
    return (time.process_time() - began) / times * 1e6
