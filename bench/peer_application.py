"""The peer of `command` and `projector`: the `eventsourcing` library with its own Postgres recorders, on Pulse's aggregate.

It writes events as Pulse's mapper does (orjson), which is faster than the library's default.
"""

from __future__ import annotations

import time
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.dispatch import singledispatchmethod
from eventsourcing.domain import AggregateEvent
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresDatastore, PostgresTrackingRecorder
from eventsourcing.projection import Projection
from eventsourcing.utils import get_topic
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL

from pulse.aggregates.chat_events import ChatOpened, MessageReceived
from pulse.eventlog.mapper import PulseMapper
from pulse.projections.entries import preview_of


class Chats(Application[UUID]):
    """An application of chats, as the library's documentation writes one."""


def environment(database_url: str, *, cached: bool = False) -> dict[str, str]:
    parts = {name.upper(): str(value) for name, value in conninfo_to_dict(database_url).items()}
    named = {f"POSTGRES_{name}": parts[name] for name in ("DBNAME", "HOST", "USER", "PASSWORD")}
    return named | {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "MAPPER_TOPIC": get_topic(PulseMapper),
        "POSTGRES_POOL_SIZE": "16",
        "POSTGRES_PORT": parts.get("PORT", "5432"),
        "AGGREGATE_CACHE_MAXSIZE": "100000" if cached else "",
        "DEEPCOPY_FROM_AGGREGATE_CACHE": "n",  # its copies cost more than reading the events again
    }


class Tables(PostgresTrackingRecorder):
    """Chats and threads: two tables, and the library's tracking in the same transaction."""

    def __init__(self, datastore: PostgresDatastore, **kwargs: str) -> None:
        super().__init__(datastore, **kwargs)
        self.taken: list[float] = []  # when each event was committed
        self.sql_create_statements += [
            SQL(
                "CREATE TABLE IF NOT EXISTS peer_chats (chat_id uuid PRIMARY KEY, name text, last_text text, "
                "last_at timestamptz, unread integer NOT NULL DEFAULT 0)"
            ),
            SQL(
                "CREATE TABLE IF NOT EXISTS peer_threads (chat_id uuid, version integer, text text, author text, "
                "at timestamptz, PRIMARY KEY (chat_id, version))"
            ),
        ]

    def open_chat(self, event: ChatOpened, tracking: Tracking) -> None:
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(
                "INSERT INTO peer_chats (chat_id, name, last_at) VALUES (%s, %s, %s)",
                (event.originator_id, event.title, event.timestamp),
                prepare=True,
            )
        self.taken.append(time.perf_counter())

    def add_message(self, event: MessageReceived, tracking: Tracking) -> None:
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(
                "UPDATE peer_chats SET last_text = %s, last_at = %s, unread = unread + 1 WHERE chat_id = %s",
                (preview_of(event.message)[0], event.timestamp, event.originator_id),
                prepare=True,
            )
            cursor.execute(
                "INSERT INTO peer_threads (chat_id, version, text, author, at) VALUES (%s, %s, %s, %s, %s)",
                (event.originator_id, event.originator_version, event.message.text, event.message.author.name,
                 event.timestamp),
                prepare=True,
            )  # fmt: skip
        self.taken.append(time.perf_counter())


class ChatsAndThreads(Projection[Tables]):
    """One transaction per event: what the library's documentation shows."""

    name = "peer"

    @singledispatchmethod
    def process_event(self, domain_event: AggregateEvent, tracking: Tracking) -> None:
        raise NotImplementedError

    @process_event.register
    def _(self, domain_event: ChatOpened, tracking: Tracking) -> None:
        self.view.open_chat(domain_event, tracking)

    @process_event.register
    def _(self, domain_event: MessageReceived, tracking: Tracking) -> None:
        self.view.add_message(domain_event, tracking)
