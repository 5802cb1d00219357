"""Source: a connected channel account (a bot, a community, a website) and the departments behind it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import field
from datetime import datetime
from typing import Self
from uuid import UUID, uuid5

from eventsourcing.domain import Aggregate, AggregateCreated, AggregateEvent

from pulse.aggregates.source_rules import FirstWord, Rule, department_by, require_rules
from pulse.aggregates.source_secrets import OldSecret, retired
from pulse.errors import BadInput, Refusal
from pulse.message import LARGEST_FILE
from pulse.values import value

SOURCES = UUID("6f0a1d3e-5b0c-5e0e-9d5e-6c1f5a2b7c01")
# Who an account is at its provider; elsewhere it is a name of our own choosing.
IDENTIFIERS = {
    "telegram": (
        re.compile(r"[1-9][0-9]{0,19}"),
        "A Telegram bot is named by its id: the digits before the token's colon.",
    ),
    "vk": (
        re.compile(r"[1-9][0-9]{0,19}"),
        "A VK community is named by its id: digits only, without `club` or a minus.",
    ),
}
NAME = (re.compile(r"[^\s:/]{1,100}"), "A source's name has 1 to 100 characters, without spaces, `:` and `/`.")


@value
class Halt:
    """Why a source sends nothing, and until when; without a time, until somebody resumes it."""

    reason: str
    until: datetime | None


class NoDepartments(Refusal):
    """A source needs at least one department."""


class NotAnIdentifier(BadInput):
    """No account of this channel can be called that."""


class SourceConnected(AggregateCreated):
    """`secrets` are sealed by the vault, `settings` may be seen."""

    channel: str
    identifier: str
    title: str
    departments: tuple[UUID, ...]
    settings: dict[str, str]
    secrets: dict[str, str]


class SourceRenamed(AggregateEvent):
    title: str

    def apply(self, source: Source) -> None:
        source.title = self.title


class SourceDepartmentsChanged(AggregateEvent):
    departments: tuple[UUID, ...]

    def apply(self, source: Source) -> None:
        source.departments = self.departments


class SourceSettingsChanged(AggregateEvent):
    """Replaces the named settings; the others stay."""

    settings: dict[str, str]

    def apply(self, source: Source) -> None:
        source.settings = {**source.settings, **self.settings}


class SourceSecretsChanged(AggregateEvent):
    """Replaces the named secrets; the others stay. `old` are those that they replace and that still count for a while."""

    secrets: dict[str, str]
    old: tuple[OldSecret, ...] = ()

    def apply(self, source: Source) -> None:
        source.secrets = {**source.secrets, **self.secrets}
        source.old_secrets = (*(old for old in source.old_secrets if old.name not in self.secrets), *self.old)


class SourceHalted(AggregateEvent):
    """The provider refuses this account, so nothing is sent through it: until a time, or until an admin mended it.

    `admins` are those who are told of it.
    """

    reason: str
    code: str
    until: datetime | None
    admins: tuple[UUID, ...] = ()

    def apply(self, source: Source) -> None:
        source.halted = Halt(self.reason, self.until)


class SourceResumed(AggregateEvent):
    """Sending goes on with what has waited."""

    def apply(self, source: Source) -> None:
        source.halted = None


class SourceDisabled(AggregateEvent):
    """Switched off on purpose: its deliveries are answered like a stranger's, and its replies wait."""

    def apply(self, source: Source) -> None:
        source.disabled = True


class SourceEnabled(AggregateEvent):
    """Switched on again; what has waited leaves."""

    def apply(self, source: Source) -> None:
        source.disabled = False


class SourceRulesChanged(AggregateEvent):
    """All rules, in the order they are asked."""

    rules: tuple[Rule, ...]

    def apply(self, source: Source) -> None:
        source.rules = self.rules


@value
class Route:
    """Where a new chat goes, and the index of the rule that sent it there, if one did."""

    department: UUID
    rule: int | None = None


