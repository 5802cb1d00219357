"""Message: what people send, as the channels' drivers read it and as events keep it."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from hashlib import blake2b

from pulse.values import value

# Kinds of attachments that are files.
LARGEST_FILE = 200 * 1024 * 1024
FILES = frozenset({"photo", "document", "voice", "audio", "video", "animation"})


@value
class Author:
    """Who wrote, as the channel names them. `id` is the channel's id of the person, `phone` their own if they sent it."""

    id: str
    name: str = ""
    username: str | None = None
    language: str | None = None
    phone: str | None = None

    def over(self, known: Author) -> Author:
        """What is known of them after this: what a channel does not tell stays as it was."""
        if self == known:
            return known
        return Author(
            self.id, self.name or known.name, self.username or known.username, self.language or known.language,
            self.phone or known.phone,
        )  # fmt: skip


@value
class Attachment:
    """Something beside the text. `ref` is what the driver needs to fetch it (a file id or a URL), never shown.

    `file` is the id of our own copy once there is one, `sha256` the name of its content, which is never shown.

    `kind`: photo, document, voice, audio, video, animation, sticker, location, contact, link or unsupported.
    """

    kind: str
    name: str | None = None
    mime: str | None = None
    size: int | None = None
    ref: str | None = None
    width: int | None = None
    height: int | None = None
    seconds: int | None = None
    latitude: float | None = None
    longitude: float | None = None
    phone: str | None = None
    file: str | None = None
    sha256: str | None = None


@value
class Quoted:
    """A message that another one answers or forwards."""

    text: str
    author: str = ""
    message_id: str | None = None
    attachments: tuple[Attachment, ...] = ()


@value
class Incoming:
    """A customer's message as the driver read it, and as the event keeps it.

    `external_id` names the delivery (an update id), `message_id` the message within its chat: a repeat
    brings the same delivery again, an edit names the same message.
    """

    external_id: str
    author: Author
    text: str = ""
    message_id: str | None = None
    sent_at: datetime | None = None
    attachments: tuple[Attachment, ...] = ()
    reply_to: Quoted | None = None
    forwarded: tuple[Quoted, ...] = ()
    album: str | None = None
    payload: str | None = None
    notice: str | None = None


def all_attachments(message: Incoming) -> tuple[Attachment, ...]:
    """Its own first, then those of what it answers, then those of what it forwards: their numbers never change."""
    if message.reply_to is None and not message.forwarded:
        return message.attachments
    quoted = (*((message.reply_to,) if message.reply_to else ()), *message.forwarded)
    return (*message.attachments, *(attachment for one in quoted for attachment in one.attachments))


def awaited_files(attachments: tuple[Attachment, ...], version: int) -> list[str]:
    """The keys of those that are files and lie elsewhere yet."""
    return [file_key(version, index) for index, one in enumerate(attachments) if is_awaited(one)]


def is_awaited(attachment: Attachment) -> bool:
    """Is it a file that lies at its channel, and not yet with us?"""
    return attachment.ref is not None and attachment.file is None and attachment.kind in FILES


def file_key(version: int, index: int) -> str:
    """Names an attachment within its chat: by the version that brought it and its number there."""
    return f"{version}.{index}"


@lru_cache(maxsize=64)  # asked when deciding, and once more when the event is applied
def id_key(external_id: str) -> int:
    """An external id as a small integer: long chats remember every one for good.

    Whole numbers stand for themselves, in their order; anything else for 60 bits of its hash, below zero.
    """
    number = external_id.isascii() and external_id.isdecimal() and len(external_id) <= 18
    if number and (external_id[0] != "0" or external_id == "0"):
        return int(external_id)
    # 60 bits and not 64: such an integer lies in 32 bytes instead of 48.
    return -(int.from_bytes(blake2b(external_id.encode(), digest_size=8).digest()) >> 4) or -1
