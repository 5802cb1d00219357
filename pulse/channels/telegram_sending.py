"""Telegram: the Bot API call that each piece of a reply becomes. Pure.

Nothing is sent with a parse_mode, so no word of a moderator can be taken for formatting.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pulse.channels import File, Outgoing
from pulse.channels.calls import MaybeSent

# Bot API, Sending files: what goes as a photo; anything else goes as a document.
PHOTO_BYTES = 10 * 2**20
PHOTO_TYPES = frozenset({"image/jpeg", "image/png", "image/webp"})


def call_of(piece: Outgoing) -> tuple[str, dict[str, Any], File | None]:
    """Method, fields and file. Without its formatting, a file goes as a document as it is."""
    fields: dict[str, Any] = {**addressed(piece.peer), "allow_sending_without_reply": True}
    if piece.file is None:
        return "sendMessage", {**fields, "text": piece.text}, None
    if piece.text:
        fields["caption"] = piece.text
    if piece.plain:
        fields["disable_content_type_detection"] = True
    file = as_document(piece.file) if piece.plain or not_a_photo(piece.file) else piece.file
    return f"send{file.kind.capitalize()}", fields, file


def addressed(peer: str) -> dict[str, Any]:
    """A business chat is `connection:chat`, as updates of it are read."""
    connection, _, chat = peer.rpartition(":")
    return {"chat_id": chat, "business_connection_id": connection} if connection else {"chat_id": chat}


def not_a_photo(file: File) -> bool:
    return file.kind == "photo" and (len(file.content) > PHOTO_BYTES or file.mime not in PHOTO_TYPES)


def as_document(file: File) -> File:
    return replace(file, kind="document")


def id_in(message: object) -> str | None:
    """The id of a message that was sent; 0 stands for one that has no id yet. Raises MaybeSent where it is unclear."""
    number = message.get("message_id") if isinstance(message, dict) else None
    if not isinstance(number, int) or isinstance(number, bool) or number < 0:
        raise MaybeSent("Telegram's answer does not name the message.", "200")
    return str(number or "") or None
