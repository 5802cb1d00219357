"""Demo data: S1's world, the same every time it is asked for. Its passwords are for trying Pulse out only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pulse.aggregates.department import Department, department_id
from pulse.aggregates.moderator import Moderator, moderator_id
from pulse.aggregates.source import Source, seal_purpose, source_id
from pulse.eventlog.store import EventStore
from pulse.passwords import hash_password
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
    writer = Writer(store, vault, clock)
    positions = [await writer.department(name) for name in DEPARTMENTS]
    departments = tuple(department_id(name) for name in DEPARTMENTS)
    for email, name, role, names in PEOPLE:
        theirs = tuple(department_id(department) for department in names)
        positions.append(await writer.moderator(email, name, role, theirs, PASSWORD))
    for demo in SOURCES:
        secrets = {"secret": demo.secret} if demo.secret else {}
        made = await writer.source(
            demo.channel, demo.identifier, demo.title, departments, settings=demo.settings, secrets=secrets
        )
        positions.append(made)
    return max(positions)


class Writer:
    """Makes departments, people and sources; what exists stays as it is."""

    def __init__(self, store: EventStore, vault: Vault, clock: Callable[[], datetime]) -> None:
        self.store = store
        self.vault = vault
        self.clock = clock

    async def department(self, name: str) -> int:
        def decision(known: Department | None) -> Department:
            return known or Department.create(name, now=self.clock())

        return (await self.store.decide(Department, department_id(name), decision, by="cli")).position

    async def moderator(self, email: str, name: str, role: str, departments: tuple[UUID, ...], password: str) -> int:
        def decision(known: Moderator | None) -> Moderator:
            return known or Moderator.invite(
                email=email, name=name, role=role, departments=departments, password_hash=hash_password(password),
                now=self.clock(),
            )  # fmt: skip

        return (await self.store.decide(Moderator, moderator_id(email), decision, by="cli")).position

    async def source(
        self, channel: str, identifier: str, title: str, departments: tuple[UUID, ...],
        *, settings: dict[str, str], secrets: dict[str, str],
    ) -> int:  # fmt: skip
        sealed = {
            name: self.vault.seal(secret.encode(), seal_purpose(channel, identifier, name))
            for name, secret in secrets.items()
        }

        def decision(known: Source | None) -> Source:
            return known or Source.connect(
                channel=channel, identifier=identifier, title=title, departments=departments, settings=settings,
                secrets=sealed, now=self.clock(),
            )  # fmt: skip

        return (await self.store.decide(Source, source_id(channel, identifier), decision, by="cli")).position


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


def webhook_url(http: str, channel: str, identifier: str) -> str | None:
    """Where a source's provider posts to; a website has none, it uses the widget's address."""
    return None if channel == "web" else f"{http}/webhook/{channel}/{source_id(channel, identifier)}"
