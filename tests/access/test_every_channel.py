"""Every subscription channel is signed, and every frame is told, for exactly whom access.py says: before and after chats
move, roles change and accounts are closed."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from pulse.access import GENERAL, Place, Subscription, may_hear, may_see, may_see_room, may_subscribe
from pulse.aggregates.chat import Chat
from pulse.aggregates.chat_standing import Handover, Seen
from pulse.aggregates.feed import EventPublished
from pulse.aggregates.room import GENERAL as ROOM_OF_ALL
from pulse.aggregates.room import RoomMessageWritten
from pulse.eventlog.envelope import Recorded
from pulse.house import now
from pulse.message import Author, Incoming
from pulse.projections.changes import Row
from pulse.projections.notifications import notices_of
from tests.access.world import (
    CLOSED,
    PLAIN,
    Known,
    WantedChat,
    WantedWorld,
    World,
    a_chat,
    a_world,
    change,
    decide,
    departments,
    mention,
    say,
    worlds,
)
from tests.conftest import Pulse
from tests.push.ears import Ear, staff_ear
from tests.push.test_feed_frames import published
from tests.push.test_protocol import PusherEar, pusher_ear
from tests.world import a_name, settled, since

BOUNDED = settings(
    max_examples=3, derandomize=True, database=None, deadline=None, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
# What the demo's producers configure.
AUDIENCES = {"campaign": {"staff"}, "financial": {"person"}}
SOCKET, CAMPAIGN = "1234.5678", "17"
FORMS = (
    "private", "presence", "private-encrypted", "private-cache", "presence-cache", "private-encrypted-cache",
    "private-cache-encrypted", "presence-encrypted",
)  # fmt: skip


def named_channels(world: World) -> Iterator[str]:
    """Of every kind there is, in every form, and of kinds there are not."""
    for prefix in FORMS:
        for chat in (*(chat.id for chat in world.chats), uuid4()):
            yield f"{prefix}-chat.{chat}"
        for who in (*world.people, uuid4()):
            yield from (f"{prefix}-{kind}.{who}" for kind in ("moderator", "user", "financial", "source", "customer"))
        yield from (f"{prefix}-department.{department}" for department in (*departments(), uuid4()))
        yield from (f"{prefix}-campaign.17", f"{prefix}-chat", f"{prefix}-room.1", f"{prefix}-department")
    one, other = world.pair
    for pair in ((one, other), (other, one), (one, world.people[1]), (one, uuid4()), (one, one), (one, other, one)):
        for prefix in FORMS:
            yield f"{prefix}-chat.{'.'.join(map(str, pair))}"
    yield from (f"#server-to-user-{who}" for who in (*world.people, uuid4()))
    yield from (
        "cache-chat",
        "cache-campaign.17",
        f"cache-private-chat.{world.chats[0].id}",
        f"chat.{world.chats[0].id}",
    )
    yield from ("chat", "campaign.17", "news", f"private-chat.{one}.", f"private-chat.{one.hex}.{other.hex}")


async def test_the_oracle_knows_the_producers_of_the_demo(shared: Pulse) -> None:
    """What the oracle is told of producers is what Pulse knows of them."""
    for kind, audiences in AUDIENCES.items():
        assert shared.house.directory.audiences_of(f"private-{kind}") == audiences


@BOUNDED
@example(PLAIN)
@example(CLOSED)
@given(wanted=worlds)
async def test_every_channel_is_signed_for_whom_access_says(shared: Pulse, wanted: WantedWorld) -> None:
    world = await a_world(shared, wanted)
    for who in world.people:
        channels = list(named_channels(world))
        expected = {channel: 200 if await is_theirs(world, who, channel) else 403 for channel in channels}
        for channel in channels:
            asked = {"socket_id": SOCKET, "channel_name": channel}
            answer = await shared.http.post("/broadcasting/auth", json=asked, headers=world.cookies[who])
            alone = 401 if world.person(who) is None else expected[channel]
            assert answer.status_code == alone, (channel, world.person(who), answer.text)
        if world.person(who) is not None:
            assert await signed_together(world, who, channels) == expected


async def signed_together(world: World, who: UUID, channels: Sequence[str]) -> dict[str, int]:
    """What each channel is answered where many are asked for at once."""
    found: dict[str, int] = {}
    for first in range(0, len(channels), 100):
        asked = {"socket_id": SOCKET, "channel_names": channels[first : first + 100]}
        answer = await world.pulse.http.post("/broadcasting/auth/batch", json=asked, headers=world.cookies[who])
        assert answer.status_code == 200, answer.text
        found |= {one["channel"]: one["status"] for one in answer.json()["channels"]}
    return found


async def is_theirs(world: World, who: UUID, channel: str) -> bool:
    person, named = world.person(who), Subscription.named(channel)
    if person is None or named is None:
        return False
    place = await world.place(named.chat) if named.chat in {chat.id for chat in world.chats} else None
    return may_subscribe(person, named, place, AUDIENCES.get(named.noun, set()))


# Frames


@dataclass(frozen=True)
class Act:
    """Something that happens to a chat or to a person, by index; `to` is a department's or another person's."""

    what: str
    which: int
    to: int


acts = st.lists(
    st.builds(
        Act,
        st.sampled_from(
            ("write", "write", "note", "assign", "unassign", "transfer", "hand over", "close", "departments", "role", "disable", "news", "money", "mention", "word", "private word")
        ),
        st.integers(0, 1), st.integers(0, 2),
    ),
    min_size=6, max_size=12,
)  # fmt: skip
MOVED_ABOUT = [
    Act("write", 0, 0), Act("hand over", 0, 2), Act("write", 0, 0), Act("assign", 0, 0), Act("note", 0, 0),
    Act("unassign", 0, 0), Act("write", 0, 0), Act("news", 0, 0), Act("money", 0, 0), Act("money", 0, 1),
    Act("departments", 0, 2), Act("write", 0, 0), Act("disable", 1, 0), Act("money", 0, 1), Act("news", 0, 0),
    Act("write", 0, 0), Act("write", 1, 0), Act("mention", 0, 0), Act("mention", 1, 0), Act("mention", 0, 2),
    Act("word", 0, 0), Act("word", 0, 1), Act("private word", 0, 0), Act("private word", 0, 1),
]  # fmt: skip
# Whoever saw the chat before one of these is told that it went.
MOVES = {"chat.assigned", "chat.unassigned", "chat.transferred", "chat.closed"}


@dataclass
class Window:
    """What one person hears: on a staff socket, and on the Pusher channels they were allowed to subscribe to."""

    who: UUID
    staff: Ear
    pusher: PusherEar
    channels: set[str]
    barrier: Known
    left: set[str] = field(default_factory=set)
    expected: Counter[tuple[str, int]] = field(default_factory=Counter)
    on_channels: Counter[tuple[str, int]] = field(default_factory=Counter)


@BOUNDED
@example(PLAIN, MOVED_ABOUT)
@example(PLAIN, [Act("departments", 1, 2), *MOVED_ABOUT, Act("role", 0, 0), Act("write", 0, 0)])
@given(wanted=worlds, acts=acts)
async def test_every_frame_is_told_to_whom_access_says(shared: Pulse, wanted: WantedWorld, acts: list[Act]) -> None:
    world = await a_world(shared, wanted)
    async with AsyncExitStack() as stack:
        witness = await a_chat(shared, WantedChat(None, None), [])
        admin = Admin(await stack.enter_async_context(staff_ear(shared)), witness)
        windows = [await stack.enter_async_context(a_window(world, who)) for who in world.people if world.person(who)]
        for act in acts:
            await perform(world, admin, windows, act)
        for window in windows:
            await compare(world, window)


@asynccontextmanager
async def a_window(world: World, who: UUID) -> AsyncIterator[Window]:
    """With a chat of their own, which they hear whatever else happens: the last that is told to them."""
    pulse = world.pulse
    async with staff_ear(pulse, who) as staff, pusher_ear(pulse) as pusher:
        barrier = await a_chat(pulse, WantedChat(None, 0), [who])
        ready = await decide(pulse, barrier.id, a_message)
        await staff.until(lambda frame: frame.get("seq") == ready and frame["type"] == "chat.alert")
        staff.heard.clear()  # of how the world came to be
        channels = set()
        for channel in (*own_channels(world), *(f"private-chat.{one.id}" for one in (*world.chats, barrier))):
            asked = {"socket_id": pusher.socket_id, "channel_name": channel}
            answer = await pulse.http.post("/broadcasting/auth", json=asked, headers=world.cookies[who])
            if answer.is_success:
                signed: dict[str, Any] = answer.json()
                told = await pusher.subscribe(channel, **signed)
                assert told["event"] == "pusher_internal:subscription_succeeded"
                channels.add(channel)
        yield Window(who, staff, pusher, channels, barrier)


def own_channels(world: World) -> Iterator[str]:
    """All that is not a chat's; of each kind also somebody else's."""
    yield f"private-campaign.{CAMPAIGN}"
    for who in world.people:
        yield from (f"private-{kind}.{who}" for kind in ("moderator", "user", "financial"))
    yield from (GENERAL, *both_names(world.pair))


def both_names(pair: tuple[UUID, UUID]) -> tuple[str, str]:
    one, other = pair
    return f"private-chat.{one}.{other}", f"private-chat.{other}.{one}"


async def perform(world: World, admin: Admin, windows: list[Window], act: Act) -> None:
    """Returns when everybody was told. Whoever manages hears every chat: by their ear it is known what there is to hear."""
    before = await settled(world.pulse)
    place = await world.place(world.chats[act.which].id)
    await ACTS[act.what](world, act)
    happened = await since(world.pulse, before)
    told = await admin.told_until_now(world.pulse)
    for recorded in happened:
        if isinstance(recorded.event, EventPublished):
            expect_news(world, windows, recorded.event.telling.channel, recorded.position)
        if isinstance(recorded.event, RoomMessageWritten):
            expect_words(world, windows, recorded)
        for notice in notices_of(recorded):
            expect_notice(world, windows, recorded, notice)
        if recorded.kind != "chat":
            continue
        here = Place(recorded.scope.department, recorded.scope.holder)
        places = (here, place) if recorded.envelope.type in MOVES else (here,)
        for window in windows:
            expect(world, window, recorded, places, told)
    for window in windows:
        await expect_leaving(world, window)


@dataclass
class Admin:
    """Hears everything; `witness` is a chat in which something is said after each act."""

    ear: Ear
    witness: Known

    async def told_until_now(self, pulse: Pulse) -> Counter[tuple[str, int]]:
        last = await decide(pulse, self.witness.id, a_message)
        heard = await self.ear.until(lambda frame: frame.get("seq") == last and frame["type"] == "chat.alert")
        return Counter((frame["type"], frame["seq"]) for frame in heard if frame.get("seq", last) < last)


def expect(
    world: World, window: Window, recorded: Recorded, places: tuple[Place, ...], told: Counter[tuple[str, int]]
) -> None:
    """Whoever sees a chat is told what happens to it, and that it went whoever saw it before."""
    person = world.person(window.who)
    if person is None or window.who in world.signed_out or not any(may_see(person, place) for place in places):
        return
    frames = Counter({one: times for one, times in told.items() if one[1] == recorded.position})
    window.expected += frames
    channel = f"private-chat.{recorded.aggregate_id}"
    if channel in window.channels:
        window.on_channels[channel, recorded.position] += sum(frames.values())
    if recorded.envelope.type == "chat.assigned" and recorded.scope.holder == window.who:
        window.on_channels[f"private-moderator.{window.who}", recorded.position] += 1


def expect_news(world: World, windows: list[Window], channel: str, position: int) -> None:
    """Whoever subscribed to a producer's channel and still may hear it."""
    named = Subscription.named(channel)
    assert named is not None
    [audience] = AUDIENCES[named.kind.partition("-")[2]]
    for window in windows:
        person = world.person(window.who)
        if person is None or window.who in world.signed_out or channel not in window.channels:
            continue
        window.on_channels[channel, position] += may_hear(person, named, audience)


