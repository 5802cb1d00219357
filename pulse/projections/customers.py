"""Customers: who wrote, on which source, as the channel names them, and whether they can be reached."""

from __future__ import annotations

from functools import lru_cache
from uuid import UUID

from pulse.aggregates.chat_events import MessageReceived
from pulse.aggregates.customer import CustomerLeft, CustomerMet, CustomerReturned, customer_id
from pulse.eventlog.envelope import Recorded
from pulse.message import Author
from pulse.projections.changes import Changes
from pulse.projections.sql import Statements

VERSION = 2
REMEMBERED = 10_000
SQL = Statements(__file__)
WRITES = ("upsert_people", "change_reach")


def project(recorded: Recorded, changes: Changes) -> None:
    """People come from their first contact and from every message, which may know a newer name."""
    match recorded.event:
        case CustomerMet() as met:
            author = Author(met.peer, met.name, met.username, met.language)
            _seen(recorded, met.source_id, author, changes, messages=0)
        case MessageReceived(message=message) if recorded.scope.source is not None:
            _seen(recorded, recorded.scope.source, message.author, changes, messages=1)
        case CustomerLeft():
            _reach(recorded, changes, reachable=False)
        case CustomerReturned():
            _reach(recorded, changes, reachable=True)


def _seen(recorded: Recorded, source_id: UUID, author: Author, changes: Changes, *, messages: int) -> None:
    known = known_id(source_id, author.id)
    row = changes.fold("customers.upsert_people", known)
    row |= {
        "customer_id": known,
        "source_id": source_id,
        "peer": author.id,
        "name": author.name or row.get("name"),
        "username": author.username or row.get("username"),
        "language": author.language or row.get("language"),
        "messages": row.get("messages", 0) + messages,
        "first_at": row.get("first_at", recorded.at),
        "last_at": recorded.at,
        "last_position": recorded.position,
    }


@lru_cache(REMEMBERED)
def known_id(source_id: UUID, peer: str) -> UUID:
    """The customer's computed id; computing it is a fifth of projecting a message."""
    return customer_id(source_id, peer)


def _reach(recorded: Recorded, changes: Changes, *, reachable: bool) -> None:
    row = changes.fold("customers.change_reach", recorded.aggregate_id)
    row |= {"customer_id": recorded.aggregate_id, "reachable": reachable}
