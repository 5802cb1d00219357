"""The fourth law: a snapshot and the frames after it equal the snapshot after every act, for every event of a chat.

A client here does what an inbox or a widget does: it opens its socket, reads the snapshot whenever it likes, and
lays the frames it heard over it.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import pytest
from eventsourcing.domain import AggregateEvent
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection, connect

from pulse.aggregates import EVENTS
from pulse.aggregates.chat import Chat, chat_id
from pulse.aggregates.chat_events import (
    CallbackRequested,
    ChatRenamed,
    CustomerFound,
    CustomerLost,
    MessageEdited,
    MessageReacted,
    MessageReceived,
    MessageReread,
    ReplyEchoed,
)
from pulse.aggregates.chat_replies import ChatMoved, Failure, ReplyDelivered
from pulse.aggregates.chat_sending import Sending
from pulse.aggregates.chat_standing import Seen
from pulse.aggregates.chat_work import (
    PRIORITIES,
    ChatSnoozed,
    ChatWoken,
    CommandTaken,
    NoteWritten,
    PriorityChanged,
    TagsChanged,
)
from pulse.aggregates.department import department_id
from pulse.aggregates.moderator import moderator_id
from pulse.aggregates.source import source_id
from pulse.errors import Refusal
from pulse.eventlog.commands import Decided
from pulse.house import now
from pulse.message import Attachment, Author, Incoming
from pulse.tokens import Visit
from tests.conftest import Pulse
from tests.insisting import insist

ADMIN, ANNA, BORIS = (moderator_id(f"{name}@pulse.example") for name in ("admin", "anna", "boris"))
SALES, SUPPORT = department_id("Sales"), department_id("Support")
WEBSITE = source_id("web", "web_site")
AUTHORS = (Author("77", "Vera", "vera"), Author("77", "Vera Smirnova", "vera"), Author("77", ""))
VERA, KIRILL = AUTHORS[0], Author("78", "Kirill")
PATIENCE = 20
LOOKS = 10  # one after the other; then every third, else a long history would wait for the widget's limit
NUMBERS = count(1)

Json = dict[str, Any]
Act = Callable[[Chat], object]


@dataclass
class Client:
    """What a client of one moderator knows of one chat: its row and its thread. All of it comes from a snapshot and from
    frames."""

    chat: Json = field(default_factory=dict)
    thread: dict[int, Json] = field(default_factory=dict)
    whose: UUID = ADMIN

    def hear(self, frame: Json) -> None:
        """Lays a frame over what is known. Hearing one that the snapshot already holds changes nothing for good."""
        told = dict(frame["data"])
        row, word, version = told.pop("chat", {}), told.pop("last_word", None), told.pop("version")
        mark = told.pop("mark", {})
        told.pop("body", None)
        match frame["type"]:
            case "chat.message":
                self.thread.setdefault(told["id"], told)
            case "chat.message.changed" | "chat.message.status":
                for changed in set(told.pop("ids")) & self.thread.keys():
                    self.thread[changed] = laid_over(self.thread[changed], told)
        if version > self.chat.get("version", 0):
            self.chat |= row
            self.count(mark)
            if word and word["of"] == self.chat["last_version"]:
                self.chat |= {"last_text": word["text"], "last_kind": word["kind"]}

    def count(self, mark: Json) -> None:
        """What they, whose inbox this is, have not seen: the customer's words, less what their mark says."""
        if "messages" not in self.chat:  # a widget has no row
            return
        seen = max(self.chat.get("messages_seen", 0), self.chat["messages_at_close"])
        if mark.get("moderator_id") == str(self.whose):
            seen = max(seen, mark["messages_seen"])
        self.chat |= {"messages_seen": seen, "unread": self.chat["messages"] - seen}


def laid_over(entry: Json, told: Json) -> Json:
    """An entry and what changed of it. Reactions go by their authors; null takes back. Files go by attachments' ids,
    those that are gone by their own."""
    if "files" in told:
        files = told["files"]
        attachments = [
            one | files.get(one.get("id"), {}) | files.get(one.get("file"), {}) for one in entry["attachments"]
        ]
        return entry | {"attachments": attachments}
    if "reactions" not in told:
        return entry | told
    reactions = entry.get("reactions", {}) | told["reactions"]
    return entry | told | {"reactions": {who: put for who, put in reactions.items() if put is not None}}


