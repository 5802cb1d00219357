"""Every list shows exactly the rows that access.py allows, and nothing of others' in the rows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings

from pulse.access import (
    Person,
    may_know_source,
    may_manage,
    may_see,
    may_see_customer,
    may_see_room,
    may_use_phrasebook,
    shared_departments,
)
from pulse.aggregates.room import GENERAL, direct_id
from pulse.house import now
from tests.access.rules import ADMIN, RULES
from tests.access.world import (
    CLOSED,
    PLAIN,
    WantedWorld,
    World,
    a_canned_reply,
    a_world,
    change,
    cookie_of,
    decide,
    departments,
    say,
    worlds,
)
from tests.conftest import Pulse
from tests.insisting import insist
from tests.promises import document
from tests.world import SALES, Desk, a_name, accounts, rows, settled

BOUNDED = settings(
    max_examples=8, derandomize=True, database=None, deadline=None, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
Rows = list[dict[str, Any]]


class Everything:
    """All worlds of this module: what one person's lists may not hold of the others'."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.worlds: list[World] = []

    async def rows(self, headers: dict[str, str], address: str) -> Rows:
        """A whole list, page by page."""
        found: Rows = []
        cursor: str | None = ""
        while cursor is not None:
            params = dict(parse_qsl(urlsplit(address).query)) | ({"cursor": cursor, "limit": 3} if cursor else {})
            answer = await self.desk.pulse.http.get(urlsplit(address).path, params=params, headers=headers)
            assert answer.status_code == 200, answer.text
            found += answer.json()["items"]
            cursor = answer.json()["next"]
        return found

    async def seen(self, person: Person) -> set[str]:
        """The chats that this person may see, whatever world they are of."""
        found = set()
        for world in self.worlds:
            for chat in world.chats:
                if may_see(person, await world.place(chat.id)):
                    found.add(str(chat.id))
        return found

    async def customers(self, person: Person) -> set[str]:
        known = [(world, chat) for world in self.worlds for chat in world.chats]
        return {str(chat.customer) for world, chat in known if may_see_customer(person, [await world.place(chat.id)])}

    async def callbacks(self, person: Person) -> set[str]:
        return await self.seen(person)

    async def sources(self, person: Person) -> set[str]:
        known = self.desk.pulse.house.directory.sources()
        return {str(source.id) for source in known if may_know_source(person, source.departments)}

    async def canned(self, person: Person) -> set[str]:
        return {str(department) for department in (None, *departments()) if may_use_phrasebook(person, department)}

    async def views(self, person: Person) -> set[str]:
        return {f"of {person.id}", "everybody's"}

    async def destinations(self, _: Person) -> set[str]:
        departments = self.desk.pulse.house.directory.departments()
        return {
            str(one.id)
            for one in departments
            if self.desk.pulse.house.directory.members_of(one.id) and not one.archived
        }

    async def colleagues(self, person: Person) -> set[str]:
        return {
            f"{one.id} {sorted(map(str, shared_departments(person, one)))}"
            for one in self.desk.pulse.house.directory.active()
        }

    async def hits(self, person: Person) -> set[str]:
        """The first message of each, and nothing else of theirs is so called."""
        return {f"{chat} 2" for chat in await self.seen(person)}

    async def found_chats(self, person: Person) -> set[str]:
        return {f"{chat} None" for chat in await self.seen(person)}

    async def rooms(self, person: Person) -> set[str]:
        pairs = [world.pair for world in self.worlds if may_see_room(person, world.pair)]
        return {str(GENERAL), *(str(direct_id(*pair)) for pair in pairs)}

    async def notifications(self, person: Person) -> set[str]:
        """Theirs, of rooms and of chats that they may see now, or that were theirs until then."""
        seen = await self.seen(person)
        told = [one for world in self.worlds for one in world.told if one[0] == person.id]
        rooms = await self.rooms(person)
        return {f"{kind} {what}" for _, kind, what in told if str(what) in seen | rooms or kind == "taken-away"}

    async def tags(self, person: Person) -> set[str]:
        """Each chat has one of its own."""
        return {UUID(chat).hex for chat in await self.seen(person)}

    async def drafts(self, person: Person) -> set[str]:
        """What they wrote is theirs, wherever the chat went."""
        return {str(chat) for world in self.worlds for who, chat in world.drafts if who == person.id}

    async def nobodys(self, person: Person) -> set[str]:
        return set()


