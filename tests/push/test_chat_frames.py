"""What each event of a chat tells to whom."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from pulse.access import Person
from pulse.aggregates import EVENTS
from pulse.aggregates.chat import Chat
from pulse.aggregates.chat_replies import Failure
from pulse.aggregates.chat_so_far import random_id_of
from pulse.aggregates.chat_standing import Seen
from pulse.eventlog.envelope import Recorded, open_envelope, seal, subject_of
from pulse.projections.entries import change_of, entry_of
from pulse.push.chat_frames import Names, chat_frames
from pulse.push.frames import Frame
from tests.aggregates.test_chat_files import CAT, DOG, kept, lost, vera_sends
from tests.given import (
    ANNA,
    BORIS,
    NOW,
    SALES,
    SHOP,
    SUPPORT,
    VERA,
    a_chat,
    attempted,
    closed_by,
    message,
    replies,
    sent,
    vera_edits,
    vera_writes,
)

Row = tuple[int, str, str, dict[str, Any], dict[str, Any] | None]

NAMES = Names({ANNA: "Anna", BORIS: "Boris"}.__getitem__, {SALES: "Sales", SUPPORT: "Support"}.__getitem__)
BY_ANNA, BY_BORIS = {"id": ANNA, "name": "Anna"}, {"id": BORIS, "name": "Boris"}

LIFE: tuple[Callable[[Chat], Any], ...] = (
    vera_writes("u1", "m1"),
    lambda chat: chat.see(ANNA, 2, now=NOW),
    replies(ANNA, client_msg_id="c1"),
    lambda chat: chat.see_as_customer(5, now=NOW),
    vera_edits("u2", "m1"),
    lambda chat: chat.react(author=VERA, message_id="m1", reactions=("👍",), external_id="u3", raw="{}", now=NOW),
    lambda chat: chat.react(author=VERA, message_id="m0", reactions=("👍",), external_id="u4", raw="{}", now=NOW),
    lambda chat: chat.press(
        author=VERA, payload="yes", query_id="q", message_id=None, external_id="u5", raw="{}", now=NOW
    ),
    lambda chat: chat.echo(
        text="By phone", attachments=(), message_id="m2", random_id=0, outside_author="owner-1", external_id="u6",
        raw="{}", now=NOW,
    ),
    lambda chat: chat.delete(("m1", "m2"), external_id="u7", raw="{}", now=NOW),
    lambda chat: chat.transfer(SUPPORT, now=NOW),
    closed_by(BORIS),
    vera_writes("u8", "m3", "Again"),
    lambda chat: chat.request_callback(
        author=VERA, phone="+7 999", wanted_at=None, comment="After six", external_id="u9", raw="{}", now=NOW
    ),
    lambda chat: chat.finish_callback(17, moderator_id=ANNA, outcome="rude", now=NOW),
    lambda chat: chat.rename("Vera Smirnova", now=NOW),
    lambda chat: chat.lose_customer("blocked", now=NOW),
    lambda chat: chat.find_customer(now=NOW),
    lambda chat: chat.see(ANNA, 16, now=NOW),
    replies(ANNA),
    attempted(24),
    lambda chat: chat.fail(24, part=0, attempt=1, failure=Failure("busy", "429", NOW), now=NOW),
    attempted(24, attempt=2),
    sent(24, "m10"),
    lambda chat: chat.deliver("m10", external_id="u10", raw="{}", now=NOW),
    lambda chat: chat.see_as_customer(24, now=NOW),
    replies(BORIS),
    attempted(32),
    lambda chat: chat.doubt(32, attempt=1, reason="no answer", now=NOW),
    lambda chat: chat.vouch(32, moderator_id=ANNA, now=NOW),
    replies(BORIS),
    attempted(36),
    lambda chat: chat.fail(36, part=0, attempt=1, failure=Failure("no such chat", "400"), now=NOW),
    lambda chat: chat.send_again(36, moderator_id=ANNA, now=NOW),
    lambda chat: chat.move("-10077", now=NOW),
    lambda chat: chat.reread(16, message("u8", "m3", "Again?"), was=message("u8", "m3", "Again"), now=NOW),
    vera_sends(CAT, DOG),
    kept(42, 0),
    lost(42, 1),
    lambda chat: chat.note("Check the invoice", moderator_id=ANNA, mentions=(BORIS,), now=NOW),
    lambda chat: chat.tag("invoice", now=NOW),
    lambda chat: chat.prioritise("high", now=NOW),
    lambda chat: chat.snooze(NOW + timedelta(days=1), moderator_id=ANNA, now=NOW),
    lambda chat: chat.wake(now=NOW),
    lambda chat: chat.unassign(seen=Seen(chat.holder_id or ANNA), now=NOW),
    lambda chat: chat.remember(5, now=NOW),
)  # fmt: skip


def recorded_of(chat: Chat, *acts: Callable[[Chat], Any]) -> Iterator[Recorded]:
    """What happened to a chat as the log has it: the scope is the chat's after each command."""
    for act in (lambda _: None, *acts):
        act(chat)
        events: Sequence[Any] = chat.collect_events()
        for event in events:
            version = event.originator_version
            body = seal(event, event_id=UUID(int=version), by="system", scope=chat.scope())
            yield open_envelope(1000 + version, subject_of("chat", chat.id), body)


