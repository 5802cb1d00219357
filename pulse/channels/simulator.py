"""Simulator: a channel anybody can drive with curl. Its bodies are Pulse's own, so they say what they mean.

`{from, message, type, message_id, timestamp, name, media_url, file_name, latitude, longitude, phone}`: only `from` is
always needed, and `message` in a text. `type` is `text` unless it says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256

from pulse.channels import Arrival, Capabilities, Channel, MessageArrived, ReadMark, TypingSeen, require_secret
from pulse.channels.fields import Fields
from pulse.message import Attachment, Author, Incoming

PROOF_HEADER = "x-pulse-secret"


class Simulator(Channel):
    name = "simulator"
    capabilities = Capabilities(text_limit=65_536, file_limit=200 * 2**20, receipts=True, typing=True)

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        require_secret(self.account.secrets.get("secret"), headers.get(PROOF_HEADER, "").encode("latin-1", "replace"))

    def read(self, body: bytes) -> list[Arrival]:
        """A message's `message_id` names its delivery too; without one, and for all else, the body names it."""
        delivery = Fields.of(body)
        kind = delivery.maybe_text("type") or "text"
        return [KINDS.get(kind, message_arrived)(sha256(body).hexdigest(), delivery)]


def message_arrived(body_id: str, delivery: Fields, *, edited: bool = False) -> Arrival:
    """An edit names the edited message, so its own delivery needs another name."""
    message_id = delivery.id("message_id") if edited else delivery.maybe_id("message_id")
    external_id = body_id if edited else message_id or body_id
    peer = delivery.id("from")
    kind = delivery.maybe_text("type") or "text"
    is_text = kind in ("text", "edit")
    said = Incoming(
        external_id,
        author=Author(peer, delivery.maybe_text("name") or ""),
        text=delivery.text("message") if is_text else delivery.maybe_text("message") or "",
        message_id=message_id,
        sent_at=sent_at(delivery),
        attachments=() if is_text else (ATTACHMENTS.get(kind, unsupported)(delivery),),
    )
    return MessageArrived(external_id, peer, said, edited=edited)


def typing(body_id: str, delivery: Fields) -> Arrival:
    return TypingSeen(body_id, delivery.id("from"))


def read_up_to(body_id: str, delivery: Fields) -> Arrival:
    return ReadMark(body_id, delivery.id("from"), delivery.id("message_id"))


KINDS: dict[str, Callable[[str, Fields], Arrival]] = {
    "edit": partial(message_arrived, edited=True),
    "typing": typing,
    "read": read_up_to,
}


def file(delivery: Fields, kind: str) -> Attachment:
    return Attachment(kind, name=delivery.maybe_text("file_name"), ref=delivery.maybe_text("media_url"))


def location(delivery: Fields) -> Attachment:
    return Attachment("location", latitude=delivery.number("latitude"), longitude=delivery.number("longitude"))


def contact(delivery: Fields) -> Attachment:
    return Attachment("contact", phone=delivery.text("phone"))


def unsupported(delivery: Fields) -> Attachment:
    return Attachment("unsupported", name=delivery.text("type")[:100])


ATTACHMENTS: dict[str, Callable[[Fields], Attachment]] = {
    **{kind: partial(file, kind=kind) for kind in ("photo", "document", "voice", "audio", "video", "sticker", "link")},
    "image": partial(file, kind="photo"),
    "file": partial(file, kind="document"),
    "location": location,
    "contact": contact,
}


def sent_at(delivery: Fields) -> datetime | None:
    """`timestamp`: seconds since 1970, or ISO 8601; without a zone it is UTC."""
    if not isinstance(delivery.values.get("timestamp"), str):
        return delivery.moment("timestamp")
    try:
        moment = datetime.fromisoformat(delivery.text("timestamp"))
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise delivery.wrong("timestamp", "seconds since 1970 or an ISO 8601 time") from None
