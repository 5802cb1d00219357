"""How events lie in the log."""

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import RFC_4122, UUID, uuid4

import msgspec
import orjson
import pytest
from eventsourcing.domain import AggregateEvent
from hypothesis import given as hypothesis_given
from hypothesis import strategies as st

from pulse.aggregates import AGGREGATES, EVENTS
from pulse.aggregates.chat import Chat
from pulse.aggregates.chat_events import ReplyWritten
from pulse.aggregates.upcasts import UPCASTS
from pulse.eventlog import envelope
from pulse.eventlog.envelope import (
    NOWHERE,
    BrokenRegistry,
    UnknownEvent,
    check_registry,
    data_struct,
    kind_of,
    new_event_id,
    open_envelope,
    own_fields,
    seal,
    specimen,
    subject_of,
    wire_name,
)
from tests.given import ANNA, BORIS, NOW, SALES, SHOP, a_chat, read_back, replies, vera_writes

CHAT = UUID("0193a1f0-0000-7000-8000-0000000000c1")
event_classes = pytest.mark.parametrize("event_class", EVENTS.values(), ids=lambda cls: cls.__name__)


class NoteWritten(AggregateEvent):
    text: str
    moderator_id: UUID
    loud: bool


@dataclass(frozen=True, slots=True)
class Loud:
    """A value that grows each time it is read."""

    text: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", f"{self.text}!")


class Shouted(AggregateEvent):
    loud: Loud


@pytest.fixture
def notes(monkeypatch):
    """An event at its third version, whose first two live on as upcasts."""
    monkeypatch.setitem(EVENTS, ("chat.note-written", 3), NoteWritten)
    monkeypatch.setitem(envelope._NAMES, NoteWritten, ("chat.note-written", 3))
    monkeypatch.setitem(UPCASTS, ("chat.note-written", 1), lambda old: {"text": old["body"], "who": old["who"]})
    monkeypatch.setitem(
        UPCASTS, ("chat.note-written", 2),
        lambda old: {"text": old["text"], "moderator_id": old["who"], "loud": False},
    )  # fmt: skip


def body(name: str, version: int, **data: object) -> bytes:
    return orjson.dumps({"type": name, "v": version, "ver": 2, "id": uuid4(), "at": NOW, "by": "system", "data": data})


def opened(stored: bytes):
    return open_envelope(7, subject_of("chat", CHAT), stored)


def test_every_registered_event_survives_the_log():
    check_registry()


@event_classes
def test_every_event_reads_back_as_it_was_written(event_class):
    event = specimen(event_class)
    stored = seal(event, event_id=new_event_id(), by="system")
    kind = wire_name(event_class)[0].split(".")[0]
    assert open_envelope(1, subject_of(kind, event.originator_id), stored).event == event


@event_classes
def test_no_class_path_reaches_the_log(event_class):
    stored = seal(specimen(event_class), event_id=new_event_id(), by="system").decode()
    assert "pulse." not in stored
    assert event_class.__name__ not in stored
    assert "topic" not in stored
    assert "originator" not in stored


@event_classes
def test_every_field_of_an_event_but_its_place_lies_in_data(event_class):
    stored = orjson.loads(seal(specimen(event_class), event_id=new_event_id(), by="system"))
    assert set(stored["data"]) == set(own_fields(event_class)) == set(data_struct(event_class).__struct_fields__)


def test_every_event_has_a_wire_name_of_its_own_kind():
    assert len(set(EVENTS.values())) == len(EVENTS)
    assert {name.split(".")[0] for name, _ in EVENTS} == set(AGGREGATES)


def test_an_event_that_does_not_survive_is_found_at_start(monkeypatch):
    monkeypatch.setitem(EVENTS, ("chat.shouted", 1), Shouted)
    monkeypatch.setitem(envelope._NAMES, Shouted, ("chat.shouted", 1))
    with pytest.raises(BrokenRegistry, match=r"chat.shouted v1 reads back"):
        check_registry()


def test_who_did_it_what_caused_it_and_who_may_see_it_lie_beside_the_data():
    vera = a_chat()
    vera.reply("Good day", moderator_id=ANNA, client_msg_id=None, now=NOW)
    event, event_id = vera.collect_events()[-1], new_event_id()
    stored = seal(event, event_id=event_id, by=f"moderator:{ANNA}", cause="request 5", scope=vera.scope())
    found = open_envelope(9, subject_of("chat", vera.id), stored)
    assert (found.position, found.kind, found.aggregate_id, found.ver, found.at) == (9, "chat", vera.id, 3, NOW)
    assert (found.envelope.id, found.envelope.by, found.envelope.cause) == (event_id, f"moderator:{ANNA}", "request 5")
    assert (found.scope.source, found.scope.department, found.scope.holder) == (SHOP, SALES, ANNA)
    assert (found.scope.unread, found.scope.unread_by_customer) == (0, 1)
    assert found.body == stored


def test_an_event_without_a_scope_is_nowhere():
    assert opened(seal(specimen(ReplyWritten), event_id=uuid4(), by="system")).scope == NOWHERE


