"""What holders of the app's secret publish: read, held against the limits, and said to every push process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from pulse.errors import BadInput, NotAllowed, TooLarge
from pulse.push.app_events import AppEvent, AppEvents
from pulse.push.app_occupancy import Channels
from pulse.push.names import A_CHANNEL, CHANNEL, DATA_BYTES, ENCRYPTED, EVENT_LENGTH
from pulse.pusher_app import CHANNELS
from pulse.socket_ids import SOCKET_ID

BATCH = 10
USER_LENGTH = 128
# The protocol's own words: a client would take such an event for the server's.
PROTOCOLS = ("pusher:", "pusher_internal:", "pulse:")

T = TypeVar("T")


class Publication(msgspec.Struct, frozen=True):
    """A body as Pusher's libraries write it."""

    name: str
    data: str
    channel: str | None = None
    channels: tuple[str, ...] | None = None
    socket_id: str | None = None
    info: str | None = None

    def event(self) -> AppEvent:
        """Raises BadInput, TooLarge."""
        channels = self.channels if self.channels is not None else (self.channel,) if self.channel is not None else ()
        require_name(self.name)
        require_channels(channels)
        if len(self.data.encode("utf-8", "replace")) > DATA_BYTES:
            raise TooLarge("data is larger than 10 KB.")
        if self.socket_id and not SOCKET_ID.fullmatch(self.socket_id):
            raise BadInput("socket_id is no socket's.")
        return AppEvent(self.name, self.data, tuple(dict.fromkeys(channels)), self.socket_id or None)


class Batch(msgspec.Struct, frozen=True):
    """Several, each for one channel."""

    batch: tuple[Publication, ...]


class Publishing:
    """`may_publish` says whether a channel is one on which such events are told."""

    def __init__(self, events: AppEvents, channels: Channels, may_publish: Callable[[str], bool]) -> None:
        self._events = events
        self._channels = channels
        self._may_publish = may_publish

    async def one(self, body: bytes) -> dict[str, Any]:
        """Raises BadInput, TooLarge, NotAllowed, LogDown."""
        asked = _read(body, Publication)
        event = self._permitted(asked)
        told = self._channels.told(event.channels, asked.info or "")  # before anything is said: `info` may be wrong
        await self._events.publish([event])
        return {"channels": told} if told else {}

    async def several(self, body: bytes) -> dict[str, Any]:
        """All of them or none, as far as it can be known before. Raises as `one`."""
        batch = _read(body, Batch).batch
        if not 1 <= len(batch) <= BATCH:
            raise BadInput(f"A batch has 1 to {BATCH} events.")
        if any(asked.channel is None or asked.channels is not None for asked in batch):
            raise BadInput("Each event of a batch has a channel of its own.")
        events = [self._permitted(asked) for asked in batch]
        told = [
            self._channels.told(event.channels, asked.info or "") for event, asked in zip(events, batch, strict=True)
        ]
        await self._events.publish(events)
        return {"batch": [next(iter(counts.values()), {}) for counts in told]} if any(told) else {}

    async def terminate(self, user: str) -> dict[str, Any]:
        """Raises BadInput, LogDown."""
        if not 1 <= len(user) <= USER_LENGTH:
            raise BadInput(f"A user's id has 1 to {USER_LENGTH} characters.")
        await self._events.terminate(user)
        return {}

    def _permitted(self, asked: Publication) -> AppEvent:
        event = asked.event()
        for channel in event.channels:
            if not self._may_publish(channel):
                raise NotAllowed(f"On {channel} only Pulse speaks: whatever is told there is an event of its log.")
        return event


def require_name(name: str) -> None:
    """Raises BadInput."""
    if not 1 <= len(name) <= EVENT_LENGTH:
        raise BadInput(f"An event's name has 1 to {EVENT_LENGTH} characters.")
    if name.startswith(PROTOCOLS):
        raise BadInput(f"An event's name may not begin with {', '.join(PROTOCOLS)}.")


def require_channels(channels: tuple[str, ...]) -> None:
    """Raises BadInput. What is encrypted has the key of its one channel, so it can't be for others as well."""
    if not 1 <= len(channels) <= CHANNELS:
        raise BadInput(f"An event is for 1 to {CHANNELS} channels.")
    if not all(map(CHANNEL.fullmatch, channels)):
        raise BadInput(A_CHANNEL)
    if len(channels) > 1 and any(channel.startswith(ENCRYPTED) for channel in channels):
        raise BadInput("An encrypted channel has to be the only one.")


def _read(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError as error:
        raise BadInput(f"This can't be read: {error}.") from None
    except RecursionError:
        raise BadInput("This can't be read: it goes too deep.") from None