HISTORY = {recorded.ver: recorded for recorded in recorded_of(a_chat(), *LIFE)}


def entry(version: int, **more: object) -> dict[str, Any]:
    """The message as the thread shows it."""
    return (entry_of(HISTORY[version]) or {}) | more


def changed(version: int) -> dict[str, Any]:
    """The change as the thread makes it."""
    of, patch = change_of(HISTORY[version].event) or ((), {})
    return {"ids": [*of]} | patch


def as_the_visitor_sees(version: int, name: str) -> dict[str, Any]:
    return {field: value for field, value in entry(version, sender={"name": name}).items() if field != "client_msg_id"}


def reached(version: int, of: int, status: str, **more: object) -> Row:
    """How far a reply got: staff hear why, the visitor hears how far."""
    told = {"ids": [of], "status": status}
    return version, "chat.message.status", "MessageStatusUpdated", told | more, told


# version of the chat, type, Pusher's event, what staff hear, what the visitor hears (None: nothing)
TABLE: tuple[Row, ...] = (
    (1, "chat.session.created", "ChatOpened",
     {"channel": "telegram", "name": "Vera", "status": "open", "department": SALES, "source": SHOP},
     {"channel": "telegram", "name": "Vera", "status": "open"}),
    (2, "chat.message", "NewChatMessage", entry(2), entry(2)),
    (2, "chat.alert", "ChatAlert", {"unread_count": 1, "last_id": 2}, None),
    (3, "chat.seen", "MessageRead",
     {"by": "moderator", "up_to": 2, "moderator_id": ANNA, "unread_count": 0, "unread_by_customer": 0},
     {"by": "moderator", "up_to": 2}),
    (4, "chat.session.assigned", "ChatAssigned", {"holder": BY_ANNA}, {"holder": {"name": "Anna"}}),
    (5, "chat.message", "NewChatMessage", entry(5, sender=BY_ANNA), as_the_visitor_sees(5, "Anna")),
    (6, "chat.seen", "MessageRead",
     {"by": "customer", "up_to": 5, "unread_count": 0, "unread_by_customer": 0},
     {"by": "customer", "up_to": 5, "unread_by_customer": 0}),
    (7, "chat.message.changed", "MessageChanged", changed(7), changed(7)),
    (8, "chat.message.changed", "MessageChanged", changed(8), changed(8)),
    (10, "chat.message", "NewChatMessage", entry(10), entry(10)),
    (11, "chat.message", "NewChatMessage", entry(11), entry(11, sender={"name": ""})),
    (12, "chat.message.changed", "MessageChanged", changed(12), changed(12)),
    (13, "chat.session.assigned", "ChatTransferred", {"holder": None, "department": SUPPORT}, {"holder": None}),
    (14, "chat.session.status", "ChatStatusUpdated", {"status": "closed"}, {"status": "closed"}),
    (15, "chat.session.status", "ChatStatusUpdated", {"status": "open"}, {"status": "open"}),
    (16, "chat.message", "NewChatMessage", entry(16), entry(16)),
    (16, "chat.alert", "ChatAlert", {"unread_count": 1, "last_id": 16}, None),
    (17, "chat.message", "NewChatMessage", entry(17), entry(17)),
    (17, "chat.alert", "ChatAlert", {"unread_count": 2, "last_id": 17}, None),
    (18, "chat.message.changed", "MessageChanged", changed(18), {"ids": [17], "done_at": NOW}),
    (19, "chat.session.renamed", "ChatRenamed", {"name": "Vera Smirnova"}, None),
    (20, "chat.session.reach", "CustomerReach", {"reachable": False, "reason": "blocked"}, None),
    (21, "chat.session.reach", "CustomerReach", {"reachable": True}, None),
    (22, "chat.seen", "MessageRead",
     {"by": "moderator", "up_to": 16, "moderator_id": ANNA, "unread_count": 1, "unread_by_customer": 0},
     {"by": "moderator", "up_to": 16}),
    (23, "chat.session.assigned", "ChatAssigned", {"holder": BY_ANNA}, {"holder": {"name": "Anna"}}),
    (24, "chat.message", "NewChatMessage", entry(24, sender=BY_ANNA), as_the_visitor_sees(24, "Anna")),
    reached(25, 24, "sending", attempt=1, part=1, parts=1, error=None, again_at=None),
    reached(26, 24, "sending", error="busy", again_at=NOW),
    reached(27, 24, "sending", attempt=2, part=1, parts=1, error=None, again_at=None),
    reached(28, 24, "sent", error=None),
    reached(29, 24, "delivered"),
    (30, "chat.seen", "MessageRead",
     {"by": "customer", "up_to": 24, "unread_count": 0, "unread_by_customer": 0},
     {"by": "customer", "up_to": 24, "unread_by_customer": 0}),
    reached(31, 24, "read"),
    (32, "chat.message", "NewChatMessage", entry(32, sender=BY_BORIS), as_the_visitor_sees(32, "Boris")),
    reached(33, 32, "sending", attempt=1, part=1, parts=1, error=None, again_at=None),
    reached(34, 32, "uncertain", error="no answer"),
    reached(35, 32, "sent", error=None),
    (36, "chat.message", "NewChatMessage", entry(36, sender=BY_BORIS), as_the_visitor_sees(36, "Boris")),
    reached(37, 36, "sending", attempt=1, part=1, parts=1, error=None, again_at=None),
    reached(38, 36, "failed", error="no such chat"),
    reached(39, 36, "pending", error=None),
    (41, "chat.message.changed", "MessageChanged", changed(41), changed(41)),
    (42, "chat.message", "NewChatMessage", entry(42), entry(42)),
    (42, "chat.alert", "ChatAlert", {"unread_count": 1, "last_id": 42}, None),
    (43, "chat.message.changed", "MessageChanged", changed(43), changed(43)),
    (44, "chat.message.changed", "MessageChanged", changed(44), changed(44)),
    (45, "chat.message", "NewChatMessage", entry(45, sender=BY_ANNA), None),
    (46, "chat.session.sorted", "ChatSorted", {"tags": ("invoice",)}, None),
    (47, "chat.session.sorted", "ChatSorted", {"priority": "high"}, None),
    (48, "chat.session.status", "ChatStatusUpdated", {"status": "snoozed", "until": NOW + timedelta(days=1)}, None),
    (49, "chat.session.status", "ChatStatusUpdated", {"status": "open"}, None),
    (50, "chat.session.assigned", "ChatUnassigned", {"holder": None}, {"holder": None}),
)  # fmt: skip


