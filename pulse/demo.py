"""Demo data: S1's world, the same every time it is asked for. Its passwords are for trying Pulse out only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pulse.accounts import Accounts, webhook_url
from pulse.aggregates.department import department_id
from pulse.aggregates.producer import producer_id
from pulse.aggregates.source import source_id
from pulse.eventlog.store import EventStore
from pulse.producers import Configuration, Producers, events_url, read_configuration
from pulse.vault import Vault

PASSWORD = "password"  # noqa: S105  for the demo only
DEPARTMENTS = ("Sales", "Support")
PRODUCERS = Path(__file__).parent / "examples"
PRODUCERS_SECRET = "whsec_cHVsc2UtZGVtby1wcm9kdWNlci1zZWNyZXQ="  # noqa: S105  for the demo only


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
    producers = Producers(store, vault, clock)
    made += [await producers.add(configuration, PRODUCERS_SECRET) for configuration in example_producers()]
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
    producers = [
        {
            "id": str(producer_id(example.name)),
            "name": example.name,
            "event_types": [event_type.type for event_type in example.types],
            "webhook_url": events_url(http, example.name),
            "secret": PRODUCERS_SECRET,
        }
        for example in example_producers()
    ]
    return {"accounts": accounts, "sources": sources, "producers": producers, "http": http, "push": push}


def example_producers() -> list[Configuration]:
    """The producers of `schemas/producers/`."""
    return [read_configuration(file.read_bytes()) for file in sorted(PRODUCERS.glob("*.json"))]
