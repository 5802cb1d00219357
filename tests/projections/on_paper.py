"""A report as one would write it down on paper: event by event, chat by chat, with no help of scopes or tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from statistics import mean, median
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from pulse.aggregates.chat_events import (
    CallbackRequested,
    ChatAssigned,
    ChatClosed,
    ChatOpened,
    ChatReopened,
    ChatTransferred,
    MessageReceived,
    ReplyEchoed,
    ReplyWritten,
)
from pulse.aggregates.chat_work import TagsChanged
from pulse.aggregates.department_hours import WEEK, Hours
from pulse.eventlog.envelope import Recorded


@dataclass
class Noted:
    """One number's one: what it counts, of whom, and the event that it began with."""

    metric: str
    moderator: UUID | None
    department: UUID | None
    end: Recorded
    start: Recorded | None = None
    tags: tuple[str, ...] = ()

    @property
    def place(self) -> tuple[UUID, int | None, int]:
        return self.end.aggregate_id, self.start.ver if self.start else None, self.end.ver


@dataclass
class OneChat:
    department: UUID | None = None
    began: Recorded | None = None
    word: Recorded | None = None
    answered: bool = False
    waits: bool = False
    tags: tuple[str, ...] = ()


@dataclass
class Paper:
    noted: list[Noted] = field(default_factory=list)
    chats: dict[UUID, OneChat] = field(default_factory=lambda: defaultdict(OneChat))

    def read(self, events: Iterable[Recorded]) -> Paper:
        for recorded in events:
            if recorded.kind == "chat":
                self._read(recorded, self.chats[recorded.aggregate_id])
        return self

    def _read(self, recorded: Recorded, chat: OneChat) -> None:
        match recorded.event:
            case ChatOpened(department_id=department):
                chat.department, chat.began = department, recorded
                self._note("opened", None, chat, recorded)
            case ChatReopened():
                chat.began, chat.word, chat.answered = recorded, None, False
                self._note("opened", None, chat, recorded)
            case MessageReceived() | CallbackRequested():
                chat.word, chat.waits = chat.word or recorded, True
            case ChatAssigned(moderator_id=moderator):
                self._note("assigned", moderator, chat, recorded)
            case ChatTransferred(department_id=department):
                chat.department = department
            case TagsChanged(tags=tags):
                chat.tags = tags
            case ReplyWritten(moderator_id=moderator):
                self._answer(moderator, chat, recorded)
            case ReplyEchoed(confirms=None, outside_author=str()):
                self._answer(None, chat, recorded)
            case ChatClosed(moderator_id=moderator):
                self._note("closed", moderator, chat, recorded)
                self._note("resolution", moderator, chat, recorded, chat.began)
                chat.began, chat.word, chat.waits = None, None, False

    def _answer(self, moderator: UUID | None, chat: OneChat, recorded: Recorded) -> None:
        self._note("replies", moderator, chat, recorded)
        if chat.word and not chat.answered:
            self._note("first_reply", moderator, chat, recorded, chat.word)
            chat.answered = True
        chat.waits = False

    def _note(
        self, metric: str, moderator: UUID | None, chat: OneChat, end: Recorded, start: Recorded | None = None
    ) -> None:
        self.noted.append(Noted(metric, moderator, chat.department, end, start, chat.tags))

    def standing(self, department: UUID | None = None) -> tuple[int, int]:
        """How many chats are open, and how many of those wait."""
        here = [chat for chat in self.chats.values() if department is None or chat.department == department]
        return sum(chat.began is not None for chat in here), sum(chat.waits for chat in here)


def clock_seconds(start: datetime, end: datetime) -> float:
    return (end - start).total_seconds()


def worked_seconds(start: datetime, end: datetime, hours: Hours) -> float:
    """Span by span, day by day."""
    zone, total = ZoneInfo(hours.zone), 0.0
    day = start.astimezone(zone).date()
    while day <= end.astimezone(zone).date():
        for span in () if str(day) in hours.closed else hours.days.get(WEEK[day.weekday()], ()):
            opens, closes = (
                datetime.combine(day, time.fromisoformat(at), zone).astimezone(UTC) for at in span.split("-")
            )
            total += max(0.0, (min(closes, end) - max(opens, start)).total_seconds())
        day += timedelta(days=1)
    return total


def summed(seconds: list[float]) -> dict[str, Any]:
    if not seconds:
        return {"n": 0, "median": None, "p90": None, "mean": None}
    p90 = min(one for one in seconds if 10 * sum(other <= one for other in seconds) >= 9 * len(seconds))
    return {"n": len(seconds), "median": median(seconds), "p90": p90, "mean": mean(seconds)}
