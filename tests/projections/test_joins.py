"""Who is one person, through however many joins."""

from __future__ import annotations

import itertools

from pulse.projections import joins
from tests.given import NOW
from tests.projections.conftest import append
from tests.projections.told import Told, vera

PEERS = ("1", "2", "3", "4", "5")


def join(told: Told, one, other) -> None:
    told.of(one, lambda c: c.join(other.id, now=NOW))
    told.of(other, lambda c: c.join(one.id, now=NOW))


def part(told: Told, one, other) -> None:
    told.of(one, lambda c: c.part(other.id, now=NOW))
    told.of(other, lambda c: c.part(one.id, now=NOW))


async def test_a_chain_of_joins_is_one_person_until_it_breaks(log, projector, reads):
    told = Told()
    people = [told.of(vera(peer)) for peer in PEERS]
    for one, other in itertools.pairwise(people[:4]):
        join(told, one, other)
    await append(log, told)
    await projector.catch_up()
    ids = [person.id for person in people]
    assert (await joins.identities(reads, ids[3]))[0] == ids[3]
    assert set(await joins.identities(reads, ids[3])) == set(ids[:4])
    assert await joins.identities(reads, ids[4]) == [ids[4]]
    assert len(await joins.among(reads, ids)) == 3
    later = Told()
    part(later, people[1], people[2])
    join(later, people[0], people[1])  # again: changes nothing
    await append(log, later)
    await projector.catch_up()
    assert set(await joins.identities(reads, ids[0])) == set(ids[:2])
    assert set(await joins.identities(reads, ids[3])) == set(ids[2:4])


async def test_nobody_shows_more_than_a_hundred_identities(log, projector, reads):
    told = Told()
    people = [told.of(vera(str(number))) for number in range(joins.MOST + 10)]
    for one, other in itertools.pairwise(people):
        join(told, one, other)
    await append(log, told)
    await projector.catch_up()
    found = await joins.identities(reads, people[0].id)
    assert len(found) == len(set(found)) == joins.MOST