Oracle = Callable[[Everything, Person], Awaitable[set[str]]]
# How each list is read, what a row is known by, and who says which rows there are.
LISTS: dict[str, tuple[str, Callable[[dict[str, Any]], str], Oracle]] = {
    "list_chats": ("/api/chats", lambda row: row["id"], Everything.seen),
    "list_customers": ("/api/customers", lambda row: row["id"], Everything.customers),
    "list_customers?name": ("/api/customers?name=ver", lambda row: row["id"], Everything.customers),
    "list_callbacks": ("/api/callbacks", lambda row: row["chat_id"], Everything.callbacks),
    "list_my_sources": ("/api/sources/mine", lambda row: row["id"], Everything.sources),
    "list_canned_replies": ("/api/canned-replies", lambda row: str(row["department_id"]), Everything.canned),
    "list_views": ("/api/views", lambda row: row["name"], Everything.views),
    "list_destinations": ("/api/colleagues/departments", lambda row: row["id"], Everything.destinations),
    "list_colleagues": ("/api/colleagues", lambda row: f"{row['id']} {sorted(row['departments'])}", Everything.colleagues),
    "search_messages": ("/api/search?q=Hello", lambda row: f"{row['chat_id']} {row['message_id']}", Everything.hits),
    "search_messages?chats": ("/api/search?q=Vera", lambda row: f"{row['chat_id']} {row['message_id']}", Everything.found_chats),
    "search_rooms": ("/api/search/rooms?q=lunch", lambda row: row["room_id"], Everything.rooms),
    "list_rooms": ("/api/rooms", lambda row: row["id"], Everything.rooms),
    "list_notifications": (
        "/api/notifications", lambda row: f"{row['kind']} {row['chat_id'] or row['room_id']}", Everything.notifications,
    ),
    "list_notifications?unread": (
        "/api/notifications?unread=true", lambda row: f"{row['kind']} {row['chat_id'] or row['room_id']}",
        Everything.notifications,
    ),
    "list_tags": ("/api/tags?limit=200", lambda row: row["tag"], Everything.tags),
    "list_drafts": ("/api/drafts", lambda row: row["chat_id"], Everything.drafts),
    "list_my_identities": ("/api/settings/identities", lambda row: row["id"], Everything.nobodys),
}  # fmt: skip
# Of one thing that was found by its own rule, of one's own numbers, of sessions, which tests/desk/test_my_sessions.py looks at, or
# for whoever holds the app's secret, who is nobody.
WITHIN = {
    "list_messages", "list_chat_events", "list_room_messages", "list_report_events", "list_viewers", "list_my_sessions",
    "list_widget_messages", "list_app_channels", "list_app_channel_users",
}  # fmt: skip


def test_every_list_has_an_oracle() -> None:
    found = {said["operationId"] for methods in document()["paths"].values() for said in methods.values()}
    lists = {one for one in found if one.startswith(("list_", "search_")) and RULES.get(one) is not ADMIN}
    assert lists == {name.partition("?")[0] for name in LISTS} | WITHIN


@pytest.fixture(scope="module")
async def everything(desk: Desk) -> Everything:
    """Canned replies of every department, a source of the last one, a word for everybody, and a view for everybody."""
    await say(desk.pulse, None)
    made = accounts(desk.pulse)
    for name in ("Sales", "Support", "Attic"):
        await made.create_department(name)
    await desk.pulse.house.directory.wait_until(
        lambda: all(desk.pulse.house.directory.department(one) for one in departments())
    )
    await a_canned_reply(desk)
    for department in departments():
        await a_canned_reply(desk, departmentId=str(department))
    far = await made.connect_source(
        "simulator", a_name("attic"), "Attic", (departments()[2],), settings={}, secrets={"secret": "s"}
    )
    await desk.pulse.house.directory.wait_for(far.position)
    view = {"query": {"tag": "late"}, "everybody": True}
    headers = await desk.headers("admin")
    assert (await desk.pulse.http.put("/api/views/everybody's", json=view, headers=headers)).is_success
    return Everything(desk)


