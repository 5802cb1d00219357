"""Turns what a driver read into decisions on chats and customers. Returns when it is on disk."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from datetime import datetime
from hashlib import blake2b, sha256
from uuid import UUID

import orjson

from pulse.aggregates.chat import Chat, chat_id
from pulse.aggregates.customer import Customer, customer_id
from pulse.aggregates.delivery import Delivery, delivery_id
from pulse.aggregates.source import Source
from pulse.blobs import Blobs
from pulse.channels.arrivals import (
    Arrival,
    ButtonArrived,
    CallbackArrived,
    EchoArrived,
    MessageArrived,
    MessagesDeleted,
    ReachChanged,
    Reacted,
    ReadMark,
    ReceiptArrived,
    TypingSeen,
    Unhandled,
)
from pulse.errors import NotFound
from pulse.eventlog.commands import Decided
from pulse.eventlog.store import EventStore
from pulse.ingest.chats import InChat, author_of, concerns_customer, decide_in_chat, greet, meet, open_chat
from pulse.ingest.pagers import TOO_LATE, link_pager, opened_by
from pulse.values import value

TYPING = "pulse.live.typing"
RAW_IN_EVENT = 256 * 1024
NO_CHAT = "no such chat"
NOTHING = Decided(0, 0, ())


class NoChatYet(NotFound):
    """The chat has to be opened first."""


class CustomerToo(NotFound):
    """The customer has to be decided on with the chat."""


@value
class Taken:
    """What came of an arrival: `taken`, `unhandled`, `quarantined`, `repeated` (nothing new) or `live` (not kept)."""

    outcome: str
    decided: Decided


@value
class Delivered:
    """An authentic delivery: whose it is, and its body."""

    source: Source
    body: bytes
    department: UUID | None = None


class Intake:
    """The one way from arrivals to events. `clock` says now."""

    def __init__(self, store: EventStore, blobs: Blobs, clock: Callable[[], datetime]) -> None:
        self.store = store
        self.blobs = blobs
        self.clock = clock

    async def take(self, delivered: Delivered, arrival: Arrival) -> Taken:
        """Decides on one arrival. Raises Trouble; then nothing of it happened.

        Except after AckLost, a LogDown: it may be stored. The same delivery sent again counts once either way.
        """
        match arrival:
            case TypingSeen(peer=peer):
                typing = {"chat_id": chat_id(delivered.source.id, peer)}
                await self.store.log.tell(TYPING, orjson.dumps(typing))
                return Taken("live", NOTHING)
            case Unhandled(kind=kind):
                return await self._keep(delivered, arrival.external_id, kind, "")
            case MessageArrived() if moderator := opened_by(delivered.source, arrival):
                return await self._link_pager(delivered, arrival, moderator)
        raw = await self._raw(delivered.body)
        try:
            return _taken(await self.decide(delivered, arrival, raw))
        except NoChatYet as nowhere:
            return await self._keep(delivered, arrival.external_id, type(arrival).__name__, str(nowhere))

    def decide(self, delivered: Delivered, arrival: Arrival, raw: str) -> Awaitable[Decided]:
        """Decides on what is for a chat or a customer. Raises NoChatYet for a change of what nobody ever saw."""
        match arrival:
            case MessageArrived() | ButtonArrived() | CallbackArrived() | EchoArrived():
                return self._in_chat(delivered, arrival, raw, opens=True)
            case MessagesDeleted() | Reacted() | ReadMark() | ReceiptArrived():
                return self._in_chat(delivered, arrival, raw, opens=False)
            case ReachChanged():
                return self._reach(delivered, arrival, raw)
            case _:
                raise TypeError(f"{type(arrival).__name__} has no decision")

    async def quarantine(self, delivered: Delivered, reason: str) -> Taken:
        """Keeps an authentic delivery that can't be read; a mended driver can read it later."""
        external_id = f"sha256:{sha256(delivered.body).hexdigest()}"
        return await self._keep(delivered, external_id, "", reason, outcome="quarantined")

    async def _link_pager(self, delivered: Delivered, arrival: MessageArrived, moderator: UUID) -> Taken:
        decided = await link_pager(self.store, delivered.source, arrival, moderator, self.clock)
        if decided.events:
            return Taken("taken", decided)
        return await self._keep(delivered, arrival.external_id, "PagerLink", TOO_LATE)

    async def _in_chat(self, delivered: Delivered, arrival: InChat, raw: str, *, opens: bool) -> Decided:
        source, now = delivered.source, self.clock()
        chat_key, once = chat_id(source.id, arrival.peer), _message_id(source.id, arrival.peer, arrival.external_id)

        def in_known(chat: Chat | None) -> Chat:
            if chat is None:
                raise NoChatYet(NO_CHAT)
            if concerns_customer(chat, arrival):
                raise CustomerToo
            decide_in_chat(chat, arrival, raw=raw, now=now)
            return chat

        try:
            return await self.store.decide(Chat, chat_key, in_known, by="customer", msg_id=once)
        except NoChatYet:
            if not opens:
                raise
        except CustomerToo:  # seldom: their name is new, or they were thought to be gone
            pass
        author = author_of(arrival)

        def with_customer(chat: Chat | None, customer: Customer | None) -> tuple[Chat, Customer]:
            met = customer or meet(source, author, now)
            opened = chat or open_chat(source, arrival, author, department=delivered.department, now=now)
            concerned = concerns_customer(opened, arrival)
            decide_in_chat(opened, arrival, raw=raw, now=now)
            if concerned and opened.pending_events:
                greet(met, author, now)
            return opened, met

        keys = [(Chat, chat_key), (Customer, customer_id(source.id, author.id))]
        return await self.store.decide_together(keys, with_customer, by="customer", msg_id=once)

    async def _reach(self, delivered: Delivered, arrival: ReachChanged, raw: str) -> Decided:
        source, author, now = delivered.source, arrival.author, self.clock()

        def reach(customer: Customer | None, chat: Chat | None) -> tuple[Customer, Chat | None]:
            known = customer or meet(source, author, now)
            news = arrival.external_id not in known.known
            change = known.come_back if arrival.reachable else known.leave
            change(reason=arrival.reason, external_id=arrival.external_id, raw=raw, now=now)
            if chat is not None and news and arrival.reachable:
                chat.find_customer(now=now)
            elif chat is not None and news:
                chat.lose_customer(arrival.reason, now=now)
            return known, chat

        keys = [(Customer, customer_id(source.id, author.id)), (Chat, chat_id(source.id, author.id))]
        return await self.store.decide_together(keys, reach, by="customer")

    async def _keep(
        self, delivered: Delivered, external_id: str, kind: str, reason: str, *, outcome: str = "unhandled"
    ) -> Taken:
        source, now = delivered.source, self.clock()
        large = len(delivered.body) > RAW_IN_EVENT
        text, encoded = (await self._raw(delivered.body), None) if large else as_text(delivered.body)

        def keep(known: Delivery | None) -> Delivery:
            return known or Delivery.keep(
                source_id=source.id, channel=source.channel, outcome=outcome, kind=kind, reason=reason,
                external_id=external_id, raw=text, raw_base64=encoded, now=now,
            )  # fmt: skip

        decided = await self.store.decide(Delivery, delivery_id(source.id, external_id), keep, by="system")
        return Taken(outcome if decided.events else "repeated", decided)

    async def _raw(self, body: bytes) -> str:
        """The body as events keep it; a large one lies beside the log, under its hash."""
        if len(body) <= RAW_IN_EVENT:
            return body.decode(errors="replace")
        return f"blob:sha256:{await self.blobs.keep(body)}"


def _taken(decided: Decided) -> Taken:
    return Taken("taken" if decided.events else "repeated", decided)


def _message_id(source: UUID, peer: str, external_id: str) -> str:
    """Names a delivery for the log's own short memory; a hash, because channels' ids may hold anything."""
    return blake2b(f"{source.hex}:{peer}:{external_id}".encode(), digest_size=16).hexdigest()


def as_text(body: bytes) -> tuple[str, str | None]:
    """Text where the body is text without NUL; else base64 beside it."""
    try:
        if b"\0" not in body:
            return body.decode(), None
    except UnicodeDecodeError:
        pass
    return "", base64.b64encode(body).decode()
