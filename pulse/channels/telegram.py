"""Telegram: the Bot API, up to version 10.3. Kinds it does not know are Unhandled, contents unsupported."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from pulse.channels import FILES, Capabilities, Channel, Holder, Located, Outgoing, Posting, telegram_account
from pulse.channels.arrivals import (
    Arrival,
    ButtonArrived,
    EchoArrived,
    MessageArrived,
    MessagesDeleted,
    ReachChanged,
    Reacted,
    Unhandled,
)
from pulse.channels.fields import Fields
from pulse.channels.telegram_api import TelegramApi
from pulse.channels.telegram_contents import attachments, named, notice, text_of, unknown_field
from pulse.channels.telegram_sending import addressed, call_of, id_in
from pulse.message import Author, Incoming, Quoted

# Bot API, setWebhook: the secret_token comes back in this header on every call.
PROOF_HEADER = "x-telegram-bot-api-secret-token"

# Bot API, deep linking: up to 64 of these characters; in groups the command carries the bot's name.
START = re.compile(r"/start(?:@\w+)? ([A-Za-z0-9_-]{1,64})")


class Telegram(Channel):
    name = "telegram"
    provider = "Telegram"
    # Bot API: text is counted in UTF-16 units; a bot uploads files of up to 50 MB and learns of no read marks.
    capabilities = Capabilities(
        text_limit=4096, file_limit=50 * 2**20, receipts=False, typing=True,
        caption_limit=1024, kinds=FILES, units="utf-16", per_second=30, per_peer=1, per_group_minute=20,
    )  # fmt: skip
    secret_names = ("secret", "next_secret", "token")
    sending_secrets = ("token",)
    setting_names = ("api_url", "username")

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """While the secret is being replaced (`next_secret`), the next one is as good."""
        given = headers.get(PROOF_HEADER, "").encode("latin-1", "replace")
        coming = self.account.secrets.get("next_secret")
        if coming is None or not hmac.compare_digest(coming, given):
            self.prove(given)

    async def send(self, piece: Outgoing) -> str | None:
        """Telegram has no key that would make a repeated call count once."""
        return id_in(await self.api.call(*call_of(piece)))

    async def show_typing(self, peer: str) -> None:
        """Bot API, sendChatAction: shown for five seconds, or until the next message."""
        await self.api.call("sendChatAction", {**addressed(peer), "action": "typing"})

    async def locate(self, ref: str) -> Located:
        """The URL holds the bot's token, and is good for an hour. Files over 20 MB are NeverDelivered."""
        return await self.api.locate(ref)

    async def holder(self) -> Holder:
        return await telegram_account.holder_of(self.api)

    async def posting(self, url: str) -> Posting:
        """A bot has one address, ours or another's."""
        return await telegram_account.posting_of(self.api, KINDS)

    async def set_webhook(self, url: str) -> None:
        await telegram_account.set_webhook(self.api, url, self.account.secrets.get("secret"), KINDS)

    @property
    def api(self) -> TelegramApi:
        return TelegramApi(self.account, self.http)

    def read(self, body: bytes) -> list[Arrival]:
        """Bot API, Update: an update_id beside exactly one kind."""
        update = Fields.of(body)
        number = update.whole("update_id")
        if number < 0:
            raise update.wrong("update_id", "positive")
        kind = update.first_of(KINDS)
        if kind is not None:
            return [KINDS[kind](str(number), update.child(kind))]
        return [Unhandled(str(number), unknown_field(update, known=frozenset({"update_id"})) or "nothing")]


def message_arrived(external_id: str, message: Fields, *, edited: bool = False) -> Arrival:
    return MessageArrived(
        external_id, peer_of(message), incoming(external_id, message), title=title_of(message), edited=edited
    )


def business_arrived(external_id: str, message: Fields, *, edited: bool = False) -> Arrival:
    """Bot API: business chats are private and bring both sides; whoever is not the chat's person is our side."""
    message.id("business_connection_id")
    sender = message.child("from").whole("id")
    if sender == message.child("chat").whole("id"):
        return message_arrived(external_id, message, edited=edited)
    if edited:
        return Unhandled(external_id, "edited_business_message")
    return EchoArrived(
        external_id,
        peer_of(message),
        text_of(message),
        attachments(message),
        message_id=message_id(message),
        random_id=0,
        outside_author=None if "sender_business_bot" in message else str(sender),
    )


def messages_deleted(external_id: str, deleted: Fields) -> Arrival:
    return MessagesDeleted(external_id, peer_of(deleted), tuple(map(str, deleted.wholes("message_ids"))))


def button_pressed(external_id: str, query: Fields) -> Arrival:
    """Bot API, CallbackQuery: `message` may be inaccessible (chat and id only), or absent for an inline message."""
    who = person(query.child("from"))
    under = query.maybe_child("message")
    return ButtonArrived(
        external_id,
        peer=who.id if under is None else peer_of(under),
        author=who,
        payload=query.maybe_text("data") or query.maybe_text("game_short_name") or "",
        query_id=query.id("id"),
        message_id=None if under is None else message_id(under),
        title=None if under is None else title_of(under),
    )