def test_times_are_kept_to_the_microsecond():
    event = specimen(ReplyWritten)
    at = datetime(2026, 11, 21, 9, 30, 0, 123456, tzinfo=UTC)
    moved = replace(event, timestamp=at)
    assert opened(seal(moved, event_id=uuid4(), by="system")).event.timestamp == at


@hypothesis_given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_survives(text):
    event = replace(specimen(ReplyWritten), text=text)
    assert opened(seal(event, event_id=uuid4(), by="system")).event.text == text


# Old and unknown


def test_an_unknown_event_is_refused():
    with pytest.raises(UnknownEvent, match=r"chat.vanished v1"):
        opened(body("chat.vanished", 1))


def test_a_version_from_the_future_is_refused():
    with pytest.raises(UnknownEvent, match="v9"):
        opened(body("chat.reply-written", 9, text="", moderator_id=ANNA, client_msg_id=None))


def test_data_that_does_not_fit_is_refused():
    with pytest.raises(msgspec.ValidationError):
        opened(body("chat.reply-written", 1, text=5, moderator_id=ANNA, client_msg_id=None))
    with pytest.raises(msgspec.ValidationError):
        opened(body("chat.reply-written", 1, text="x"))


def test_a_field_from_the_future_is_passed_over():
    found = opened(body("chat.reply-written", 1, text="x", moderator_id=ANNA, client_msg_id=None, mood="good"))
    assert found.event.text == "x"


@pytest.mark.usefixtures("notes")
def test_an_old_version_is_made_new_step_by_step():
    for stored in (
        body("chat.note-written", 1, body="psst", who=ANNA),
        body("chat.note-written", 2, text="psst", who=ANNA),
        body("chat.note-written", 3, text="psst", moderator_id=ANNA, loud=False),
    ):
        found = opened(stored).event
        assert isinstance(found, NoteWritten)
        assert (found.text, found.moderator_id, found.loud, found.originator_version) == ("psst", ANNA, False, 2)


@pytest.mark.usefixtures("notes")
def test_an_upcast_that_leads_nowhere_is_an_unknown_event(monkeypatch):
    monkeypatch.setitem(UPCASTS, ("chat.note-written", 3), lambda old: old)
    with pytest.raises(UnknownEvent, match="v4"):
        opened(body("chat.note-written", 1, body="psst", who=ANNA))


@pytest.mark.usefixtures("notes")
def test_the_newest_version_is_written():
    event = NoteWritten(
        originator_id=CHAT, originator_version=2, timestamp=NOW, text="t", moderator_id=BORIS, loud=True
    )
    assert orjson.loads(seal(event, event_id=uuid4(), by="system"))["v"] == 3


# Ids and subjects


def test_event_ids_are_time_ordered_uuids():
    before = time.time_ns() // 1_000_000
    ids = [new_event_id() for _ in range(1000)]
    after = time.time_ns() // 1_000_000
    stamps = [each.int >> 80 for each in ids]
    assert {(each.version, each.variant) for each in ids} == {(7, RFC_4122)}
    assert before <= stamps[0] <= stamps[-1] <= after
    assert stamps == sorted(stamps)
    assert len(set(ids)) == 1000


def test_event_ids_are_random_in_every_free_bit():
    ones = zeros = 0
    for _ in range(200):
        value = new_event_id().int & ((1 << 80) - 1)
        ones, zeros = ones | value, zeros | ~value
    free = ((1 << 12) - 1) << 64 | (1 << 62) - 1
    assert ones & zeros & free == free


def test_a_subject_names_kind_shard_and_id():
    assert subject_of("chat", CHAT) == "pulse.ev.chat.01.0193a1f00000700080000000000000c1"
    assert subject_of("chat", UUID(int=63)).split(".")[3] == "3f"
    assert kind_of(Chat) == "chat"


@hypothesis_given(st.uuids())
def test_an_aggregate_always_lies_in_one_of_64_shards(aggregate_id):
    pulse, ev, kind, shard, hexid = subject_of("chat", aggregate_id).split(".")
    assert (pulse, ev, kind) == ("pulse", "ev", "chat")
    assert len(shard) == 2
    assert int(shard, 16) == aggregate_id.int & 0x3F
    assert UUID(hexid) == aggregate_id


def test_a_whole_chat_reads_back():
    vera = a_chat()
    vera_writes("1", "m1")(vera)
    replies(ANNA, client_msg_id="c1")(vera)
    again = read_back(Chat, vera.collect_events())
    assert (again.version, again.holder_id, again.peer) == (4, ANNA, "77")
    assert again.created_on == NOW


def test_a_socket_that_is_left_out_stands_beside_an_event_and_only_where_there_is_one():
    event = specimen(ReplyWritten)
    told = {"event_id": uuid4(), "by": "system"}
    named, plain = seal(event, **told, besides="123.456"), seal(event, **told)
    assert b"besides" not in plain
    assert [opened(one).besides for one in (named, plain)] == ["123.456", None]
    assert opened(named).event == opened(plain).event
    assert {**orjson.loads(plain), "besides": "123.456"} == orjson.loads(named)
