"""The library's own cases for recorders, and what Pulse's log looks like through the library."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import (
    DataError,
    InfrastructureFactory,
    IntegrityError,
    InterfaceError,
    JSONTranscoder,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    StoredEvent,
    Tracking,
)
from eventsourcing.popo import POPOTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from eventsourcing.tests import persistence as shipped
from eventsourcing.utils import Environment
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pulse.aggregates import EVENTS
from pulse.aggregates.chat import Chat
from pulse.aggregates.chat_events import ChatOpened, MessageReceived
from pulse.aggregates.upcasts import UPCASTS
from pulse.embedded import Addresses, Embedded
from pulse.eventlog.envelope import open_envelope, specimen, subject_of
from pulse.eventlog.jetstream import Log
from pulse.eventlog.recorder import (
    Datastore,
    Factory,
    JetStreamAggregateRecorder,
    JetStreamApplicationRecorder,
    PulseMapper,
)
from pulse.eventlog.store import EventStore
from pulse.eventlog.streams import reconcile, wanted_streams
from pulse.house import NATS_FOLDER
from pulse.message import Author, Incoming

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
SOURCE, ANNA = UUID(int=1), UUID(int=2)
MODULE = "pulse.eventlog.recorder"
STREAMS = NATS_FOLDER / "streams.json"


# The library's cases


class OnFreshLog:
    """Hands the server to a unittest class: a fresh stream for each test, and a connection of its own."""

    datastore: Datastore

    @pytest.fixture(autouse=True)
    def fresh_log(self, log: Log, addresses: Addresses) -> Iterator[None]:
        self.datastore = Datastore(addresses.nats_url)
        yield
        self.datastore.close()


class TestAggregateRecorder(OnFreshLog, shipped.AggregateRecorderTestCase):
    def create_recorder(self) -> JetStreamAggregateRecorder:
        return JetStreamAggregateRecorder(self.datastore)


class TestApplicationRecorder(OnFreshLog, shipped.ApplicationRecorderTestCase[JetStreamApplicationRecorder]):
    def create_recorder(self) -> JetStreamApplicationRecorder:
        return JetStreamApplicationRecorder(self.datastore)

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestNonInterleavingIds(OnFreshLog, shipped.NonInterleavingNotificationIDsBaseCase):
    def create_recorder(self) -> JetStreamApplicationRecorder:
        return JetStreamApplicationRecorder(self.datastore)


class TestFactory(shipped.InfrastructureFactoryTestCase[Factory]):
    @pytest.fixture(autouse=True)
    def environment(self, log: Log, addresses: Addresses) -> None:
        self.env = Environment("Desk", {"PERSISTENCE_MODULE": MODULE, "PULSE_NATS_URL": addresses.nats_url})

    def expected_factory_class(self) -> type[Factory]:
        return Factory

    def expected_aggregate_recorder_class(self) -> type[JetStreamAggregateRecorder]:
        return JetStreamAggregateRecorder

    def expected_application_recorder_class(self) -> type[JetStreamApplicationRecorder]:
        return JetStreamApplicationRecorder

    def expected_tracking_recorder_class(self) -> Any:
        raise NotImplementedError

    expected_process_recorder_class = tracking_recorder_subclass = expected_tracking_recorder_class

    def test_create_tracking_recorder(self) -> None:
        with pytest.raises(NotSupportedError):
            self.factory.tracking_recorder()

    def test_create_process_recorder(self) -> None:
        with pytest.raises(NotSupportedError):
            self.factory.process_recorder()


# Pulse's log through the library


class Desk(Application[UUID]):
    pass


class Counted(Aggregate):
    """Somebody else's aggregate, as a notebook would write it."""

    @event("Began")
    def __init__(self, name: str) -> None:
        self.name = name
        self.count = 0

    @event("Counted")
    def add(self, number: int) -> None:
        self.count += number


class Texts(POPOTrackingRecorder):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []


