"""Registers producers from their configurations and changes them. Used by the desk, the commands and the demo."""

from __future__ import annotations

import base64
import secrets as random_secrets
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pulse.access import RESERVED
from pulse.aggregates.producer import EventType, Producer, producer_id, seal_purpose
from pulse.contracts import Contract, NotAContract
from pulse.errors import BadInput
from pulse.eventlog.commands import Decided
from pulse.eventlog.store import EventStore
from pulse.signatures import SCHEMES
from pulse.vault import Vault

BY = "cli"
FILE_LIMIT = 512 * 1024
MADE_BYTES = 32
KEPT = 2  # secrets that are good while one replaces the other


class NotAConfiguration(BadInput):
    """This is no producer's configuration."""


class Described(BaseModel):
    """An event type as a configuration file describes it; fields as in `EventType`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    type: Annotated[str, Field(pattern=r"^[!-~]{1,200}$")]
    channel: Annotated[str, Field(max_length=200)]
    audience: Literal["staff", "person"]
    # Names that begin with `pusher:` or `client-` mean something else to clients.
    event: Annotated[str, Field(pattern=r"^[A-Z][A-Za-z0-9_.-]{0,99}$")]
    json_schema: Annotated[dict[str, Any], Field(alias="schema")]


class Configuration(BaseModel):
    """A configuration file: `schemas/producers/` has examples."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,99}$")]
    scheme: str = "standard"
    event_types: Annotated[list[Described], Field(min_length=1, max_length=100)]

    @property
    def types(self) -> tuple[EventType, ...]:
        return tuple(
            EventType(each.type, each.channel, each.audience, each.event, each.json_schema) for each in self.event_types
        )


class Producers:
    """Every answer is the store's: without events, it was so already and nothing was changed."""

    def __init__(self, store: EventStore, vault: Vault, clock: Callable[[], datetime], by: str = BY) -> None:
        self.store = store
        self.vault = vault
        self.clock = clock
        self.by = by

    def acting(self, by: str) -> Producers:
        """The same, in somebody's name."""
        return Producers(self.store, self.vault, self.clock, by)

    async def add(self, wanted: Configuration, secret: str) -> Decided:
        """Registers a producer with its first secret; one that is there stays as it is. Raises NotAKey."""
        SCHEMES[wanted.scheme].key(secret)
        identity, secret_id = producer_id(wanted.name), uuid4()
        sealed = self._seal(identity, secret_id, secret)

        def decision(known: Producer | None) -> Producer:
            if known is not None:
                return known
            now = self.clock()
            producer = Producer.register(wanted.name, wanted.scheme, now=now)
            producer.configure(wanted.scheme, wanted.types, now=now)
            producer.add_secret(secret_id, sealed, now=now)
            return producer

        return await self.store.decide(Producer, identity, decision, by=self.by)

    async def configure(self, wanted: Configuration) -> Decided:
        """What the producer of that name may say from now on. Raises NotFound, AnotherScheme."""
        return await self._change(
            wanted.name, lambda producer: producer.configure(wanted.scheme, wanted.types, now=self.clock())
        )

    async def rotate(self, name: str, secret: str) -> Decided:
        """A new secret; the newest one before it stays good until `finish`. Raises NotFound, NotAKey."""
        secret_id = uuid4()
        sealed = self._seal(producer_id(name), secret_id, secret)

        def rotated(producer: Producer) -> None:
            SCHEMES[producer.scheme].key(secret)
            now = self.clock()
            producer.add_secret(secret_id, sealed, now=now)
            producer.retire_all_but(KEPT, now=now)

        return await self._change(name, rotated)

    async def finish(self, name: str) -> Decided:
        """Only the newest secret stays good. Raises NotFound."""
        return await self._change(name, lambda producer: producer.retire_all_but(1, now=self.clock()))

    async def retire(self, name: str, secret_id: UUID) -> Decided:
        """One secret is good no more. Raises NotFound, LastSecret."""
        return await self._change(name, lambda producer: producer.retire_secret(secret_id, now=self.clock()))

    async def disable(self, name: str) -> Decided:
        """Raises NotFound."""
        return await self._change(name, lambda producer: producer.disable(now=self.clock()))

    async def enable(self, name: str) -> Decided:
        """Raises NotFound."""
        return await self._change(name, lambda producer: producer.enable(now=self.clock()))

    async def _change(self, name: str, change: Callable[[Producer], None]) -> Decided:
        otherwise = f"There is no producer {name!r}. `pulse producer list` shows them all."
        return await self.store.decide_known(Producer, producer_id(name), change, by=self.by, otherwise=otherwise)

    def _seal(self, producer: UUID, secret_id: UUID, secret: str) -> str:
        return self.vault.seal(secret.encode(), seal_purpose(producer, secret_id))


def read_configuration(text: bytes) -> Configuration:
    """What a file says, every schema and channel looked at. Raises NotAConfiguration."""
    if len(text) > FILE_LIMIT:
        raise NotAConfiguration(f"A producer's configuration has at most {FILE_LIMIT // 1024} KiB.")
    try:
        found = Configuration.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        raise NotAConfiguration(f"{'.'.join(map(str, first['loc'])) or 'The file'}: {first['msg']}.") from None
    require_configuration(found)
    return found


def require_configuration(found: Configuration) -> None:
    """Every schema and channel looked at. Raises NotAConfiguration."""
    if found.scheme not in SCHEMES:
        raise NotAConfiguration(f"There is no scheme {found.scheme!r}. There are: {', '.join(SCHEMES)}.")
    if len({each.type for each in found.event_types}) < len(found.event_types):
        raise NotAConfiguration("An event type is described twice.")
    for number, described in enumerate(found.event_types):
        _check_type(number, described)


def _check_type(number: int, described: Described) -> None:
    kind = described.channel.partition(".")[0]
    if kind in RESERVED:
        raise NotAConfiguration(f"event_types.{number}.channel: {kind} is a channel of Pulse itself.")
    try:
        Contract(described.json_schema, described.channel)
    except NotAContract as error:
        raise NotAConfiguration(f"event_types.{number}: {error}") from None


class SecretIsTheirs(BadInput):
    """A service of this kind makes up the secret itself. Copy it from there and send it along."""


def made_secret(scheme: str) -> str:
    """A secret in the scheme's own form. Raises SecretIsTheirs where the service makes it up itself."""
    made = new_secret(scheme)
    if made is None:
        raise SecretIsTheirs
    return made


def new_secret(scheme: str) -> str | None:
    """A secret in the scheme's own form; None where the service makes it up itself and shows it to us."""
    if scheme not in ("standard", "svix"):
        return None
    return f"whsec_{base64.b64encode(random_secrets.token_bytes(MADE_BYTES)).decode()}"


def events_url(http: str, name: str) -> str:
    """Where a producer posts to."""
    return f"{http}/webhook/events/{producer_id(name)}"
