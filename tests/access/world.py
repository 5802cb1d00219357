"""Generated people and chats in a running Pulse."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from uuid import UUID, uuid4

from hypothesis import strategies as st

from pulse import demo
from pulse.access import Person, Place, Subscription, by_moderator, may_see
from pulse.aggregates.chat import Chat, chat_id
from pulse.aggregates.customer import customer_id
from pulse.aggregates.department import department_id
from pulse.aggregates.moderator import Moderator, moderator_id
from pulse.aggregates.room import GENERAL, Room, direct_id
from pulse.aggregates.source import source_id
from pulse.house import now
from pulse.message import Attachment, Author, Incoming
from pulse.passwords import hash_password
from tests.access.rules import Asked
from tests.conftest import Pulse
from tests.pictures import a_png
from tests.world import SALES, SUPPORT, Desk, a_name, accounts, settled

SOCKET = "1234.5678"
SIMULATOR, TELEGRAM = source_id("simulator", "simulator"), source_id("telegram", "7000000001")
NUMBERS = itertools.count(1)
# A new department for the last of three: nobody of the demo is in it.
FAR = "Attic"
# Who shares a direct room with the first of each world, and mentions people.
ADMIN = moderator_id("admin@pulse.example")


@dataclass(frozen=True)
class WantedPerson:
    role: str
    departments: tuple[int, ...]
    disabled: bool = False


@dataclass(frozen=True)
class WantedChat:
    """`department` and `holder` are indexes; None for none."""

    department: int | None
    holder: int | None
    source: UUID = SIMULATOR


@dataclass(frozen=True)
class WantedWorld:
    people: tuple[WantedPerson, ...]
    chats: tuple[WantedChat, ...]


people = st.builds(
    WantedPerson,
    st.sampled_from(("moderator", "moderator", "admin")),
    st.sets(st.integers(0, 2), max_size=2).map(lambda some: tuple(sorted(some))),
    st.sampled_from((False, False, False, True)),
)
chats = st.builds(
    WantedChat,
    st.sampled_from((0, 1, 2, None)),
    st.sampled_from((None, None, 0, 1, 2)),
    st.sampled_from((SIMULATOR, TELEGRAM)),
)
worlds = st.builds(WantedWorld, st.tuples(people, people, people), st.tuples(chats, chats))
# Anna in one department, Boris in another, and an admin: what must not be left to chance.
PLAIN = WantedWorld(
    (WantedPerson("moderator", (0,)), WantedPerson("moderator", (2,)), WantedPerson("admin", ())),
    (WantedChat(0, None), WantedChat(2, 0, TELEGRAM)),
)
CLOSED = WantedWorld(
    (WantedPerson("moderator", (0, 1), disabled=True), WantedPerson("admin", (0,), disabled=True), WantedPerson("moderator", ())),
    (WantedChat(0, 0), WantedChat(None, 2)),
)  # fmt: skip


@dataclass(frozen=True)
class Known:
    """A chat with everything that hangs on it."""

    id: UUID
    customer: UUID
    file: str
    reply: int
    callback: int


@dataclass
class World:
    """What was generated, as it is there. `things` are ids of what admins manage, and of what is the first one's;
    `joined`: both customers are one person; `signed_out`: whose sessions a test has ended; `told`: who was told what
    of which chat or room.
    """

    pulse: Pulse
    people: list[UUID]
    chats: list[Known]
    cookies: dict[UUID, dict[str, str]]
    things: dict[str, str] = field(default_factory=dict)
    joined: bool = False
    signed_out: set[UUID] = field(default_factory=set)
    drafts: set[tuple[UUID, UUID]] = field(default_factory=set)
    told: list[tuple[UUID, str, UUID]] = field(default_factory=list)

    @property
    def pair(self) -> tuple[UUID, UUID]:
        """The people of the direct room."""
        return self.people[0], ADMIN

    def person(self, who: UUID) -> Person | None:
        return self.pulse.house.directory.person(who)

    async def place(self, chat: UUID) -> Place:
        """Where a chat stands now, as the log has it."""
        found = await self.pulse.house.store.load(Chat, chat)
        assert found is not None
        return Place(found.department_id, found.holder_id)

    async def asked(self, chat: Known) -> Asked:
        """What a request about this chat is about; its customer may be the same person as the other's."""
        theirs = self.chats if self.joined else [chat]
        channel = Subscription("private-chat", chat.id)
        places = tuple([await self.place(one.id) for one in theirs])
        return Asked(await self.place(chat.id), places, channel, self.pair, self.people[0])

    async def seen_in_both(self, person: Person | None) -> tuple[Place, ...]:
        """Of what joins both customers one has to see either: nothing, if one of them is out of sight."""
        each = [await self.place(chat.id) for chat in self.chats]
        sees_both = person is not None and all(may_see(person, place) for place in each)
        return tuple(each) if self.joined or sees_both or (person and person.is_admin) else ()


