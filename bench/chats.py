"""Chats as the benches need them: of twelve events, or as a long mixed history."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID, uuid5

from eventsourcing.domain import AggregateEvent
from eventsourcing.utils import get_topic

from bench.updates import FIRST, WORDS, template
from pulse.aggregates.chat import Chat, chat_id
from pulse.aggregates.chat_events import ChatOpened, MessageReceived
from pulse.message import Author, Incoming

SOURCE, DEPARTMENT, ANNA = UUID(int=0x50), UUID(int=0x5A1E5), UUID(int=0xA11A)
NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
EVENTS = 12


def id_of(number: int) -> UUID:
    return chat_id(SOURCE, str(number))


def chat_of_twelve(number: int) -> Chat:
    """A chat that Anna holds, with ten messages in it; nothing of it is stored yet."""
    chat = Chat.open(
        source_id=SOURCE, channel="telegram", peer=str(number), title="Vera", group=False, department_id=DEPARTMENT,
        customer_id=uuid5(SOURCE, str(number)), now=NOW,
    )  # fmt: skip
    chat.assign(ANNA, now=NOW)
    for told in range(EVENTS - 2):
        chat.receive(message(number, told), raw=raw(number), now=NOW)
    return chat


def answer(chat: Chat | None) -> Chat:
    """The command: Anna replies, which is one event."""
    assert chat is not None
    assert chat.version == EVENTS
    chat.reply("It is on its way, Vera.", moderator_id=ANNA, client_msg_id=None, now=NOW)
    return chat


def message(number: int, told: int) -> Incoming:
    author = Author(str(number), "Vera", f"vera_{number}", "en")
    return Incoming(external_id=str(told), author=author, text=WORDS * 2, message_id=str(told), sent_at=NOW)


def raw(number: int) -> str:
    return (template(number) % (FIRST, FIRST, FIRST)).decode()


def history(events: int, chats: int) -> Iterator[tuple[AggregateEvent, dict[str, object]]]:
    """Events of many chats, mixed as they would come, each with its scope."""
    versions = [0] * chats
    numbers = [*range(chats), *random.Random(7).choices(range(chats), k=max(events - chats, 0))]
    bodies = [raw(number) for number in range(chats)]
    for number in numbers[:events]:
        versions[number] += 1
        scope = {"source": SOURCE, "department": DEPARTMENT, "unread": versions[number] - 1}
        yield _event(number, versions[number], bodies[number]), scope


def _event(number: int, version: int, body: str) -> AggregateEvent:
    place = {"originator_id": id_of(number), "originator_version": version, "timestamp": NOW}
    if version > 1:
        return MessageReceived(**place, message=message(number, version), raw=body)
    return ChatOpened(
        **place, originator_topic=get_topic(Chat), source_id=SOURCE, channel="telegram", peer=str(number),
        title="Vera", group=False, department_id=DEPARTMENT, customer_id=uuid5(SOURCE, str(number)),
    )  # fmt: skip
