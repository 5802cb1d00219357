"""VK: the Callback API of a community, events of version 5.80 up to 5.199. Kinds it does not know are Unhandled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import sha256

import orjson

from pulse.channels import (
    FILES,
    Capabilities,
    Channel,
    Holder,
    Located,
    Outgoing,
    Posting,
    Profile,
    load_object,
    vk_account,
    vk_sending,
)
from pulse.channels.arrivals import (
    Arrival,
    ButtonArrived,
    Confirmation,
    EchoArrived,
    MessageArrived,
    ReachChanged,
    Reacted,
    ReadMark,
    TypingSeen,
    Unhandled,
)
from pulse.channels.calls import NeverDelivered
from pulse.channels.fields import Fields, compact
from pulse.channels.vk_api import VkApi, hosts_of, may_serve
from pulse.channels.vk_contents import attachments, forwarded, payload, reply_to
from pulse.errors import NotAuthentic
from pulse.message import Author, Incoming

VIDEO_PAGE = "https://vk.com/video"
GROUP_CHATS = 2_000_000_000  # VK: the peer of a group chat is this plus the chat's number


@dataclass(frozen=True, slots=True)
class Event:
    """An event of a community; `object` is what its kind is about."""

    external_id: str
    kind: str
    group: int
    object: Fields


class Vk(Channel):
    name = "vk"
    provider = "VK"
    # VK: the schema allows 9,000 characters; longer than 4,096 is split by some clients. Documents up to 200 MB, and
    # what is neither a photo nor a voice message goes as one. A repeated `random_id` counts once for an hour.
    capabilities = Capabilities(
        text_limit=4096, file_limit=200 * 2**20, receipts=True, typing=True,
        caption_limit=4096, kinds=FILES, repeat_seconds=3600, profiles=True, per_second=20,
        per_peer=20, per_group_minute=1200,
    )  # fmt: skip
    secret_names = ("secret", "token")
    sending_secrets = ("token",)
    setting_names = ("confirmation", "api_url")
    answer = ("text/plain", b"ok")  # other words are commands: `remove` takes our server off the community

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """VK signs nothing: the proof is a secret in the body. A wrong community is answered like a wrong secret."""
        event = load_object(body)
        secret = event.get("secret")
        self.prove(secret.encode() if isinstance(secret, str) else b"")
        group = event.get("group_id")
        if not isinstance(group, int | str) or str(group) != self.account.identifier:
            raise NotAuthentic

    def kept(self, body: bytes) -> bytes:
        """VK puts its secret into every body; the log is for good, so there it is blank."""
        event = load_object(body)
        secret = event.get("secret")
        if not secret:
            return body
        blank = body.replace(orjson.dumps(secret), b'""')
        if load_object(blank).get("secret"):  # spelled with escapes, which VK does not
            return compact({**event, "secret": ""})
        return blank

    @property
    def api(self) -> VkApi:
        return VkApi(self.account, self.http)

    async def send(self, piece: Outgoing) -> str | None:
        return await vk_sending.send_piece(self.api, piece)

    async def show_typing(self, peer: str) -> None:
        await vk_sending.show_typing(self.api, peer)

    async def profile(self, peer: str) -> Profile | None:
        """A group chat is nobody."""
        return None if int(peer) > GROUP_CHATS else await vk_sending.profile_of(self.api, peer)

    async def holder(self) -> Holder:
        return await vk_account.holder_of(self.api)

    async def posting(self, url: str) -> Posting:
        return await vk_account.posting_of(self.api, self.account.identifier, url, KINDS)

    async def prepare_webhook(self) -> dict[str, str]:
        """VK asks for the code as soon as it is told an address."""
        return {"confirmation": await vk_account.confirmation_code(self.api, self.account.identifier)}

    async def set_webhook(self, url: str) -> None:
        secret = self.account.secrets.get("secret")
        await vk_account.set_webhook(self.api, self.account.identifier, url, secret, KINDS)

    async def locate(self, ref: str) -> Located:
        """VK: a reference is the file's signed address, for as long as it lasts; a video's is only its page."""
        if ref.startswith(VIDEO_PAGE):
            raise NeverDelivered("VK gives a community no file of a video, only its page.")
        if not may_serve(self.account, ref):
            raise NeverDelivered("This file's address is none of VK's.")
        return Located(ref, hosts=hosts_of(self.account))

    def read(self, body: bytes) -> list[Arrival]:
        event = Fields.of(body)
        kind = event.text("type")
        external_id = event.maybe_id("event_id") or content_id(event)
        if kind == "confirmation":
            return [Confirmation(external_id, self.account.settings.get("confirmation", ""))]
        if kind not in KINDS:
            return [Unhandled(external_id, kind[:100])]
        return [KINDS[kind](Event(external_id, kind, event.whole("group_id"), event.child("object")))]


def content_id(event: Fields) -> str:
    """Very old versions send no event_id: the same content is the same event."""
    return sha256(event.text("type").encode() + compact(event.values.get("object"))).hexdigest()


def message_new(event: Event) -> Arrival:
    """VK: wrapped in `message` since 5.103, flat before."""
    message = event.object.child("message") if "message" in event.object else event.object
    return echo(event, message) if is_ours(event, message) else message_arrived(event, message)


def message_edit(event: Event) -> Arrival:
    """An edit from our side was made outside of Pulse and changes nothing a customer said."""
    if is_ours(event, event.object):
        return Unhandled(event.external_id, event.kind)
    return message_arrived(event, event.object, edited=True)


def message_reply(event: Event) -> Arrival:
    return echo(event, event.object)


def message_arrived(event: Event, message: Fields, *, edited: bool = False) -> Arrival:
    return MessageArrived(
        event.external_id, peer_of(message), incoming(event, message), title=title_of(message), edited=edited
    )


def echo(event: Event, message: Fields) -> Arrival:
    """VK: `random_id` is the one we sent with; `admin_author_id` is who wrote in VK itself."""
    return EchoArrived(
        event.external_id,
        peer_of(message),
        message.maybe_text("text") or "",
        attachments(message),
        message_id=message.maybe_id("conversation_message_id"),
        random_id=message.maybe_whole("random_id") or 0,
        outside_author=message.maybe_id("admin_author_id"),
    )


def button_pressed(event: Event) -> Arrival:
    """VK: the inner `event_id` is what an answer names. The schema calls `payload` a text, traffic has objects too."""
    return ButtonArrived(
        event.external_id,
        peer_of(event.object),
        author=person(event.object, "user_id"),
        payload=payload(event.object) or "",
        query_id=event.object.id("event_id"),
        message_id=event.object.maybe_id("conversation_message_id"),
        title=title_of(event.object),
    )


def reacted(event: Event) -> Arrival:
    """VK: one reaction per person, named by number; none means taken back."""
    reaction = event.object.maybe_id("reaction_id")
    return Reacted(
        event.external_id,
        peer_of(event.object),
        author=person(event.object, "reacted_id"),
        message_id=event.object.id("cmid"),
        reactions=() if reaction is None else (reaction,),
        title=title_of(event.object),
    )


def read_up_to(event: Event) -> Arrival:
    """VK: `read_message_id` counts in another series, where any number is beyond all of this chat's."""
    message_id = event.object.maybe_id("conversation_message_id")
    if message_id is None or event.object.maybe_whole("from_id") == -event.group:
        return Unhandled(event.external_id, event.kind)
    return ReadMark(event.external_id, peer_of(event.object), message_id)


