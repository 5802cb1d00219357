"""What a pager's link carries: whose it is and a secret, as one word that Telegram's start links can hold."""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from uuid import UUID

# Bot API, deep linking: 1 to 64 of these characters.
CODE = re.compile(r"pager-[A-Za-z0-9_-]{43}")
SECRET_BYTES = 16


def new_code(moderator_id: UUID) -> str:
    return "pager-" + base64.urlsafe_b64encode(moderator_id.bytes + secrets.token_bytes(SECRET_BYTES)).decode().rstrip(
        "="
    )


def whose_code(payload: str | None) -> UUID | None:
    """The moderator that a start link's payload names; None for any other word."""
    if payload is None or not CODE.fullmatch(payload):
        return None
    try:
        return UUID(bytes=base64.urlsafe_b64decode(payload.removeprefix("pager-") + "=")[:16])
    except (binascii.Error, ValueError):
        return None
