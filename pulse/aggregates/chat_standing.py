"""Where a chat stands: who holds it, which department it is in, whether it is closed. Moderators and policies decide."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pulse.aggregates.chat_events import ChatAssigned, ChatClosed, ChatReopened, ChatTransferred, ChatUnassigned
from pulse.aggregates.chat_work import WorkedChat
from pulse.errors import Refusal
from pulse.values import value

NOTE_BEGINS = 200


class ChatIsClosed(Refusal):
    """This chat is closed. Open it again, or wait until the customer writes."""


class HeldByAnother(Refusal):
    """Somebody else holds this chat."""


class ChangedHands(HeldByAnother):
    """This chat has changed hands since you looked. See who holds it now, and decide again."""


@value
class Handover:
    """What a chat is passed on with: who does it, a note for whoever gets it, and the chat's version that they saw."""

    by: UUID
    note: str = ""
    seen_version: int | None = None

    @property
    def begins(self) -> str:
        """The note's beginning, for those who are told of the handover."""
        return self.note.strip()[:NOTE_BEGINS]


IN_SILENCE = Handover(UUID(int=0))


class StandingChat(WorkedChat):
    """A `command` is a key of the client's id, as in `WorkedChat`. A `seen_holder` is whom the author saw holding it.

    Whatever takes a chat out of somebody's hands is refused to who has not seen that it is in them: HeldByAnother,
    ChangedHands. Both name who holds it now.
    """

    def take(self, moderator_id: UUID, *, now: datetime, command: int | None = None) -> None:
        """A moderator opens the chat: a free one becomes theirs, one that is held stays where it is."""
        if self.holder_id is None and not self.closed:
            self.assign(moderator_id, now=now, command=command)

    def assign(
        self, moderator_id: UUID, *, now: datetime, seen_holder: UUID | None = None, command: int | None = None,
        handover: Handover = IN_SILENCE,
    ) -> None:  # fmt: skip
        """Gives the chat to a moderator. A free one, if no `seen_holder` is named."""
        if self.closed:
            raise ChatIsClosed
        if self.holder_id == moderator_id:
            self._leave_note(handover, now=now, command=command)
            return
        self._require_seen(seen_holder, handover)
        self._pass_on(handover, now=now)
        self.trigger_event(
            ChatAssigned, moderator_id=moderator_id, from_moderator_id=self.holder_id, command=command,
            note=handover.begins, timestamp=now,
        )  # fmt: skip

    def unassign(
        self, *, now: datetime, seen_holder: UUID, command: int | None = None, handover: Handover = IN_SILENCE
    ) -> None:
        """Lets a chat go: it is free in its department."""
        if self.holder_id is None:
            return
        self._require_seen(seen_holder, handover)
        self.trigger_event(
            ChatUnassigned, from_moderator_id=self.holder_id, command=command, note=handover.begins, timestamp=now
        )

    def let_go(self, moderator_id: UUID, *, now: datetime) -> None:
        """Whoever held the open chat can't any more: it is free again in its department. Another's stays theirs."""
        if self.holder_id == moderator_id and self.department_id is not None:
            self.unassign(seen_holder=moderator_id, now=now)

    def give(self, moderator_id: UUID, *, department_id: UUID, now: datetime) -> None:
        """A department's policy gives a free chat of that department to a moderator. Whoever took it first keeps it."""
        if self.department_id == department_id and self.snoozed_until is None:
            self.take(moderator_id, now=now)

    def transfer(
        self, department_id: UUID, *, now: datetime, seen_holder: UUID | None = None, command: int | None = None,
        handover: Handover = IN_SILENCE,
    ) -> None:  # fmt: skip
        """Moves the chat to a department; whoever held it lets go, also if no `seen_holder` is named.

        Its own department gets it back from its holder.
        """
        if self.closed:
            raise ChatIsClosed
        if department_id == self.department_id and self.holder_id is None:
            self._leave_note(handover, now=now, command=command)
            return
        self._require_seen(seen_holder or self.holder_id, handover)
        self._pass_on(handover, now=now)
        if department_id == self.department_id:
            self.trigger_event(
                ChatUnassigned, from_moderator_id=self.holder_id, command=command, note=handover.begins, timestamp=now
            )
            return
        self.trigger_event(
            ChatTransferred, department_id=department_id, from_department_id=self.department_id,
            from_moderator_id=self.holder_id, command=command, note=handover.begins, timestamp=now,
        )  # fmt: skip

    def close(
        self, moderator_id: UUID, *, now: datetime, seen_holder: UUID | None = None, command: int | None = None,
        handover: Handover = IN_SILENCE,
    ) -> None:  # fmt: skip
        """Ends the conversation for now, whoever holds it, if no `seen_holder` is named."""
        if self.closed:
            return
        self._require_seen(seen_holder or self.holder_id, handover)
        self.trigger_event(
            ChatClosed, moderator_id=moderator_id, from_moderator_id=self.holder_id, command=command, timestamp=now
        )

    def reopen(self, *, now: datetime, command: int | None = None) -> None:
        """Goes on with a conversation that had ended; it is free."""
        if self.closed:
            self.trigger_event(ChatReopened, command=command, timestamp=now)

    def _require_seen(self, holder: UUID | None, handover: Handover) -> None:
        """The one guard against acting on a stale picture: by the version that was seen, or by the holder."""
        if handover.seen_version is not None:
            if handover.seen_version < self.moved_at:
                raise ChangedHands(holder=self.holder_id and str(self.holder_id))
        elif self.holder_id not in (None, holder):
            raise HeldByAnother(holder=str(self.holder_id))

    def _pass_on(self, handover: Handover, *, now: datetime) -> None:
        """Whoever gets a chat has to look at it, and at the note first."""
        self.wake(now=now)
        self._leave_note(handover, now=now)

    def _leave_note(self, handover: Handover, *, now: datetime, command: int | None = None) -> None:
        """What is said with a handover is kept, even where nothing moves."""
        if handover.note.strip():
            self.note(handover.note, moderator_id=handover.by, now=now, command=command)
