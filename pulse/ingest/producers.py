"""What opens the door for each producer: its keys and its contracts, made again when the producer changes."""

from __future__ import annotations

import secrets as random_secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from pulse.aggregates.feed import CloudEvent, Telling
from pulse.aggregates.producer import Producer
from pulse.contracts import Contract, Fault, broken
from pulse.directory import Directory
from pulse.errors import NotAuthentic
from pulse.signatures import SCHEMES, Key, Scheme
from pulse.vault import Vault

STRANGERS = (Key(random_secrets.token_bytes(32)),)


@dataclass(frozen=True, slots=True)
class Known:
    """A producer as the door needs it. `keys` are every secret that is good now."""

    producer: Producer
    scheme: Scheme
    keys: Sequence[Key]
    contracts: Mapping[str, Contract]

    @property
    def origin(self) -> str:
        """The source of its events that name none."""
        return f"/producers/{self.producer.name}"

    def tell(self, event: CloudEvent, at: str) -> Telling:
        """Where an event is told. Raises BreaksContract, which names the faults by their JSON paths."""
        contract = self.contracts.get(event.type)
        if contract is None:
            raise broken([Fault(f"{at}.type", "This producer has no event type of this name.")])
        if faults := contract.faults(event.data, at):
            raise broken(faults)
        event_type = self.producer.event_types[event.type]
        return Telling(contract.channel_of(event.data, at), event_type.event, event_type.audience)


class Producers:
    """Ask it by producer id."""

    def __init__(self, directory: Directory, vault: Vault) -> None:
        self._directory = directory
        self._vault = vault
        self._made: dict[UUID, tuple[int, Known]] = {}

    def authentic(self, producer: str, headers: Mapping[str, str], body: bytes, now: float) -> Known:
        """The producer that signed this. Raises NotAuthentic, also for a stranger's id, after as much work."""
        known = self._find(producer)
        if known is None:
            SCHEMES["standard"].verify(STRANGERS, headers, body, now)
            raise NotAuthentic
        known.scheme.verify(known.keys, headers, body, now)
        return known

    def _find(self, producer: str) -> Known | None:
        """None for a stranger's id, and for a scheme that only a newer Pulse knows. Raises WrongKey."""
        try:
            found = self._directory.producer(UUID(producer))
        except ValueError:
            return None
        if found is None or found.scheme not in SCHEMES:
            return None
        version, known = self._made.get(found.id, (0, None))
        if known is None or version != found.version:
            known = self._open(found)
            self._made[found.id] = (found.version, known)
        return known

    def _open(self, producer: Producer) -> Known:
        scheme = SCHEMES[producer.scheme]
        opened = [
            self._vault.unseal(sealed, producer.seal_purpose(secret_id)).decode()
            for secret_id, sealed in producer.secrets.items()
        ]
        contracts = {each.type: Contract(each.schema, each.channel) for each in producer.event_types.values()}
        return Known(producer, scheme, [scheme.key(text) for text in opened], contracts)