@dataclass
class World:
    """One visitor's chat, watched by an admin's inbox and by the visitor's widget."""

    pulse: Pulse
    visit: Visit
    headers: dict[str, str]
    inbox: ClientConnection
    widget: ClientConnection
    group: bool = False

    async def act(self, what: Act) -> Decided | None:
        """Decides on the chat; None when a rule said no."""

        def decision(known: Chat | None) -> Chat:
            chat = known or Chat.open(
                source_id=WEBSITE, channel="web", peer=self.visit.peer, title="Neighbours", group=self.group,
                department_id=SALES, customer_id=UUID(int=77), now=now(),
            )  # fmt: skip
            what(chat)
            return chat

        with suppress(Refusal):
            return await self.pulse.house.store.decide(Chat, self.visit.chat, decision, by="system")
        return None

    async def inbox_snapshot(self, at: int = 0) -> Client:
        """Two reads, one after the other: a client has no more."""
        headers = {**self.headers, "X-Pulse-Position": str(at)}
        chat = await self.read(f"/api/chats/{self.visit.chat}", headers)
        page = await self.read(f"/api/chats/{self.visit.chat}/messages?limit=200", headers)
        return Client(chat or {}, by_id(page))

    async def widget_snapshot(self) -> Client:
        headers = {"Authorization": f"Bearer {self.pulse.house.signer.chat_token(self.visit)}"}
        return Client({}, by_id(await self.read("/api/widget/messages?limit=200", headers)))

    async def read(self, path: str, headers: dict[str, str]) -> Json | None:
        http = self.pulse.http
        answer = await insist(lambda: http.get(path, headers=headers), lambda answer: answer.status_code != 429)
        if answer.status_code == 404:
            return None
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        return found

    async def inbox_frames(self, event: AggregateEvent) -> list[Json]:
        """Everything that was heard up to the last frame of an event."""
        kind = "chat.alert" if isinstance(event, MessageReceived | CallbackRequested) else "chat."
        version = event.originator_version
        return await until(
            self.inbox, lambda frame: frame["data"]["version"] == version and frame["type"].startswith(kind)
        )

    async def widget_frames(self, event: AggregateEvent) -> list[Json]:
        return await until(self.widget, lambda frame: frame["data"]["version"] == event.originator_version)


def by_id(page: Json | None) -> dict[int, Json]:
    return {entry["id"]: entry for entry in page["items"]} if page else {}


async def until(socket: ClientConnection, enough: Callable[[Json], bool]) -> list[Json]:
    heard: list[Json] = []
    async with asyncio.timeout(PATIENCE):
        while not heard or not enough(heard[-1]):
            frame = json.loads(await socket.recv())
            if "session_id" in frame:  # else it is not about a chat, or Pulse's own
                heard.append(frame)
    return heard


@asynccontextmanager
async def a_world(pulse: Pulse, headers: dict[str, str], *, group: bool) -> AsyncIterator[World]:
    peer = uuid4().hex
    visit = Visit(chat_id(WEBSITE, peer), WEBSITE, peer, "Vera", None, int(now().timestamp()))
    signer = pulse.house.signer
    address = f"{pulse.push}/channel/ws"
    async with (
        connect(f"{address}?type=staff&access_token={signer.staff_token(ADMIN, now())}") as inbox,
        connect(f"{address}?session={visit.chat}&token={signer.channel_token(visit)}") as widget,
    ):
        yield World(pulse, visit, headers, inbox, widget, group)


# What can happen to a chat. Numbers choose the message, the person, the words.


def delivery() -> str:
    return uuid4().hex


def message(text: str, message_id: str, number: int = 0, attachments: tuple[Attachment, ...] = ()) -> Incoming:
    author = AUTHORS[number % len(AUTHORS)]
    return Incoming(delivery(), author, text, message_id=message_id, attachments=attachments)


def message_id() -> str:
    return str(next(NUMBERS))


