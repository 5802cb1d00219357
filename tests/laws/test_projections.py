"""Law 3: projecting twice, in any pieces, through crashes, or from zero gives the same rows."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from random import Random
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from pulse.aggregates.chat import Chat
from pulse.aggregates.chat_events import (
    ButtonPressed,
    CallbackRequested,
    ChatClosed,
    ChatReopened,
    MessageReceived,
    ReplyEchoed,
    ReplyWritten,
)
from pulse.aggregates.chat_work import ChatSnoozed, ChatWoken, NoteWritten
from pulse.aggregates.customer import Customer, CustomerLeft, CustomerReturned, customer_id
from pulse.eventlog.appends import Append
from pulse.eventlog.envelope import open_envelope
from pulse.eventlog.jetstream import Log
from pulse.eventlog.store import EventStore
from pulse.eventlog.streams import reconcile, wanted_streams
from pulse.projections import batch
from pulse.projections.projector import Projector
from pulse.projections.rebuild import rebuild
from tests.conftest import STREAMS
from tests.given import ANNA, BORIS, SHOP, a_chat, vera_writes
from tests.projections.history import History
from tests.projections.running import all_rows, live
from tests.projections.told import Told

STEPS = 400
SEEDS = (1, 2, 3)


class Killed(Exception):
    """A projector ends here."""


@pytest.fixture(params=SEEDS)
async def seed(request: pytest.FixtureRequest, log: Log) -> int:
    """A history in the log, with a chat that poison parks."""
    history = History(EventStore(log), request.param)
    await history.tell(STEPS // 2)
    told = Told()
    told.of(a_chat(peer="poisoned"), vera_writes("u1"), vera_writes("u2", text="nul \0"), vera_writes("u3"))
    for each in told.appends:
        await log.append(Append(each.subject, each.body))
    await history.tell(STEPS // 2)
    assert len(history.done) >= 15, history.done
    assert {"reread", "process"} <= history.done.keys()
    return int(request.param)


@pytest.fixture
async def epoch(log: Log) -> str:
    return await reconcile(log, wanted_streams(STREAMS), max_bytes=1 << 30)


async def test_pieces_crashes_rivals_and_rebuilds_give_the_same_rows(
    seed: int, log: Log, database_url: str, epoch: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = Random(seed)

    def projector(schema: str) -> Projector:
        return Projector(log, database_url, epoch, schema=schema)

    await projector("one_page").catch_up()
    wanted = all_rows(database_url, "one_page")
    assert all(wanted.values()), (seed, [name for name, rows in wanted.items() if not rows])

    await projector("one_page").catch_up()
    assert all_rows(database_url, "one_page") == wanted, "projected a second time"

    for largest in (1, 1500, 20_000):
        monkeypatch.setattr(batch, "BATCH_BYTES", largest)
        await projector(f"up_to_{largest}_bytes").catch_up()
        assert all_rows(database_url, f"up_to_{largest}_bytes") == wanted, largest

    await killed_now_and_then(projector, chance, monkeypatch)
    assert all_rows(database_url, "killed") == wanted, "killed between pages"

    monkeypatch.setattr(batch, "BATCH_BYTES", 3000)
    await asyncio.gather(projector("rivals").catch_up(), projector("rivals").catch_up())
    assert all_rows(database_url, "rivals") == wanted, "two rivals"

    async with live(projector("read")) as _:
        await rebuild(log, database_url, epoch)
    assert all_rows(database_url) == wanted, "from zero, beside a live projector"


async def killed_now_and_then(projector: Any, chance: Random, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each projector lives for a few pages of a size of its own."""

    def perhaps(at: int, of: int) -> None:
        if at < of and chance.random() < 0.3:
            raise Killed

    alive = True
    while alive:
        monkeypatch.setattr(batch, "BATCH_BYTES", chance.choice((500, 2000, 8000)))
        try:
            await projector("killed").catch_up(perhaps)
            alive = False
        except Killed:
            pass