@pytest.fixture(scope="module")
def told() -> list[tuple[int, Frame]]:
    return [(version, frame) for version, recorded in HISTORY.items() for frame in chat_frames(recorded, NAMES)]


def test_the_life_holds_every_event_of_a_chat() -> None:
    lived = {(recorded.envelope.type, recorded.envelope.v) for recorded in HISTORY.values()}
    assert lived == {name for name in EVENTS if name[0].startswith("chat.")}


def test_each_event_tells_staff_and_visitor_what_the_table_says(told: list[tuple[int, Frame]]) -> None:
    heard = []
    for version, frame in told:
        data = {key: value for key, value in frame.data.items() if key not in ("chat", "version", "last_word", "mark")}
        shown = frame.for_visitor
        if shown is not None:
            shown = {key: value for key, value in shown.items() if key != "version"}
        heard.append((version, frame.type, frame.event, data, shown))
    assert heard == list(TABLE)


def test_every_frame_says_which_version_of_the_chat_it_brings(told: list[tuple[int, Frame]]) -> None:
    for version, frame in told:
        assert frame.data["version"] == version
        assert frame.for_visitor is None or frame.for_visitor["version"] == version


def test_a_visitor_learns_nothing_that_is_for_staff(told: list[tuple[int, Frame]]) -> None:
    for _, frame in told:
        shown = repr(frame.for_visitor)
        for secret in (
            ANNA,
            BORIS,
            SALES,
            SUPPORT,
            SHOP,
            "owner-1",
            "'c1'",
            "unread_count",
            "'chat'",
            "rude",
            "'mark'",
        ):
            assert str(secret) not in shown


