"""How a frame goes over the wire: once per audience, and the same bytes to everyone in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import orjson
from websockets.frames import Frame as WireFrame
from websockets.frames import Opcode

from pulse.cursors import Cursor, Cursors
from pulse.push.frames import Data, Frame

# A frame has at most 64 KiB: `body` says a text once more, and JSON inside a string needs more room than outside.
ROOM, SHORT = 24 * 1024, 2_000
ECHO = "App\\Events\\"
CURSOR = "pulse:cursor"
ECHO_NAMES = {"NotificationCreated": "Illuminate\\Notifications\\Events\\BroadcastNotificationCreated"}


class Wire(NamedTuple):
    """One message: as a WebSocket has it, bare, where a stream goes on after it (None: it is in no log), its name."""

    framed: bytes
    payload: bytes
    cursor: str | None = None
    name: str = ""


class Told:
    """A frame that is being told or was, and what it is on the wire, made when somebody first needs it. `size` is its
    event's, in bytes, `weight` that and of all wires; `when_heavier` is called with what another one adds.
    """

    __slots__ = ("_cursors", "_wires", "frame", "size", "weight", "when_heavier")

    def __init__(self, frame: Frame, cursors: Cursors, size: int = 0) -> None:
        self.frame = frame
        self.size = self.weight = size
        self.when_heavier: Callable[[int], None] | None = None
        self._cursors = cursors
        self._wires: dict[str, Wire] = {}

    @property
    def at(self) -> tuple[int, int]:
        """Its place among all frames."""
        assert self.frame.position is not None
        return self.frame.position, self.frame.part

    def for_staff(self) -> Wire:
        """S2's shape: `{type, session_id, data}`, and where the event lies."""
        if (made := self._wires.get("staff")) is not None:
            return made
        frame = self.frame
        return self._made("staff", {"type": frame.type} | _session(frame, self._data(frame.data)) | self._place())

    def for_visitor(self) -> Wire:
        """S2's shape for a visitor. The cursor is sealed: positions tell how much all of Pulse has to do."""
        frame = self.frame
        assert frame.about is not None
        assert frame.for_visitor is not None
        if (made := self._wires.get("visitor")) is not None:
            return made
        sealed = {} if frame.position is None else {"cursor": self._cursors.seal(Cursor(*self.at), frame.about)}
        return self._made("visitor", {"type": frame.type} | _session(frame, self._data(frame.for_visitor)) | sealed)

    def for_channel(self, channel: str, namespace: str = "") -> Wire:
        """Pusher's shape, data as JSON in a string, and beside it where the event lies (clients drop unknown keys)."""
        key = f"{namespace}{channel}"
        if (made := self._wires.get(key)) is not None:
            return made
        frame = self.frame
        data = self._data(frame.data)
        data = data if frame.about is None else {"chat_id": frame.about, **data}
        told = {"event": named(frame.event, namespace), "channel": channel, "data": orjson.dumps(data).decode()}
        identified = {} if frame.event_id is None else {"id": frame.event_id}
        return self._made(key, told | self._place() | identified)

    def _place(self) -> Data:
        """Where its event lies, in the clear: staff see positions anyway."""
        if self.frame.position is None:
            return {}
        return {"seq": self.frame.position, "cursor": self._cursors.write(Cursor(*self.at))}

    def _made(self, key: str, whole: Data) -> Wire:
        made = self._wires[key] = wire_of(whole, whole.get("cursor"))
        more = len(made.framed) + len(made.payload)
        self.weight += more
        if self.when_heavier is not None:
            self.when_heavier(more)
        return made

    def _data(self, data: Any) -> Any:
        """What fits into a frame. Longer texts are cut, and `cut` says so: who wants the rest reads it over HTTP."""
        if self.size <= ROOM or len(orjson.dumps(data)) <= ROOM:
            return data
        if not isinstance(data, dict):
            return {"cut": True}
        short = {name: _short(value) for name, value in data.items()} | {"cut": True}
        return short if len(orjson.dumps(short)) <= ROOM else {"cut": True}


def named(event: str, namespace: str) -> str:
    """An event's name as Laravel Echo waits for it, or just its name."""
    return ECHO_NAMES.get(event, namespace + event) if namespace else event


def wire_of(whole: Data, cursor: str | None = None) -> Wire:
    """Any message of ours."""
    # A copy: what orjson gives lies in up to eight times the room, and the ring keeps it.
    payload = bytes(memoryview(orjson.dumps(whole)))
    return Wire(text_frame(payload), payload, cursor, whole.get("type") or whole.get("event", ""))


def event_wire(event: str, data: Data, channel: str | None = None, *, cursor: str | None = None) -> Wire:
    """An event in the protocol's shape: its data is JSON in a string."""
    frame = {"event": event, "data": orjson.dumps(data).decode()}
    if channel is not None:
        frame["channel"] = channel
    return wire_of(frame, cursor)


def text_frame(payload: bytes) -> bytes:
    """A text message as the wire has it. Servers don't mask, and no extension is negotiated, so all get the same."""
    return WireFrame(Opcode.TEXT, payload).serialize(mask=False)


def _short(value: Any) -> Any:
    return value[:SHORT] if isinstance(value, str) else value


def _session(frame: Frame, data: Data) -> Data:
    """`body` is S2's word for a message's text."""
    if frame.about is None:
        return {"data": data}
    with_body = {**data, "body": data["text"]} if "text" in data else data
    return {"session_id": frame.about, "data": with_body}
