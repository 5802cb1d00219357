"""How VK takes one call: what it says, from the recorded payloads where there is one, and what it does all the same."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RECORDED = Path(__file__).parent.parent / "payloads"


@dataclass(frozen=True, slots=True)
class Mood:
    """`taken`: what was asked for happens. `answer`: instead of the true one, which only a taken call has.

    `cut`: the connection ends after this much of the answer; 0 for no answer at all. `held`: it answers when it is let
    go, or after `seconds`.
    """

    answer: bytes | None = None
    status: int = 200
    taken: bool = False
    cut: int | None = None
    held: bool = False
    seconds: float | None = None


def error(code: int, **changed: Any) -> Mood:
    """VK's error as it was recorded; codes that were not have the same shape. `changed` are fields of the error."""
    body = refusal(code)
    body["error"] |= changed
    return Mood(as_json(body))


def error_for_peer(code: int) -> Mood:
    """The error of one peer of `peer_ids`, in the middle of a success."""
    return Mood(as_json({"response": [refusal_for_peer(code)]}))


def hang_up(*, taken: bool = True, after: int = 0) -> Mood:
    """Ends the connection after so many bytes of the answer."""
    return Mood(taken=taken, cut=after)


def hold(*, taken: bool = True, seconds: float | None = None) -> Mood:
    """Answers only after `let_go`, or after so long."""
    return Mood(None if taken else b"", taken=taken, held=True, seconds=seconds)


def bad_gateway(*, taken: bool = False) -> Mood:
    return says(b"<html><body><h1>502 Bad Gateway</h1></body></html>", 502, taken=taken)


def says(body: bytes, status: int = 200, *, taken: bool = False) -> Mood:
    """Answers with anything."""
    return Mood(body, status, taken)


def recorded(name: str) -> dict[str, Any]:
    """The body of an answer of the real one."""
    body: dict[str, Any] = json.loads((RECORDED / "vk-api" / f"{name}.json").read_bytes())["body"]
    return body


def recorded_event(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((RECORDED / "vk" / f"{name}.json").read_bytes())
    return event


def refusal(code: int) -> dict[str, Any]:
    names = [path.stem for path in (RECORDED / "vk-api").glob(f"error_{code:04}*.json")]
    if names:
        return recorded(names[0])
    body = recorded("error_0001")
    body["error"] |= {"error_code": code, "error_msg": f"Not recorded: {code}"}
    return body


def refusal_for_peer(code: int) -> dict[str, Any]:
    [item] = recorded("messages_send_peer_ids_item_error_901")["response"]
    item["error"]["code"] = code
    return dict(item)


def as_json(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()
