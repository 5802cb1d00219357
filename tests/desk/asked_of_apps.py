"""What a company's own services ask by Pusher's signed HTTP API, and what watches over a process, once each: for
`test_promises.py`.
"""

from __future__ import annotations

from pulse.house import now
from tests.asking import Asked
from tests.conftest import Pulse

EVENT = b'{"name": "order-paid", "channel": "cache-orders", "data": "7", "info": "subscription_count"}'


async def at_apps(ask: Asked, pulse: Pulse) -> None:
    app = pulse.house.app
    for method, path, info, body in (
        ("POST", "/apps/1/events", "", EVENT),
        ("POST", "/apps/1/batch_events", "", b'{"batch": [' + EVENT + b"]}"),
        ("GET", "/apps/1/channels", "subscription_count", b""),
        ("GET", "/apps/1/channels/cache-orders", "subscription_count,cache", b""),
        ("GET", "/apps/1/channels/presence-lobby/users", "", b""),
        ("POST", "/apps/1/users/7/terminate_connections", "", b"{}"),
    ):
        signed = app.signed_query(method, path, [("info", info)], body, now().timestamp())
        await ask(method, path, params=signed, content=body)
    await at_pushers_fallback(ask, f"/pusher/app/{pulse.house.settings.push_key}/417")
    await ask("GET", "/metrics")


async def at_pushers_fallback(ask: Asked, sessions: str) -> None:
    """What pusher-js asks where there are no sockets: one session streams, another is polled."""
    await ask.begins("POST", f"{sessions}/streams/xhr_streaming?protocol=7")
    for way, said in (("xhr?protocol=7", None), ("xhr_send", ['{"event": "pusher:ping", "data": {}}'])):
        await ask("POST", f"{sessions}/polls/{way}", said)
