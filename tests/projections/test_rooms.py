"""Rooms and notifications: each list is one index, and rows hold what was told."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid5

import psycopg
import pytest

from pulse.access import Person, Place, may_see, reach_of
from pulse.aggregates.chat_replies import Failure
from pulse.aggregates.chat_standing import Handover, Seen
from pulse.aggregates.chat_work import NoteWritten
from pulse.aggregates.moderator import Moderator, moderator_id
from pulse.aggregates.notification import Notifications
from pulse.aggregates.pager import Pager
from pulse.aggregates.room import GENERAL, Room
from pulse.pager_codes import new_code
from pulse.projections import notifications, rooms
from pulse.projections.paging import DOWN
from tests.aggregates.test_source import a_source
from tests.given import ANNA, BORIS, NOW, SALES, SHOP, SUPPORT, VERA, a_chat, vera_writes
from tests.projections.conftest import append
from tests.projections.told import Told


def says(text: str, who=ANNA, mentions=()):
    return lambda room: room.write(text, moderator_id=who, client_msg_id=None, mentions=mentions, now=NOW)


async def test_the_general_room_is_there_before_anybody_spoke(projector, query):
    await projector.catch_up()
    [row] = query("select * from rooms")
    assert (row["room_id"], row["messages"], row["last_position"]) == (GENERAL, 0, 0)


async def test_a_room_keeps_its_last_word_and_who_saw_it(log, projector, query):
    told = Told()
    told.of(Room.open_direct(BORIS, ANNA, now=NOW), says("One"), says("Two", BORIS, (ANNA,)))
    told.of(Room.open_general(now=NOW), says("All", BORIS), lambda room: room.see(ANNA, 1, now=NOW))
    await append(log, told)
    await projector.catch_up()
    [row] = query("select * from rooms where one is not null")
    assert {row["one"], row["other"]} == {ANNA, BORIS}
    assert (row["messages"], row["last_text"], row["last_by"], row["last_position"]) == (2, "Two", BORIS, 3)
    marks = {(row["moderator_id"], row["room_id"] == GENERAL): row["seen"] for row in query("select * from room_marks")}
    assert marks == {(ANNA, False): 1, (BORIS, False): 2, (ANNA, True): 1, (BORIS, True): 1}


def notices(told: Told) -> list[tuple[UUID, str, int | None, UUID | None]]:
    rows = told.through(notifications).rows("notifications.insert_notifications")
    return [(row["moderator_id"], row["kind"], row["number"], row["by_id"]) for row in rows]


def test_a_mention_in_a_note_is_told_to_who_is_named_but_not_to_its_author():
    told = Told()
    told.of(a_chat(), lambda chat: chat.note("@", moderator_id=ANNA, mentions=(BORIS, ANNA, BORIS), now=NOW))
    assert notices(told) == [(BORIS, "mention", 2, None)]


def test_a_chat_given_or_handed_over_is_told_to_its_new_holder_and_to_the_old_one():
    told = Told()
    told.of(
        a_chat(),
        lambda chat: chat.assign(ANNA, now=NOW),
        lambda chat: chat.assign(BORIS, seen=Seen(ANNA), now=NOW),
    )
    assert notices(told) == [
        (ANNA, "assigned", None, None), (BORIS, "transferred", None, None), (ANNA, "taken-away", None, None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("act", "kind"),
    [
        (lambda chat: chat.unassign(seen=Seen(ANNA), now=NOW), "taken-away"),
        (lambda chat: chat.transfer(SALES, handover=Handover(BORIS, " Yours "), now=NOW), "taken-away"),
        (lambda chat: chat.transfer(SUPPORT, handover=Handover(BORIS, " Yours "), now=NOW), "taken-away"),
        (lambda chat: chat.close(BORIS, now=NOW), "closed"),
    ],
    ids=("unassigned", "back to its department", "to another", "closed"),
)
def test_whose_chat_it_was_is_told_what_became_of_it_with_the_note(act, kind):
    told = Told()
    told.of(a_chat(), lambda chat: chat.assign(ANNA, now=NOW), act)
    [_, row] = told.through(notifications).rows("notifications.insert_notifications")
    assert (row["moderator_id"], row["kind"], row["taken"]) == (ANNA, kind, True)
    noted = [event.event for event in told.recorded if isinstance(event.event, NoteWritten)]
    assert row["text"] == ("Yours" if noted else "")


def test_a_free_chat_that_is_moved_or_closed_is_nobodys_news():
    told = Told()
    told.of(a_chat(), lambda chat: chat.transfer(SUPPORT, now=NOW), lambda chat: chat.close(BORIS, now=NOW))
    assert notices(told) == []


def test_a_direct_message_is_told_to_the_other_once_whoever_is_named():
    told = Told()
    told.of(Room.open_direct(BORIS, ANNA, now=NOW), says("One"), says("Two", BORIS), says("Three", ANNA, (BORIS,)))
    assert notices(told) == [(BORIS, "direct", 1, None), (ANNA, "direct", 2, None), (BORIS, "mention", 3, None)]


async def test_reading_a_room_reads_what_was_told_of_it_and_nothing_else(log, projector, query):
    told = Told()
    told.of(Room.open_general(now=NOW), says("Both", ANNA, (BORIS,)))
    room = told.of(Room.open_direct(BORIS, ANNA, now=NOW), says("One"), says("Two"), says("Three"))
    told.of(room, lambda room: room.see(BORIS, 2, now=NOW))
    await append(log, told)
    await projector.catch_up()
    read = {(row["kind"], row["number"]): row["read"] for row in query("select * from notifications")}
    assert read == {("mention", 1): False, ("direct", 1): True, ("direct", 2): True, ("direct", 3): False}


def test_a_halted_source_is_told_to_the_admins_of_that_time_once_for_one_reason():
    told = Told()

    def halts(reason, minutes):
        until = NOW + timedelta(minutes=minutes)
        return lambda source: source.halt(reason, code="401", until=until, now=NOW, admins=(ANNA, BORIS))

    told.of(a_source(), halts("Unauthorized", 1), halts("Unauthorized", 2), halts("Gone", 3))
    rows = told.through(notifications).rows("notifications.insert_notifications")
    assert [row["text"] for row in rows] == ["Unauthorized", "Unauthorized", "Gone", "Gone"]
    assert {(row["moderator_id"], row["kind"], row["source_id"] is None) for row in rows} == {
        (ANNA, "source-halted", False), (BORIS, "source-halted", False),
    }  # fmt: skip


def test_a_request_to_be_called_is_told_to_the_holder():
    def asks(chat, external_id="c1"):
        chat.request_callback(
            author=VERA, phone="+7", wanted_at=None, comment="Call", external_id=external_id, raw="{}", now=NOW
        )

    told = Told()
    told.of(a_chat(), asks)
    assert notices(told) == []
    told = Told()
    told.of(a_chat(), lambda chat: chat.assign(ANNA, now=NOW), asks)
    assert notices(told)[1:] == [(ANNA, "callback", 3, None)]


@pytest.mark.parametrize(
    ("again_at", "anew", "kinds"),
    [(None, False, ["reply-failed"]), (NOW + timedelta(seconds=9), False, []), (None, True, [])],
)
def test_a_reply_that_failed_for_good_is_told_to_its_author(again_at, anew, kinds):
    told = Told()
    told.of(
        a_chat(),
        vera_writes("u1"),
        lambda chat: chat.reply("Hello", moderator_id=BORIS, client_msg_id=None, now=NOW),
        lambda chat: chat.attempt(next(iter(chat.outgoing)), part=0, parts=1, attempt=1, now=NOW),
        lambda chat: chat.fail(
            next(iter(chat.outgoing)), part=0, attempt=1, now=NOW, failure=Failure("away", "", again_at, anew=anew)
        ),
    )
    found = [(who, kind) for who, kind, _, _ in notices(told) if kind.startswith("reply")]
    assert found == [(BORIS, kind) for kind in kinds]


def test_an_uncertain_reply_is_told_to_its_author():
    told = Told()
    told.of(
        a_chat(),
        vera_writes("u1"),
        lambda chat: chat.reply("Hello", moderator_id=BORIS, client_msg_id=None, now=NOW),
        lambda chat: chat.attempt(next(iter(chat.outgoing)), part=0, parts=1, attempt=1, now=NOW),
        lambda chat: chat.doubt(next(iter(chat.outgoing)), attempt=1, reason="silence", now=NOW),
    )
    assert [(who, kind) for who, kind, _, _ in notices(told)][-1] == (BORIS, "reply-uncertain")


def test_a_telegram_that_takes_nothing_any_more_is_told_and_one_let_go_by_its_owner_is_not():
    code = new_code(ANNA)
    for reason, kinds in (("blocked", ["telegram-unlinked"]), ("", [])):
        told = Told()
        told.of(
            Pager.begin(ANNA, now=NOW),
            lambda pager: pager.make_offer(SHOP, code, now=NOW),
            lambda pager: pager.link(code, source_id=SHOP, peer="7", name="", language="", now=NOW),
            lambda pager, reason=reason: pager.unlink(reason, now=NOW),
        )
        assert [kind for _, kind, _, _ in notices(told)] == kinds


def test_whose_second_factor_was_reset_is_told_and_whoever_switched_it_off_is_not():
    for act, kinds in ((Moderator.reset_two_factor, ["two-factor-reset"]), (Moderator.turn_off_two_factor, [])):
        told = Told()
        told.of(
            Moderator.invite(
                email="anna@pulse.example", name="Anna", role="moderator", departments=(), password_hash="", now=NOW
            ),
            lambda anna: anna.begin_two_factor("sealed", now=NOW),
            lambda anna: anna.turn_on_two_factor(1, (), now=NOW),
            lambda anna, act=act: act(anna, now=NOW),
        )
        found = [(who, kind) for who, kind, _, _ in notices(told)]
        assert found == [(moderator_id("anna@pulse.example"), kind) for kind in kinds]


async def test_what_was_read_is_read(log, projector, query):
    told = Told()
    chat = told.of(a_chat())
    for _ in range(4):
        told.of(chat, lambda known: known.note("@", moderator_id=ANNA, mentions=(BORIS,), now=NOW))
    told.of(
        Notifications.begin(BORIS, now=NOW), lambda mine: mine.read(4, now=NOW), lambda mine: mine.read_all(2, now=NOW)
    )
    await append(log, told)
    await projector.catch_up()
    found = {row["position"]: row["read"] for row in query("select * from notifications")}
    assert found == {2: True, 3: False, 4: True, 5: False}


FILL = """
insert into read.rooms (room_id, one, other, last_position)
select gen_random_uuid(), case when n %% 40 = 0 then %(anna)s else gen_random_uuid() end,
    case when n %% 40 = 1 then %(anna)s else gen_random_uuid() end, n from generate_series(1, 20000) as n;
