"""Telegram: whose a bot's token is, and where Telegram posts its updates. Bot API, getMe, getWebhookInfo, setWebhook."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, TypeVar

from pulse.channels.accounts import Holder, Posting
from pulse.channels.calls import MaybeSent
from pulse.channels.fields import Fields
from pulse.channels.telegram_api import TelegramApi
from pulse.errors import BadInput

T = TypeVar("T")


async def holder_of(api: TelegramApi) -> Holder:
    """Raises CallFailed."""
    return understood(await api.call("getMe", {}), read_holder)


async def posting_of(api: TelegramApi, wanted: Collection[str]) -> Posting:
    """`wanted` are the kinds of updates that Pulse reads. Raises CallFailed."""
    return understood(await api.call("getWebhookInfo", {}), lambda told: read_posting(told, wanted))


async def set_webhook(api: TelegramApi, url: str, secret: bytes | None, wanted: Collection[str]) -> None:
    """What waits at Telegram is kept. Raises CallFailed."""
    said = {"url": url, "allowed_updates": sorted(wanted), "drop_pending_updates": False}
    proof = {"secret_token": secret.decode()} if secret else {}
    await api.call("setWebhook", said | proof)


def read_holder(told: Fields) -> Holder:
    return Holder(told.id("id"), told.maybe_text("first_name") or "", told.maybe_text("username"))


def read_posting(told: Fields, wanted: Collection[str]) -> Posting:
    """Bot API, WebhookInfo: without `allowed_updates` all kinds are posted but for reactions and other members."""
    allowed = set(map(str, told.listed("allowed_updates"))) or set(wanted) - {"message_reaction"}
    return Posting(
        told.text("url") or None,
        pending=told.whole("pending_update_count"),
        error=told.maybe_text("last_error_message") or "",
        error_at=told.moment("last_error_date"),
        missing=tuple(sorted(set(wanted) - allowed)),
    )


def understood(found: Any, read: Callable[[Fields], T]) -> T:
    """Raises MaybeSent for an answer that is not what Telegram promises."""
    try:
        return read(Fields({"result": found}).child("result"))
    except BadInput as error:
        unread = str(error)
    raise MaybeSent(f"Telegram's answer can't be read: {unread}")
