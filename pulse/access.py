"""Who may do what: the one door for HTTP and push alike. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Protocol, Self, TypedDict
from urllib.parse import urlsplit
from uuid import UUID

SIGNED = ("private-", "presence-")
# Nouns of Pulse itself: no producer tells anything there.
OWN = ("chat", "moderator", "user", "department")
RESERVED = frozenset(f"{signed}{noun}" for signed in SIGNED for noun in OWN)
# The room of all moderators, as Pulse names it; and as S3 does, which is public by its form and signed all the same.
GENERAL = "private-chat"
PUBLIC_GENERAL = "chat"
OF_A_CHAT = frozenset({"private-chat", "presence-chat"})
NAMED_BY_UUID = OF_A_CHAT | {"private-moderator", "private-user", "private-department"}
# Where Pusher's servers tell one person, in every window they signed in with.
TO_USER = "#server-to-user"
# The forms of https://pusher.com/docs/channels/using_channels/channels/, and the letters that names are made of. A noun
# can't begin with another form; a name with a colon would be signed as another channel with other data.
NAME = re.compile(
    r"(private-encrypted-|private-|presence-|)(cache-|)"
    r"((?!private-|presence-|encrypted-|cache-)[\w=@,;-]+)(?:\.([\w=@,.;-]+))?",
    re.ASCII,
)


class Audience(Protocol):
    """Where a chat stands: an event's scope, or a chat's row."""

    @property
    def department(self) -> UUID | None: ...
    @property
    def holder(self) -> UUID | None: ...


@dataclass(frozen=True, slots=True)
class Person:
    """A moderator or admin who is signed in."""

    id: UUID
    name: str
    role: str
    departments: frozenset[UUID]
    away: bool = False

    @property
    def is_admin(self) -> bool:
        return is_admin(self.role)


@dataclass(frozen=True, slots=True)
class Place:
    """A chat's place, for asking about it."""

    department: UUID | None
    holder: UUID | None


def by_moderator(moderator: UUID) -> str:
    """How the log names a moderator who did something."""
    return f"moderator:{moderator.hex}"


def moderator_in(by: str) -> UUID | None:
    """Whom the log names so; None for customers and the system."""
    kind, _, moderator = by.partition(":")
    return UUID(moderator) if kind == "moderator" and moderator else None


class Reach(TypedDict):
    """Which chats a list shows, as its query takes it: everything, or what is in some departments or held by one."""

    everything: bool
    departments: list[UUID]
    holder: UUID


@dataclass(frozen=True, slots=True)
class Subscription:
    """A channel that sockets subscribe to, such as `private-chat.{id}`: what kind it is, and whose.

    On a producer's channel (`private-campaign.{id}`) the id is whatever the producer calls its things; on the general
    room's, and on that of who is online, it is empty. `pair` are the two of a direct conversation
    (`private-chat.{a}.{b}`), in the order of their ids. `cache-` is no part of it: who may, is the same.
    """

    kind: str
    id: UUID | str
    pair: tuple[UUID, UUID] | None = None

    @classmethod
    def named(cls, name: str) -> Self | None:
        """None unless the id is written exactly as frames write it: another spelling would be another channel."""
        if name.startswith("#"):
            user = _as_written(name.removeprefix(f"{TO_USER}-"))
            return cls(TO_USER, user) if user else None
        found = NAME.fullmatch(name)
        if found is None:
            return None
        form, _, noun, wanted = found.groups()
        kind = form + noun
        if kind in NAMED_BY_UUID and wanted is not None:
            return cls._of_ids(kind, wanted)
        if wanted is None and form and kind not in OF_A_CHAT:
            return None
        return cls(kind, wanted or "")

    @classmethod
    def _of_ids(cls, kind: str, wanted: str) -> Self | None:
        match [_as_written(one) for one in wanted.split(".")]:
            case [UUID() as only]:
                return cls(kind, only)
            case [UUID() as one, UUID() as other] if kind == GENERAL and one != other:
                return cls(kind, wanted, (min(one, other), max(one, other)))
            case _:
                return None

    @property
    def noun(self) -> str:
        """What it is about, without the form it is told in: `chat`, `campaign`."""
        return self.kind.removeprefix("private-").removeprefix("presence-").removeprefix("encrypted-")

    @property
    def is_presence(self) -> bool:
        return self.kind.startswith("presence-")

    @property
    def is_private(self) -> bool:
        """Encrypted ones too."""
        return self.kind.startswith("private-")

    @property
    def is_encrypted(self) -> bool:
        return self.kind.startswith("private-encrypted-")

    @property
    def chat(self) -> UUID | None:
        """The chat it is about; None for a channel of anything else."""
        return self.id if self.kind in OF_A_CHAT and isinstance(self.id, UUID) else None


def channels_of(chat: UUID) -> list[str]:
    """Every channel that is about a chat, by its names."""
    forms = [kind.partition("-") for kind in OF_A_CHAT]
    return [f"{form}-{cache}{noun}.{chat}" for form, _, noun in forms for cache in ("", "cache-")]


def is_admin(role: str) -> bool:
    """Only this very word: a role that nobody knows is a moderator's."""
    return role == "admin"


def may_see(person: Person, chat: Audience) -> bool:
    """Admins see every chat, moderators those of their departments and those they hold."""
    return person.is_admin or chat.holder == person.id or chat.department in person.departments


