"""What a Telegram message holds: its text, its one content, or the notice that its chat changed. Read by the driver."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from pulse.channels.fields import Fields
from pulse.message import Attachment

# Bot API, Message: fields around the content. Any other field of a message without known content names what it is.
ENVELOPE = frozenset({
    "author_signature", "business_connection_id", "caption", "caption_entities", "chat", "date",
    "direct_messages_topic", "edit_date", "effect_id", "entities", "external_reply", "forward_date", "forward_from",
    "forward_from_chat", "forward_from_message_id", "forward_origin", "forward_sender_name", "forward_signature",
    "from", "has_media_spoiler", "has_protected_content", "is_automatic_forward", "is_from_offline", "is_paid_post",
    "is_topic_message", "link_preview_options", "media_group_id", "message_id", "message_thread_id",
    "paid_star_count", "quote", "reply_markup", "reply_to_checklist_task_id", "reply_to_message", "reply_to_story",
    "sender_boost_count", "sender_business_bot", "sender_chat", "sender_tag", "show_caption_above_media",
    "suggested_post_info", "text", "via_bot",
})  # fmt: skip

# Bot API, Message: service fields. Nobody wrote anything; the chat itself changed.
SERVICE = dict.fromkeys((
    "new_chat_members", "left_chat_member", "new_chat_title", "new_chat_photo", "delete_chat_photo",
    "group_chat_created", "supergroup_chat_created", "channel_chat_created", "migrate_to_chat_id",
    "migrate_from_chat_id", "pinned_message", "message_auto_delete_timer_changed", "chat_owner_left",
    "chat_owner_changed", "users_shared", "chat_shared", "connected_website", "write_access_allowed",
    "proximity_alert_triggered", "boost_added", "chat_background_set", "forum_topic_created", "forum_topic_edited",
    "forum_topic_closed", "forum_topic_reopened", "general_forum_topic_hidden", "general_forum_topic_unhidden",
    "giveaway_created", "giveaway_completed", "video_chat_scheduled", "video_chat_started", "video_chat_ended",
    "video_chat_participants_invited", "successful_payment", "refunded_payment", "web_app_data",
))  # fmt: skip


def text_of(message: Fields) -> str:
    return message.maybe_text("text") or message.maybe_text("caption") or ""


def notice(message: Fields) -> str | None:
    """The service field of a message that says only that the chat changed."""
    return message.first_of(SERVICE)


def attachments(message: Fields) -> tuple[Attachment, ...]:
    """A message has one content; an album is several messages."""
    kind = message.first_of(CONTENTS)
    if kind is not None:
        return (CONTENTS[kind](message, kind),)
    if "text" in message:
        return ()
    return (Attachment("unsupported", name=unknown_field(message, known=ENVELOPE)),)


def stored(message: Fields, kind: str) -> Attachment:
    file = message.child(kind)
    return stored_file(file, kind, file.maybe_text("file_name") or file.maybe_text("title"))


def photo(message: Fields, kind: str) -> Attachment:
    sizes = message.items(kind)
    if not sizes:
        raise message.wrong(kind, "a list of sizes")
    return stored_file(max(sizes, key=lambda size: size.whole("width") * size.whole("height")), kind)


def sticker(message: Fields, kind: str) -> Attachment:
    file = message.child(kind)
    return stored_file(file, kind, file.maybe_text("emoji"))


def video_note(message: Fields, kind: str) -> Attachment:
    """Bot API: a round video; `length` is its diameter."""
    note = message.child(kind)
    return replace(stored_file(note, "video"), width=note.maybe_whole("length"), height=note.maybe_whole("length"))


def stored_file(file: Fields, kind: str, name: str | None = None) -> Attachment:
    return Attachment(
        kind,
        name=name,
        mime=file.maybe_text("mime_type"),
        size=file.maybe_whole("file_size"),
        ref=file.id("file_id"),
        width=file.maybe_whole("width"),
        height=file.maybe_whole("height"),
        seconds=file.maybe_whole("duration"),
    )


def location(message: Fields, kind: str) -> Attachment:
    return place(message.child(kind), name=None)


def venue(message: Fields, kind: str) -> Attachment:
    found = message.child(kind)
    return place(found.child("location"), name=found.maybe_text("title"))


def place(point: Fields, name: str | None) -> Attachment:
    return Attachment("location", name, latitude=point.number("latitude"), longitude=point.number("longitude"))


def contact(message: Fields, kind: str) -> Attachment:
    shared = message.child(kind)
    return Attachment(kind, name=named(shared), phone=shared.text("phone_number"))


# Bot API: an animation is set together with a document, a venue with a location; the first that fits is the content.
CONTENTS: dict[str, Callable[[Fields, str], Attachment]] = {
    "animation": stored,
    "document": stored,
    "photo": photo,
    "video": stored,
    "video_note": video_note,
    "voice": stored,
    "audio": stored,
    "sticker": sticker,
    "venue": venue,
    "location": location,
    "contact": contact,
}


def named(who: Fields) -> str:
    """A person's first and last name, or a chat's title."""
    names = (who.maybe_text("title"), who.maybe_text("first_name"), who.maybe_text("last_name"))
    return " ".join(filter(None, names))


def unknown_field(fields: Fields, *, known: frozenset[str]) -> str | None:
    """The name of the first field that is none of the known ones."""
    return next((key[:100] for key in fields.values if key not in known), None)
