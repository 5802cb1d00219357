"""Reads stored deliveries again with the drivers as they are now: first it is shown what would come of it, then done.

Whoever may ask is for the desk and the command line to know. Nothing is verified again: it was authentic when it came.
"""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from eventsourcing.domain import AggregateEvent

from pulse.aggregates.chat import Chat, chat_id
from pulse.aggregates.chat_events import MessageEdited, MessageReceived
from pulse.aggregates.delivery import PROCESSED, Delivery, DeliveryKept, cause_of, position_in
from pulse.blobs import Blobs
from pulse.channels import Channel, Unreadable
from pulse.channels.arrivals import Arrival, Confirmation, MessageArrived, TypingSeen, Unhandled
from pulse.channels.web import Web
from pulse.directory import Directory
from pulse.drivers import Drivers
from pulse.errors import NotFound
from pulse.eventlog.envelope import NEWER, Recorded, open_stored, subject_of, wire_name
from pulse.eventlog.rehearsal import NotAsShown, Rehearsal
from pulse.eventlog.store import EventStore
from pulse.ingest.blocked import is_blocked
from pulse.ingest.intake import Delivered, Intake, NoChatYet, as_text
from pulse.ingest.pagers import TOO_LATE, opened_by
from pulse.ingest.readings import Reading, source_of

BLOB = "blob:sha256:"


