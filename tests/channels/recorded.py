"""The recorded bodies, and ways to spoil them."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
from hypothesis import strategies as st

from pulse.channels import Account, Channel, Unreadable
from pulse.channels.arrivals import Arrival

PAYLOADS = Path(__file__).parent.parent / "payloads"


def account(identifier: str = "1", *, settings: dict[str, str] | None = None, **secrets: bytes) -> Account:
    return Account(UUID(int=7), identifier, settings or {}, secrets)


def recorded(folder: str, name: str) -> bytes:
    return next((PAYLOADS / folder).glob(f"{name}.*")).read_bytes()


def all_recorded(folder: str) -> dict[str, bytes]:
    return {path.stem: path.read_bytes() for path in sorted((PAYLOADS / folder).iterdir())}


def readable(bodies: dict[str, bytes]) -> list[Any]:
    """The bodies that are JSON, parsed."""
    return [json.loads(body) for name, body in bodies.items() if "truncated" not in name]


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([-1, 0, 2**31, 2**50, 2**53 + 1, 2**63, 2**64, 10**30, 1e308, -0.5])
    | st.text(st.characters(codec=None), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=4,
)


@st.composite
def spoiled(draw: st.DrawFn, bodies: list[Any]) -> bytes:
    """A body where up to three places hold something else or nothing."""
    body = copy.deepcopy(draw(st.sampled_from(bodies)))
    for _ in range(draw(st.integers(1, 3))):
        places = list(every_place(body))
        if places:
            holder, key = draw(st.sampled_from(places))
            if draw(st.booleans()):
                holder[key] = draw(JSON)
            else:
                del holder[key]
    return json.dumps(body).encode()


def every_place(value: Any) -> Iterator[tuple[Any, Any]]:
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from every_place(value[key])


def reads_or_refuses(channel: Channel, body: bytes) -> None:
    """Whatever the body, `read` gives arrivals that can be stored, the same ones each time, or raises Unreadable."""
    try:
        arrivals = channel.read(body)
    except Unreadable:
        return
    assert arrivals == channel.read(body)
    assert all(isinstance(arrival, Arrival) and arrival.external_id for arrival in arrivals)
    assert b"\\u0000" not in orjson.dumps(arrivals)
