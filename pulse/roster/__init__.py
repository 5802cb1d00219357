"""The roster: who is on which channel, right across push processes. In memory only; the log knows nothing of it.

It thinks and does not talk: `talking` carries what it `says` to the others, and brings what it has to `hear`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from uuid import uuid4

from pulse.eventlog.live import ROSTER
from pulse.roster.admitting import require_room, require_user_id, require_user_info
from pulse.roster.changes import Change
from pulse.roster.merged import SIGNED_IN, Merged
from pulse.roster.others import BEAT_SECONDS, Others
from pulse.roster.own import Own
from pulse.roster.words import Ask, Beat, Bye, Info, News, Seat, Word, read, written

ONLINE = "presence-chat"  # its members are all moderators with a socket open, of whichever protocol
GRACE_SECONDS = 3.0
MEMBERS = 100

Said = tuple[str, bytes]  # a subject and a body


class Roster:
    """What this process does counts at once; what others do, when it is heard.

    Whoever stands in `when_changed` is called with each change, in the order in which they happen, and raises nothing.
    `wake` is set when there is something to say, or when something is due earlier than it was.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, *, grace: float = GRACE_SECONDS, members: int = MEMBERS
    ) -> None:
        self.process = uuid4().hex
        self.clock = clock
        self.when_changed: set[Callable[[Change], None]] = set()
        self.wake = asyncio.Event()
        self._limit = members
        self._merged = Merged(grace)
        self._own = Own(self.process, self._merged)
        self._others = Others(self._merged)
        self._askers: set[str] = set()
        self._beat_at = clock()
        self._telling = False

    # What this process's connections do

    def join(self, channel: str, user_id: str | None = None, user_info: Info | None = None) -> None:
        """One more subscription, on a presence channel of a member.

        Raises NotAUserId, NotUserInfo, ChannelIsFull; then nothing has changed.
        """
        if user_id is not None:
            self._admit(channel, user_id, user_info)
        self._add((channel, None))
        if user_id is not None:
            self._add((channel, user_id), user_info)
        self._tell()

    def leave(self, channel: str, user_id: str | None = None) -> None:
        """One subscription less, of the same member as it was when it joined."""
        self._take((channel, None))
        if user_id is not None:
            self._take((channel, user_id))
        self._tell()

    def sign_in(self, user_id: str) -> None:
        """One more connection that somebody signed in on. Raises NotAUserId."""
        require_user_id(user_id)
        self._add((SIGNED_IN, user_id))
        self._tell()

    def sign_out(self, user_id: str) -> None:
        self._take((SIGNED_IN, user_id))
        self._tell()

    def come(self, user_id: str, user_info: Info | None = None) -> None:
        """A moderator has a socket open here, and is online by it as if it had subscribed. Nobody is too many."""
        self._add((ONLINE, None))
        self._add((ONLINE, user_id), user_info)
        self._tell()

    def go(self, user_id: str) -> None:
        """Whoever had come has none any more."""
        self._take((ONLINE, None))
        self._take((ONLINE, user_id))
        self._tell()

    # Who is there, on all processes. Whoever has just gone is shown until that is told.

    def subscription_count(self, channel: str) -> int:
        """Subscriptions now, without any grace."""
        return self._merged.subscriptions(channel)

    def members(self, channel: str) -> dict[str, Info]:
        """user_info by user_id, in the order in which this process learned of them."""
        return {user_id: member.info for user_id, member in self._merged.members(channel).items()}

    def here(self, channel: str) -> list[str]:
        """The members with a connection open now, without any grace."""
        return [user_id for user_id, member in self._merged.members(channel).items() if member.at]

    def channels(self, prefix: str = "") -> list[str]:
        """The occupied channels that begin so."""
        return [channel for channel in self._merged.occupied() if channel.startswith(prefix)]

    def is_online(self, user_id: str) -> bool:
        """Has somebody signed in so on any connection?"""
        return user_id in self._merged.members(SIGNED_IN)

    # What processes say to each other

    def hear(self, body: bytes) -> None:
        """What another process has said, or we ourselves. What can't be read is passed over."""
        word, now = read(body), self.clock()
        if isinstance(word, Ask):
            self._askers.add(word.process)
        elif word is None or word.process == self.process:
            if isinstance(word, News | Beat):
                self._others.hear_myself(now)
        else:
            if not isinstance(word, Bye) and not self._others.knows(word.process):
                self._beat_at = now  # so that it need not wait to know of us
            self._others.hear(word, now)
        self._tell()

    def says(self) -> list[Said]:
        """What is to be said now, by subject. It counts as said."""
        now, words = self.clock(), list[tuple[str, Word]]()
        words += [(ROSTER, news) for news in self._own.tell()]
        if not words and self._beat_at <= now:
            words.append((ROSTER, self._own.beat()))
        if words:
            self._beat_at = now + BEAT_SECONDS
        words += [(address(process), Ask(self.process)) for process in self._others.asked(now)]
        if self._askers:
            whole = self._own.whole()
            words += [(address(asker), part) for asker in sorted(self._askers) for part in whole]
            self._askers.clear()
        return [(subject, written(word)) for subject, word in words]

    def bye(self) -> Said:
        """The last that this process says."""
        return ROSTER, written(Bye(self.process))

    def lose(self) -> None:
        """The connection to NATS is away: nobody counts as silent because of that."""
        self._others.lose()

    def pass_time(self) -> None:
        """Tells of whoever has been gone for long enough, and of counts that had to wait."""
        self._merged.settle(self.clock())
        self._tell()

    def due_at(self) -> float:
        """When time has to pass, or something has to be said, if nothing happens before."""
        return min(self._merged.due_at(), self._others.due_at(), self._beat_at)

    # How

    def _admit(self, channel: str, user_id: str, user_info: Info | None) -> None:
        require_user_id(user_id)
        require_user_info(user_info)
        if channel != ONLINE:
            require_room(user_id, self._merged.members(channel), self._limit)

    def _add(self, seat: Seat, info: Info | None = None) -> None:
        self._own.add(seat, info, self.clock())

    def _take(self, seat: Seat) -> None:
        self._own.take(seat, self.clock())

    def _tell(self) -> None:
        """Listeners are called when all is as it will be: they may ask, even join. What comes of it is told after."""
        self.wake.set()
        if self._telling:
            return
        self._telling = True
        try:
            while self._merged.changes:
                change = self._merged.changes.popleft()
                for told in list(self.when_changed):
                    told(change)
        finally:
            self._telling = False


def address(process: str) -> str:
    """Where one process is spoken to."""
    return f"{ROSTER}.{process}"
