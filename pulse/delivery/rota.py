"""Rota: who holds which open chats, which ones wait, and whose turn it is. Folded from envelopes; no I/O."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from uuid import UUID

from pulse.aggregates.chat_events import (
    ChatAssigned,
    ChatClosed,
    ChatOpened,
    ChatReopened,
    ChatTransferred,
)
from pulse.aggregates.chat_work import ChatSnoozed, ChatWoken
from pulse.eventlog.envelope import Envelope, wire_name

CAUSE = "routing"  # beside each assignment that a policy made
ASSIGNED = wire_name(ChatAssigned)[0]
# Nobody has to look at a chat after one of these.
GONE = {wire_name(event)[0] for event in (ChatClosed, ChatSnoozed)}
# A chat with one of these is open; others happen to closed chats too.
OPEN = {wire_name(event)[0] for event in (ChatOpened, ChatReopened, ChatAssigned, ChatTransferred, ChatWoken)}

Turns = dict[tuple[UUID, UUID], int]


@dataclass(slots=True)
class Stand:
    """Where an open chat stands as of one of its versions."""

    department: UUID | None
    holder: UUID | None
    version: int


class Rota:
    """Open chats that somebody holds, and those that wait in `departments`; `turns` are positions of last assignments.

    Every event carries its chat's whole scope, so reading a part of the log twice changes nothing.
    """

    def __init__(self, departments: frozenset[UUID], turns: Turns) -> None:
        self.departments = departments
        self.turns = turns
        self._chats: dict[UUID, Stand] = {}
        self._held: Counter[UUID] = Counter()
        self._waiting: defaultdict[UUID, dict[UUID, int]] = defaultdict(dict)  # since which position, in that order

    def held_by(self, moderator: UUID) -> int:
        """How many open chats this moderator holds, in all departments."""
        return self._held[moderator]

    def waiting_in(self, department: UUID) -> list[UUID]:
        """Chats without a holder, the one that waits longest first."""
        return list(self._waiting[department])

    def take(self, position: int, chat_id: UUID, envelope: Envelope) -> None:
        """An event of a chat. Which chats wait is known from their envelopes alone, whatever happened to them."""
        scope = envelope.scope
        if envelope.type == ASSIGNED and envelope.cause == CAUSE and scope.department and scope.holder:
            self._turn(scope.department, scope.holder, position)
        known = self._chats.get(chat_id)
        if known is not None and envelope.ver <= known.version:
            return
        if envelope.type in GONE:
            self.drop(chat_id)
        elif known is not None or envelope.type in OPEN:
            self.put(chat_id, Stand(scope.department, scope.holder, envelope.ver), position)

    def put(self, chat_id: UUID, stand: Stand, position: int) -> None:
        """An open chat stands here now. One that goes on waiting where it waited keeps its place."""
        known = self._chats.get(chat_id)
        if known is not None and (known.department, known.holder) == (stand.department, stand.holder):
            known.version = stand.version
            return
        self.drop(chat_id)
        if stand.holder is not None:
            self._held[stand.holder] += 1
        elif stand.department in self.departments:
            self._waiting[stand.department][chat_id] = position
        else:
            return
        self._chats[chat_id] = stand

    def give(self, chat_id: UUID, stand: Stand, position: int) -> None:
        """An assignment of our own, before it comes back with the log."""
        assert stand.department
        assert stand.holder
        self._turn(stand.department, stand.holder, position)
        known = self._chats.get(chat_id)
        if known is None or known.version < stand.version:
            self.put(chat_id, stand, position)

    def drop(self, chat_id: UUID) -> None:
        """Forgets a chat: until it opens, moves or is assigned, nobody asks for it."""
        stand = self._chats.pop(chat_id, None)
        if stand is None:
            return
        if stand.holder is not None:
            self._held[stand.holder] -= 1
        elif stand.department is not None:
            self._waiting[stand.department].pop(chat_id, None)

    def in_order(self) -> None:
        """Sorts what waits, once it was put together in any order."""
        for department, waiting in self._waiting.items():
            self._waiting[department] = dict(sorted(waiting.items(), key=lambda item: item[1]))

    def _turn(self, department: UUID, moderator: UUID, position: int) -> None:
        self.turns[department, moderator] = max(position, self.turns.get((department, moderator), 0))