class TextsProjection(Projection[Texts]):
    name = "texts"

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        if isinstance(domain_event, MessageReceived):
            self.view.seen.append(domain_event.message.text)
        self.view.insert_tracking(tracking)


@pytest.fixture
def env(log: Log, addresses: Addresses) -> dict[str, str]:
    return {"PERSISTENCE_MODULE": MODULE, "PULSE_NATS_URL": addresses.nats_url}


@pytest.fixture
def app(env: dict[str, str]) -> Iterator[Desk]:
    with Desk(env) as opened:
        yield opened


@pytest.fixture
def recorder(app: Desk) -> JetStreamApplicationRecorder:
    assert isinstance(app.recorder, JetStreamApplicationRecorder)
    return app.recorder


def open_chat(peer: str = "vera") -> Chat:
    return Chat.open(
        source_id=SOURCE, channel="telegram", peer=peer, title="Vera", group=False,
        department_id=UUID(int=3), customer_id=UUID(int=4), now=NOON,
    )  # fmt: skip


def write(chat: Chat | None, text: str) -> Chat:
    chat = chat or open_chat()
    chat.receive(Incoming(external_id=text, author=Author("7", "Vera"), text=text), raw="{}", now=NOON)
    return chat


def record(originator_id: UUID | str, version: int, state: bytes = b"{}", topic: str = "noted") -> StoredEvent:
    return StoredEvent(originator_id, version, topic, state)


async def test_a_chat_saved_by_an_application_is_loaded_by_the_store(app: Desk, store: EventStore) -> None:
    chat = write(open_chat(), "hello")
    app.save(chat, by="customer")

    loaded = await store.load(Chat, chat.id)

    assert loaded == app.repository.get(chat.id) == chat
    await store.decide(Chat, chat.id, lambda found: write(found, "still there?"), by="customer")
    assert app.repository.get(chat.id).version == 3


async def test_a_saved_envelope_says_who_and_for_whom_like_the_stores(app: Desk, log: Log) -> None:
    chat = write(open_chat(), "hello")
    app.save(chat, by="customer", cause="update:1", scope=chat.scope())

    for stored in await log.read(1):
        envelope = open_envelope(stored.position, stored.subject, stored.body).envelope
        assert (envelope.by, envelope.cause, envelope.at) == ("customer", "update:1", NOON)
        assert (envelope.scope.source, envelope.scope.unread) == (SOURCE, 1)
        assert stored.subject == subject_of("chat", chat.id)
        assert b"timestamp" not in stored.body


async def test_the_stores_events_are_notifications_with_our_topics(app: Desk, store: EventStore) -> None:
    chat = open_chat()
    decided = await store.decide(Chat, chat.id, lambda _: write(chat, "hello"), by="customer")

    found = app.recorder.select_notifications(None, 10)
    [received] = app.recorder.select_notifications(None, 10, topics=["chat.message-received/1"])

    assert [(n.id, n.topic) for n in found] == [(1, "chat.opened/1"), (2, "chat.message-received/1")]
    assert tuple(map(app.mapper.to_domain_event, found)) == decided.events
    assert orjson.loads(received.state)["message"]["text"] == "hello"
    assert app.recorder.max_notification_id() == decided.position


async def test_a_projection_of_the_library_follows_the_log(env: dict[str, str], store: EventStore) -> None:
    chat = open_chat()
    await store.decide(Chat, chat.id, lambda _: write(chat, "before"), by="customer")
    env |= {"TEXTS_PERSISTENCE_MODULE": "eventsourcing.popo"}
    with ProjectionRunner(
        application_class=Desk, projection_class=TextsProjection, view_class=Texts, env=env
    ) as runner:
        decided = await store.decide(Chat, chat.id, lambda found: write(found, "after"), by="customer")
        runner.wait(decided.position, timeout=20)

        assert runner.view.seen == ["before", "after"]


def test_other_aggregates_live_beside_pulses(app: Desk) -> None:
    counted = Counted("lunch")
    counted.add(2)
    chat = open_chat()
    app.save(counted, chat)

    assert app.repository.get(counted.id) == counted
    assert app.repository.get(chat.id) == chat
    assert [n.id for n in app.recorder.select_notifications(1, 10)] == [1, 2, 3]


