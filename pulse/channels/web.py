"""Web: the website widget. Who writes is known from the visitor's token, so only the widget's door reads here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from pulse.channels import FILES, Capabilities, Channel, Outgoing, Unreadable
from pulse.channels.arrivals import Arrival, CallbackArrived, MessageArrived
from pulse.channels.fields import YEARS, Fields
from pulse.errors import NotAuthentic
from pulse.message import Attachment, Author, Incoming

TEXT_LIMIT = 10_000
MESSAGE_ID_LIMIT = 128
NAME_LIMIT = 100
COMMENT_LIMIT = 1000
PHONE = re.compile(r"\+?[0-9 ]+")
BETWEEN = re.compile(r"[-().\s]+")  # how people set digits apart


class Web(Channel):
    name = "web"
    capabilities = Capabilities(
        text_limit=TEXT_LIMIT, caption_limit=TEXT_LIMIT, file_limit=50 * 2**20, receipts=True, typing=False,
        kinds=FILES, repeat_seconds=float("inf"), per_second=1000, per_peer=1000, per_group_minute=60_000,
    )  # fmt: skip
    setting_names = ("origins", "file_types")

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """Refuses: website messages come through the widget's door, where the visitor's token is the proof."""
        raise NotAuthentic

    def read(self, body: bytes) -> list[Arrival]:
        raise Unreadable("Website messages come through the widget's address.")

    async def send(self, piece: Outgoing) -> None:
        """Nothing has to be called: the reply lies in the visitor's thread, and push has told their sockets."""

    def read_message(
        self, body: bytes, *, peer: str, name: str, attachments: tuple[Attachment, ...] = ()
    ) -> MessageArrived:
        """The widget's `{text, clientMsgId, name?}`; the token's name goes before the body's. With files it needs no text.

        Raises Unreadable."""
        post = Fields.of(body)
        client_msg_id = limited(post, "clientMsgId", MESSAGE_ID_LIMIT)
        said = Incoming(
            client_msg_id,
            author=Author(peer, name or (post.maybe_text("name") or "").strip()[:NAME_LIMIT]),
            text=limited(post, "text", TEXT_LIMIT, least=0 if attachments else 1),
            message_id=client_msg_id,
            attachments=attachments,
        )
        return MessageArrived(client_msg_id, peer, said)

    def read_callback(self, body: bytes, *, external_id: str, peer: str, name: str) -> CallbackArrived:
        """The widget's `{phone, time?, comment?}`. Raises Unreadable."""
        post = Fields.of(body)
        comment = (post.maybe_text("comment") or "").strip()
        if len(comment) > COMMENT_LIMIT:
            raise post.wrong("comment", f"a text of at most {COMMENT_LIMIT:,} characters")
        return CallbackArrived(external_id, peer, Author(peer, name), phone_of(post), wanted_at(post), comment)


def phone_of(post: Fields) -> str:
    """Its digits as they were set apart, by one space each."""
    phone = BETWEEN.sub(" ", post.text("phone")).strip()
    if not PHONE.fullmatch(phone) or not 5 <= sum(map(str.isdigit, phone)) <= 20:
        raise post.wrong("phone", "a phone number: 5 to 20 digits, with spaces, -, ( ) and . between, a + before them")
    return phone


def wanted_at(post: Fields) -> datetime | None:
    """`time`: ISO 8601 with its offset from UTC, in one of the YEARS; None for any time."""
    text = post.maybe_text("time")
    try:
        moment = datetime.fromisoformat(text) if text else None
        told = moment is None or moment.tzinfo is not None
        wanted = moment.astimezone(UTC) if moment and told else None
    except (ValueError, OverflowError):
        told, wanted = False, None
    if not told or (wanted and wanted.year not in YEARS):
        raise post.wrong("time", "an ISO 8601 time with its offset from UTC, from 1970 to 2100")
    return wanted


def limited(post: Fields, key: str, limit: int, *, least: int = 1) -> str:
    text = post.text(key).strip()
    if not least <= len(text) <= limit:
        raise post.wrong(key, f"a text of 1 to {limit:,} characters")
    return text