insert into read.room_messages (room_id, number, at, moderator_id, text, mentions)
select %(general)s, n, now(), %(anna)s, 'Hello', '{{}}' from generate_series(1, 20000) as n;
insert into read.notifications (moderator_id, position, at, kind, chat_id, text, read)
select case when n %% 30 = 0 then %(anna)s else gen_random_uuid() end, n, now(), 'mention', gen_random_uuid(), '',
    n %% 900 > 0 from generate_series(1, 60000) as n;
insert into read.inbox (chat_id, source_id, channel, peer, customer_id, name, is_group, opened_at, last_at, last_position,
    version, department_id)
select distinct chat_id, chat_id, 'web', '1', chat_id, 'Vera', false, now(), now(), position, 1, %(sales)s
from read.notifications;
analyze read.rooms, read.room_messages, read.notifications, read.inbox;
""".replace("{{}}", "{}")


async def test_every_list_is_read_by_its_index(database_url, projector, query):
    await projector.catch_up()
    values = {"anna": ANNA, "general": GENERAL, "sales": SALES}
    me = {
        "me": ANNA, "general": GENERAL, "position": 10_000, "limit": 51, "room_id": GENERAL, "before": 9000,
        "after": 9000, "everything": False, "departments": [SALES, SUPPORT],
    }  # fmt: skip
    with psycopg.connect(database_url, autocommit=True, options="-c search_path=read") as connection:
        for step in FILL.split(";\n"):
            if step.strip():
                connection.execute(step, values)
        told = notifications.statement
        statements = {name: rooms.SQL[name] for name in ("older", "newer", "one", "messages_before", "messages_after")}
        statements |= {f"{way} {unread}": told("page", way, unread=unread) for way in DOWN for unread in (False, True)}
        statements |= {"one told": told("one"), "count": told("count_unread", unread=True), "newest": told("newest")}
        for name, statement in statements.items():
            plan = "\n".join(
                line for (line,) in connection.execute(f"explain {statement}", me) if "room_marks" not in line
            )
            assert "Seq Scan" not in plan, (name, plan)


PEOPLE = [
    Person(UUID(int=1), "Anna", "moderator", frozenset({SALES})),
    Person(UUID(int=2), "Boris", "moderator", frozenset({SUPPORT})),
    Person(UUID(int=3), "Admin", "admin", frozenset()),
    Person(UUID(int=4), "Nina", "moderator", frozenset()),
]
PLACES = [Place(where, who) for where in (SALES, SUPPORT, None) for who in (None, UUID(int=2), UUID(int=4))]


async def test_the_list_shows_exactly_what_the_oracle_lets_a_person_see(log, database_url, projector, query):
    """Every person against every place a chat can stand at, for one notification each."""
    await projector.catch_up()
    chats = [uuid5(GENERAL, str(number)) for number in range(len(PLACES))]
    with psycopg.connect(database_url, autocommit=True, options="-c search_path=read") as connection:
        for number, (chat, place) in enumerate(zip(chats, PLACES, strict=True), 1):
            connection.execute(
                "insert into inbox (chat_id, source_id, channel, peer, customer_id, name, is_group, opened_at, last_at,"
                " last_position, version, department_id, holder_id)"
                " values (%s, %s, 'web', '1', %s, '', false, now(), now(), %s, 1, %s, %s)",
                (chat, chat, chat, number, place.department, place.holder),
            )
            for person in PEOPLE:
                connection.execute(
                    "insert into notifications (moderator_id, position, at, kind, chat_id, text)"
                    " values (%s, %s, now(), 'mention', %s, '')",
                    (person.id, number, chat),
                )
        for person in PEOPLE:
            reach = notifications._mine(reach_of(person))
            for unread in (False, True):
                page = notifications.statement("page", unread=unread)
                found = connection.execute(page, {**reach, "position": 99, "limit": 99}).fetchall()
                seen = sorted(row[1] for row in found)
                assert seen == [n for n, place in enumerate(PLACES, 1) if may_see(person, place)], person.name