async def a_world(pulse: Pulse, wanted: WantedWorld) -> World:
    """Everybody is signed in; then some accounts are closed. All are mentioned in every chat, the first in the room."""
    await accounts(pulse).create_department(FAR)
    ids = [await a_person(pulse, one) for one in wanted.people]
    cookies = {who: await cookie_of(pulse, who) for who in ids}
    for who, one in zip(ids, wanted.people, strict=True):
        if one.disabled:
            await change(pulse, who, lambda person: person.disable(now=now()))
    known = [await a_chat(pulse, one, ids) for one in wanted.chats]
    world = World(pulse, ids, known, cookies)
    await tell_everybody(world, wanted)
    await settled(pulse)
    return world


async def tell_everybody(world: World, wanted: WantedWorld) -> None:
    """Whoever holds a chat was told of that too, and that its customer wants to be called."""
    for chat, one in zip(world.chats, wanted.chats, strict=True):
        await decide(world.pulse, chat.id, lambda it: it.tag(it.id.hex, now=now()))
        await mention(world, chat.id, world.people)
        if one.holder is not None:
            holder = world.people[one.holder % len(world.people)]
            world.told += [(holder, kind, chat.id) for kind in ("assigned", "callback")]
    position = await say(world.pulse, world.pair, mentions=(world.people[0],))
    room = direct_id(*world.pair)
    world.told.append((world.people[0], "mention", room))
    world.things |= {
        "room_id": str(room), "notification": str(position), "moderator_id": str(world.people[0])
    }  # fmt: skip


async def mention(world: World, chat: UUID, people: Sequence[UUID]) -> None:
    """In a note of somebody's who is not of this world."""
    await decide(world.pulse, chat, lambda it: it.note("Look", moderator_id=ADMIN, mentions=tuple(people), now=now()))
    world.told += [(who, "mention", chat) for who in people]


async def say(pulse: Pulse, pair: tuple[UUID, UUID] | None, mentions: tuple[UUID, ...] = ()) -> int:
    """Something in a direct room, or in the general one; returns its position."""

    def decision(known: Room | None) -> Room:
        room = known or (Room.open_direct(*pair, now=now()) if pair else Room.open_general(now=now()))
        room.write("Lunch?", moderator_id=ADMIN, client_msg_id=None, mentions=mentions, now=now())
        return room

    room_id = direct_id(*pair) if pair else GENERAL
    return (await pulse.house.store.decide(Room, room_id, decision, by=by_moderator(ADMIN))).position


def departments() -> tuple[UUID, UUID, UUID]:
    return SALES, SUPPORT, department_id(FAR)


@cache
def _hash() -> str:
    return hash_password(demo.PASSWORD)


def email_of(who: str) -> str:
    return f"{who}@pulse.example"


async def a_person(pulse: Pulse, wanted: WantedPerson) -> UUID:
    """They have a name of their own, and all the same password."""
    email = email_of(a_name("olga"))
    theirs = tuple(departments()[index] for index in wanted.departments)

    def decision(_: Moderator | None) -> Moderator:
        return Moderator.invite(
            email=email, name=email.partition("@")[0], role=wanted.role, departments=theirs, password_hash=_hash(),
            now=now(),
        )  # fmt: skip

    decided = await pulse.house.store.decide(Moderator, moderator_id(email), decision, by="test")
    await pulse.house.directory.wait_for(decided.position)
    return moderator_id(email)


async def change(pulse: Pulse, who: UUID, what: Callable[[Moderator], object]) -> None:
    """Decides something about a moderator; known everywhere when this returns."""

    def decision(known: Moderator | None) -> Moderator:
        assert known is not None
        what(known)
        return known

    decided = await pulse.house.store.decide(Moderator, who, decision, by="test")
    await pulse.house.directory.wait_for(decided.position)


