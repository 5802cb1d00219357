"""Who may be a member of a presence channel: sizes as Pusher has them, and how many there may be.

https://pusher.com/docs/channels/using_channels/presence-channels/
"""

from __future__ import annotations

from collections.abc import Collection

import orjson

from pulse.errors import BadInput, Refusal
from pulse.roster.words import Info

USER_ID, USER_INFO_BYTES = 128, 1024


class NotAUserId(BadInput):
    """A user_id has 1 to 128 characters."""


class NotUserInfo(BadInput):
    """A user_info is a JSON object of at most 1 KB."""


class ChannelIsFull(Refusal):
    """This channel has as many members as a presence channel may have."""

    status = 413


def require_user_id(user_id: str) -> None:
    if not 0 < len(user_id) <= USER_ID:
        raise NotAUserId


def require_user_info(user_info: Info | None) -> None:
    try:
        size = len(orjson.dumps(user_info or {}))
    except TypeError:
        raise NotUserInfo from None
    if size > USER_INFO_BYTES:
        raise NotUserInfo


def require_room(user_id: str, members: Collection[str], limit: int) -> None:
    """Raises ChannelIsFull, for nobody who is a member already."""
    if user_id not in members and len(members) >= limit:
        raise ChannelIsFull
