"""A frame: one thing that people are told, wherever they listen. Never a raw event: notes and raw bodies stay inside.

Staff and visitors are told different things: a visitor learns no ids of people or departments, and nothing of
what waits for the staff.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pulse.access import Person
from pulse.push.names import plain

Data = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Frame:
    """`type` is S2's name, told on the windows of all staff who may hear it (None: on Pusher channels only); `event`
    is the Pusher name, told on `channels` and on their cache channels. Whoever holds the app's secret hears all of it.

    `about` is the chat that it is about; `for_visitor` what its visitor gets instead of `data`, if anything. `position`
    is where its event lies, `part` which of that event's frames it is, from 1, and `when` it happened; without them it
    happened live only. The socket called `besides` caused it and is left out.
    """

    type: str | None
    event: str
    data: Any
    channels: tuple[str, ...]
    hears: Callable[[Person], bool]
    about: UUID | None = None
    for_visitor: Data | None = None
    position: int | None = None
    part: int = 1
    when: datetime | None = None
    event_id: UUID | None = None
    besides: str | None = None

    def is_told_on(self, channel: str) -> bool:
        return channel in self.channels or plain(channel) in self.channels
