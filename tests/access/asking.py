"""How each operation of the document is asked about a generated world."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Any
from uuid import uuid4

import httpx2

from tests.access.rules import RULES, Rule
from tests.access.world import SOCKET, Known, email_of
from tests.conftest import Pulse
from tests.desk.test_admins_only import made
from tests.pictures import a_png
from tests.promises import document
from tests.world import SALES, SUPPORT, a_name


@dataclass(frozen=True)
class Operation:
    id: str
    method: str
    path: str
    said: Any


@cache
def operations() -> tuple[Operation, ...]:
    """Every one of the document, those after which somebody may see less at the end."""
    found = [
        Operation(said["operationId"], method.upper(), path, said)
        for path, methods in document()["paths"].items()
        for method, said in methods.items()
    ]
    return tuple(sorted(found, key=lambda one: LAST.index(one.id) if one.id in LAST else -1))


LAST = (
    "show_draft",
    "drop_draft",
    "remove_canned_reply",
    "remove_subscriber",
    "close_chat",
    "transfer_chat",
    "end_my_session",
    "end_my_sessions",
    "log_out",
)


@dataclass(frozen=True)
class Request:
    """One operation, with everything it names filled in."""

    method: str
    address: str
    more: dict[str, Any]


def request_for(operation: Operation, ids: dict[str, str], body: dict[str, Any] | None = None) -> Request:
    """With a body of the document's own examples, and what `body` says instead."""
    numbers = {"number": "1", "delivery_id": "1"}
    names = {"provider": "telegram", "channel": "simulator", "shortcut": "hello", "name": "Late", "tag": "invoice"}
    known = numbers | names | ids
    wanted = [part[1:-1] for part in operation.path.split("/") if part.startswith("{")]
    address = operation.path.format(**{name: known.get(name) or uuid4() for name in wanted})
    contents = operation.said.get("requestBody", {}).get("content", {})
    if "multipart/form-data" in contents:
        return Request(operation.method, address, {"files": [("file", ("cat.png", a_png(), "image/png"))]})
    if "application/json" not in contents:
        return Request(operation.method, address, {})
    example = made(contents["application/json"]["schema"]) or {}
    return Request(operation.method, address, {"json": example | (body or {})})


def about(operation: Operation, chat: Known, other: Known, things: dict[str, str]) -> Request:
    """An operation on one chat of the world, or on what hangs on it."""
    numbers = {"finish_callback": str(chat.callback), "read_notification": things.get("notification", "1")}
    ids = {
        "chat_id": str(chat.id), "customer_id": str(chat.customer), "file_id": chat.file, "number": numbers.get(operation.id, str(chat.reply)),
        "id": str(chat.id),
    }  # fmt: skip
    bodies: dict[str, dict[str, Any]] = {
        "write_reply": {"text": "Good day"},
        "mark_seen": {"upTo": 1},
        "transfer_chat": {"departmentId": str(SUPPORT)},
        "fill_canned_reply": {"chatId": str(chat.id)},
        "join_customers": {"with": str(other.customer)},
        "sign_subscription": {"socket_id": SOCKET, "channel_name": f"private-chat.{chat.id}"},
        "sign_subscriptions": {"socket_id": SOCKET, "channel_names": [f"private-chat.{chat.id}"]},
        "invite_user": {"email": email_of(a_name("nina"))},
        "create_department": {"name": a_name("Shelf")},
        "rename_department": {"name": a_name("Shelf")},
        "register_producer": {"name": a_name("campaigns")},
        "connect_source": {"identifier": a_name("shop"), "departments": [str(SALES)]},
        "process_deliveries_again": {"ids": [int(things.get("delivery_id", 1))]},
        "log_in_with_code": {"code": "492039"},
        "begin_two_factor": {"password": "wrong"},
        "turn_off_two_factor": {"password": "wrong", "code": "492039"},
        "renew_recovery_codes": {"password": "wrong", "code": "492039"},
        "change_password": {"old": "wrong"},
        "save_view": {"query": {"tag": "delivery"}},
    }
    queries: dict[str, dict[str, Any]] = {
        "search_messages": {"q": "Hello", "chat": str(chat.id)},
        "search_rooms": {"q": "lunch"},
        "list_report_events": {"metric": "replies", "moderator": things.get("moderator_id", "none")},
    }
    request = request_for(operation, things | ids, bodies.get(operation.id))
    return replace(request, more=request.more | {"params": queries.get(operation.id, {})})


async def ask(pulse: Pulse, request: Request, headers: dict[str, str]) -> httpx2.Response:
    answer = await pulse.http.request(request.method, request.address, headers=headers, **request.more)
    pulse.http.cookies.clear()
    return answer


def ruled(*rules: Rule) -> list[Operation]:
    """The operations of some rules."""
    return [operation for operation in operations() if RULES[operation.id] in rules]