def may_see_customer(person: Person, chats: Iterable[Audience]) -> bool:
    """Whoever sees a chat of a customer sees the customer, and may join, part and block them; admins see everybody."""
    return person.is_admin or any(may_see(person, chat) for chat in chats)


def reach_of(person: Person) -> Reach:
    """The same rule for lists: exactly the chats that `may_see` allows."""
    return Reach(everything=person.is_admin, departments=list(person.departments), holder=person.id)


def may_see_room(person: Person, people: Collection[UUID]) -> bool:
    """The general room names nobody and is for all moderators; a direct one is for its two, and admins are no exception."""
    return not people or person.id in people


def may_reply(person: Person, chat: Audience) -> bool:
    """Whoever sees a chat may answer, take and close it."""
    return may_see(person, chat)


def may_know_source(person: Person, departments: Collection[UUID]) -> bool:
    """Whoever is in a department of a source may know that it is there, and whether it sends; admins know all."""
    return person.is_admin or not person.departments.isdisjoint(departments)


def may_use_phrasebook(person: Person, department: UUID | None) -> bool:
    """Canned replies of a department are for its moderators, those of none for everybody; admins see all."""
    return department is None or person.is_admin or department in person.departments


def may_manage(person: Person) -> bool:
    """Sources, departments and people are the admins' business."""
    return person.is_admin


def may_reset_two_factor(person: Person, whose: UUID) -> bool:
    """Admins do it for others. One's own takes a code: else whoever finds an admin's open window needs none."""
    return may_manage(person) and person.id != whose


def shared_departments(person: Person, colleague: Person) -> frozenset[UUID]:
    """Everybody knows who their colleagues are; of a colleague's departments one knows one's own, admins all."""
    return colleague.departments if person.is_admin else colleague.departments & person.departments


def may_see_numbers(person: Person, moderator: UUID | str | None) -> bool:
    """Reports are the admins' business, but one's own numbers are everybody's own. None: the numbers of all."""
    return person.is_admin or moderator == person.id


def may_watch(person: Person, colleague: Person) -> bool:
    """Who is told when somebody comes and goes: colleagues who share a department, and admins."""
    return person.id != colleague.id and (person.is_admin or bool(shared_departments(person, colleague)))


def needs_signature(channel: str) -> bool:
    """What is not public is subscribed to with a signature that `may_subscribe` allowed; nothing is told on others."""
    return channel.startswith((*SIGNED, "#")) or sign_in_will_do(channel)


def sign_in_will_do(channel: str) -> bool:
    """Is it one of those for which Pusher's clients ask nobody for a signature, though it is not public here?

    A socket that has signed in (`pusher:signin`) needs none there: `may_subscribe` is asked about that person.
    """
    return channel.startswith(TO_USER) or channel.removeprefix("cache-") == PUBLIC_GENERAL


def may_subscribe(
    person: Person, channel: Subscription, chat: Audience | None, audiences: Collection[str] = ()
) -> bool:
    """A chat's channels are for who may see the chat (`chat`, if there is one), a person's for that person only, a
    department's for its members and admins, a room's for who may see the room, and who is online for every moderator.

    Any other is a producer's: for the `audiences` that producers' configurations name for it.
    """
    match channel.kind:
        case "private-chat" if channel.pair is not None:
            return may_see_room(person, channel.pair)
        case "chat" | "private-chat" | "presence-chat" if channel.id == "":
            return may_see_room(person, ())
        case "private-chat" | "presence-chat":
            return chat is not None and may_see(person, chat)
        case "private-moderator" | "private-user" | "#server-to-user":
            return person.id == channel.id
        case "private-department":
            return person.is_admin or channel.id in person.departments
        case kind:
            producers = kind.startswith(SIGNED) and channel.noun not in OWN
            return producers and any(may_hear(person, channel, audience) for audience in audiences)


def may_hear(person: Person, channel: Subscription, audience: str) -> bool:
    """On a producer's channel: `staff` is every moderator, `person` the one whose id the channel is named after."""
    return audience == "staff" or (audience == "person" and str(person.id) == channel.id)


def may_publish(channel: str, audiences: Collection[str]) -> bool:
    """Whoever holds the app's secret speaks on every channel but Pulse's own and those that producers tell `audiences` on:
    what is heard there is an event of the log, and nothing else. What is encrypted, Pulse could not say.
    """
    named = Subscription.named(channel)
    if named is not None and named.is_encrypted:
        return True
    if named is not None and (named.kind, named.id) == (PUBLIC_GENERAL, ""):
        return False
    kind = channel.partition(".")[0] if named is None else named.kind
    return kind not in RESERVED and not audiences


def may_call(origin: str | None, host: str) -> bool:
    """Pages of this very host may use a signed-in browser; ports may differ, because the push door has its own.

    A caller without Origin is no browser.
    """
    try:
        return origin is None or urlsplit(origin).hostname == urlsplit(f"//{host}").hostname is not None
    except ValueError:
        return False


def may_embed(origins: Collection[str], origin: str | None) -> bool:
    """A website without a list of origins may be embedded anywhere; a caller without Origin is no browser."""
    return not origins or origin is None or origin in origins


def _as_written(text: str) -> UUID | None:
    """An id in the one spelling that frames have."""
    try:
        found = UUID(text)
    except ValueError:
        return None
    return found if str(found) == text else None
