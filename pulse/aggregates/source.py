"""Source: a connected channel account (a bot, a community, a website) and the departments behind it."""

from __future__ import annotations

from dataclasses import field
from datetime import datetime
from typing import Self
from uuid import UUID, uuid5

from eventsourcing.domain import Aggregate, AggregateCreated, AggregateEvent

from pulse.errors import Refusal

SOURCES = UUID("6f0a1d3e-5b0c-5e0e-9d5e-6c1f5a2b7c01")


class NoDepartments(Refusal):
    """A source needs at least one department."""


class SourceConnected(AggregateCreated):
    """`secrets` are sealed by the vault, `settings` may be seen."""

    channel: str
    identifier: str
    title: str
    departments: tuple[UUID, ...]
    settings: dict[str, str]
    secrets: dict[str, str]


class SourceDepartmentsChanged(AggregateEvent):
    departments: tuple[UUID, ...]

    def apply(self, source: Source) -> None:
        source.departments = self.departments


class SourceSecretsChanged(AggregateEvent):
    """Replaces the named secrets; the others stay."""

    secrets: dict[str, str]

    def apply(self, source: Source) -> None:
        source.secrets = {**source.secrets, **self.secrets}


class Source(Aggregate):
    channel: str
    identifier: str
    title: str
    departments: tuple[UUID, ...]
    settings: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)

    @classmethod
    def connect(
        cls, *, channel: str, identifier: str, title: str, departments: tuple[UUID, ...],
        settings: dict[str, str], secrets: dict[str, str], now: datetime,
    ) -> Self:  # fmt: skip
        """Connects an account; the id follows from channel and identifier, so it can't be connected twice."""
        if not departments:
            raise NoDepartments
        return cls._create(
            SourceConnected, id=source_id(channel, identifier), channel=channel, identifier=identifier,
            title=title, departments=departments, settings=settings, secrets=secrets, timestamp=now,
        )  # fmt: skip

    def change_departments(self, departments: tuple[UUID, ...], *, now: datetime) -> None:
        """Sets the departments behind this source, the first being the one for chats without any."""
        if not departments:
            raise NoDepartments
        if departments != self.departments:
            self.trigger_event(SourceDepartmentsChanged, departments=departments, timestamp=now)

    def change_secrets(self, secrets: dict[str, str], *, now: datetime) -> None:
        """Replaces the named (sealed) secrets."""
        self.trigger_event(SourceSecretsChanged, secrets=secrets, timestamp=now)

    def department_for(self, wanted: UUID | None) -> UUID:
        """The wanted department if this source has it, else its first."""
        return wanted if wanted in self.departments and wanted is not None else self.departments[0]

    @property
    def origins(self) -> tuple[str, ...]:
        """Pages that may embed this website's widget; empty for any."""
        return tuple(self.settings.get("origins", "").split())

    def seal_purpose(self, secret: str) -> str:
        """What one of its secrets is bound to when sealed."""
        return seal_purpose(self.channel, self.identifier, secret)


def seal_purpose(channel: str, identifier: str, secret: str) -> str:
    return f"source:{channel}:{identifier}:{secret}"


def source_id(channel: str, identifier: str) -> UUID:
    return uuid5(SOURCES, f"{channel}:{identifier}")