def test_a_reaction_to_a_message_that_nobody_saw_is_no_news(told: list[tuple[int, Frame]]) -> None:
    assert 9 in HISTORY
    assert 9 not in {version for version, _ in told}


def test_an_echo_of_our_own_reply_is_no_news() -> None:
    chat = a_chat()
    confirmed = recorded_of(
        chat, replies(ANNA), attempted(3),
        lambda chat: chat.echo(
            text="Good day", attachments=(), message_id="m1", random_id=random_id_of(chat.id, 3), outside_author=None,
            external_id="u1", raw="{}", now=NOW,
        ),
    )  # fmt: skip
    echoed, sent = [*confirmed][-2:]
    assert list(chat_frames(echoed, NAMES)) == []
    assert next(chat_frames(sent, NAMES)).data["status"] == "sent"


def test_a_deletion_is_one_frame_that_names_all_messages(told: list[tuple[int, Frame]]) -> None:
    assert [frame.data["ids"] for version, frame in told if version == 12] == [[2, 11]]


def test_a_reaction_is_told_by_its_author(told: list[tuple[int, Frame]]) -> None:
    assert [frame.data["reactions"] for version, frame in told if version == 8] == [{"77": ["👍"]}]


PEOPLE = {
    "a seller": Person(UUID(int=1), "", "moderator", frozenset({SALES})),
    "a supporter": Person(UUID(int=2), "", "moderator", frozenset({SUPPORT})),
    "Anna": Person(ANNA, "Anna", "moderator", frozenset()),
    "an admin": Person(UUID(int=3), "", "admin", frozenset()),
}


def test_a_move_is_told_where_the_chat_was_and_where_it_is(told: list[tuple[int, Frame]]) -> None:
    heard = {version: [name for name, person in PEOPLE.items() if frame.hears(person)] for version, frame in told}
    assert heard[4] == ["a seller", "Anna", "an admin"]
    assert heard[13] == ["a seller", "a supporter", "Anna", "an admin"]
    assert heard[14] == ["a supporter", "an admin"]  # nobody held it any more
    assert heard[16] == ["a supporter", "an admin"]
    [moved] = [frame for version, frame in told if version == 13]
    chat, both = a_chat().id, [f"private-department.{department}" for department in (SUPPORT, SALES)]
    assert moved.channels == (f"private-chat.{chat}", f"presence-chat.{chat}", *both)


