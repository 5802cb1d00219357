"""A random history, decided by the real aggregates and stored by the real store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from random import Random
from uuid import UUID

from pulse.aggregates.chat import Chat, chat_id
from pulse.aggregates.chat_replies import Failure
from pulse.aggregates.chat_sending import Sending
from pulse.aggregates.chat_standing import Seen
from pulse.aggregates.chat_work import PRIORITIES
from pulse.aggregates.customer import Customer, customer_id
from pulse.aggregates.delivery import Delivery, cause_of, delivery_id
from pulse.aggregates.notification import Notifications, notifications_id
from pulse.aggregates.room import GENERAL, Room, direct_id
from pulse.errors import Refusal
from pulse.eventlog.store import EventStore
from pulse.message import Attachment, Author, Incoming, Quoted
from tests.given import ANNA, BORIS, NOW, SALES, SHOP, SUPPORT

PEERS = [str(number) for number in range(1, 8)]
GROUP = "-100"
WORDS = ("Hello", "Where is my order?", "", "Здравствуйте", "👋 " * 120, 'it\'s "quoted" \\ and\ttabbed\n')
KINDS = ("photo", "document", "voice", "sticker", "location")


class History:
    """`steps` decisions, the same for the same seed."""

    def __init__(self, store: EventStore, seed: int) -> None:
        self.store = store
        self.random = Random(seed)
        self.now = NOW
        self.number = 0
        self.kept: list[int] = []
        self.done: Counter[str] = Counter()
        self.acts: list[Callable[[], object]] = [
            *[self.message] * 6, *[self.reply] * 3, self.edit, self.edit, self.reread, self.reread, self.delete, self.react, self.press,
            self.echo, self.confirm, self.assign, self.transfer, self.close, self.close, self.seen, self.seen_by_customer,
            self.note, self.tag, self.prioritise, self.snooze, self.wake, self.unassign, self.reopen,
            self.leave, self.come_back, self.keep, *[self.attempt, self.send] * 2, self.fail, self.doubt, self.receipt,
            self.process, self.process,
            self.callback, self.callback, self.finish_callback, self.rename, self.lose,
            self.introduce, self.join, self.join, self.part,
            self.store_file, self.store_file, self.lose_file,
            self.talk, self.talk, self.look, self.read, self.read_all,
        ]  # fmt: skip

    async def tell(self, steps: int) -> None:
        for _ in range(steps):
            self.number += 1
            self.now += timedelta(seconds=self.random.choice((0, 1, 60)))
            act = self.random.choice(self.acts)
            try:
                await act()  # type: ignore[misc]
                self.done[act.__name__] += 1  # type: ignore[attr-defined]
            except Refusal:
                self.done["refused"] += 1

    # What customers do

    async def message(self) -> None:
        incoming = self._incoming(message_id=str(self.number))
        await self._in_chat(lambda chat: chat.receive(incoming, raw=self._raw(), now=self.now), opens=True)

    async def edit(self) -> None:
        incoming = self._incoming(message_id=str(self.random.randint(1, self.number)))
        await self._in_chat(lambda chat: chat.edit(incoming, raw=self._raw(), now=self.now))

    async def reread(self) -> None:
        """A mended driver reads one message of a chat, whichever it is, otherwise."""
        message_id = str(self.random.randint(1, self.number))
        was, seen = self._incoming(message_id), self._incoming(message_id)

        def act(chat: Chat) -> None:
            of = chat.find(message_id)
            if of is not None and of not in chat.changed_by:
                chat.reread(of, seen, was=was, now=self.now)

        await self._in_chat(act, cause=self._some_delivery())

    async def delete(self) -> None:
        gone = tuple(str(self.random.randint(1, self.number)) for _ in range(self.number // 2))
        external_id = f"u{self.number}"
        await self._in_chat(lambda chat: chat.delete(gone[:20], external_id=external_id, raw="{}", now=self.now))

    async def react(self) -> None:
        reactions = tuple(self.random.sample(("❤", "👍", "🔥"), self.random.randint(0, 2)))
        of, external_id, who = str(self.random.randint(1, self.number)), f"u{self.number}", self.random.choice("12")
        await self._in_chat(
            lambda chat: chat.react(
                author=Author(who), message_id=of, reactions=reactions, external_id=external_id, raw="{}", now=self.now
            )
        )

    async def press(self) -> None:
        await self._in_chat(
            lambda chat: chat.press(
                author=Author("1"), payload="yes", query_id="q", message_id=None, external_id=f"u{self.number}",
                raw="{}", now=self.now,
            )
        )  # fmt: skip

    async def seen_by_customer(self) -> None:
        await self._in_chat(lambda chat: chat.see_as_customer(chat.version - self.number % 3, now=self.now))

    async def leave(self) -> None:
        await self._customer(lambda c: c.leave(reason="blocked", external_id=f"u{self.number}", raw="{}", now=self.now))

    async def come_back(self) -> None:
        await self._customer(lambda c: c.come_back(reason="", external_id=f"u{self.number}", raw="{}", now=self.now))

    async def callback(self) -> None:
        await self._in_chat(
            lambda chat: chat.request_callback(
                author=Author("1", "Vera"), phone=f"+7 {self.number}", wanted_at=None, comment="", raw="{}",
                external_id=f"u{self.number}", now=self.now,
            )
        )  # fmt: skip

    async def introduce(self) -> None:
        name, phone = self.random.choice(("Vera", "Oleg", "Зоя", "")), self.random.choice((None, "+7 999"))
        await self._customer(lambda c: c.introduce(name=name, phone=phone, now=self.now))

    async def join(self) -> None:
        await self._two(lambda one, two: (one.join(two.id, now=self.now), two.join(one.id, now=self.now)))

    async def part(self) -> None:
        await self._two(lambda one, two: (one.part(two.id, now=self.now), two.part(one.id, now=self.now)))

    # What our side does

    async def reply(self) -> None:
        text, who = f"reply {self.number}", self._moderator()
        await self._in_chat(lambda chat: chat.reply(text, moderator_id=who, client_msg_id=text, now=self.now))

    async def echo(self) -> None:
        await self._in_chat(
            lambda chat: chat.echo(
                text="from outside", attachments=(), message_id=f"e{self.number}", random_id=0, outside_author="5",
                external_id=f"u{self.number}", raw="{}", now=self.now,
            )
        )  # fmt: skip

    async def attempt(self) -> None:
        await self._outgoing(
            lambda chat, of, sending: chat.attempt(
                of, part=sending.part, parts=max(sending.parts, 1 + self.number % 2), attempt=sending.attempt + 1,
                now=self.now,
            )
        )  # fmt: skip

    async def send(self) -> None:
        name = f"s{self.number}"
        await self._outgoing(lambda chat, of, sending: chat.sent(of, part=sending.part, message_id=name, now=self.now))

    async def fail(self) -> None:
        failure = Failure("busy", "429", self.now if self.number % 2 else None)
        await self._outgoing(
            lambda chat, of, sending: chat.fail(
                of, part=sending.part, attempt=sending.attempt, failure=failure, now=self.now
            )
        )

    async def doubt(self) -> None:
        await self._outgoing(
            lambda chat, of, sending: chat.doubt(of, attempt=sending.attempt, reason="no answer", now=self.now)
        )

    async def _outgoing(self, act: Callable[[Chat, int, Sending], None]) -> None:
        """The oldest reply that has not left whole, if there is one."""

        def decision(chat: Chat) -> None:
            for of, sending in list(chat.outgoing.items())[:1]:
                act(chat, of, sending)

        await self._in_chat(decision)

    async def receipt(self) -> None:
        of, external_id = f"s{self.random.randint(1, self.number)}", f"u{self.number}"
        await self._in_chat(lambda chat: chat.deliver(of, external_id=external_id, raw="{}", now=self.now))

    async def confirm(self) -> None:
        await self._in_chat(
            lambda chat: chat.echo(
                text="reply", attachments=(), message_id=f"e{self.number}", outside_author=None,
                random_id=self.random.choice([*chat.replies, 5]), external_id=f"u{self.number}", raw="{}", now=self.now,
            )
        )  # fmt: skip

    async def assign(self) -> None:
        who = self._moderator()
        await self._in_chat(lambda chat: chat.assign(who, now=self.now, seen=Seen(chat.holder_id)))

    async def transfer(self) -> None:
        to = self.random.choice((SALES, SUPPORT))
        await self._in_chat(lambda chat: chat.transfer(to, now=self.now))

    async def unassign(self) -> None:
        await self._in_chat(lambda chat: chat.unassign(now=self.now, seen=Seen(chat.holder_id or ANNA)))

    async def note(self) -> None:
        who = self._moderator()
        await self._in_chat(lambda chat: chat.note("She is in a hurry", moderator_id=who, now=self.now))

    async def talk(self) -> None:
        """In the general room, or between two of them."""
        who, other = (ANNA, BORIS) if self.random.random() < 0.5 else (BORIS, ANNA)
        general = self.random.random() < 0.5
        text = self.random.choice([word for word in WORDS if word])

        def decision(room: Room | None) -> Room:
            opened = Room.open_general(now=self.now) if general else Room.open_direct(who, other, now=self.now)
            room = room or opened
            room.write(text, moderator_id=who, client_msg_id=str(self.number), mentions=(other,), now=self.now)
            return room

        await self.store.decide(Room, GENERAL if general else direct_id(who, other), decision, by="moderator")

    async def look(self) -> None:
        """Somebody reads what was said."""
        who, up_to = self._moderator(), self.random.randint(0, 20)
        room_id = self.random.choice((GENERAL, direct_id(ANNA, BORIS)))

        def decision(room: Room | None) -> Room | None:
            if room is not None:
                room.see(who, up_to, now=self.now)
            return room

        await self.store.decide(Room, room_id, decision, by="moderator")

    async def read(self) -> None:
        await self._notified(lambda mine: mine.read(self.random.randint(1, 2 * self.number), now=self.now))

    async def read_all(self) -> None:
        await self._notified(lambda mine: mine.read_all(self.random.randint(1, self.number), now=self.now))

    async def _notified(self, act: Callable[[Notifications], None]) -> None:
        who = self._moderator()

        def decision(known: Notifications | None) -> Notifications:
            mine = known or Notifications.begin(who, now=self.now)
            act(mine)
            return mine

        await self.store.decide(Notifications, notifications_id(who), decision, by="moderator")

    async def tag(self) -> None:
        tag, put = f"tag {self.random.randint(1, 3)}", self.random.random() < 0.6
        await self._in_chat(lambda chat: (chat.tag if put else chat.untag)(tag, now=self.now))

    async def prioritise(self) -> None:
        priority = self.random.choice(PRIORITIES)
        await self._in_chat(lambda chat: chat.prioritise(priority, now=self.now))

    async def snooze(self) -> None:
        until, who = self.now + timedelta(hours=1), self._moderator()
        await self._in_chat(lambda chat: chat.snooze(until, moderator_id=who, now=self.now))

    async def wake(self) -> None:
        await self._in_chat(lambda chat: chat.wake(now=self.now))

    async def reopen(self) -> None:
        await self._in_chat(lambda chat: chat.reopen(now=self.now))

    async def close(self) -> None:
        await self._in_chat(lambda chat: chat.close(ANNA, now=self.now))

    async def finish_callback(self) -> None:
        who, pick = self._moderator(), self.random.random()

        def finish(chat: Chat) -> None:
            for of in list(chat.callbacks)[int(pick * len(chat.callbacks)) :][:1]:
                chat.finish_callback(of, moderator_id=who, outcome="reached", now=self.now)

        await self._in_chat(finish)

    async def rename(self) -> None:
        await self._in_chat(lambda chat: chat.rename(f"Vera {self.number}", now=self.now))

    async def lose(self) -> None:
        await self._in_chat(lambda chat: chat.lose_customer("blocked", now=self.now))

    async def seen(self) -> None:
        who = self._moderator()
        await self._in_chat(lambda chat: chat.see(who, chat.version - self.number % 2, now=self.now))

    async def keep(self) -> None:
        outcome = self.random.choice(("quarantined", "unhandled"))
        external_id = f"u{self.number}"

        def keep(known: Delivery | None) -> Delivery:
            return known or Delivery.keep(
                source_id=SHOP, channel="telegram", outcome=outcome, kind="poll", reason="odd",
                external_id=external_id, raw="", raw_base64="AA==", now=self.now,
            )  # fmt: skip

        await self.store.decide(Delivery, delivery_id(SHOP, external_id), keep, by="system")
        self.kept.append(await self.store.log.last_position())

    async def process(self) -> None:
        """A kept delivery is read again: it becomes a message, or is still not what anybody can take in."""
        if not self.kept:
            raise Refusal
        position = self.random.choice(self.kept)
        found = (await self.store.log.read(position, limit=1))[0]
        known = UUID(found.subject.rsplit(".", 1)[1])
        outcome = self.random.choice(("processed", "quarantined", "unhandled"))

        def process(delivery: Delivery | None) -> Delivery:
            assert delivery is not None
            delivery.process(outcome=outcome, kind="", reason=f"try {self.number}", now=self.now)
            return delivery

        if outcome == "processed":
            incoming = self._incoming(message_id=f"again {self.number}")
            act = partial(Chat.receive, message=incoming, raw=self._raw(), now=self.now)
            await self._in_chat(act, opens=True, cause=cause_of(position))
        await self.store.decide(Delivery, known, process, by="system", cause=cause_of(position))

    # How

    def _some_delivery(self) -> str:
        return cause_of(self.random.choice(self.kept or [0]))

    async def _in_chat(self, act: Callable[[Chat], object], *, opens: bool = False, cause: str | None = None) -> None:
        peer = self.random.choice([*PEERS, GROUP])

        def decision(chat: Chat | None, customer: Customer | None) -> tuple[Chat | None, Customer | None]:
            if chat is None and not opens:
                return None, customer
            chat = chat or self._open(peer)
            act(chat)
            return chat, customer or self._meet(peer)

        await self.store.decide_together(
            [(Chat, chat_id(SHOP, peer)), (Customer, customer_id(SHOP, peer))], decision, by="customer", cause=cause
        )

    async def store_file(self) -> None:
        kept = Attachment(
            "photo", name="cat.jpg", mime="image/png", size=7, file=str(UUID(int=self.number)), sha256="0" * 64
        )
        await self._file(lambda chat, of, edit, index: chat.store_attachment(
            kept, of=of, edit=edit, index=index, now=self.now
        ))  # fmt: skip

    async def lose_file(self) -> None:
        await self._file(lambda chat, of, edit, index: chat.lose_attachment(
            of=of, edit=edit, index=index, reason="It is gone.", now=self.now
        ))  # fmt: skip

    async def _file(self, act: Callable[[Chat, int, int | None, int], None]) -> None:
        """The first file that is awaited, if there is one; one that an edit brought is named by any message."""

        def decision(chat: Chat) -> None:
            for key in sorted(chat.awaited)[:1]:
                version, index = map(int, key.split("."))
                of = version if version in chat.messages.values() else next(iter(chat.messages.values()), version)
                act(chat, of, None if of == version else version, index)

        await self._in_chat(decision)

    async def _customer(self, act: Callable[[Customer], None]) -> None:
        peer = self.random.choice(PEERS)

        def decision(customer: Customer | None) -> Customer:
            customer = customer or self._meet(peer)
            act(customer)
            return customer

        await self.store.decide(Customer, customer_id(SHOP, peer), decision, by="customer")

    async def _two(self, act: Callable[[Customer, Customer], object]) -> None:
        peers = self.random.sample(PEERS, 2)

        def decision(*known: Customer | None) -> list[Customer]:
            both = [customer or self._meet(peer) for customer, peer in zip(known, peers, strict=True)]
            act(*both)
            return both

        await self.store.decide_together([(Customer, customer_id(SHOP, p)) for p in peers], decision, by="system")

    def _open(self, peer: str) -> Chat:
        return Chat.open(
            source_id=SHOP, channel="telegram", peer=peer, title="Neighbours" if peer == GROUP else "",
            group=peer == GROUP, department_id=self.random.choice((SALES, SUPPORT, None)),
            customer_id=customer_id(SHOP, peer), now=self.now,
        )  # fmt: skip

    def _meet(self, peer: str) -> Customer:
        return Customer.meet(source_id=SHOP, peer=peer, name="", username=None, language=None, now=self.now)

    def _incoming(self, message_id: str) -> Incoming:
        pick = self.random.choice
        quoted = Quoted("as I said", author="Vera", attachments=(Attachment("voice", seconds=3),))
        return Incoming(
            external_id=f"u{self.number}",
            author=Author(pick(PEERS), pick(("", "Vera", "Oleg")), pick((None, "vera"))),
            text=pick(WORDS),
            message_id=message_id,
            sent_at=pick((None, self.now)),
            attachments=tuple(Attachment(kind, ref="r") for kind in self.random.sample(KINDS, pick((0, 0, 1, 2)))),
            reply_to=pick((None, None, quoted)),
            forwarded=pick(((), (), (quoted,))),
        )

    def _raw(self) -> str:
        return f'{{"update_id": {self.number}}}'

    def _moderator(self) -> UUID:
        return self.random.choice((ANNA, BORIS))