async def test_rows_say_what_a_naive_fold_and_the_aggregates_say(
    seed: int, log: Log, store: EventStore, database_url: str, epoch: str
) -> None:
    await Projector(log, database_url, epoch).catch_up()
    chats = {row["chat_id"]: row for row in rows(database_url, "select * from inbox where peer <> 'poisoned'")}
    people = {row["customer_id"]: row for row in rows(database_url, "select * from customers")}
    marks = rows(database_url, "select * from marks")
    seen = {(mark["moderator_id"], mark["chat_id"]): mark["seen"] for mark in marks}
    entries = Counter(row["chat_id"] for row in rows(database_url, "select chat_id from thread"))
    folded = await naive_fold(log)
    assert chats.keys() == folded.keys() - {a_chat(peer="poisoned").id}
    for chat_id, row in chats.items():
        known, counted = await store.load(Chat, chat_id), folded[chat_id]
        assert known is not None
        assert row["unread_by_staff"] == len(known.unread)
        assert row["unread_by_customer"] == len(known.unread_by_customer)
        assert row["version"] == known.version
        assert row["reachable"] == known.reachable
        assert row["messages"] == known.received
        for moderator in (ANNA, BORIS):
            unread = row["messages"] - max(seen.get((moderator, chat_id), 0), row["messages_at_close"])
            assert unread == known.unseen_after(known.seen_by.get(moderator, 0))
        assert row["status"] == counted["status"]
        assert (row["status"] == "closed") == known.closed
        assert (row["snoozed_until"], row["waiting_since"]) == (known.snoozed_until, known.waiting_since)
        assert (tuple(row["tags"]), row["priority"]) == (known.tags, known.priority)
        assert (row["department_id"], row["holder_id"]) == (known.department_id, known.holder_id)
        assert (row["last_position"], row["last_version"]) == (counted["position"], counted["version"])
        assert entries[chat_id] == counted["entries"]
    messages, reach = await naive_people(log)
    assert {row["customer_id"]: row["messages"] for row in people.values() if row["messages"]} == messages
    for known_id, reachable in reach.items():
        customer = await store.load(Customer, known_id)
        assert customer is not None
        assert people[known_id]["reachable"] == reachable == customer.reachable


async def naive_fold(log: Log) -> dict[Any, dict[str, Any]]:
    """Chats, event by event, as one would write it down on paper."""
    found: dict[Any, dict[str, Any]] = defaultdict(lambda: {"status": "open", "entries": 0, "version": 0})
    for stored in await log.read(1):
        recorded = open_envelope(stored.position, stored.subject, stored.body)
        if recorded.kind != "chat":
            continue
        chat = found[recorded.aggregate_id]
        chat.setdefault("position", stored.position)
        match recorded.event:
            case MessageReceived() | ReplyWritten() | ReplyEchoed(confirms=None) | CallbackRequested():
                chat |= {"position": stored.position, "version": recorded.ver, "entries": chat["entries"] + 1}
            case ButtonPressed() | NoteWritten():
                chat["entries"] += 1
            case ChatClosed():
                chat["status"] = "closed"
            case ChatReopened() | ChatWoken():
                chat["status"] = "open"
            case ChatSnoozed():
                chat["status"] = "snoozed"
    return found


async def naive_people(log: Log) -> tuple[dict[Any, int], dict[Any, bool]]:
    messages: Counter[Any] = Counter()
    reach: dict[Any, bool] = {}
    for stored in await log.read(1):
        recorded = open_envelope(stored.position, stored.subject, stored.body)
        match recorded.event:
            case MessageReceived(message=message) if recorded.aggregate_id != a_chat(peer="poisoned").id:
                messages[customer_id(SHOP, message.author.id)] += 1
            case CustomerLeft():
                reach[recorded.aggregate_id] = False
            case CustomerReturned():
                reach[recorded.aggregate_id] = True
    messages[customer_id(SHOP, "77")] += 1  # what the parked chat said before its poison
    return dict(messages), reach


def rows(database_url: str, statement: Any) -> list[dict[str, Any]]:
    with psycopg.connect(database_url, row_factory=dict_row, options="-c search_path=read") as connection:
        return connection.execute(statement).fetchall()