def typing(event: Event) -> Arrival:
    return TypingSeen(event.external_id, str(event.object.whole("from_id")))


def reach(event: Event, *, reachable: bool, reason: str) -> Arrival:
    return ReachChanged(event.external_id, person(event.object, "user_id"), reachable, reason)


KINDS: dict[str, Callable[[Event], Arrival]] = {
    "message_new": message_new,
    "message_edit": message_edit,
    "message_reply": message_reply,
    "message_allow": partial(reach, reachable=True, reason="allowed messages"),
    "message_deny": partial(reach, reachable=False, reason="forbade messages"),
    "user_block": partial(reach, reachable=False, reason="was blocked by the community"),
    "user_unblock": partial(reach, reachable=True, reason="was unblocked by the community"),
    "message_typing_state": typing,
    "message_read": read_up_to,
    "message_event": button_pressed,
    "message_reaction_event": reacted,
}


def is_ours(event: Event, message: Fields) -> bool:
    """VK: communities have negative ids. Another community may write in a group chat; that is not us."""
    return message.maybe_whole("out") == 1 or message.whole("from_id") == -event.group


def incoming(event: Event, message: Fields) -> Incoming:
    """VK: `conversation_message_id` names a message in its chat, where `id` is 0 in group chats."""
    action = message.maybe_child("action")
    words = message.maybe_text("text") or ""
    return Incoming(
        event.external_id,
        author=person(message, "from_id"),
        text="" if action else words,
        message_id=message.maybe_id("conversation_message_id"),
        sent_at=message.moment("date"),
        attachments=attachments(message),
        reply_to=reply_to(message),
        forwarded=forwarded(message),
        payload=payload(message),
        notice=action.text("type") if action else None,
    )


def peer_of(place: Fields) -> str:
    return str(place.whole("peer_id"))


def title_of(place: Fields) -> str | None:
    """VK sends no titles; a group chat's number tells it apart."""
    number = place.whole("peer_id") - GROUP_CHATS
    return f"VK chat {number}" if number > 0 else None


def person(place: Fields, key: str) -> Author:
    """VK sends no names with events."""
    return Author(str(place.whole(key)))