async def a_chat(pulse: Pulse, wanted: WantedChat, people: Sequence[UUID]) -> Known:
    """With a message that has a file, a reply, and a request to be called."""
    peer, file = str(700_000 + next(NUMBERS)), str(uuid4())
    sha256 = await pulse.house.blobs.keep(a_png())
    photo = Attachment("photo", name="cat.png", mime="image/png", size=len(a_png()), file=file, sha256=sha256)
    vera, delivery, numbers = Author(peer, "Vera"), a_name("d"), [0, 0]
    department = None if wanted.department is None else departments()[wanted.department]

    def decision(_: Chat | None) -> Chat:
        chat = Chat.open(
            source_id=wanted.source, channel="telegram" if wanted.source == TELEGRAM else "simulator", peer=peer,
            title="Vera", group=False, department_id=department, customer_id=customer_id(wanted.source, peer), now=now(),
        )  # fmt: skip
        chat.receive(Incoming(delivery, vera, "Hello", delivery, attachments=(photo,)), raw="{}", now=now())
        chat.request_callback(
            author=vera, phone="+7 999", wanted_at=None, comment="", external_id=a_name("d"), raw="{}", now=now()
        )
        numbers[0] = chat.version
        if wanted.holder is not None:
            chat.assign(people[wanted.holder % len(people)], now=now())
        return chat

    made_chat = chat_id(wanted.source, peer)
    await pulse.house.store.decide(Chat, made_chat, decision, by="test")
    return Known(made_chat, customer_id(wanted.source, peer), file, 2, numbers[0])


async def decide(pulse: Pulse, chat: UUID, what: Callable[[Chat], object]) -> int:
    """The position of what came of it."""

    def decision(known: Chat | None) -> Chat:
        assert known is not None
        what(known)
        return known

    return (await pulse.house.store.decide(Chat, chat, decision, by="test")).position


async def cookie_of(pulse: Pulse, who: UUID) -> dict[str, str]:
    """A session of their own, as a browser shows it."""
    found = pulse.house.directory.find_moderator(who)
    assert found is not None
    answer = await pulse.http.post("/api/users/login", json={"email": found.email, "password": demo.PASSWORD})
    pulse.http.cookies.clear()
    return {"Cookie": f"pulse_session={answer.cookies['pulse_session']}"}


async def fresh_things(desk: Desk) -> dict[str, str]:
    """What admins manage, made for one who will change and remove it."""

    async def make(address: str, **body: object) -> str:
        answer = await desk.post("admin", address, body)
        assert answer.is_success, answer.text
        return str(answer.json()["id"])

    await a_canned_reply(desk)
    department = await make("/api/departments", name=a_name("Shelf"))
    return {
        "department_id": department,
        "user_id": str(await a_person(desk.pulse, WantedPerson("moderator", ()))),
        "source_id": await make("/api/sources", type="simulator", identifier=a_name("shop"), departments=[department]),
        "subscriber_id": await make("/api/subscribers", url="https://crm.example/hooks", types=["customer.*"]),
        "producer_id": await make("/api/producers", name=a_name("campaigns"), event_types=[an_event_type()]),
        "secret_id": str(uuid4()),
        "delivery_id": await a_delivery(desk),
    }


async def a_canned_reply(desk: Desk, **whose: str) -> None:
    reply = {"texts": {"en": "Hello!"}, **whose}
    headers = await desk.headers("admin")
    answer = await desk.pulse.http.put("/api/canned-replies/hello", json=reply, headers=headers)
    assert answer.is_success, answer.text


async def a_delivery(desk: Desk) -> str:
    pulse = desk.pulse
    said = {"from": a_name("vera"), "message": "Hello", "type": "text", "message_id": a_name("m")}
    assert (await pulse.http.post(pulse.webhook("simulator"), json=said)).is_success
    await settled(pulse)
    [newest] = (await desk.get("admin", "/api/deliveries", limit=1)).json()["items"]
    return str(newest["id"])


def an_event_type() -> dict[str, Any]:
    return {
        "type": "campaign.updated", "channel": "private-campaign.{data.campaign_id}", "audience": "staff",
        "event": "CampaignUpdated", "schema": {"type": "object", "required": ["campaign_id"]},
    }  # fmt: skip