@pytest.mark.parametrize("event_class", [EVENTS[name] for name in sorted(EVENTS) if name not in UPCASTS])
def test_every_event_survives_the_mapper(event_class: Any) -> None:
    mapper = PulseMapper(JSONTranscoder())
    assert mapper.to_domain_event(mapper.to_stored_event(specimen(event_class))) == specimen(event_class)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(state=st.binary() | st.sampled_from([
    b'{"a": 1}', b' {"a":1}', b"1\n", b"NaN", b"[1,2", b"1,2", b'{"base64":"aGk="}', b'{"base64":"', b"", b"\xff",
    b'"\\ud800"', b"1e999", b'{"a":1,"a":2}', b"[" * 1500 + b"]" * 1500, b"\xef\xbb\xbf{}", b"null",
]))  # fmt: skip
def test_any_state_comes_back_byte_for_byte(recorder: JetStreamApplicationRecorder, state: bytes) -> None:
    noted = record(uuid4(), 1, state, topic='odd "topic"/1')
    recorder.insert_events([noted])
    assert recorder.select_events(noted.originator_id) == [noted]


async def test_json_lies_in_the_log_as_it_is(recorder: JetStreamApplicationRecorder, log: Log) -> None:
    recorder.insert_events([record(ANNA, 1, b'{"a": [1]}'), record(ANNA, 2, b"\x00")])

    first, second = [orjson.loads(stored.body) for stored in await log.read(1)]

    assert (first["type"], first["v"], first["ver"], first["data"]) == ("noted", 1, 1, {"a": [1]})
    assert second["data"] == {"base64": "AA=="}


def test_two_writers_get_one_version_between_them(recorder: JetStreamApplicationRecorder) -> None:
    rival = JetStreamApplicationRecorder(recorder.datastore)
    for version in range(1, 6):
        recorder.insert_events([record(ANNA, version)])
        with pytest.raises(IntegrityError):
            rival.insert_events([record(ANNA, version), record(UUID(int=9), 1)])
        rival, recorder = recorder, rival

    assert [e.originator_version for e in rival.select_events(ANNA)] == [1, 2, 3, 4, 5]
    assert rival.select_events(UUID(int=9)) == []


def test_what_came_from_elsewhere_is_read_from_where_we_were(recorder: JetStreamApplicationRecorder) -> None:
    rival = JetStreamApplicationRecorder(recorder.datastore)
    recorder.insert_events([record(ANNA, 1), record(ANNA, 2)])
    rival.insert_events([record(ANNA, 3), record(ANNA, 4)])

    assert [e.originator_version for e in recorder.select_events(ANNA, gt=2)] == [3, 4]
    assert [e.originator_version for e in recorder.select_events(ANNA, gt=1, lte=3, desc=True)] == [3, 2]


def test_pulses_own_versions_have_no_gap(app: Desk, recorder: JetStreamApplicationRecorder) -> None:
    opened = app.mapper.to_stored_event(specimen(ChatOpened))
    for version in (0, 2):
        with pytest.raises(IntegrityError):
            recorder.insert_events([record(opened.originator_id, version, opened.state, opened.topic)])


@pytest.mark.parametrize("state", [b"{}", b"[]", b"nothing", b'{"timestamp":"noon"}'])
def test_what_pulse_could_not_read_is_not_stored(recorder: JetStreamApplicationRecorder, state: bytes) -> None:
    with pytest.raises(DataError):
        recorder.insert_events([record(ANNA, 1, state, "chat.opened/1")])
    assert recorder.max_notification_id() is None


def test_a_save_is_one_batch_or_refused(recorder: JetStreamApplicationRecorder) -> None:
    assert recorder.insert_events([]) == []
    with pytest.raises(ProgrammingError, match="1000"):
        recorder.insert_events([record(ANNA, version) for version in range(1, 1002)])


