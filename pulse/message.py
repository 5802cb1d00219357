"""Message: what people send, as the channels' drivers read it and as events keep it."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from hashlib import blake2b

from pulse.values import value


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
