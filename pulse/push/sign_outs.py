"""Closes the sockets of sessions that have ended: at once when the log says so, and every few seconds anyway."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime
from uuid import UUID

import structlog

from pulse.directory import Directory
from pulse.push.codes import Code
from pulse.push.hub import Hub
from pulse.push.peers import Peer

LOOK_SECONDS = 5.0

log = structlog.get_logger(__name__)


class SignOuts:
    """What every socket was signed with is kept by the hub; whether it still counts, by the directory."""

    def __init__(self, hub: Hub, directory: Directory) -> None:
        self._hub = hub
        self._directory = directory

    def look(self, people: Iterable[UUID], now: datetime | None = None) -> None:
        """Closes what these people may keep open no longer; with a clock, also what is over by itself."""
        for person_id in people:
            for peer in list(self._hub.signed.get(person_id, ())):
                if not self.holds(peer, now):
                    self._close(peer)

    async def run(self, clock: Callable[[], datetime]) -> None:
        """Looks for ever: for sessions that are over by their age, and for whatever was missed."""
        while True:
            self.look(list(self._hub.signed), clock())
            await asyncio.sleep(LOOK_SECONDS)

    def holds(self, peer: Peer, now: datetime | None = None) -> bool:
        """Does every session that this socket was signed with still hold?"""
        return all(
            self._directory.signed_in(staff) is not None and (now is None or now.timestamp() < staff.session.until)
            for staff in peer.signed
        )

    def _close(self, peer: Peer) -> None:
        """Nothing more is told from this moment on; saying good-bye may take longer, and nobody waits for it."""
        self._hub.leave(peer)
        log.info("push.session_ended", socket=peer.socket_id)
        peer.dismiss(Code.SESSION_ENDED)