def test_ids_are_uuids_and_each_is_one_thing(app: Desk, recorder: JetStreamApplicationRecorder) -> None:
    chat = open_chat()
    app.save(chat)
    with pytest.raises(NotSupportedError):
        recorder.select_events("vera")
    with pytest.raises(ProgrammingError):
        recorder.insert_events([record(chat.id, 2)])


async def test_a_stream_of_ones_own_has_its_own_prefix(env: dict[str, str], log: Log) -> None:
    config = {"name": "NOTES", "subjects": ["notes.>"], "allow_direct": True, "allow_atomic": True}
    await log.api("STREAM.CREATE.NOTES", config)
    try:
        with Desk(env | {"PULSE_STREAM": "NOTES"}) as app:
            app.save(chat := write(open_chat(), "hello"))
            assert app.repository.get(chat.id) == chat
        assert await log.last_position() == 0
    finally:
        await log.api("STREAM.DELETE.NOTES")


def test_stopping_from_another_thread_ends_the_waiting(recorder: JetStreamApplicationRecorder) -> None:
    recorder.insert_events([record(ANNA, 1)])
    began = threading.Event()
    seen: list[int] = []

    def read() -> None:
        for notification in subscription:
            seen.append(notification.id)
            began.set()

    with recorder.subscribe() as subscription:
        reader = threading.Thread(target=read)
        reader.start()
        assert began.wait(20)
    reader.join(20)

    assert not reader.is_alive()
    assert seen == [1]


def test_closing_releases_the_thread_and_whoever_waits(env: dict[str, str]) -> None:
    before = set(threading.enumerate())
    app = Desk(env)
    app.save(open_chat())
    subscription = app.recorder.subscribe(gt=1)
    waiting = threading.Thread(target=lambda: list(subscription))
    waiting.start()
    app.close()
    waiting.join(20)

    assert set(threading.enumerate()) == before
    with pytest.raises(InterfaceError):
        app.recorder.max_notification_id()
    app.close()


def test_without_an_address_the_factory_says_so() -> None:
    with pytest.raises(OSError, match="PULSE_NATS_URL"):
        InfrastructureFactory.construct({"PERSISTENCE_MODULE": MODULE}).application_recorder()


def test_snapshots_are_not_kept_in_the_log(env: dict[str, str]) -> None:
    with pytest.raises(NotSupportedError):
        InfrastructureFactory.construct(env).aggregate_recorder("snapshots")


def test_a_missing_stream_is_an_error_of_operation(env: dict[str, str]) -> None:
    with pytest.raises(OperationalError, match="not found"):
        Desk(env | {"PULSE_STREAM": "NOWHERE"})


def test_nobody_answering_is_an_error_of_operation(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    with pytest.raises(OperationalError, match="NATS"):
        Datastore(f"nats://127.0.0.1:{port}")


def test_an_outage_is_an_error_of_operation_and_heals(tmp_path: Path) -> None:
    with Embedded(tmp_path / "data", postgres=False) as servers:
        with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
            runner.run(make_streams(servers.addresses.nats_url))
        with contextlib.closing(Datastore(servers.addresses.nats_url)) as datastore:
            recorder = JetStreamApplicationRecorder(datastore)
            subscription = recorder.subscribe()
            recorder.insert_events([record(ANNA, 1)])
            assert next(subscription).id == 1
            servers.kill_nats()
            with pytest.raises(OperationalError):
                recorder.insert_events([record(ANNA, 2)])
            servers.restart_nats()
            while recorder_is_down(recorder):
                pass
            recorder.insert_events([record(ANNA, 2)])
            assert next(subscription).id == 2
            subscription.stop()


async def make_streams(url: str) -> None:
    log = await Log.connect(url)
    await reconcile(log, wanted_streams(STREAMS), max_bytes=1 << 28)
    await log.close()


def recorder_is_down(recorder: JetStreamApplicationRecorder) -> bool:
    try:
        return recorder.max_notification_id() is None
    except OperationalError:
        return True
