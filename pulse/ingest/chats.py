"""What an arrival is for its chat and its customer: the commands it becomes. Pure; `intake` stores what comes of them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pulse.aggregates.chat import Chat
from pulse.aggregates.customer import Customer, customer_id
from pulse.aggregates.source import Source
from pulse.aggregates.source_rules import FirstWord
from pulse.channels.arrivals import (
    ButtonArrived,
    CallbackArrived,
    EchoArrived,
    MessageArrived,
    MessagesDeleted,
    Reacted,
    ReadMark,
    ReceiptArrived,
)
from pulse.message import Author

InChat = (
    MessageArrived
    | ButtonArrived
    | CallbackArrived
    | EchoArrived
    | MessagesDeleted
    | Reacted
    | ReadMark
    | ReceiptArrived
)


def concerns_customer(chat: Chat, arrival: InChat) -> bool:
    """Does a message tell of its customer what their chat does not know: a new name, or that they are back?

    Asked of the chat, so that a usual message loads nothing else.
    """
    if not isinstance(arrival, MessageArrived) or chat.group or chat.knows(arrival.external_id):
        return False
    return not chat.reachable or chat.brings_news(arrival.message.author)


def greet(customer: Customer, author: Author, now: datetime) -> None:
    """They wrote, under the name that they have now."""
    customer.introduce(
        name=author.name, username=author.username, language=author.language, phone=author.phone, now=now
    )
    customer.write(now=now)


def decide_in_chat(chat: Chat, arrival: InChat, *, raw: str, now: datetime) -> None:
    """The command that an arrival is for its chat."""
    known = {"external_id": arrival.external_id, "raw": raw}
    match arrival:
        case MessageArrived(message=message, edited=True):
            chat.edit(message, raw=raw, now=now)
        case MessageArrived(message=message):
            chat.receive(message, raw=raw, now=now)
        case ButtonArrived(author=author, payload=payload, query_id=query_id, message_id=message_id):
            chat.press(author=author, payload=payload, query_id=query_id, message_id=message_id, now=now, **known)
        case CallbackArrived(author=author):
            chat.request_callback(
                author=author, phone=arrival.phone, wanted_at=arrival.wanted_at, comment=arrival.comment, now=now,
                **known,
            )  # fmt: skip
        case EchoArrived():
            chat.echo(
                text=arrival.text, attachments=arrival.attachments, message_id=arrival.message_id,
                random_id=arrival.random_id, outside_author=arrival.outside_author, now=now, **known,
            )  # fmt: skip
        case MessagesDeleted(message_ids=message_ids):
            chat.delete(message_ids, now=now, **known)
        case Reacted(author=author, message_id=message_id, reactions=reactions):
            chat.react(author=author, message_id=message_id, reactions=reactions, now=now, **known)
        case ReceiptArrived(message_id=message_id):
            chat.deliver(message_id, now=now, **known)
        case ReadMark(message_id=message_id):
            chat.see_as_customer(chat.version_of(message_id), message_id=message_id, now=now, **known)


def open_chat(source: Source, arrival: InChat, author: Author, *, department: UUID | None, now: datetime) -> Chat:
    """A chat for a first word; without a department, or with a foreign one, the source's rules send it somewhere."""
    title = getattr(arrival, "title", None)
    word = FirstWord.of(arrival, peer=arrival.peer, group=title is not None)
    route = source.route(department, word, now)
    return Chat.open(
        source_id=source.id, channel=source.channel, peer=arrival.peer, title=title or author.name,
        group=title is not None, department_id=route.department,
        customer_id=customer_id(source.id, author.id), now=now,
    )  # fmt: skip


def meet(source: Source, author: Author, now: datetime) -> Customer:
    return Customer.meet(
        source_id=source.id, peer=author.id, name=author.name, username=author.username, language=author.language,
        now=now,
    )  # fmt: skip


def author_of(arrival: InChat) -> Author:
    """Who the customer is; for our side's own words, the peer they were sent to."""
    match arrival:
        case MessageArrived(message=message):
            return message.author
        case ButtonArrived(author=author) | CallbackArrived(author=author) | Reacted(author=author):
            return author
        case _:
            return Author(arrival.peer)