def expect_words(world: World, windows: list[Window], recorded: Recorded) -> None:
    """Everybody of the room hears what is said there; on the name of the room that they asked for."""
    people = () if recorded.aggregate_id == ROOM_OF_ALL else world.pair
    for window in windows:
        person = world.person(window.who)
        if person is None or window.who in world.signed_out or not may_see_room(person, people):
            continue
        window.expected["room.message", recorded.position] += 1
        for channel in both_names(world.pair) if people else (GENERAL,):
            window.on_channels[channel, recorded.position] += channel in window.channels


def expect_notice(world: World, windows: list[Window], recorded: Recorded, notice: Row) -> None:
    """Nobody but the one it is for, and of a chat only while they may see it, or if it was theirs until then."""
    for window in windows:
        person = world.person(window.who)
        if person is None or window.who in world.signed_out or window.who != notice["moderator_id"]:
            continue
        anyway = notice["chat_id"] is None or notice["kind"] in ("taken-away", "closed")
        if anyway or may_see(person, Place(recorded.scope.department, recorded.scope.holder)):
            window.expected["notification.created", recorded.position] += 1
            window.on_channels[f"private-user.{window.who}", recorded.position] += 1


async def expect_leaving(world: World, window: Window) -> None:
    """Whoever does not see a chat any more is taken off its channel, and is not on it again by seeing it again."""
    person = world.person(window.who)
    if person is not None and window.who not in world.signed_out:
        gone = {f"private-chat.{one.id}" for one in world.chats if not may_see(person, await world.place(one.id))}
        window.left |= window.channels & gone
        window.channels -= gone


