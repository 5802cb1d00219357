"""Sources, departments, people, producers, who is blocked, how long files stay: folded from the log, always fresh.

So webhooks, sockets and permissions need no database.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from uuid import UUID

import structlog
from eventsourcing.domain import Aggregate

from pulse.access import Person, Subscription, may_manage
from pulse.aggregates.blocklist import Block, Blocklist, blocklist_id
from pulse.aggregates.department import Department, DepartmentIsArchived, NameTaken
from pulse.aggregates.identity import Identity, identity_id
from pulse.aggregates.moderator import Moderator, moderator_id
from pulse.aggregates.pager import Pager
from pulse.aggregates.phrasebook import Phrasebook, phrasebook_id
from pulse.aggregates.producer import Producer
from pulse.aggregates.retention import FOR_GOOD, RETENTION, Limits, Retention
from pulse.aggregates.source import Source, source_id
from pulse.aggregates.subscriber import Subscriber
from pulse.errors import BadInput, there
from pulse.eventlog.appends import Stored
from pulse.eventlog.envelope import NEWER_HISTORY, PREFIX, open_stored
from pulse.eventlog.follow import Follow
from pulse.eventlog.jetstream import Log
from pulse.tokens import Staff

log = structlog.get_logger(__name__)

KINDS = (
    "source", "department", "moderator", "producer", "blocklist", "subscriber", "phrasebook", "identity", "admins",
    "retention", "pager",
)  # fmt: skip


class UnknownDepartment(BadInput):
    """There is no such department."""


class AmbiguousDepartment(BadInput):
    """Several departments have this name."""


class Directory:
    """Ask it by id. `run` keeps it fresh; `ready` is set once all that existed at the start is known."""

    def __init__(self, source: Log) -> None:
        self.ready = asyncio.Event()
        self._source = source
        self._known: dict[UUID, Aggregate] = {}
        self._people: dict[UUID, Person] = {}
        self._beyond: set[UUID] = set()
        self._moved = asyncio.Condition()
        self._position = 0

    async def run(self) -> None:
        """Follows the log for ever."""
        subjects = tuple(f"{PREFIX}.{kind}.>" for kind in KINDS)
        async for page in Follow(self._source, 0, subjects=subjects, caught_up=self.ready):
            for stored in page:
                self._take(stored)
            await self._announce(page[-1].position)

    @property
    def position(self) -> int:
        """Of the newest event it knows."""
        return self._position

    async def wait_for(self, position: int) -> None:
        """Returns once an event of these kinds at that position is known."""
        await self.wait_until(lambda: self._position >= position)

    async def wait_until(self, condition: Callable[[], bool]) -> None:
        """Returns once what is known fulfils a condition."""
        async with self._moved:
            await self._moved.wait_for(condition)

    def find_source(self, source: UUID) -> Source | None:
        found = self._known.get(source)
        return found if isinstance(found, Source) else None

    def source(self, source: UUID) -> Source:
        """Raises NotFound."""
        return there(self.find_source(source))

    def source_named(self, channel: str, identifier: str) -> Source | None:
        return self.find_source(source_id(channel, identifier))

    def block_of(self, source: UUID, peer: str) -> Block | None:
        """Why a source takes nothing from somebody; None for whoever is not blocked."""
        blocklist = self._known.get(blocklist_id(source))
        return blocklist.blocks.get(peer) if isinstance(blocklist, Blocklist) else None

    def department(self, department: UUID) -> Department | None:
        found = self._known.get(department)
        return found if isinstance(found, Department) else None

    def require_department(self, department: UUID) -> Department:
        """Also one that is archived. Raises NotFound."""
        return there(self.department(department), "There is no such department.")

    def departments_named(self, names: Iterable[str]) -> tuple[UUID, ...]:
        """Each once, in this order. Raises UnknownDepartment, AmbiguousDepartment, DepartmentIsArchived."""
        wanted = dict.fromkeys(name.strip() for name in names)
        found = tuple(dict.fromkeys(self._department_named(name) for name in wanted))
        self.require_departments(found)
        return found

    def require_name_free(self, name: str, department: UUID) -> None:
        """For a department that shall have this name. Raises NameTaken, which says whose it is."""
        for other in self.departments():
            if other.id != department and other.is_called(name):
                raise NameTaken(department={"id": str(other.id), "name": other.name})

    def person(self, moderator: UUID) -> Person | None:
        """A moderator who may sign in; None for strangers and disabled accounts."""
        return self._people.get(moderator)

    def require_person(self, moderator: UUID) -> Person:
        """Raises NotFound."""
        return there(self.person(moderator), "There is no such moderator.")

    def signed_in(self, staff: Staff) -> Person | None:
        """Who it is, while their session has not been ended; every process learns of an end within moments."""
        known = self._known.get(staff.person)
        holds = isinstance(known, Moderator) and known.holds(staff.session.id, staff.session.since)
        return self.person(staff.person) if holds else None

    def require_departments(self, departments: Iterable[UUID]) -> None:
        """Raises UnknownDepartment, DepartmentIsArchived."""
        for department in departments:
            if (found := self.department(department)) is None:
                raise UnknownDepartment
            if found.archived:
                raise DepartmentIsArchived(f"The department {found.name} is archived. Restore it first.")

    def sources_for(self, department: UUID) -> list[Source]:
        """The sources whose chats may go to a department."""
        return [source for source in self.sources() if department in source.departments]

    def sources_on(self, channel: str | None, source: UUID | None) -> tuple[UUID, ...] | None:
        """The sources of a channel, or the one of them that is asked for; None for all, when neither is."""
        if channel is None:
            return None if source is None else (source,)
        on_it = (known.id for known in self.sources() if known.channel == channel)
        return tuple(sorted(known for known in on_it if source in (None, known)))

    def members_of(self, department: UUID) -> list[Person]:
        """The moderators of a department who may sign in."""
        return [person for person in self._people.values() if department in person.departments]

    def active(self) -> list[Person]:
        """Everybody who may sign in."""
        return list(self._people.values())

    def admins(self) -> frozenset[UUID]:
        """The admins who may sign in."""
        return frozenset(person.id for person in self._people.values() if may_manage(person))

    def find_moderator(self, moderator: UUID) -> Moderator | None:
        """Also one who is disabled."""
        found = self._known.get(moderator)
        return found if isinstance(found, Moderator) else None

    def require_moderator(self, moderator: UUID) -> Moderator:
        """Also one who is disabled. Raises NotFound."""
        return there(self.find_moderator(moderator))

    def name_of(self, moderator: UUID) -> str:
        """A moderator's name, also of one who has left; empty for strangers."""
        found = self.find_moderator(moderator)
        return found.name if found else ""

    def moderator(self, moderator: UUID) -> Moderator | None:
        found = self._known.get(moderator)
        return found if isinstance(found, Moderator) else None

    def moderator_by_email(self, email: str) -> Moderator | None:
        found = self._known.get(moderator_id(email))
        return found if isinstance(found, Moderator) and not found.disabled else None

    def person_with(self, provider: str, external_id: str) -> Person | None:
        """Whose identity it is; None if it is linked to nobody, or to somebody who may not sign in.

        Raises NotAnIdentity.
        """
        found = self._known.get(identity_id(provider, external_id))
        linked = found.moderator_id if isinstance(found, Identity) else None
        return self.person(linked) if linked else None

    def identities_of(self, moderator: UUID) -> list[Identity]:
        """What is linked to somebody now."""
        known = [each for each in self._known.values() if isinstance(each, Identity)]
        return [identity for identity in known if identity.moderator_id == moderator]

    def sources(self) -> list[Source]:
        return [known for known in self._known.values() if isinstance(known, Source)]

    def departments(self) -> list[Department]:
        return [known for known in self._known.values() if isinstance(known, Department)]

    def moderators(self) -> list[Moderator]:
        return [known for known in self._known.values() if isinstance(known, Moderator)]

    def producers(self) -> list[Producer]:
        return [known for known in self._known.values() if isinstance(known, Producer)]

    def producer(self, producer: UUID) -> Producer | None:
        """A producer whose posts are taken; None for strangers and disabled ones."""
        found = self._known.get(producer)
        return found if isinstance(found, Producer) and not found.disabled else None

    def audiences_of(self, kind: str) -> set[str]:
        """Who may subscribe to channels of a kind, as producers say. Presence and encrypted stand beside private."""
        told = f"private-{Subscription(kind, '').noun}"
        types = [event_type for producer in self.producers() for event_type in producer.event_types.values()]
        return {each.audience for each in types if each.channel.partition(".")[0] in (kind, told)}

    def find_producer(self, producer: UUID) -> Producer | None:
        """Also one that is disabled."""
        found = self._known.get(producer)
        return found if isinstance(found, Producer) else None

    def retention(self) -> Limits:
        """For how long files are kept."""
        found = self._known.get(RETENTION)
        return found.limits if isinstance(found, Retention) else FOR_GOOD

    def pagers(self) -> list[Pager]:
        """Those that are linked, of people who may sign in."""
        known = [known for known in self._known.values() if isinstance(known, Pager)]
        return [pager for pager in known if pager.linked_at is not None and pager.moderator_id in self._people]

    def subscribers(self) -> list[Subscriber]:
        """Without those that left."""
        return [known for known in self._known.values() if isinstance(known, Subscriber) and not known.left]

    def phrasebooks(self) -> list[Phrasebook]:
        return [known for known in self._known.values() if isinstance(known, Phrasebook)]

    def phrasebook(self, department: UUID | None) -> Phrasebook | None:
        """A department's canned replies; everybody's for None."""
        found = self._known.get(phrasebook_id(department))
        return found if isinstance(found, Phrasebook) else None

    def _department_named(self, name: str) -> UUID:
        """Raises UnknownDepartment, which names those there are, AmbiguousDepartment."""
        found = [department.id for department in self.departments() if department.is_called(name)]
        if not found:
            there = ", ".join(sorted(department.name for department in self.departments())) or "none yet"
            raise UnknownDepartment(
                f"There is no department {name!r}. There are: {there}. `pulse department add NAME` makes one."
            )
        if len(found) > 1:
            ids = ", ".join(sorted(map(str, found)))
            raise AmbiguousDepartment(f"{name!r} is ambiguous: {ids} have this name. Give all but one another name.")
        return found[0]

    def _take(self, stored: Stored) -> None:
        aggregate_id = UUID(stored.subject.rsplit(".", 1)[1])
        if aggregate_id in self._beyond:
            return
        try:
            recorded = open_stored(stored)
            known = self._known.get(aggregate_id)
            if known is None or known.version < recorded.ver:
                self._learn(aggregate_id, recorded.event.mutate(known))
        except NEWER_HISTORY:
            # A newer Pulse wrote it. Who or what it was about is unknown from here on: closed, not half known.
            log.exception("directory.beyond", position=stored.position)
            self._beyond.add(aggregate_id)
            self._known.pop(aggregate_id, None)
            self._people.pop(aggregate_id, None)

    def _learn(self, known_id: UUID, known: Aggregate | None) -> None:
        assert known is not None
        self._known[known_id] = known
        match known:
            case Moderator(disabled=True):
                self._people.pop(known_id, None)
            case Moderator():
                departments = frozenset(known.departments)
                self._people[known_id] = Person(known_id, known.name, known.role, departments, known.away)

    async def _announce(self, position: int) -> None:
        async with self._moved:
            self._position = position
            self._moved.notify_all()