def write(number: int) -> Act:
    photo = (Attachment("photo", name="cat.jpg", ref="secret-ref"),) if number % 3 == 0 else ()
    text = "" if number % 6 == 0 else f"words {number}"
    return lambda chat: chat.receive(message(text, message_id(), number, photo), raw="{}", now=now())


def edit(number: int) -> Act:
    photo = (Attachment("document", name="dog.pdf", ref="secret-ref"),) if number % 3 == 0 else ()
    better = f"better {number}"
    return lambda chat: chat.edit(
        message(better, known(chat, number), attachments=photo), raw="{}", now=now()
    )  # fmt: skip


def keep_file(number: int) -> Act:
    """The worker has brought a file that is awaited, of a message or of its edit; or a stranger."""

    def act(chat: Chat) -> None:
        of, edit, index = awaited(chat, number)
        kept = Attachment("photo", name="cat.jpg", mime="image/png", size=7, file=str(uuid4()), sha256="0" * 64)
        chat.store_attachment(kept, of=of, edit=edit, index=index, now=now())
        KEPT.setdefault(chat.id, []).append((str(kept.file), of, edit, index))

    return act


def expire_file(number: int) -> Act:
    """One of those that were brought or sent, if there is any, was kept long enough."""

    def act(chat: Chat) -> None:
        for file, of, edit, index in KEPT.get(chat.id, [])[number : number + 1]:
            chat.expire_attachment(file, of=of, edit=edit, index=index, days=30, now=now())

    return act


def reply_with_file(number: int) -> Act:
    ours = Attachment("photo", name=f"{number}.jpg", mime="image/png", size=7, file=str(uuid4()), sha256="0" * 64)

    def act(chat: Chat) -> None:
        of = chat.reply("", moderator_id=ANNA, client_msg_id=None, attachments=(ours,), now=now())
        KEPT.setdefault(chat.id, []).append((str(ours.file), of, None, 0))

    return act


def lose_file(number: int) -> Act:
    def act(chat: Chat) -> None:
        of, edit, index = awaited(chat, number)
        chat.lose_attachment(of=of, edit=edit, index=index, reason="It is gone.", now=now())

    return act


def awaited(chat: Chat, number: int) -> tuple[int, int | None, int]:
    """Which message, which edit of it, the how manyth file. What an edit replaced may still come late."""
    if not chat.awaited:
        return 1, None, 0
    version, index = map(int, sorted(chat.awaited)[number % len(chat.awaited)].split("."))
    return (version, None, index) if version in chat.messages.values() else (EDITED[chat.id, version], version, index)


KEPT: dict[UUID, list[tuple[str, int, int | None, int]]] = {}  # by chat: files, each with its place
EDITED: dict[tuple[UUID, int], int] = {}  # by chat and version of an edit: the message it changed


def reread(number: int) -> Act:
    """A mended driver reads a message otherwise: one that waits, and that nobody edited."""

    def act(chat: Chat) -> None:
        waiting = {of: str(key) for key, of in chat.messages.items() if of in set(chat.unread) - chat.changed_by.keys()}
        for of, named in list(waiting.items())[:1]:
            photo = (Attachment("photo", ref="secret-ref"),) if number % 2 else ()
            chat.reread(of, message(f"read {number}", named, number, photo), was=message("", named), now=now())

    return act


def delete(number: int) -> Act:
    return lambda chat: chat.delete(
        (known(chat, number), known(chat, number + 1)), external_id=delivery(), raw="{}", now=now()
    )