async def compare(world: World, window: Window) -> None:
    """Up to the last that they can hear: something in their own chat, or the end of their session."""
    end = await decide(world.pulse, window.barrier.id, a_message)
    if window.who in world.signed_out:
        await window.staff.until_closed()
        await window.pusher.until_closed()
    else:
        await window.staff.until(lambda frame: frame.get("seq") == end and frame["type"] == "chat.alert")
        await window.pusher.until(lambda frame: frame.get("seq") == end and frame["event"] == "ChatAlert")
    theirs = {str(chat.id) for chat in world.chats}
    heard = [frame for frame in window.staff.heard if is_of(theirs, frame) and "seq" in frame]
    assert Counter((frame["type"], frame["seq"]) for frame in heard) == window.expected
    own = f"private-chat.{window.barrier.id}"
    subscribed = [frame for frame in window.pusher.heard if frame.get("seq") and frame["channel"] != own]
    assert Counter((frame["channel"], frame["seq"]) for frame in subscribed) == window.on_channels
    refused = [frame for frame in window.pusher.heard if frame["event"] == "pusher:subscription_error"]
    assert {frame["channel"] for frame in refused} == window.left


def is_of(chats: set[str], frame: dict[str, Any]) -> bool:
    return frame.get("session_id") in chats or frame["type"].startswith(("room.", "notification."))