def member_changed(external_id: str, change: Fields) -> Arrival:
    """Bot API, my_chat_member: in a private chat, the person blocked or unblocked the bot."""
    status = change.child("new_chat_member").text("status")
    if title_of(change) is not None or status not in REACH:
        return Unhandled(external_id, "my_chat_member")
    reachable, reason = REACH[status]
    return ReachChanged(external_id, person(change.child("from")), reachable, reason)


def reacted(external_id: str, reaction: Fields) -> Arrival:
    """Bot API: `new_reaction` is the whole new set; `actor_chat` reacts where a person stays anonymous."""
    who = reaction.maybe_child("user") or reaction.child("actor_chat")
    return Reacted(
        external_id,
        peer_of(reaction),
        author=person(who),
        message_id=str(reaction.whole("message_id")),
        reactions=tuple(put.maybe_text("emoji") or put.text("type") for put in reaction.items("new_reaction")),
        title=title_of(reaction),
    )


REACH = {"kicked": (False, "blocked the bot"), "member": (True, "unblocked the bot")}

KINDS: dict[str, Callable[[str, Fields], Arrival]] = {
    "message": message_arrived,
    "edited_message": partial(message_arrived, edited=True),
    "channel_post": message_arrived,
    "edited_channel_post": partial(message_arrived, edited=True),
    "business_message": business_arrived,
    "edited_business_message": partial(business_arrived, edited=True),
    "deleted_business_messages": messages_deleted,
    "callback_query": button_pressed,
    "my_chat_member": member_changed,
    "message_reaction": reacted,
}


def incoming(external_id: str, message: Fields) -> Incoming:
    """A forwarded message has nothing of its author's own: its text and files are in `forwarded`."""
    told = notice(message)
    text, files = ("", ()) if told is not None else (text_of(message), attachments(message))
    forwarder = None if told is not None else forwarded_from(message)
    start = START.fullmatch(text) if text.startswith("/start") else None
    return Incoming(
        external_id,
        author=author_of(message),
        text=text if forwarder is None else "",
        message_id=message_id(message),
        sent_at=message.moment("date"),
        attachments=files if forwarder is None else (),
        reply_to=reply_to(message),
        forwarded=() if forwarder is None else (Quoted(text, forwarder, attachments=files),),
        album=message.maybe_id("media_group_id"),
        payload=start[1] if start and forwarder is None else None,
        notice=told,
    )


def reply_to(message: Fields) -> Quoted | None:
    """Bot API: `quote` is the chosen part of the message; a reply into another chat has `external_reply` instead."""
    quote = message.maybe_child("quote")
    chosen = "" if quote is None else quote.text("text")
    answered = message.maybe_child("reply_to_message")
    if answered is None:
        elsewhere = message.maybe_child("external_reply")
        return None if elsewhere is None else Quoted(chosen, origin_name(elsewhere.child("origin")))
    if "forum_topic_created" in answered:  # in a forum every message answers the one its topic began with
        return None
    files = () if notice(answered) else attachments(answered)
    return Quoted(chosen or text_of(answered), named(sender(answered)), message_id(answered), files)


def forwarded_from(message: Fields) -> str | None:
    """Bot API: `forward_origin`, or the older `forward_...` fields that it replaced."""
    origin = message.maybe_child("forward_origin")
    if origin is not None:
        return origin_name(origin)
    who = message.maybe_child("forward_from") or message.maybe_child("forward_from_chat")
    return named(who) if who is not None else message.maybe_text("forward_sender_name")


def origin_name(origin: Fields) -> str:
    """Bot API, MessageOrigin: a user, a user who hides, a chat or a channel."""
    who = origin.maybe_child("sender_user") or origin.maybe_child("sender_chat") or origin.maybe_child("chat")
    return named(who) if who is not None else origin.maybe_text("sender_user_name") or ""


def peer_of(place: Fields) -> str:
    """The chat; a business chat is apart from the bot's own chat with the same person."""
    chat = str(place.child("chat").whole("id"))
    connection = place.maybe_id("business_connection_id")
    return chat if connection is None else f"{connection}:{chat}"


def title_of(place: Fields) -> str | None:
    chat = place.child("chat")
    return None if chat.text("type") == "private" else chat.maybe_text("title") or ""


def message_id(message: Fields) -> str | None:
    """Bot API: 0 stands for a message that has no id yet."""
    return str(message.whole("message_id") or "") or None


def sender(message: Fields) -> Fields:
    """Bot API: an anonymous admin or a channel writes as `sender_chat`; `from` then holds a stand-in, or nobody."""
    return message.maybe_child("sender_chat") or message.maybe_child("from") or message.child("chat")


def author_of(message: Fields) -> Author:
    """Bot API, Contact: it is the sender's own only where its `user_id` is theirs."""
    who = person(sender(message))
    contact = message.maybe_child("contact")
    if contact is None or str(contact.maybe_whole("user_id")) != who.id:
        return who
    return replace(who, phone=contact.text("phone_number"))


def person(who: Fields) -> Author:
    return Author(str(who.whole("id")), named(who), who.maybe_text("username"), who.maybe_text("language_code"))
