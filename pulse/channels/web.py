"""Web: the website widget. Who writes is known from the visitor's token, so only the widget's door reads here."""

from __future__ import annotations

from collections.abc import Mapping

from pulse.channels import FILES, Arrival, Capabilities, Channel, MessageArrived, Outgoing, Unreadable
from pulse.channels.fields import Fields
from pulse.errors import NotAuthentic
from pulse.message import Attachment, Author, Incoming

TEXT_LIMIT = 10_000
MESSAGE_ID_LIMIT = 128
NAME_LIMIT = 100


class Web(Channel):
    name = "web"
    capabilities = Capabilities(
        text_limit=TEXT_LIMIT, caption_limit=TEXT_LIMIT, file_limit=50 * 2**20, receipts=True, typing=True,
        kinds=FILES, repeat_seconds=float("inf"), per_second=1000, per_peer=1000, per_group_minute=60_000,
    )  # fmt: skip

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


def limited(post: Fields, key: str, limit: int, *, least: int = 1) -> str:
    text = post.text(key).strip()
    if not least <= len(text) <= limit:
        raise post.wrong(key, f"a text of 1 to {limit:,} characters")
    return text
