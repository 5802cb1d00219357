"""The one table of what is told: each frame by its names, with what it looks like and where it goes.

docs/api.md shows it, schemas/frames/ has a schema for each; tests hold whatever is told to it.
"""

from __future__ import annotations

from typing import NamedTuple

from pulse.push.room_frames import channels_of
from pulse.push.shapes import Heard, chats, envelopes, staff, visitors
from pulse.shapes import Shape

CHAT = ("private-chat.{id}", "presence-chat.{id}")
DEPARTMENT = (*CHAT, "private-department.{id}")
MODERATOR = ("private-moderator.{id}",)
USER = ("private-user.{id}",)
GENERAL = channels_of(())
DIRECT = ("private-chat.{a}.{b}",)

Form = type[Heard]


class Line(NamedTuple):
    """One thing that is told: S2's type on windows, Pusher's event on channels, and the shape of its data.

    `about` tells two that have one name apart; `visitor` is what a chat's visitor hears of it, if anything.
    """

    type: str
    event: str
    shape: Form
    channels: tuple[str, ...]
    visitor: Form | None = None
    about: str = ""

    @property
    def name(self) -> str:
        """Of its files: `NewChatMessage`, `MessageRead.room`."""
        return f"{self.event}.{self.about}" if self.about else self.event


FRAMES = (
    Line("chat.session.created", "ChatOpened", chats.ChatOpened, DEPARTMENT, visitors.ChatOpenedForVisitor),
    Line("chat.message", "NewChatMessage", chats.NewChatMessage, DEPARTMENT, visitors.NewChatMessageForVisitor),
    Line("chat.message.status", "MessageStatusUpdated", chats.MessageStatusUpdated, DEPARTMENT,
         visitors.MessageStatusForVisitor),
    Line("chat.message.changed", "MessageChanged", chats.MessageChanged, DEPARTMENT, visitors.MessageChangedForVisitor),
    Line("chat.alert", "ChatAlert", chats.ChatAlert, DEPARTMENT),
    Line("chat.session.assigned", "ChatAssigned", chats.ChatAssigned, (*DEPARTMENT, *MODERATOR),
         visitors.ChatAssignedForVisitor),
    Line("chat.session.assigned", "ChatUnassigned", chats.ChatUnassigned, DEPARTMENT, visitors.ChatFreeForVisitor),
    Line("chat.session.assigned", "ChatTransferred", chats.ChatTransferred, DEPARTMENT, visitors.ChatFreeForVisitor),
    Line("chat.session.status", "ChatStatusUpdated", chats.ChatStatusUpdated, DEPARTMENT, visitors.ChatStatusForVisitor),
    Line("chat.session.sorted", "ChatSorted", chats.ChatSorted, DEPARTMENT),
    Line("chat.session.renamed", "ChatRenamed", chats.ChatRenamed, DEPARTMENT),
    Line("chat.session.reach", "CustomerReach", chats.CustomerReach, DEPARTMENT),
    Line("chat.seen", "MessageRead", chats.MessageRead, DEPARTMENT, visitors.MessageReadForVisitor),
    Line("chat.viewers", "ChatViewers", chats.ChatViewers, CHAT),
    Line("room.opened", "RoomOpened", staff.RoomOpened, USER),
    Line("room.message", "MessageSent", staff.RoomMessageSent, GENERAL),
    Line("room.message", "PrivateMessageSent", staff.RoomMessageSent, DIRECT),
    Line("room.seen", "MessageRead", staff.RoomRead, (*GENERAL, *DIRECT), about="room"),
    Line("room.typing", "UserTyping", staff.UserTyping, (*GENERAL, *DIRECT)),
    Line("notification.created", "NotificationCreated", staff.NotificationCreated, USER),
    Line("notification.read", "NotificationRead", staff.NotificationRead, USER),
    Line("source.halted", "SourceHalted", staff.SourceStanding, MODERATOR),
    Line("source.resumed", "SourceResumed", staff.SourceStanding, MODERATOR),
    Line("source.disabled", "SourceDisabled", staff.SourceStanding, MODERATOR),
    Line("source.enabled", "SourceEnabled", staff.SourceStanding, MODERATOR),
)  # fmt: skip

ENVELOPES: dict[str, type[Shape]] = {
    "envelope.staff": envelopes.StaffEnvelope,
    "envelope.visitor": envelopes.VisitorEnvelope,
    "envelope.pusher": envelopes.PusherEnvelope,
}
# What Pulse says of the connection, on windows as their type, to Pusher clients as an event.
VERBS: dict[str, type[Shape]] = {
    "pulse:cursor": envelopes.PulseCursor,
    "pulse:resync": envelopes.PulseResync,
    "pulse:feed": envelopes.PulseFeed,
    "pulse:reconnect": envelopes.PulseReconnect,
    "pulse:close": envelopes.PulseClose,
}
ERROR: dict[str, type[Shape]] = {"error": envelopes.WindowError}
# What clients say: the first two as Pusher clients, the last on windows, whole.
HEARD: dict[str, type[Shape]] = {
    "pulse:resume": envelopes.PulseResume,
    "pulse:ack": envelopes.PulseAck,
    "ack": envelopes.WindowAck,
}
