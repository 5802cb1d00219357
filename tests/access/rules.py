"""Who may ask each operation of the document, in the words of `pulse/access.py`. A new route needs its line here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from pulse.access import (
    Person,
    Place,
    Subscription,
    may_manage,
    may_reply,
    may_see_customer,
    may_see_numbers,
    may_see_room,
    may_subscribe,
)

NOT_SIGNED_IN = (401, "not-authentic")
NOT_FOUND = (404, "not-found")


@dataclass(frozen=True)
class Asked:
    """What a request is about: where its chat stands, where all chats of its customer stand, which channel it names.

    `room` are the people of its direct room; `whose` is the one whose notification and whose numbers it asks for.
    """

    chat: Place | None = None
    customer: tuple[Place, ...] = ()
    channel: Subscription | None = None
    room: tuple[UUID, ...] = ()
    whose: UUID | None = None


@dataclass(frozen=True)
class Rule:
    """`may` is the oracle; to whom it says no, the answer is `refused` (status and code)."""

    words: str
    may: Callable[[Person, Asked], bool]
    refused: tuple[int, str] = NOT_SIGNED_IN


def _sees_the_chat(person: Person, asked: Asked) -> bool:
    return asked.chat is not None and may_reply(person, asked.chat)


def _may_hear(person: Person, asked: Asked) -> bool:
    return asked.channel is not None and may_subscribe(person, asked.channel, asked.chat)


ANYBODY = Rule("anybody", lambda person, asked: True)
VISITOR = Rule("the visitor whose token it is", lambda person, asked: False)
SIGNED_IN = Rule("signed in: what is answered is their own, or only what they may see", lambda person, asked: True)
ADMIN = Rule("may manage", lambda person, asked: may_manage(person), (403, "admins-only"))
CHAT = Rule("sees the chat", _sees_the_chat, NOT_FOUND)
FILE = Rule("sees the file's chat", _sees_the_chat, NOT_FOUND)
CUSTOMER = Rule(
    "sees a chat of the customer", lambda person, asked: may_see_customer(person, asked.customer), NOT_FOUND
)
CHANNEL = Rule("may subscribe", _may_hear, (403, "not-your-channel"))
ROOM = Rule("is in the room", lambda person, asked: may_see_room(person, asked.room), NOT_FOUND)
NOTIFICATION = Rule("was told of it", lambda person, asked: person.id == asked.whose, NOT_FOUND)
NUMBERS = Rule("may see the numbers", lambda person, asked: may_see_numbers(person, asked.whose), (403, "admins-only"))

OPERATIONS: dict[Rule, tuple[str, ...]] = {
    ANYBODY: (
        "receive_webhook", "publish_events", "ask_to_publish", "open_widget_session", "log_in", "log_in_with_code",
        "begin_provider_sign_in", "finish_provider_sign_in", "post_provider_answer", "accept_invitation", "show_health",
        # Whoever holds the secret of the app, or the token for metrics.
        "publish_app_event", "publish_app_events", "list_app_channels", "show_app_channel", "list_app_channel_users",
        "terminate_app_user", "show_metrics",
        "open_xhr_stream", "poll_xhr", "send_xhr",
    ),
    VISITOR: (
        "list_widget_messages", "write_widget_message", "bring_widget_files", "get_widget_file", "request_callback",
        "get_channel_token", "open_stream", "poll_channel", "open_signed_stream",
    ),
    SIGNED_IN: (
        "show_me", "log_out", "list_my_sessions", "end_my_sessions", "end_my_session", "show_two_factor", "begin_two_factor",
        "turn_off_two_factor", "confirm_two_factor", "renew_recovery_codes", "show_profile", "change_profile",
        "change_password", "list_my_identities", "begin_identity_link", "unlink_identity", "be_away",
        "list_chats", "list_customers", "list_callbacks", "list_canned_replies", "list_colleagues", "list_destinations",
        "list_my_sources", "list_tags",
        "list_views", "save_view", "remove_view", "search_messages", "search_rooms", "list_drafts", "drop_draft", "list_rooms", "open_direct",
        "sign_subscriptions", "sign_user", "list_notifications", "read_all_notifications", "show_telegram", "link_telegram", "change_telegram",
        "unlink_telegram", "show_my_report",
    ),
    CHAT: (
        "show_chat", "list_messages", "write_reply", "write_note", "open_chat", "assign_chat", "unassign_chat",
        "transfer_chat", "close_chat", "reopen_chat", "snooze_chat", "wake_chat", "mark_seen", "tag_chat", "untag_chat",
        "set_priority", "tell_viewing", "tell_typing", "list_viewers", "block_chat", "unblock_chat", "bring_files",
        "send_reply_again", "vouch_for_reply", "finish_callback", "fill_canned_reply",
        "list_chat_events", "show_draft", "keep_draft",
    ),
    FILE: ("get_file",),
    CUSTOMER: ("show_customer", "join_customers", "part_customers", "block_customer", "unblock_customer"),
    CHANNEL: ("sign_subscription",),
    ROOM: ("show_room", "list_room_messages", "write_to_room", "mark_room_seen", "tell_room_typing"),
    NOTIFICATION: ("read_notification",),
    NUMBERS: ("list_report_events",),
    ADMIN: (
        "keep_canned_reply", "remove_canned_reply",
        "show_rules", "change_rules", "show_policy", "change_policy", "try_routing",
        "list_sources", "connect_source", "show_source", "change_source", "show_source_health", "resume_source",
        "disable_source", "enable_source", "rotate_source_secret", "test_source", "set_source_webhook",
        "list_deliveries", "show_delivery", "process_deliveries_again",
        "list_subscribers", "register_subscriber", "show_subscriber", "change_subscriber", "remove_subscriber",
        "rotate_subscriber", "pause_subscriber", "resume_subscriber", "replay_to_subscriber", "ping_subscriber",
        "list_users", "invite_user", "show_user", "change_user", "disable_user", "enable_user", "reset_password",
        "list_user_sessions", "end_user_session", "end_user_sessions", "reset_two_factor",
        "list_departments", "create_department", "show_department", "rename_department", "archive_department",
        "restore_department", "add_member", "remove_member",
        "list_producers", "register_producer", "show_producer", "configure_producer", "add_producer_secret",
        "retire_producer_secret", "disable_producer", "enable_producer",
        "show_retention", "change_retention", "show_hours", "change_hours", "show_report", "show_backlog",
    ),
}  # fmt: skip
RULES = {operation: rule for rule, operations in OPERATIONS.items() for operation in operations}
