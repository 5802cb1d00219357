"""Notifications as they come: each to its own moderator, and only of what they may see at that moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

from pulse.access import Person, Place, may_see
from pulse.aggregates.notification import NotificationRead, NotificationsRead
from pulse.eventlog.envelope import Recorded
from pulse.projections.notifications import must_see, notices_of, seen_in_room, shown
from pulse.push.frames import Frame


def notification_frames(recorded: Recorded, name_of: Callable[[UUID], str]) -> Iterator[Frame]:
    """None for whatever concerns nobody in particular."""
    match recorded.event:
        case NotificationRead(moderator_id=who, of=of):
            yield _read(who, {"ids": [of]})
        case NotificationsRead(moderator_id=who, up_to=up_to):
            yield _read(who, {"up_to": up_to})
        case _:
            if seen := seen_in_room(recorded):
                who = seen.pop("moderator_id")
                yield _read(who, seen)
            for notice in notices_of(recorded):
                place = Place(recorded.scope.department, recorded.scope.holder) if must_see(notice) else None
                yield Frame(
                    "notification.created", "NotificationCreated", shown(notice, name_of),
                    (f"private-user.{notice['moderator_id']}",), _hears(notice["moderator_id"], place),
                )  # fmt: skip


def _read(who: UUID, data: dict[str, Any]) -> Frame:
    return Frame("notification.read", "NotificationRead", data, (f"private-user.{who}",), _hears(who, None))


def _hears(who: UUID, place: Place | None) -> Callable[[Person], bool]:
    return lambda person: person.id == who and (place is None or may_see(person, place))