@BOUNDED
@example(PLAIN)
@example(CLOSED)
@given(wanted=worlds)
async def test_lists_hold_what_may_be_seen_and_nothing_else(
    shared: Pulse, everything: Everything, wanted: WantedWorld
) -> None:
    world = await a_world(shared, wanted)
    everything.worlds.append(world)
    for who in world.people:
        if world.person(who) is not None:
            await save_own_view(world, who)
            await keep_drafts(world, who)
            await compare(everything, world, who)
    # The same people with other rights, and a chat elsewhere: every list follows.
    await change(shared, world.people[0], lambda one: one.change_role("moderator", (SALES,), now=now()))
    await change(shared, world.people[1], lambda one: one.change_role("admin", (), now=now()))
    if (holder := (await world.place(world.chats[0].id)).holder) is not None:
        world.told.append((holder, "taken-away", world.chats[0].id))
    await decide(shared, world.chats[0].id, lambda chat: chat.transfer(departments()[2], now=now()))
    for who in world.people:
        if world.person(who) is not None:
            world.cookies[who] = await cookie_of(shared, who)  # another role has ended the session
            await compare(everything, world, who)


async def compare(everything: Everything, world: World, who: UUID) -> None:
    await searched(world.pulse, await settled(world.pulse))
    person = world.person(who)
    assert person is not None
    for name, (address, known_by, oracle) in LISTS.items():
        found = [known_by(row) for row in await everything.rows(world.cookies[who], address)]
        assert len(found) == len(set(found)), name
        assert set(found) == await oracle(everything, person), (name, person)


async def save_own_view(world: World, who: UUID) -> None:
    """Their own; only admins may save one for everybody."""
    address, headers, query = f"/api/views/of {who}", world.cookies[who], {"query": {"tag": "late"}}
    assert (await world.pulse.http.put(address, json=query, headers=headers)).is_success
    if not may_manage(world.person(who)):
        refused = await world.pulse.http.put(address, json=query | {"everybody": True}, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (403, "admins-only")


async def keep_drafts(world: World, who: UUID) -> None:
    """In every chat that they may see."""
    for chat in world.chats:
        kept = await world.pulse.http.put(
            f"/api/chats/{chat.id}/draft", json={"text": "Dear Vera"}, headers=world.cookies[who]
        )
        assert kept.is_success == may_see(world.person(who), await world.place(chat.id))
        if kept.is_success:
            world.drafts.add((who, chat.id))


async def searched(pulse: Pulse, goal: int) -> None:
    """Waits until what is searched holds everything: it follows the lists in a moment of its own."""

    async def reached() -> bool:
        found = await rows(pulse, "select position from search.checkpoint")
        return bool(found) and found[0]["position"] >= goal

    await insist(reached, bool)


@BOUNDED
@example(PLAIN)
@given(wanted=worlds)
async def test_a_customers_page_shows_the_chats_that_may_be_seen(
    shared: Pulse, desk: Desk, wanted: WantedWorld
) -> None:
    """Also those of everybody who is the same person."""
    world = await a_world(shared, wanted)
    one, two = world.chats
    joined = await desk.post("admin", f"/api/customers/{one.customer}/join", {"with": str(two.customer)})
    assert joined.is_success
    await settled(shared)
    for who in world.people:
        person = world.person(who)
        if person is None:
            continue
        seen = {str(chat.id) for chat in world.chats if may_see(person, await world.place(chat.id))}
        for chat in world.chats:
            page = await shared.http.get(f"/api/customers/{chat.customer}", headers=world.cookies[who])
            assert page.status_code == (200 if seen else 404)
            assert {row["id"] for row in page.json().get("chats", ())} == seen