class Source(Aggregate):
    channel: str
    identifier: str
    title: str
    departments: tuple[UUID, ...]
    settings: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    halted: Halt | None = None
    rules: tuple[Rule, ...] = ()
    old_secrets: tuple[OldSecret, ...] = ()
    disabled: bool = False

    @classmethod
    def connect(
        cls, *, channel: str, identifier: str, title: str, departments: tuple[UUID, ...],
        settings: dict[str, str], secrets: dict[str, str], now: datetime,
    ) -> Self:  # fmt: skip
        """Connects an account; the id follows from channel and identifier, so it can't be connected twice."""
        if not departments:
            raise NoDepartments
        require_identifier(channel, identifier)
        return cls._create(
            SourceConnected, id=source_id(channel, identifier), channel=channel, identifier=identifier,
            title=title, departments=departments, settings=settings, secrets=secrets, timestamp=now,
        )  # fmt: skip

    def rename(self, title: str, *, now: datetime) -> None:
        """Calls it something else; without a name it goes by its identifier."""
        title = title.strip() or self.identifier
        if title != self.title:
            self.trigger_event(SourceRenamed, title=title, timestamp=now)

    def change_departments(self, departments: tuple[UUID, ...], *, now: datetime) -> None:
        """Sets the departments behind this source, the first being the one for chats without any."""
        if not departments:
            raise NoDepartments
        if departments != self.departments:
            self.trigger_event(SourceDepartmentsChanged, departments=departments, timestamp=now)

    def change_settings(self, settings: dict[str, str], *, now: datetime) -> None:
        """Replaces the named settings; an empty one is as good as none."""
        differ = {name: value for name, value in settings.items() if value != self.settings.get(name, "")}
        if differ:
            self.trigger_event(SourceSettingsChanged, settings=differ, timestamp=now)
            self.resume(now=now)  # whatever was changed may have mended it

    def change_secrets(self, secrets: dict[str, str], *, now: datetime) -> None:
        """Replaces the named (sealed) secrets; a new token ends a halt. Whether they differ is for the caller to know,
        who can open them."""
        if secrets:
            self.trigger_event(SourceSecretsChanged, secrets=secrets, timestamp=now)
        if "token" in secrets:
            self.resume(now=now)

    def rotate_secret(self, name: str, sealed: dict[str, str], *, old_until: datetime, now: datetime) -> None:
        """Replaces a secret, and whatever else is `sealed` with it; the one before counts beside it until `old_until`."""
        was = OldSecret(name, self.secrets[name], old_until) if name in self.secrets else None
        older = tuple(old for old in self.old_secrets if old.name == name)
        old = retired(was, older, until=old_until, now=now)
        self.trigger_event(SourceSecretsChanged, secrets=sealed, old=old, timestamp=now)

    def halt(
        self, reason: str, *, code: str, until: datetime | None, now: datetime, admins: Iterable[UUID] = ()
    ) -> None:
        """Stops sending. Halting once more changes nothing; for another time it tells no admin again."""
        halt, known = Halt(reason[:500], until), self.halted
        if known != halt:
            told = () if known is not None and known.reason == halt.reason else tuple(sorted(admins))
            self.trigger_event(SourceHalted, reason=halt.reason, code=code, until=until, admins=told, timestamp=now)

    def resume(self, *, now: datetime) -> None:
        """Sends again."""
        if self.halted is not None:
            self.trigger_event(SourceResumed, timestamp=now)

    def disable(self, *, now: datetime) -> None:
        """Switches it off on purpose."""
        if not self.disabled:
            self.trigger_event(SourceDisabled, timestamp=now)

    def enable(self, *, now: datetime) -> None:
        """Switches it on again; a halt of its provider's making stays."""
        if self.disabled:
            self.trigger_event(SourceEnabled, timestamp=now)

    def may_send(self, now: datetime) -> bool:
        """Is this source switched on, and not halted, or over it?"""
        over = self.halted is None or (self.halted.until is not None and self.halted.until <= now)
        return over and not self.disabled

    def change_rules(self, rules: tuple[Rule, ...], *, now: datetime) -> None:
        """Sets where new chats go by their first word. Raises NotARule: also for departments not behind this source."""
        require_rules(rules, self.departments)
        if rules != self.rules:
            self.trigger_event(SourceRulesChanged, rules=rules, timestamp=now)

    def route(self, wanted: UUID | None, word: FirstWord, at: datetime) -> Route:
        """The wanted department if this source has it, else the first rule's that fits, else its first.

        A rule whose department has left the source is passed over.
        """
        if wanted is not None and wanted in self.departments:
            return Route(wanted)
        return self.by_rules(self.rules, word, at)

    def by_rules(self, rules: tuple[Rule, ...], word: FirstWord, at: datetime) -> Route:
        """Where these rules would send it."""
        here = [index for index, rule in enumerate(rules) if rule.department in self.departments]
        found = department_by([rules[index] for index in here], word, at)
        return Route(found[1], here[found[0]]) if found else Route(self.departments[0])

    @property
    def origins(self) -> tuple[str, ...]:
        """Pages that may embed this website's widget; empty for any."""
        return tuple(self.settings.get("origins", "").split())

    @property
    def file_limit(self) -> int | None:
        """How large files may be, in bytes, whatever the channel takes; None for no limit of our own."""
        megabytes = self.settings.get("file_limit_mb", "")
        return int(megabytes) * 2**20 if megabytes.isdecimal() else None

    def largest_file(self, carried: int = LARGEST_FILE, *, usual: int = LARGEST_FILE) -> int:
        """How large a file may be, in bytes: as its setting says, else the usual; never more than its channel carries."""
        return min(LARGEST_FILE, carried, self.file_limit or usual)

    @property
    def file_types(self) -> tuple[str, ...]:
        """Media types that visitors may bring, such as `image/*`; empty for the usual ones."""
        return tuple(self.settings.get("file_types", "").split())

    def seal_purpose(self, secret: str) -> str:
        """What one of its secrets is bound to when sealed."""
        return seal_purpose(self.channel, self.identifier, secret)


def seal_purpose(channel: str, identifier: str, secret: str) -> str:
    return f"source:{channel}:{identifier}:{secret}"


def require_identifier(channel: str, identifier: str) -> None:
    """Raises NotAnIdentifier."""
    shape, rule = IDENTIFIERS.get(channel, NAME)
    if not shape.fullmatch(identifier) or not identifier.isprintable():
        raise NotAnIdentifier(rule)


def source_id(channel: str, identifier: str) -> UUID:
    return uuid5(SOURCES, f"{channel}:{identifier}")
