"""One post to PULSE_PUSH_WEBHOOK_URL: signed with the app's secret, to a public https address or a trusted host."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import httpx2
import structlog
from prometheus_client import Counter

from pulse.errors import PulseError
from pulse.outside import NoAnswer, Resolve, may_go, outside_client, read_little, resolve_name
from pulse.pusher_app import PusherApp

SECONDS = 10.0

log = structlog.get_logger(__name__)


class HookPost:
    """The way to one receiver. Its connection stays open from one post to the next."""

    def __init__(self, url: str, app: PusherApp, posts: Counter, client: httpx2.AsyncClient) -> None:
        self._url = url
        self._app = app
        self._posts = posts
        self._client = client

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, url: str, app: PusherApp, posts: Counter, inside: frozenset[str]) -> AsyncIterator[HookPost]:
        """`inside` are the `host:port` that may be reached though they are private, and without TLS."""
        async with outside_client(None, allow_private=inside) as client:
            yield cls(url, app, posts, client)

    async def __call__(self, body: bytes) -> bool:
        """Was it taken (2xx)? Whatever goes wrong is a line in the log, and false; redirects are not followed."""
        try:
            status = await self._call(body)
        except (PulseError, httpx2.HTTPError, httpx2.InvalidURL, TimeoutError) as error:
            self._note("unreachable", type(error).__name__)
            return False
        taken = 200 <= status < 300
        self._note("taken" if taken else "refused", str(status))
        return taken

    async def _call(self, body: bytes) -> int:
        headers = {
            "Content-Type": "application/json",
            "X-Pusher-Key": self._app.key,
            "X-Pusher-Signature": self._app.signature(body),
        }
        async with (
            asyncio.timeout(SECONDS),
            self._client.stream("POST", self._url, content=body, headers=headers) as answer,
        ):
            await read_little(answer)
            return int(answer.status_code)

    def _note(self, outcome: str, said: str) -> None:
        self._posts.labels(outcome).inc()
        if outcome != "taken":
            log.warning("hooks.refused", outcome=outcome, said=said)


async def warn_of_refusal(url: str, inside: frozenset[str], resolve: Resolve = resolve_name) -> None:
    """A line at the start where each post will be refused; of a name that leads nowhere yet, nothing is known."""
    with contextlib.suppress(NoAnswer):
        if not await may_go(url, inside, resolve):
            log.warning("hooks.forbidden", mend="Name its host and port in PULSE_TRUSTED_HOSTS if it is inside.")
