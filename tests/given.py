"""Given what happened, when somebody acts, then these events (or this refusal); and the small world they live in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Generic, Self, TypeVar
from uuid import UUID

from eventsourcing.domain import Aggregate, AggregateEvent

from pulse.aggregates.chat import Chat
from pulse.aggregates.chat_standing import Seen
from pulse.aggregates.moderator import moderator_id
from pulse.aggregates.source import source_id
from pulse.errors import PulseError
from pulse.eventlog.envelope import kind_of, new_event_id, open_envelope, seal, subject_of
from pulse.message import Author, Incoming

ANNA, BORIS = moderator_id("anna@example.org"), moderator_id("boris@example.org")
SALES, SUPPORT = UUID(int=0x5A1E5), UUID(int=0x5)
SHOP = source_id("telegram", "shop_bot")
PERSON = UUID(int=77)
VERA = Author(id="77", name="Vera")
NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)

A = TypeVar("A", bound=Aggregate)


def given(aggregate: A, *acts: Callable[[A], object]) -> Given[A]:
    """What happened so far. The aggregate is read back from its events, as the store would."""
    for act in acts:
        act(aggregate)
    return Given(read_back(type(aggregate), aggregate.collect_events()))


class Given(Generic[A]):
    def __init__(self, aggregate: A) -> None:
        self.aggregate = aggregate

    def when(self, act: Callable[[A], object]) -> Outcome[A]:
        try:
            answer = act(self.aggregate)
        except PulseError as refusal:
            return Outcome(self.aggregate, refusal=refusal)
        return Outcome(self.aggregate, answer=answer)


class Outcome(Generic[A]):
    def __init__(self, aggregate: A, *, answer: object = None, refusal: PulseError | None = None) -> None:
        self.aggregate, self.answer, self.refusal = aggregate, answer, refusal
        self.events: list[Any] = list(aggregate.collect_events())

    def then(self, *kinds: type[AggregateEvent]) -> Self:
        """Exactly these events, in this order."""
        assert self.refusal is None, f"was refused: {self.refusal!r}"
        assert [type(event) for event in self.events] == list(kinds)
        return self

    def then_nothing(self) -> Self:
        return self.then()

    def then_refused(self, rule: type[PulseError]) -> PulseError:
        """The rule said no, and nothing happened."""
        assert type(self.refusal) is rule
        assert self.events == []
        return self.refusal

    def now(self, **state: object) -> Self:
        """The aggregate holds these values, now and when it is read back."""
        assert {name: getattr(self.aggregate, name) for name in state} == state
        return self


def read_back(kind: type[A], events: Any) -> A:
    """The aggregate from its events, each written to JSON and read again."""
    found: Any = None
    for event in events:
        body = seal(event, event_id=new_event_id(), by="system")
        found = open_envelope(1, subject_of(kind_of(kind), event.originator_id), body).event.mutate(found)
    assert isinstance(found, kind)
    return found


def a_chat(peer: str = "77", department: UUID | None = SALES, customer: UUID = PERSON) -> Chat:
    """Vera's chat with the shop, just opened."""
    return Chat.open(
        source_id=SHOP, channel="telegram", peer=peer, title="Vera", group=False,
        department_id=department, customer_id=customer, now=NOW,
    )  # fmt: skip


def message(external_id: str, message_id: str | None = None, text: str = "Hello") -> Incoming:
    return Incoming(external_id=external_id, author=VERA, text=text, message_id=message_id)


def vera_writes(external_id: str, message_id: str | None = None, text: str = "Hello") -> Callable[[Chat], None]:
    return lambda chat: chat.receive(message(external_id, message_id, text), raw="{}", now=NOW)


def vera_edits(external_id: str, message_id: str | None, text: str = "Hello!") -> Callable[[Chat], None]:
    return lambda chat: chat.edit(message(external_id, message_id, text), raw="{}", now=NOW)


def replies(who: UUID, text: str = "Good day", client_msg_id: str | None = None) -> Callable[[Chat], int]:
    return lambda chat: chat.reply(text, moderator_id=who, client_msg_id=client_msg_id, now=NOW)


def assigned_to(who: UUID, seen: UUID | None = None) -> Callable[[Chat], None]:
    return lambda chat: chat.assign(who, now=NOW, seen=Seen(seen))


def closed_by(who: UUID) -> Callable[[Chat], None]:
    return lambda chat: chat.close(who, now=NOW)


def attempted(of: int, *, part: int = 0, parts: int = 1, attempt: int = 1) -> Callable[[Chat], None]:
    """The channel is about to be called."""
    return lambda chat: chat.attempt(of, part=part, parts=parts, attempt=attempt, now=NOW)


def sent(of: int, message_id: str | None = "m1", *, part: int = 0) -> Callable[[Chat], None]:
    return lambda chat: chat.sent(of, part=part, message_id=message_id, now=NOW)
