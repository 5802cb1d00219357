"""Every operation of the API, asked once in a small world, answers as the document says (`tests/promises.py` looks)."""

from __future__ import annotations

from typing import Any

import httpx2
import orjson
import pytest

from pulse import demo
from pulse.aggregates.department import department_id
from pulse.aggregates.source import source_id
from pulse.http import answer
from tests.conftest import Pulse
from tests.pictures import a_png
from tests.producing import STRUCTURED, a_shop, an_event, signed
from tests.promises import as_promised, operation_of, operations
from tests.world import Desk, a_name, settled, vera_writes

NOBODY = "https://crm.example/hooks"


class Asked:
    """A client that remembers which operations went well."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.went_well: set[str] = set()

    async def __call__(self, method: str, address: str, body: object = None, **more: Any) -> httpx2.Response:
        headers = await self.desk.headers("admin") | more.pop("headers", {})
        given = {"json": body} if body is not None else more
        found = await self.desk.pulse.http.request(method, address, headers=headers, **given)
        operation = operation_of(method, found.request.url.path)
        assert operation is not None, f"{method} {address} is not in the document"
        assert found.is_success, (operation.id, found.text)
        self.went_well.add(operation.id)
        return found


@pytest.fixture
async def ask(desk: Desk) -> Asked:
    return Asked(desk)


async def at_chats(ask: Asked, pulse: Pulse) -> None:
    chat = await vera_writes(pulse, a_name(), "Where is my order?")
    await settled(pulse)
    here = f"/api/chats/{chat}"
    for method, address in (("GET", "/api/chats"), ("GET", here), ("POST", f"{here}/open"), ("POST", f"{here}/typing")):
        await ask(method, address)
    brought = await ask("POST", f"{here}/files", files=[("file", ("cat.png", a_png(), "image/png"))])
    claims = [one["claim"] for one in brought.json()["files"]]
    for _ in range(2):
        reply = await ask("POST", f"{here}/messages", {"text": "On its way!", "clientMsgId": "r1", "files": claims})
    await settled(pulse)
    entries = (await ask("GET", f"{here}/messages")).json()["items"]
    file = entries[-1]["attachments"][0]["file"]
    await ask("GET", f"/api/files/{file}")
    await ask("POST", f"{here}/seen", {"upTo": reply.json()["id"]})
    await ask("POST", f"{here}/assign-operator")
    await ask("POST", "/broadcasting/auth", {"socket_id": "1.2", "channel_name": f"private-chat.{chat}"})
    await ask("POST", f"{here}/transfer", {"departmentId": str(department_id(demo.DEPARTMENTS[1]))})
    await ask("POST", f"{here}/close")


async def at_work_on_a_chat(ask: Asked, pulse: Pulse) -> None:
    chat = await vera_writes(pulse, a_name(), "Where is my order?")
    await settled(pulse)
    here = f"/api/chats/{chat}"
    for _ in range(2):
        await ask("POST", f"{here}/notes", {"text": "In a hurry", "clientMsgId": "n1"})
    await ask("POST", f"{here}/tags", {"tag": "invoice", "clientId": "t1"})
    await ask("PUT", f"{here}/priority", {"priority": "high"})
    await ask("POST", f"{here}/snooze", {"until": "2050-01-01T00:00:00Z"})
    await settled(pulse)
    await ask("GET", here)
    await ask("GET", f"{here}/messages")
    for command in ("wake", "viewing", "open", "unassign", "close", "reopen", "unblock"):
        await ask("POST", f"{here}/{command}")
    await ask("GET", f"{here}/viewers")
    await ask("DELETE", f"{here}/tags/invoice")
    await ask("POST", f"{here}/block", {"reason": "Advertising"})
    hello = "/api/canned-replies/hello"
    await ask("PUT", hello, {"texts": {"en": "Hello, {customer}!"}})
    await ask("GET", "/api/canned-replies")
    await ask("POST", f"{hello}/fill", {"chatId": str(chat)})
    await ask("DELETE", hello)
    await ask("PUT", "/api/views/Late", {"query": {"tag": "delivery"}})
    await ask("GET", "/api/views")
    await ask("DELETE", "/api/views/Late")


async def at_customers(ask: Asked, pulse: Pulse) -> None:
    for name in (a_name("one"), a_name("two")):
        await vera_writes(pulse, name, name=name)
    await settled(pulse)
    one, two = (row["id"] for row in (await ask("GET", "/api/customers", params={"limit": 2})).json()["items"])
    await ask("POST", f"/api/customers/{one}/join", {"with": two})
    await ask("POST", f"/api/customers/{one}/block", {"reason": "Advertising"})
    await settled(pulse)
    await ask("GET", f"/api/customers/{one}")
    await ask("POST", f"/api/customers/{one}/unblock")
    await ask("POST", f"/api/customers/{one}/part")


async def at_the_widget(ask: Asked, pulse: Pulse) -> None:
    identifier = next(source.identifier for source in demo.SOURCES if source.channel == "web")
    session = (await ask("POST", "/api/widget/session", {"source": identifier, "name": "Vera"})).json()
    as_vera = {"headers": {"Authorization": f"Bearer {session['chat_token']}"}}
    brought = await ask("POST", "/api/widget/files", files=[("file", ("cat.png", a_png(), "image/png"))], **as_vera)
    claims = [one["claim"] for one in brought.json()["files"]]
    for _ in range(2):
        said = {"text": "Hello", "clientMsgId": "m1", "files": claims}
        await ask("POST", "/api/widget/messages", said, **as_vera)
    await ask("POST", "/api/widget/callback", {"phone": "+7 999 000 11 22"}, **as_vera)
    await settled(pulse)
    entries = (await ask("GET", "/api/widget/messages", **as_vera)).json()["items"]
    await ask("GET", f"/api/widget/files/{entries[0]['attachments'][0]['file']}", **as_vera)
    await ask("GET", f"/chat/session/{session['chat_id']}/channel-token", **as_vera)
    waiting = (await ask("GET", "/api/callbacks")).json()["items"][0]
    done = f"/api/chats/{waiting['chat_id']}/callbacks/{waiting['id']}/done"
    await ask("POST", done, {"outcome": "Called, all is well."})


async def at_sources(ask: Asked, pulse: Pulse) -> None:
    simulator, sales = source_id("simulator", "simulator"), department_id(demo.DEPARTMENTS[0])
    await ask("GET", "/api/sources")
    await ask("POST", f"/api/sources/{simulator}/resume")
    rules, policy = f"/api/sources/{simulator}/rules", f"/api/departments/{sales}/policy"
    await ask("PUT", rules, {"rules": [{"department": str(sales), "words": ["refund"]}]})
    await ask("GET", rules)
    await ask("PUT", policy, {"assign": "least-busy", "max_chats": 5})
    await ask("GET", policy)
    await ask("POST", "/api/routing/dry-run", {"source": str(simulator)})
    await ask("PUT", rules, {"rules": []})
    await ask("PUT", policy, {"assign": "none"})


async def at_reports(ask: Asked, pulse: Pulse) -> None:
    hours = f"/api/departments/{department_id(demo.DEPARTMENTS[0])}/hours"
    await ask("PUT", hours, {"hours": {"zone": "Europe/Moscow", "days": {"mon": ["09:00-18:00"]}}})
    await ask("GET", hours)
    await ask("PUT", hours, {"hours": None})
    for by in ("moderator", "channel", "department", "source", "day"):
        await ask("GET", "/api/reports", params={"by": by})
    await ask("GET", "/api/reports", params={"format": "csv"})
    await ask("GET", "/api/reports/mine")
    await ask("GET", "/api/reports/backlog")
    for metric in ("opened", "assigned", "replies", "closed", "first_reply", "resolution", "open", "waiting"):
        await ask("GET", "/api/reports/events", params={"metric": metric})


async def at_deliveries(ask: Asked, pulse: Pulse) -> None:
    simulator = pulse.webhook("simulator")
    await ask("POST", simulator, {"from": "vera", "message": "Hello", "message_id": a_name("m")})
    await settled(pulse)
    newest = (await ask("GET", "/api/deliveries", params={"limit": 1})).json()["items"][0]["id"]
    await ask("GET", f"/api/deliveries/{newest}")
    shown = (await ask("POST", "/api/deliveries/process-again", {"ids": [newest]})).json()
    await ask("POST", "/api/deliveries/process-again", {"ids": [newest], "apply": True, "seen": shown["seen"]})


async def at_producers(ask: Asked, pulse: Pulse) -> None:
    shop, body = await a_shop(pulse), orjson.dumps(an_event())
    await ask("POST", shop.address, content=body, headers=STRUCTURED | signed(body))
    await ask("OPTIONS", shop.address, headers={"WebHook-Request-Origin": "shop.example"})


async def at_subscribers(ask: Asked, pulse: Pulse) -> None:
    made = (await ask("POST", "/api/subscribers", {"url": NOBODY, "types": ["department.*"]})).json()
    here = f"/api/subscribers/{made['id']}"
    for method, more in (("GET", ""), ("POST", "/pause"), ("POST", "/resume"), ("POST", "/rotate"), ("POST", "/test")):
        await ask(method, here + more)
    await ask("PATCH", here, {"title": "CRM"})
    await ask("POST", f"{here}/replay", {"position": 1})
    await ask("GET", "/api/subscribers")
    await ask("DELETE", here)


async def at_the_door(ask: Asked, pulse: Pulse) -> None:
    await ask("POST", "/api/users/login", {"email": "anna@pulse.example", "password": demo.PASSWORD})
    pulse.http.cookies.clear()
    await ask("GET", "/api/users/me")
    await ask("POST", "/api/me/away", {"away": True})
    await ask("POST", "/api/me/away", {"away": False})
    await ask("POST", "/api/users/logout")
    await ask("GET", "/healthz")


# A reply that failed or hangs needs a messenger that misbehaves: tests/journeys has those.
ELSEWHERE = {"send_reply_again", "vouch_for_reply"}


async def test_every_operation_answers_as_the_document_says(shared: Pulse, ask: Asked) -> None:
    rooms = (
        at_chats,
        at_work_on_a_chat,
        at_customers,
        at_the_widget,
        at_sources,
        at_reports,
        at_deliveries,
        at_producers,
        at_subscribers,
        at_the_door,
    )
    for room in rooms:
        await room(ask, shared)
    assert {operation.id for operation in operations()} - ask.went_well == ELSEWHERE


async def test_an_answer_outside_the_document_is_noticed() -> None:
    request = httpx2.Request("GET", "http://pulse.example/api/chats")
    page: dict[str, Any] = {"items": [], "next": None, "prev": None}
    for status, body in ((200, page | {"more": 1}), (200, {"items": []}), (418, page)):
        odd = answer(body, status)
        with pytest.raises(AssertionError):
            await as_promised(
                httpx2.Response(status, headers=dict(odd.headers), content=bytes(odd.body), request=request)
            )
