"""Demo data: S1's world, the same every time it is asked for. Its passwords are for trying Pulse out only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pulse.accounts import Accounts, webhook_url
from pulse.aggregates.department import department_id
from pulse.aggregates.source import source_id
from pulse.eventlog.store import EventStore
from pulse.vault import Vault

PASSWORD = "password"  # noqa: S105  for the demo only
DEPARTMENTS = ("Sales", "Support")


@dataclass(frozen=True, slots=True)
class DemoSource:
    channel: str
    identifier: str
    title: str
    secret: str | None
    settings: dict[str, str]


PEOPLE = (
    ("admin@pulse.example", "Admin", "admin", ()),
    ("anna@pulse.example", "Anna", "moderator", DEPARTMENTS),
    ("boris@pulse.example", "Boris", "moderator", DEPARTMENTS),
)
SOURCES = (
    DemoSource("telegram", "7000000001", "Telegram bot", "pulse-demo-telegram", {}),
    DemoSource("vk", "219900123", "VK community", "pulse_demo_secret_Q7", {"confirmation": "demo1234"}),
    DemoSource("web", "web_site", "Website", None, {}),
    DemoSource("simulator", "simulator", "Simulator", None, {}),
)


async def make_demo(store: EventStore, vault: Vault, clock: Callable[[], datetime]) -> int:
    """Makes what is missing of the demo world; returns the newest position of it."""
    accounts = Accounts(store, vault, clock)
    made = [await accounts.create_department(name) for name in DEPARTMENTS]
    departments = tuple(department_id(name) for name in DEPARTMENTS)
    for email, name, role, names in PEOPLE:
        theirs = tuple(department_id(department) for department in names)
        made.append(await accounts.invite(email, name, role, theirs, PASSWORD))
    for demo in SOURCES:
        secrets = {"secret": demo.secret} if demo.secret else {}
        connected = await accounts.connect_source(
            demo.channel, demo.identifier, demo.title, departments, settings=demo.settings, secrets=secrets
        )
        made.append(connected)
    return max(decided.position for decided in made)


def demo_summary(http: str, push: str) -> dict[str, Any]:
    """What a person or a script needs to try the demo."""
    accounts = [{"email": email, "password": PASSWORD, "role": role} for email, _, role, _ in PEOPLE]
    sources = [
        {
            "id": str(source_id(demo.channel, demo.identifier)),
            "type": demo.channel,
            "identifier": demo.identifier,
            "webhook_url": webhook_url(http, demo.channel, demo.identifier),
            "secret": demo.secret,
        }
        for demo in SOURCES
    ]
    return {"accounts": accounts, "sources": sources, "http": http, "push": push}