class Again:
    """The one way to process deliveries again. A delivery goes by its `id`, the position of what it left first."""

    def __init__(
        self, store: EventStore, directory: Directory, drivers: Drivers, blobs: Blobs, clock: Callable[[], datetime]
    ) -> None:
        self.store = store
        self.directory = directory
        self.drivers = drivers
        self.blobs = blobs
        self.clock = clock

    async def show(self, ids: Iterable[int]) -> dict[str, Any]:
        """What would come of each delivery, in the order they came; nothing is appended. Raises NotFound, Trouble.

        `seen` in the answer stands for all that is shown: `apply` wants it.
        """
        readings = await self._rehearse(ids)
        return {"items": [reading.shown() for reading in readings], "seen": _seal(readings)}

    async def apply(self, ids: Iterable[int], seen: str, *, by: str) -> dict[str, Any]:
        """Does what `show` showed, a delivery at a time, each whole or not at all. Raises NotAsShown, NotFound, Trouble.

        Asking again does what is left. What another did meanwhile counts as done; anything else that differs is refused.
        """
        readings = await self._rehearse(ids)
        _require_seen(readings, seen)
        position = 0
        for reading in readings:
            decided = await reading.act.perform(self.store, by=by, cause=cause_of(reading.recorded.position))
            reading.done = list(decided.events)
            position = decided.position or position
        return {"items": [reading.shown() for reading in readings], "position": position or None}

    async def raw(self, delivery: int) -> dict[str, str | None]:
        """The whole body of a delivery, also a large one, as `raw` or else `raw_base64`. Raises NotFound."""
        recorded = await self._find(delivery)
        try:
            body = await self._body(recorded.event)
        except FileNotFoundError:
            return {"raw": getattr(recorded.event, "raw", None), "raw_base64": None}
        text, encoded = as_text(body)
        return {"raw": text, "raw_base64": encoded}

    async def _rehearse(self, ids: Iterable[int]) -> list[Reading]:
        rehearsal = Rehearsal(self.store.log)
        return [await self._read(rehearsal, position) for position in sorted(set(ids))]

    async def _read(self, rehearsal: Rehearsal, position: int) -> Reading:
        recorded = await self._find(position)
        reading = Reading(recorded, rehearsal.begin())
        try:
            body = await self._body(recorded.event)
            reading.arrivals = self._arrivals(recorded, body)
        except FileNotFoundError:
            reading.unread("Its body is not on this disk.")
        except Unreadable as unreadable:
            reading.unread(str(unreadable))
        else:
            delivered = Delivered(self.directory.source(source_of(recorded)), body)
            came = [await self._arrive(rehearsal, reading, delivered, arrival) for arrival in reading.arrivals]
            came.sort(key=lambda one: (one[0] != PROCESSED, one[2]))
            reading.outcome, reading.kind, reading.reason = came[0] if came else (PROCESSED, "", "It says nothing.")
        await self._note(rehearsal, reading)
        return reading

    async def _arrive(
        self, rehearsal: Rehearsal, reading: Reading, delivered: Delivered, arrival: Arrival
    ) -> tuple[str, str, str]:
        """Decides on one arrival; outcome, kind and reason of that."""
        match arrival:
            case Unhandled(kind=kind):
                return "unhandled", kind, ""
            case MessageArrived() if opened_by(delivered.source, arrival):
                return "unhandled", "PagerLink", TOO_LATE
            case TypingSeen() | Confirmation():
                return PROCESSED, "", "Nothing of it is kept."
            case MessageArrived() if (was := await self._message_before(reading, arrival)) is not None:
                decided = await rehearsal.decide(Chat, was.aggregate_id, self._reread(was, arrival), by="system")
            case _ if is_blocked(self.directory, delivered.source.id, arrival):
                return "unhandled", type(arrival).__name__, "Its sender is blocked."
            case _:
                intake = Intake(rehearsal, self.blobs, self.clock)
                raw = getattr(reading.recorded.event, "raw", "") or delivered.body.decode(errors="replace")
                try:
                    decided = await intake.decide(delivered, arrival, raw)
                except NoChatYet as nowhere:
                    return "unhandled", type(arrival).__name__, str(nowhere)
        kinds = [wire_name(type(event))[0] for event in decided.events if hasattr(event, "raw")]
        return PROCESSED, kinds[0] if kinds else "", "" if decided.events else "It was taken in before."

    async def _message_before(self, reading: Reading, arrival: MessageArrived) -> Recorded | None:
        """The message that this delivery became when it was taken in, or when it was last read again."""
        recorded = reading.recorded
        chat, found = chat_id(source_of(recorded), arrival.peer), [recorded]
        if isinstance(recorded.event, DeliveryKept):
            stored = await self.store.log.read_all(subject_of("chat", chat), recorded.position)
            events = [open_stored(one) for one in stored]
            found = [event for event in events if position_in(event.envelope.cause) == recorded.position]
        only = len(reading.arrivals) == 1
        for each in found:
            is_message = each.aggregate_id == chat and isinstance(each.event, MessageReceived | MessageEdited)
            if is_message and (only or each.event.message.external_id == arrival.external_id):  # type: ignore[attr-defined]
                return each
        return None

    def _reread(self, was: Recorded, arrival: MessageArrived) -> Callable[[Chat | None], Chat]:
        event, now = was.event, self.clock()
        assert isinstance(event, MessageReceived | MessageEdited)
        of = event.of if isinstance(event, MessageEdited) else was.ver

        def reread(chat: Chat | None) -> Chat:
            assert chat is not None
            chat.reread(of, arrival.message, was=event.message, now=now)
            return chat

        return reread

    async def _note(self, rehearsal: Rehearsal, reading: Reading) -> None:
        """A delivery that was kept notes what came of it; one that was taken in stays so."""
        now = self.clock()
        if not isinstance(reading.recorded.event, DeliveryKept):
            reading.outcome = "taken"
            return

        def process(delivery: Delivery | None) -> Delivery:
            assert delivery is not None
            delivery.process(outcome=reading.outcome, kind=reading.kind, reason=reading.reason, now=now)
            return delivery

        await rehearsal.decide(Delivery, reading.recorded.aggregate_id, process, by="system")

    async def _find(self, position: int) -> Recorded:
        """Out of the log, because nothing is decided on a read model. Raises NotFound."""
        for stored in await self.store.log.read(position, limit=1):
            with contextlib.suppress(*NEWER, KeyError):
                recorded = open_stored(stored)
                own = recorded.position == position and position_in(recorded.envelope.cause) is None
                if own and getattr(recorded.event, "raw", None) is not None:
                    return recorded
        raise NotFound(f"There is no delivery {position}.")

    async def _body(self, event: AggregateEvent) -> bytes:
        """Byte for byte as it was kept. Raises FileNotFoundError, where the large ones lie elsewhere."""
        raw, encoded = getattr(event, "raw", ""), getattr(event, "raw_base64", None)
        if encoded is not None:
            return base64.b64decode(encoded)
        if not raw.startswith(BLOB) or (isinstance(event, DeliveryKept) and _is_literal(event)):
            return str(raw).encode()
        return await self.blobs.read(raw.removeprefix(BLOB))

    def _arrivals(self, recorded: Recorded, body: bytes) -> list[Arrival]:
        """Raises Unreadable."""
        driver: Channel | None = self.drivers.of(source_of(recorded))
        if driver is None:
            raise Unreadable("There is no driver for this source.")
        if isinstance(driver, Web) and isinstance(recorded.event, MessageReceived):
            said = recorded.event.message  # who wrote was in the token and the files in claims, neither in the body
            author = said.author
            return [driver.read_message(body, peer=author.id, name=author.name, attachments=said.attachments)]
        return driver.read(body)


def _is_literal(kept: DeliveryKept) -> bool:
    """An unreadable body is named by its hash, so one that only looks like a blob's name is told apart."""
    return kept.outcome == "quarantined" and kept.raw != f"blob:{kept.external_id}"


def _seal(readings: Iterable[Reading]) -> str:
    return ".".join(reading.act.digest for reading in readings)


def _require_seen(readings: Sequence[Reading], seen: str) -> None:
    """Raises NotAsShown."""
    shown = seen.split(".")
    if len(shown) != len(readings):
        raise NotAsShown
    for reading, digest in zip(readings, shown, strict=True):
        if reading.result != "nothing" and reading.act.digest != digest:
            raise NotAsShown