def test_only_who_gets_a_chat_is_told_on_their_own_channel(told: list[tuple[int, Frame]]) -> None:
    own = f"private-moderator.{ANNA}"
    assert [version for version, frame in told if own in frame.channels] == [4, 23]
    assert not [frame for _, frame in told if any(f"private-moderator.{BORIS}" in name for name in frame.channels)]


def test_each_frame_brings_the_chats_row_up_to_date(told: list[tuple[int, Frame]]) -> None:
    row: dict[str, Any] = {}
    for _, frame in told:
        row |= frame.data["chat"]
    expected = {
        "id": a_chat().id, "source_id": SHOP, "channel": "telegram", "peer": "77", "customer_id": UUID(int=77),
        "name": "Vera", "is_group": False, "opened_at": NOW, "status": "open", "version": 50,
        "department_id": SUPPORT, "department": {"id": SUPPORT, "name": "Support"}, "holder_id": None,
        "holder": None, "unread_by_staff": 1, "unread_by_customer": 2, "last_text": "", "last_kind": "photo",
        "last_sender": "customer", "last_at": NOW, "last_position": 1042, "last_version": 42, "reachable": True,
        "messages": 4, "messages_at_close": 1, "tags": ("invoice",), "priority": "high", "snoozed_until": None,
    }  # fmt: skip
    assert {key: row[key] for key in expected} == expected


def test_a_mark_tells_how_much_of_the_chat_one_moderator_has_seen(told: list[tuple[int, Frame]]) -> None:
    marks = {version: frame.data["mark"] for version, frame in told if "mark" in frame.data}
    assert marks == {
        3: {"moderator_id": ANNA, "messages_seen": 1},
        5: {"moderator_id": ANNA, "messages_seen": 1},  # who answers has seen it
        22: {"moderator_id": ANNA, "messages_seen": 2},
        24: {"moderator_id": ANNA, "messages_seen": 3},
        32: {"moderator_id": BORIS, "messages_seen": 3},
        36: {"moderator_id": BORIS, "messages_seen": 3},
    }


def test_a_changed_word_is_told_beside_the_row_and_not_in_it(told: list[tuple[int, Frame]]) -> None:
    words = {version: frame.data["last_word"] for version, frame in told if "last_word" in frame.data}
    assert words == {
        7: {"of": 2, "text": HISTORY[7].event.message.text, "kind": "text"},  # type: ignore[attr-defined]
        12: {"of": 11, "text": "", "kind": "deleted"},
        41: {"of": 16, "text": "Again?", "kind": "text"},
    }
    for version, frame in told:
        assert frame.data["chat"]["version"] == version
        assert version not in words or not frame.data["chat"].keys() & {"last_text", "last_kind", "last_version"}


def test_a_group_keeps_its_title_whoever_writes() -> None:
    def names(group: bool) -> list[str]:
        chat = Chat.open(
            source_id=SHOP, channel="telegram", peer="-5", title="Neighbours", group=group, department_id=SALES,
            customer_id=UUID(int=77), now=NOW,
        )  # fmt: skip
        frames = [
            frame for recorded in recorded_of(chat, vera_writes("u1", "m1")) for frame in chat_frames(recorded, NAMES)
        ]
        return [frame.data["chat"]["name"] for frame in frames if "name" in frame.data["chat"]]

    assert set(names(group=True)) == {"Neighbours"}
    assert names(group=False)[-1] == "Vera"


def test_what_happens_outside_chats_is_told_to_nobody() -> None:
    opened = HISTORY[1]
    elsewhere = Recorded(1, "customer", opened.aggregate_id, opened.envelope, opened.event, opened.body)
    assert list(chat_frames(elsewhere, NAMES)) == []