def react(number: int) -> Act:
    reactions = (("👍",), ("👎", "🎉"), ())[number % 3]
    return lambda chat: chat.react(
        author=(VERA, KIRILL)[number // 3 % 2],
        message_id=known(chat, number // 6),
        reactions=reactions,
        external_id=delivery(),
        raw="{}",
        now=now(),
    )


def react_to_nothing(number: int) -> Act:
    return lambda chat: chat.react(
        author=VERA, message_id=f"never-{number}", reactions=("👍",), external_id=delivery(), raw="{}", now=now()
    )


def press(number: int) -> Act:
    return lambda chat: chat.press(
        author=VERA, payload=f"button {number}", query_id="q", message_id=None, external_id=delivery(), raw="{}", now=now()
    )  # fmt: skip


def request_callback(number: int) -> Act:
    comment = f"call {number % 4}"
    return lambda chat: chat.request_callback(
        author=VERA, phone="+7 999", wanted_at=None, comment=comment, external_id=delivery(), raw="{}", now=now()
    )


def finish_callback(number: int) -> Act:
    def act(chat: Chat) -> None:
        for of in list(chat.callbacks)[number % 3 : number % 3 + 1]:
            chat.finish_callback(of, moderator_id=person(number), outcome="reached", now=now())

    return act


def rename(number: int) -> Act:
    return lambda chat: chat.rename(f"Vera {number % 3}", now=now())


def lose(number: int) -> Act:
    return lambda chat: chat.lose_customer("blocked", now=now())


def find(number: int) -> Act:
    return lambda chat: chat.find_customer(now=now())


def echo(number: int) -> Act:
    return lambda chat: chat.echo(
        text=f"outside {number}", attachments=(), message_id=message_id(), random_id=0,
        outside_author=("owner", None)[number % 2], external_id=delivery(), raw="{}", now=now(),
    )  # fmt: skip


def confirm(number: int) -> Act:
    """The channel shows a reply of ours; before the first one, what another program sent."""
    return lambda chat: chat.echo(
        text=f"answer {number}", attachments=(), message_id=message_id(), outside_author=None,
        random_id=[*chat.replies, 5][number % (len(chat.replies) or 1)], external_id=delivery(), raw="{}", now=now(),
    )  # fmt: skip


def reply(number: int) -> Act:
    return lambda chat: chat.reply(
        f"answer {number}", moderator_id=person(number), client_msg_id=delivery(), now=now()
    )  # fmt: skip


def attempt(number: int) -> Act:
    """The sender calls the channel, for a reply in one piece or two."""

    def act(chat: Chat) -> None:
        of, sending = outgoing(chat, number)
        parts = max(sending.parts, 1 + number % 2)
        chat.attempt(of, part=sending.part, parts=parts, attempt=sending.attempt + 1, now=now())

    return act


def sent(number: int) -> Act:
    def act(chat: Chat) -> None:
        of, sending = outgoing(chat, number)
        chat.sent(of, part=sending.part, message_id=message_id(), now=now())

    return act


def fail(number: int) -> Act:
    def act(chat: Chat) -> None:
        of, sending = outgoing(chat, number)
        failure = Failure("the channel is away", "x", now() if number % 2 else None)
        chat.fail(of, part=sending.part, attempt=sending.attempt, failure=failure, now=now())

    return act


def doubt(number: int) -> Act:
    def act(chat: Chat) -> None:
        of, sending = outgoing(chat, number)
        chat.doubt(of, attempt=sending.attempt, reason="nobody answered", now=now())

    return act


def send_again(number: int) -> Act:
    return lambda chat: chat.send_again(outgoing(chat, number)[0], moderator_id=person(number), now=now())


def vouch(number: int) -> Act:
    return lambda chat: chat.vouch(outgoing(chat, number)[0], moderator_id=person(number), now=now())


def receipt(number: int) -> Act:
    """For a message of ours, or for one whose name we have yet to learn."""
    return lambda chat: chat.deliver(
        known(chat, number) if number % 3 else message_id(), external_id=delivery(), raw="{}", now=now()
    )


def read_mark(number: int) -> Act:
    return lambda chat: chat.see_as_customer(1, message_id=known(chat, number), now=now())


def outgoing(chat: Chat, number: int) -> tuple[int, Sending]:
    """One of the replies that have not left whole; a stranger where there is none."""
    return [*chat.outgoing.items(), (0, Sending())][number % max(1, len(chat.outgoing))]


def move(number: int) -> Act:
    return lambda chat: chat.move(f"-100{number}", now=now())


def assign(number: int) -> Act:
    return lambda chat: chat.assign(person(number), seen=Seen(chat.holder_id), now=now())


def transfer(number: int) -> Act:
    return lambda chat: chat.transfer((SALES, SUPPORT)[number % 2], now=now())


def close(number: int) -> Act:
    return lambda chat: chat.close(person(number), now=now())


def reopen(_: int) -> Act:
    return lambda chat: chat.reopen(now=now())


def unassign(number: int) -> Act:
    return lambda chat: chat.unassign(seen=Seen(person(number)), now=now())


def note(number: int) -> Act:
    return lambda chat: chat.note(f"Note {number}", moderator_id=person(number), mentions=(ANNA,), now=now())


def tag(number: int) -> Act:
    return lambda chat: chat.tag(f"tag {number % 3}", now=now())


def untag(number: int) -> Act:
    return lambda chat: chat.untag(f"tag {number % 3}", now=now())


def prioritise(number: int) -> Act:
    return lambda chat: chat.prioritise(PRIORITIES[number % 4], now=now())


def snooze(number: int) -> Act:
    until = datetime(2050, 1, 1 + number % 3, tzinfo=UTC)
    return lambda chat: chat.snooze(until, moderator_id=person(number), now=now())


def remember(number: int) -> Act:
    return lambda chat: chat.remember(number, now=now())


def wake(_: int) -> Act:
    return lambda chat: chat.wake(now=now())


def see(number: int) -> Act:
    return lambda chat: chat.see(person(number), max(1, chat.version - number % 4), now=now())


def see_as_customer(number: int) -> Act:
    return lambda chat: chat.see_as_customer(max(1, chat.version - number % 4), now=now())


def known(chat: Chat, number: int) -> str:
    """The channel's id of one of the messages of the chat."""
    return str(list(chat.messages)[number % len(chat.messages)]) if chat.messages else "none"


def person(number: int) -> UUID:
    return (ANNA, BORIS, ADMIN)[number % 3]


ACTS = (
    attempt, attempt, sent, sent, fail, doubt, send_again, vouch, receipt, read_mark, move,
    write, edit, reread, delete, react, react_to_nothing, press, echo, confirm, reply, assign, transfer, close, see, see_as_customer,
    request_callback, finish_callback, rename, lose, find, note, tag, untag, prioritise, snooze, wake, unassign, reopen,
    write, edit, delete, react, react_to_nothing, press, echo, confirm, reply, assign, transfer, close, see, see_as_customer,
    attempt, attempt, sent, sent, fail, doubt, send_again, vouch, receipt, read_mark, keep_file, lose_file,
)  # fmt: skip
HISTORIES = st.lists(st.builds(lambda act, number: act(number), st.sampled_from(ACTS), st.integers(0, 50)), max_size=30)


async def check_law(world: World, history: list[Act], cut: int) -> set[type]:
    """Lives a history, with the clients' first look after `cut` acts; returns which events there were."""
    inbox, widget = Client(), Client()
    events: set[type] = set()
    unheard: AggregateEvent | None = None
    behind = False
    for number, act in enumerate([*history, write(1)]):
        if number == cut:
            inbox, widget = await world.inbox_snapshot(), await world.widget_snapshot()
        decided = await world.act(act)
        events |= {type(event) for event in decided.events} if decided else set()
        for event in decided.events if decided else ():
            if isinstance(event, MessageEdited | MessageReread):
                EDITED[event.originator_id, event.originator_version] = event.of
        unheard = last_told(decided) or unheard
        if decided and decided.events:
            behind = last_told(decided) is not decided.events[-1]
        if decided is None or number < cut:
            continue
        if unheard is not None:
            for frame in await world.inbox_frames(unheard):
                inbox.hear(frame)
            for frame in [] if isinstance(unheard, FOR_STAFF) else await world.widget_frames(unheard):
                widget.hear(frame)
            unheard = None
        untold = {"version"} if behind else set()
        looks = number < cut + LOOKS or (number + cut) % 3 == 0 or number == len(history)
        await compare(world, inbox, widget if looks else None, decided.position, untold)
    return events


PRIVATE = (ChatRenamed, CustomerLost, CustomerFound)
FOR_STAFF = (*PRIVATE, NoteWritten, TagsChanged, PriorityChanged, ChatSnoozed, ChatWoken)


def last_told(decided: Decided | None) -> AggregateEvent | None:
    """The last event that people hear of."""
    told = [event for event in decided.events if not is_no_news(event)] if decided else []
    return told[-1] if told else None


def is_no_news(event: AggregateEvent) -> bool:
    """A reaction to or a receipt of a message that nobody saw, an echo of our own reply, another address."""
    match event:
        case (
            MessageReacted(of=None)
            | ReplyDelivered(of=None)
            | ReplyEchoed(confirms=int())
            | ChatMoved()
            | CommandTaken()
        ):
            return True
    return False


async def compare(world: World, inbox: Client, widget: Client | None, position: int, untold: set[str]) -> None:
    """What the clients know against what the API says at a position; without the widget where that looks later."""
    later = await world.inbox_snapshot(position)
    assert inbox.thread == later.thread
    assert inbox.chat.keys() == later.chat.keys()
    assert known_of(inbox.chat, untold) == known_of(later.chat, untold)
    if widget is not None:
        assert as_shown(widget.thread) == as_shown((await world.widget_snapshot()).thread)


def known_of(chat: Json, untold: set[str]) -> Json:
    return {key: value for key, value in chat.items() if key not in untold}


def as_shown(thread: dict[int, Json]) -> list[tuple[Any, ...]]:
    """What a widget shows of each entry."""
    shown = ("text", "sender_type", "attachments", "created_at", "edited_at", "deleted_at", "reactions", "done_at")
    return [(number, *map(entry.get, shown)) for number, entry in sorted(thread.items())]


EVERYTHING = (
    write(1), write(3), reread(1), reread(2), react_to_nothing(1), see(1), reply(0), see_as_customer(0), edit(0), react(1), delete(1), press(1),
    see(2), write(5), reply(2), write(7), close(2), write(8), see(2), request_callback(1), request_callback(2), finish_callback(0), rename(1), lose(0), find(0), lose(0), write(5),
    echo(1), reply(0), confirm(0), react(12), react(15), react(14), react(17), assign(1), transfer(1), edit(2), write(4), edit(0), close(0), write(2), reply(1), edit(0), delete(0),
    attempt(0), fail(1), attempt(0), sent(0), attempt(0), doubt(0), vouch(0), reply(1), attempt(0), fail(0), send_again(0),
    attempt(0), sent(0), receipt(3), receipt(10), see_as_customer(0), reply(0), attempt(0), doubt(0), write(1), reply(0),
    attempt(0), confirm(1), see_as_customer(0), move(1),
    attempt(0), confirm(1), see_as_customer(0), write(3), write(6), keep_file(0), lose_file(0), lose_file(0), write(9),
    edit(3), keep_file(1), keep_file(0), keep_file(0), keep_file(0), lose_file(0), keep_file(0),
    find(0), expire_file(0), expire_file(0), write(1), reply_with_file(1), *(expire_file(number) for number in range(1, 8)),
    note(0), tag(0), tag(1), untag(0), prioritise(3), assign(0), unassign(0), unassign(1), assign(1), unassign(0), unassign(1), snooze(0), note(1),
    write(2), snooze(1), wake(0), snooze(2), transfer(0), transfer(1), close(0), tag(2), note(2), reopen(0), reply(1), remember(7), write(4),
)  # fmt: skip


KINDS = pytest.mark.parametrize("group", [False, True], ids=["private", "group"])


@pytest.fixture
async def headers(pulse: Pulse) -> dict[str, str]:
    return await pulse.sign_in("admin")


@KINDS
async def test_a_snapshot_and_the_frames_after_it_equal_the_snapshot_after_every_act(
    pulse: Pulse, headers: dict[str, str], group: bool
) -> None:
    """The first look is taken before every seventh act, and each kind of event comes to both sides of it."""
    for cut in range(0, len(EVERYTHING) + 1, 7):
        async with a_world(pulse, headers, group=group) as world:
            events = await check_law(world, list(EVERYTHING), cut)
    private = set(PRIVATE) if group else set()  # what only happens where there is one customer
    assert events == {event for (name, _), event in EVENTS.items() if name.startswith("chat.")} - private


@KINDS
@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=HISTORIES, cut=st.integers(0, 30))
async def test_the_law_holds_for_any_history(
    pulse: Pulse, headers: dict[str, str], group: bool, history: list[Act], cut: int
) -> None:
    async with a_world(pulse, headers, group=group) as world:
        await check_law(world, history, min(cut, len(history)))
