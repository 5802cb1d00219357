"""Telegram's older way: the login widget's fields, signed with the bot's token (core.telegram.org/widgets/login).

The widget's own address returns the fields in the fragment, which only a page's script can read; what it finds there
comes to the callback as a query. The widget itself carries no state, but it keeps the query of the address that it
returns to.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from urllib.parse import urlencode, urlsplit

from pulse.aggregates.identity import EXTERNAL_ID
from pulse.ways import Fields, Flow, Theirs, refuse, require_state

ADDRESS = "https://oauth.telegram.org"
FRESH_SECONDS = 300
FIELDS = 16
# Fields are signed as lines of `name=value`: a name or a value that holds a line break could pass for another field.
FIELD = re.compile(r"[a-z_]{1,32}", re.ASCII)
BREAKS = re.compile(r"[\x00-\x1f]")
SIGNATURE = re.compile(r"[0-9a-f]{64}")  # in one spelling only, or a used one would be new in capitals
SECONDS = re.compile(r"[0-9]{1,12}", re.ASCII)


class TelegramWidget:
    """Needs the token of the bot whose domain is this site's (BotFather, /setdomain)."""

    name, method = "telegram", "widget"

    def __init__(self, token: bytes, clock: Callable[[], datetime], address: str = ADDRESS) -> None:
        self._token = token
        self._clock = clock
        self._address = address.rstrip("/")

    def address(self, flow: Flow, back: str) -> str:
        site = urlsplit(back)
        asked = {
            "bot_id": self._token.partition(b":")[0].decode(), "origin": f"{site.scheme}://{site.netloc}",
            "return_to": f"{back}?{urlencode({'state': flow.state})}",
        }  # fmt: skip
        return f"{self._address}/auth?{urlencode(asked)}"

    def require_own(self, fields: Fields, flow: Flow) -> None:
        require_state(fields, flow)

    async def identify(self, fields: Fields, flow: Flow, back: str) -> Theirs:
        """The state is ours: Telegram signed all but that."""
        signed = {name: said for name, said in fields.items() if name != "state"}
        return widget_says(signed, self._token, self._clock())


def widget_says(fields: Fields, token: bytes, now: datetime) -> Theirs:
    """Who the fields are about, if the bot signed all of them within the last five minutes. Raises NotSignedIn."""
    given = fields.get("hash", "")
    if not SIGNATURE.fullmatch(given) or not is_signable(fields):
        refuse("hash")
    lines = "\n".join(f"{name}={fields[name]}" for name in sorted(fields) if name != "hash")
    wanted = hmac.new(sha256(token).digest(), lines.encode("utf-8", "replace"), sha256).hexdigest()
    if not hmac.compare_digest(wanted.encode(), given.encode()):
        refuse("signature")
    external_id, signed_at = fields.get("id", ""), fields.get("auth_date", "")
    if not EXTERNAL_ID.fullmatch(external_id) or not SECONDS.fullmatch(signed_at):
        refuse("number")
    if abs(now.timestamp() - int(signed_at)) > FRESH_SECONDS:
        refuse("auth_date")
    name = f"{fields.get('first_name', '')} {fields.get('last_name', '')}"
    return Theirs(external_id, name, once=given)


def is_signable(fields: Fields) -> bool:
    """Does each field stand on a line of its own?"""
    named = all(FIELD.fullmatch(name) for name in fields)
    return named and len(fields) <= FIELDS and not any(BREAKS.search(said) for said in fields.values())
