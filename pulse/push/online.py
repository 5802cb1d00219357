"""Tells the roster which moderators have a socket open here, as the hub has it: at once when one comes or goes."""

from __future__ import annotations

import asyncio
from uuid import UUID

from pulse.directory import Directory
from pulse.push.hub import Hub
from pulse.roster import Roster

GATHER_SECONDS = 0.05  # a thousand sockets that come back at once are looked at together


async def keep_online(hub: Hub, roster: Roster, directory: Directory) -> None:
    """Looks for ever. Nobody is left when it ends."""
    known: set[UUID] = set()
    try:
        while True:
            hub.people_moved.clear()
            here = hub.people()
            for person in here - known:
                roster.come(str(person), {"name": directory.name_of(person)})
            for person in known - here:
                roster.go(str(person))
            known = here
            await asyncio.sleep(GATHER_SECONDS)
            await hub.people_moved.wait()
    finally:
        for person in known:
            roster.go(str(person))
