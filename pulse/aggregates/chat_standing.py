"""Where a chat stands: who holds it, which department it is in, whether it is closed. Moderators and policies decide."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pulse.aggregates.chat_events import ChatAssigned, ChatClosed, ChatReopened, ChatTransferred, ChatUnassigned
from pulse.aggregates.chat_work import WorkedChat
from pulse.errors import BadInput, Refusal
from pulse.values import value

NOTE_BEGINS = 200


class ChatIsClosed(Refusal):
    """This chat is closed. Open it again, or wait until the customer writes."""


class HeldByAnother(Refusal):
    """Somebody else holds this chat."""


class NotItsVersion(BadInput):
    """This is no version of this chat: it has not come so far. A position in the log is something else."""


class ChangedHands(HeldByAnother):
    """This chat has changed hands since you looked. See who holds it now, and decide again."""


@value
class Seen:
    """What the author of a command saw before they gave it: who held the chat, or its version. A version counts more."""

    holder: UUID | None = None
    version: int | None = None


@value
class Handover:
    """What is said when a chat is passed on: who says it, and a note for whoever gets it."""

    by: UUID
    note: str


FREE = Seen()


class StandingChat(WorkedChat):
    """A `command` is a key of the client's id, as in `WorkedChat`. `seen` is what its author saw.

    A chat is not taken out of somebody's hands by who saw it in others (HeldByAnother), or saw a version before it last
    changed hands (ChangedHands); both name who holds it now. `assign` and `unassign` always ask. `transfer` and `close`
    go through whoever holds the chat, unless the author says what they saw. Nobody saw what is to come (NotItsVersion).
    """

    def take(self, moderator_id: UUID, *, now: datetime, command: int | None = None) -> None:
        """A moderator opens the chat: a free one becomes theirs, one that is held stays where it is."""
        if self.holder_id is None and not self.closed:
            self.assign(moderator_id, now=now, command=command)

    def assign(
        self, moderator_id: UUID, *, now: datetime, seen: Seen = FREE, command: int | None = None,
        handover: Handover | None = None,
    ) -> None:  # fmt: skip
        """Gives the chat to a moderator. Guarded: only a free one, if nothing else was `seen`."""
        if self.closed:
            raise ChatIsClosed
        if self.holder_id == moderator_id:
            self._leave_note(handover, now=now, command=command)
            return
        self._require_seen(seen)
        self._pass_on(handover, now=now)
        self.trigger_event(
            ChatAssigned, moderator_id=moderator_id, from_moderator_id=self.holder_id, command=command,
            note=_beginning(handover), timestamp=now,
        )  # fmt: skip

    def unassign(self, *, now: datetime, seen: Seen, command: int | None = None) -> None:
        """Lets a chat go: it is free in its department. Guarded: only if it stands as it was `seen`."""
        if self.holder_id is None:
            return
        self._require_seen(seen)
        self._free(now=now, command=command)

    def let_go(self, moderator_id: UUID, *, now: datetime) -> None:
        """Whoever held the open chat can't any more: it is free again in its department. Another's stays theirs."""
        if self.holder_id == moderator_id and self.department_id is not None:
            self._free(now=now)

    def give(self, moderator_id: UUID, *, department_id: UUID, now: datetime) -> None:
        """A department's policy gives a free chat of that department to a moderator. Whoever took it first keeps it."""
        if self.department_id == department_id and self.snoozed_until is None:
            self.take(moderator_id, now=now)

    def transfer(
        self, department_id: UUID, *, now: datetime, seen: Seen | None = None, command: int | None = None,
        handover: Handover | None = None,
    ) -> None:  # fmt: skip
        """Moves the chat to a department; whoever held it lets go. Guarded only if the author says what they saw.

        Its own department gets it back from its holder.
        """
        if self.closed:
            raise ChatIsClosed
        is_here = department_id == self.department_id
        if is_here and self.holder_id is None:
            self._leave_note(handover, now=now, command=command)
            return
        self._require_seen(seen)
        self._pass_on(handover, now=now)
        if is_here:
            self._free(now=now, command=command, handover=handover)
            return
        self.trigger_event(
            ChatTransferred, department_id=department_id, from_department_id=self.department_id,
            from_moderator_id=self.holder_id, command=command, note=_beginning(handover), timestamp=now,
        )  # fmt: skip

    def close(self, moderator_id: UUID, *, now: datetime, seen: Seen | None = None, command: int | None = None) -> None:
        """Ends the conversation for now, whoever holds it. Guarded only if the author says what they saw."""
        if self.closed:
            return
        self._require_seen(seen)
        self.trigger_event(
            ChatClosed, moderator_id=moderator_id, from_moderator_id=self.holder_id, command=command, timestamp=now
        )

    def reopen(self, *, now: datetime, command: int | None = None) -> None:
        """Goes on with a conversation that had ended; it is free."""
        if self.closed:
            self.trigger_event(ChatReopened, command=command, timestamp=now)

    def require_version(self, version: int) -> None:
        """Raises NotItsVersion for one that is still to come."""
        if version > self.version:
            raise NotItsVersion(version=self.version)

    def _require_seen(self, seen: Seen | None) -> None:
        """The one guard against acting on a stale picture: by the version, or by the holder. None asks for no guard."""
        if seen is None:
            return
        if seen.version is not None:
            self.require_version(seen.version)
            if seen.version < self.moved_at:
                raise ChangedHands(holder=self.holder_id and str(self.holder_id))
        elif self.holder_id not in (None, seen.holder):
            raise HeldByAnother(holder=str(self.holder_id))

    def _free(self, *, now: datetime, command: int | None = None, handover: Handover | None = None) -> None:
        """Out of whoever's hands it is in."""
        self.trigger_event(
            ChatUnassigned, from_moderator_id=self.holder_id, command=command, note=_beginning(handover), timestamp=now
        )

    def _pass_on(self, handover: Handover | None, *, now: datetime) -> None:
        """Whoever gets a chat has to look at it, and at the note first."""
        self.wake(now=now)
        self._leave_note(handover, now=now)

    def _leave_note(self, handover: Handover | None, *, now: datetime, command: int | None = None) -> None:
        """What is said with a handover is kept, even where nothing moves."""
        if handover is not None and handover.note.strip():
            self.note(handover.note, moderator_id=handover.by, now=now, command=command)


def _beginning(handover: Handover | None) -> str:
    """Of the note, for those who are told of the handover."""
    return handover.note.strip()[:NOTE_BEGINS] if handover else ""
