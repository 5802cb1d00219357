"""One call to a subscriber: signed as Standard Webhooks want it (https://www.standardwebhooks.com), to public
addresses only, without following redirects.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hmac
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import Any

import httpx2
import orjson
import structlog

from pulse.aggregates.subscriber import Subscriber, seal_purpose
from pulse.delivery.public_event import Told, cloud_event
from pulse.errors import PulseError, Trouble
from pulse.eventlog.envelope import new_event_id
from pulse.outside import outside_client, read_little
from pulse.vault import Vault

SECONDS = 15.0
AFTER_LIMIT = 86_400.0
GONE = 410
MEDIA_TYPE = "application/cloudevents+json"

Clock = Callable[[], datetime]

log = structlog.get_logger(__name__)


class NotTaken(Trouble):
    """The subscriber did not take it; it may later.

    `status` is its answer's, 0 without an answer; `after` the seconds it asked for.
    """

    def __init__(self, reason: str, status: int = 0, after: float = 0.0) -> None:
        super().__init__(reason)
        self.answered = status
        self.after = after


class WantsNoMore(NotTaken):
    """The subscriber says that it is gone (410)."""


class Post:
    """The way to one subscriber. Its connection stays open from one event to the next."""

    def __init__(self, subscriber: Subscriber, vault: Vault, client: httpx2.AsyncClient, clock: Clock) -> None:
        self._subscriber = subscriber
        self._vault = vault
        self._client = client
        self._clock = clock

    @classmethod
    @contextlib.asynccontextmanager
    async def open(
        cls, subscriber: Subscriber, vault: Vault, clock: Clock, inside: frozenset[str]
    ) -> AsyncIterator[Post]:
        """`inside` are the `host:port` that may be reached though they are private."""
        async with outside_client(None, allow_private=inside) as client:
            yield cls(subscriber, vault, client, clock)

    async def send(self, told: Told) -> int:
        """Posts a CloudEvent; returns the status, one of success. Raises NotTaken, WantsNoMore, and nothing else."""
        try:
            body = orjson.dumps(told)
            headers = {"content-type": MEDIA_TYPE, **self._signed(told["id"], body)}
            return self._judge(await self._call(body, headers))
        except NotTaken:
            raise
        except PulseError as refused:  # the address, or a secret that can't be opened
            raise NotTaken(str(refused)) from refused
        except Exception as error:  # noqa: BLE001  one must not end the others; what it says may hold a secret
            log.warning("subscriber.unforeseen", subscriber=str(self._subscriber.id), error=type(error).__name__)
            raise NotTaken(f"Something unforeseen went wrong ({type(error).__name__}).") from None

    def _signed(self, webhook_id: str, body: bytes) -> dict[str, str]:
        """The three headers, with a signature for every secret that counts. Raises WrongKey."""
        now = self._clock()
        timestamp = str(int(now.timestamp()))
        purpose = seal_purpose(self._subscriber.id)
        keys = [self._vault.unseal(sealed, purpose) for sealed in self._subscriber.sealed_secrets(now)]
        signatures = " ".join(signature(key, webhook_id, timestamp, body) for key in keys)
        return {"webhook-id": webhook_id, "webhook-timestamp": timestamp, "webhook-signature": signatures}

    async def _call(self, body: bytes, headers: dict[str, str]) -> httpx2.Response:
        """Raises NotTaken, ForbiddenAddress."""
        try:
            async with (
                asyncio.timeout(SECONDS),
                self._client.stream(
                    "POST", self._subscriber.url, content=body, headers=headers, timeout=SECONDS
                ) as answer,
            ):
                await read_little(answer)
                return answer
        except (TimeoutError, httpx2.TimeoutException):
            raise NotTaken(f"It did not answer in {SECONDS:g} seconds.") from None
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise NotTaken(f"It can't be reached ({type(error).__name__}).") from None

    def _judge(self, answer: httpx2.Response) -> int:
        """Raises NotTaken, WantsNoMore."""
        status = answer.status_code
        if answer.is_success:
            return status
        if status == GONE:
            raise WantsNoMore("It answered 410: it wants no more.", status)
        said = (
            f"It answered {status}, a redirect, which is not followed."
            if answer.is_redirect
            else f"It answered {status}."
        )
        raise NotTaken(said, status, _seconds(answer.headers.get("retry-after", ""), self._clock()))


async def ping(subscriber: Subscriber, vault: Vault, clock: Clock, inside: frozenset[str]) -> dict[str, Any]:
    """Posts something that is no event, to see whether it would be taken."""
    told = cloud_event(
        new_event_id(), "subscriber.ping", source="/pulse", subject=f"subscriber/{subscriber.id}", time=clock(),
        data={"title": subscriber.title},
    )  # fmt: skip
    found: dict[str, Any] = {"id": told["id"], "taken": True, "error": None}
    async with Post.open(subscriber, vault, clock, inside) as post:
        try:
            found["status"] = await post.send(told)
        except NotTaken as trouble:
            found |= {"taken": False, "error": str(trouble), "status": trouble.answered or None}
    return found


def signature(key: bytes, webhook_id: str, timestamp: str, body: bytes) -> str:
    """Version 1: HMAC-SHA256 over id, timestamp and body, with dots between."""
    signed = b".".join((webhook_id.encode(), timestamp.encode(), body))
    return "v1," + base64.b64encode(hmac.digest(key, signed, sha256)).decode()


def _seconds(retry_after: str, now: datetime) -> float:
    """What Retry-After asks for, in seconds or as a date (RFC 9110), a day at most; 0 when it asks for nothing."""
    if retry_after.isdecimal():
        return min(float(retry_after), AFTER_LIMIT)
    try:
        wanted = parsedate_to_datetime(retry_after)
    except (ValueError, OverflowError):  # also a year that no calendar has
        return 0.0
    return min(max(0.0, (wanted.replace(tzinfo=wanted.tzinfo or UTC) - now).total_seconds()), AFTER_LIMIT)
