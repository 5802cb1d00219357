"""A producer of a test's own, and posts as it would sign them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx2
import orjson

from pulse.aggregates.feed import feed_id
from pulse.aggregates.producer import producer_id
from pulse.eventlog.envelope import Recorded
from pulse.house import now
from pulse.producers import Configuration, Producers
from tests.conftest import Pulse

SECRET = "whsec_" + base64.b64encode(b"the secret of a test's producer").decode()
NUMBERS = itertools.count(1)
STRUCTURED = {"content-type": "application/cloudevents+json"}
BATCH = {"content-type": "application/cloudevents-batch+json"}
PLAIN = {"content-type": "application/json"}
SCHEMA = {
    "type": "object", "required": ["order"], "additionalProperties": False,
    "properties": {
        "order": {"type": "integer"}, "sum": {"type": "string"}, "person": {"type": "string"},
        "lines": {"type": "array", "items": {"type": "object", "properties": {"a b": {"maximum": 5}}}},
    },
}  # fmt: skip


def described(type_: str = "shop.order.paid", **more: Any) -> dict[str, Any]:
    """An event type of a configuration."""
    plain = {"channel": "private-orders.{data.order}", "audience": "staff", "event": "OrderPaid", "schema": SCHEMA}
    return {"type": type_, **plain, **more}


def configured(name: str | None = None, *types: dict[str, Any], scheme: str = "standard") -> Configuration:
    wanted = {"name": name or f"shop-{next(NUMBERS)}", "scheme": scheme, "event_types": types or (described(),)}
    return Configuration.model_validate_json(orjson.dumps(wanted))


def signature(secret: str, delivery: str, at: int, body: bytes) -> str:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    return "v1," + base64.b64encode(hmac.digest(key, f"{delivery}.{at}.".encode() + body, hashlib.sha256)).decode()


def signed(body: bytes, secret: str = SECRET, delivery: str | None = None, at: int | None = None) -> dict[str, str]:
    """Standard Webhooks' headers."""
    delivery, at = delivery or f"msg-{next(NUMBERS)}", at or int(now().timestamp())
    return {
        "webhook-id": delivery, "webhook-timestamp": str(at), "webhook-signature": signature(secret, delivery, at, body),
    }  # fmt: skip


def an_event(event_id: str | None = None, /, **more: Any) -> dict[str, Any]:
    """A CloudEvent about order 1184."""
    plain = {
        "specversion": "1.0", "id": event_id or f"event-{next(NUMBERS)}", "source": "/shops/17",
        "type": "shop.order.paid", "data": {"order": 1184},
    }  # fmt: skip
    return plain | more


def encoded(body: object) -> bytes:
    return body if isinstance(body, bytes) else orjson.dumps(body)


@dataclass(frozen=True, slots=True)
class Shop:
    """A producer that a running Pulse knows."""

    pulse: Pulse
    name: str
    secret: str = SECRET
    id: UUID = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", producer_id(self.name))

    @property
    def address(self) -> str:
        return f"/webhook/events/{self.id}"

    async def post(self, body: object, /, kind: dict[str, str] = STRUCTURED, **how: Any) -> httpx2.Response:
        """Posts a body, signed."""
        content = encoded(body)
        headers = signed(content, **{"secret": self.secret, **how}) | kind
        return await self.pulse.http.post(self.address, content=content, headers=headers)

    def feed(self, channel: str) -> UUID:
        return feed_id(self.id, channel)


async def a_shop(pulse: Pulse, *types: dict[str, Any], scheme: str = "standard", secret: str = SECRET) -> Shop:
    """Registers a producer and waits until every door knows it."""
    wanted = configured(None, *types, scheme=scheme)
    producers = Producers(pulse.house.store, pulse.house.vault, now)
    await pulse.house.directory.wait_for((await producers.add(wanted, secret)).position)
    return Shop(pulse, wanted.name, secret)


def published(events: list[Recorded]) -> list[Any]:
    """The business events among what happened."""
    return [event.event for event in events if event.envelope.type == "feed.event-published"]