def a_message(chat: Chat) -> None:
    chat.receive(Incoming(a_name("d"), Author("77", "Vera"), "And now?", a_name("m")), raw="{}", now=now())


Perform = Callable[[World, Act], Awaitable[None]]


def on_chat(what: Callable[[World, Act, Chat], object]) -> Perform:
    async def act(world: World, act: Act) -> None:
        await decide(
            world.pulse, world.chats[act.which].id, lambda chat: None if chat.closed else what(world, act, chat)
        )

    return act


async def other_departments(world: World, act: Act) -> None:
    theirs, who = (departments()[act.to],), world.people[act.which]
    await change(world.pulse, who, lambda one: one.change_role(one.role, theirs, now=now()))


async def another_role(world: World, act: Act) -> None:
    """It ends every session, with its sockets."""
    who = world.people[act.which]
    other = {"admin": "moderator", "moderator": "admin"}
    await change(world.pulse, who, lambda one: one.change_role(other[one.role], one.departments, now=now()))
    world.signed_out.add(who)


async def closed_account(world: World, act: Act) -> None:
    await change(world.pulse, world.people[act.which], lambda one: one.disable(now=now()))
    world.signed_out.add(world.people[act.which])


async def campaign_news(world: World, act: Act) -> None:
    await published(world.pulse, "campaign.updated", campaign_id=CAMPAIGN)


async def somebodys_money(world: World, act: Act) -> None:
    await published(world.pulse, "money.deposit-completed", amount="10.00", user_id=str(world.people[act.to]))


async def mentioned(world: World, act: Act) -> None:
    await mention(world, world.chats[act.which].id, (world.people[act.to],))


async def a_word(world: World, act: Act) -> None:
    await say(world.pulse, None, mentions=(world.people[act.to],))


async def a_private_word(world: World, act: Act) -> None:
    await say(world.pulse, world.pair, mentions=world.pair)


def assigned(world: World, act: Act, chat: Chat) -> None:
    chat.assign(world.people[act.to], seen=Seen(chat.holder_id), now=now())


def let_go(world: World, act: Act, chat: Chat) -> None:
    if chat.holder_id is not None:
        chat.unassign(seen=Seen(chat.holder_id), now=now())


ACTS: dict[str, Perform] = {
    "write": on_chat(lambda world, act, chat: a_message(chat)),
    "note": on_chat(
        lambda world, act, chat: chat.note("Hm", moderator_id=world.people[act.to], mentions=(), now=now())
    ),
    "assign": on_chat(assigned),
    "unassign": on_chat(let_go),
    "transfer": on_chat(lambda world, act, chat: chat.transfer(departments()[act.to], now=now())),
    "hand over": on_chat(
        lambda world, act, chat: chat.transfer(
            departments()[act.to], now=now(), handover=Handover(world.people[0], "A word with you")
        )
    ),
    "close": on_chat(lambda world, act, chat: chat.close(world.people[act.to], now=now())),
    "departments": other_departments,
    "role": another_role,
    "disable": closed_account,
    "news": campaign_news,
    "money": somebodys_money,
    "mention": mentioned,
    "word": a_word,
    "private word": a_private_word,
}
