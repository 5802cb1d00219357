"""What came of reading a stored delivery again, and how people see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
from eventsourcing.domain import AggregateEvent

from pulse.aggregates.delivery import DeliveryKept
from pulse.channels.arrivals import Arrival
from pulse.errors import NotFound
from pulse.eventlog.envelope import Recorded, own_fields, wire_name
from pulse.eventlog.rehearsal import Act

HIDDEN = frozenset({"raw", "raw_base64", "ref"})  # a body is shown with its delivery, a file's reference never


@dataclass(slots=True)
class Reading:
    """What came of reading a delivery again. `outcome` is how it will be listed, `unreadable` that nothing was read."""

    recorded: Recorded
    act: Act
    arrivals: Sequence[Arrival] = ()
    outcome: str = "taken"
    kind: str = ""
    reason: str = ""
    unreadable: bool = False
    done: list[AggregateEvent] = field(default_factory=list)

    @property
    def result(self) -> str:
        if self.unreadable:
            return "unreadable"
        return "changes" if self.act.events else "nothing"

    def unread(self, reason: str) -> None:
        """Its driver can't read it, still or again."""
        self.outcome, self.reason, self.unreadable = "quarantined", reason, True

    def shown(self) -> dict[str, Any]:
        """As people see it: without raw bodies and file references."""
        return {
            "id": self.recorded.position,
            "source_id": source_of(self.recorded),
            "result": self.result,
            "outcome": self.outcome,
            "reason": self.reason,
            "arrivals": [{"arrival": _name_of(arrival), **_public(arrival)} for arrival in self.arrivals],
            "events": [_event(event) for event in self.done or self.act.events],
        }


def source_of(recorded: Recorded) -> UUID:
    """Raises NotFound."""
    event = recorded.event
    source = event.source_id if isinstance(event, DeliveryKept) else recorded.scope.source
    if source is None:
        raise NotFound
    return source


def _event(event: AggregateEvent) -> dict[str, Any]:
    name = wire_name(type(event))[0]
    data = {field: getattr(event, field) for field in own_fields(type(event))}
    return {
        "type": name, f"{name.partition('.')[0]}_id": event.originator_id, "version": event.originator_version,
        "data": _public(data),
    }  # fmt: skip


def _name_of(arrival: Arrival) -> str:
    """`MessageArrived` -> `message-arrived`."""
    return "".join(f"-{c.lower()}" if c.isupper() else c for c in type(arrival).__name__).lstrip("-")


def _public(found: object) -> Any:
    """As JSON, without what is hidden."""
    return _without_hidden(orjson.loads(orjson.dumps(found)))


def _without_hidden(found: Any) -> Any:
    if isinstance(found, dict):
        return {key: _without_hidden(value) for key, value in found.items() if key not in HIDDEN}
    return [_without_hidden(value) for value in found] if isinstance(found, list) else found
