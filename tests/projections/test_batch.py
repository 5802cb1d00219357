"""A page of events as rows, and what is set aside."""

from __future__ import annotations

from types import SimpleNamespace

import orjson
import pytest

from pulse.eventlog.appends import Stored
from pulse.projections import batch, models
from pulse.projections.batch import BURY, Unwritable, fold, parts
from tests.given import a_chat, vera_writes
from tests.projections.told import Told

CHAT = "pulse.ev.chat.00."
NOBODY = frozenset[str]()


def buried(found: batch.Batch) -> list[tuple[int, str]]:
    return [(row["position"], row["error"]) for row in orjson.loads(found.rows.get(BURY, b"[]"))]


def entries(found: batch.Batch) -> list[str]:
    return [row["entry"]["text"] for row in orjson.loads(found.rows.get("thread.insert_entries", b"[]"))]


def a_story() -> tuple[Told, str]:
    """Vera says one, something unreadable lies in her chat, she says two; Oleg says his own."""
    told = Told()
    vera = told.of(a_chat(), vera_writes("u1", text="one"))
    subject = told.appends[0].subject
    told.raw(subject, b"not json")
    told.of(a_chat(peer="78"), vera_writes("u1", text="Oleg's"))
    told.of(vera, vera_writes("u2", text="two"))
    return told, subject


async def test_an_unreadable_event_parks_its_chat_in_order_and_nobody_else():
    told, subject = a_story()
    found = await told.folded()
    assert entries(found) == ["one", "Oleg's"]
    assert found.parks == {subject}
    [(first, error), (second, reason)] = buried(found)
    assert (first, second, reason) == (3, 6, "parked")
    assert "DecodeError" in error


async def test_a_parked_chat_stays_parked_on_the_next_page():
    told, subject = a_story()
    found = await fold(told.page[3:], frozenset({subject}))
    assert entries(found) == ["Oleg's"]
    assert buried(found) == [(6, "parked")]
    assert found.parks == set()


async def test_an_event_that_a_read_model_cannot_take_leaves_no_half_of_its_rows(monkeypatch):
    def project(recorded, changes):
        if getattr(recorded.event, "message", None) and recorded.event.message.text == "poison":
            raise LookupError("no sense\0 in it")

    strict = SimpleNamespace(VERSION=1, SQL={}, WRITES=(), project=project)
    monkeypatch.setitem(models.MODELS, "strict", strict)
    told = Told()
    told.of(a_chat(), vera_writes("u1", text="fine"), vera_writes("u2", text="poison"), vera_writes("u3", text="late"))
    found = await told.folded()
    assert entries(found) == ["fine"]
    assert [row["version"] for row in orjson.loads(found.rows["inbox.update_chats"])] == [2]
    assert buried(found) == [(3, r"LookupError('no sense\x00 in it')"), (4, "parked")]


async def test_what_the_tables_refused_is_set_aside_by_its_position():
    told, subject = a_story()
    found = await fold(told.page[:2], NOBODY, {2: ValueError("refused")})
    assert entries(found) == []
    assert buried(found) == [(2, "ValueError('refused')")]
    assert found.parks == {subject}


async def test_a_subject_that_names_no_aggregate_is_set_aside():
    told = Told()
    told.raw(CHAT + "vera", b"{}")
    told.raw("pulse.ev.odd", b"{}")
    assert [position for position, _ in buried(await told.folded())] == [1, 2]


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b"\xff\xfe", b'{"type":"chat.opened"}', b'"\\ud800"', b"\0", b"[" * 100_000],
    ids=["empty", "array", "null", "not text", "half", "lone surrogate", "nul", "deep"],
)
async def test_whatever_lies_in_the_log_becomes_a_dead_letter_that_a_table_takes(body):
    found = await fold([Stored(1, CHAT + "vera", body)], NOBODY)
    [row] = orjson.loads(found.rows[BURY])
    assert "\0" not in row["body"] + row["error"]
    assert len(row["error"]) <= 1000


async def test_a_number_that_json_has_no_word_for_is_found_out_before_it_is_written():
    told = Told()
    told.of(a_chat(), vera_writes("u1"))
    page = told.page
    huge = page[1].body.replace(b'"attachments":[]', b'"attachments":[{"kind":"photo","size":%d}]' % 10**30)
    assert huge != page[1].body
    found = await fold([page[0], Stored(2, page[1].subject, huge)], NOBODY)
    with pytest.raises(Unwritable):
        await found.write(None)  # type: ignore[arg-type]  it gets no further than that


def test_pages_are_cut_by_bytes_and_a_large_event_goes_alone(monkeypatch):
    monkeypatch.setattr(batch, "BATCH_BYTES", 100)
    page = [Stored(number, CHAT, b"x" * size) for number, size in enumerate((60, 40, 1, 500, 30, 70, 99), 1)]
    assert [[stored.position for stored in part] for part in parts(page)] == [[1, 2], [3], [4], [5, 6], [7]]
    assert list(parts([])) == []
