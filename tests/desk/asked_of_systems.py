"""What admins ask of sources and of other systems, and what those post, once each: for `test_promises.py`."""

from __future__ import annotations

import orjson

from pulse import demo
from pulse.aggregates.department import department_id
from pulse.aggregates.source import source_id
from tests.asking import Asked
from tests.conftest import Pulse
from tests.fakes.telegram import TOKEN
from tests.producing import STRUCTURED, a_shop, an_event, described, signed
from tests.world import SALES, a_name, settled

NOBODY = "https://crm.example/hooks"
BOT = "7000000001"  # whose account the fake's token is


async def at_sources(ask: Asked, pulse: Pulse) -> None:
    wanted = {"type": "simulator", "identifier": a_name("shop"), "departments": [str(SALES)]}
    for _ in range(2):
        made = (await ask("POST", "/api/sources", wanted)).json()["id"]
    here = f"/api/sources/{made}"
    await ask("PATCH", here, {"title": "Shop", "settings": {"file_limit_mb": "5"}})
    await ask("POST", f"{here}/secrets", {"oldHours": 2})
    for command in ("test", "disable", "enable", "resume"):
        await ask("POST", f"{here}/{command}")
    for address in ("/api/sources", "/api/sources/mine", here, f"{here}/health?ask=1"):
        await ask("GET", address)


async def at_a_provider_of_sources(telegram: str, ask: Asked, pulse: Pulse) -> None:
    bot = {"settings": {"api_url": telegram}, "secrets": {"token": TOKEN, "secret": "a-s3cret"}}
    wanted = {"type": "telegram", "identifier": BOT, "departments": [str(SALES)]}
    here = f"/api/sources/{(await ask('POST', '/api/sources', wanted | bot)).json()['id']}"
    await ask("PATCH", here, bot)
    await ask("POST", f"{here}/webhook")
    assert (await ask("POST", f"{here}/test")).json()["works"]
    assert (await ask("GET", f"{here}/health?ask=1")).json()["provider"]["webhook"]["is_ours"]


async def at_routing(ask: Asked, pulse: Pulse) -> None:
    simulator, sales = source_id("simulator", "simulator"), department_id(demo.DEPARTMENTS[0])
    rules, policy = f"/api/sources/{simulator}/rules", f"/api/departments/{sales}/policy"
    await ask("PUT", rules, {"rules": [{"department": str(sales), "words": ["refund"]}]})
    await ask("GET", rules)
    await ask("PUT", policy, {"assign": "least-busy", "max_chats": 5})
    await ask("GET", policy)
    await ask("POST", "/api/routing/dry-run", {"source": str(simulator)})
    await ask("PUT", rules, {"rules": []})
    await ask("PUT", policy, {"assign": "none"})


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


async def at_the_register_of_producers(ask: Asked, pulse: Pulse) -> None:
    wanted = {"name": a_name("shop"), "event_types": [described()]}
    for _ in range(2):
        made = (await ask("POST", "/api/producers", wanted)).json()["id"]
    here = f"/api/producers/{made}"
    await ask("PUT", f"{here}/event-types", {"event_types": [described()]})
    await ask("POST", f"{here}/secrets", {})
    oldest = (await ask("GET", here)).json()["secrets"][0]
    await ask("DELETE", f"{here}/secrets/{oldest}")
    await ask("POST", f"{here}/disable")
    await ask("POST", f"{here}/enable")
    await ask("GET", "/api/producers")


async def at_subscribers(ask: Asked, pulse: Pulse) -> None:
    made = (await ask("POST", "/api/subscribers", {"url": NOBODY, "types": ["department.*"]})).json()
    here = f"/api/subscribers/{made['id']}"
    for method, more in (("GET", ""), ("POST", "/pause"), ("POST", "/resume"), ("POST", "/rotate"), ("POST", "/test")):
        await ask(method, here + more)
    await ask("PATCH", here, {"title": "CRM"})
    await ask("POST", f"{here}/replay", {"position": 1})
    await ask("GET", "/api/subscribers")
    await ask("DELETE", here)


async def at_retention(ask: Asked, pulse: Pulse) -> None:
    simulator = str(source_id("simulator", "simulator"))
    await ask("PUT", "/api/retention", {"days": 365, "sources": [{"source": simulator, "days": None}]})
    await ask("GET", "/api/retention")
    await ask("PUT", "/api/retention", {"days": None})


async def at_reports(ask: Asked, pulse: Pulse) -> None:
    hours = f"/api/departments/{department_id(demo.DEPARTMENTS[0])}/hours"
    await ask("PUT", hours, {"hours": {"zone": "Europe/Moscow", "days": {"mon": ["09:00-18:00"]}}})
    await ask("GET", hours)
    await ask("PUT", hours, {"hours": None})
    for by in ("moderator", "channel", "department", "source", "tag", "day", "week"):
        await ask("GET", "/api/reports", params={"by": by})
    await ask("GET", "/api/reports", params={"format": "csv"})
    await ask("GET", "/api/reports/mine")
    await ask("GET", "/api/reports/backlog")
    for metric in ("opened", "assigned", "replies", "closed", "first_reply", "resolution", "open", "waiting"):
        await ask("GET", "/api/reports/events", params={"metric": metric})
