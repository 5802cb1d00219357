"""The one Pusher app of an installation: what Pusher's server libraries must be told of it, and how they sign what they
ask over HTTP. Pure.

https://pusher.com/docs/channels/library_auth_reference/rest-api/#authentication
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b64encode
from collections.abc import Collection, Sequence
from dataclasses import field

from pulse.errors import NotAllowed, NotAuthentic
from pulse.values import value

ID = "1"  # the libraries want digits
TOLERANCE_SECONDS = 600
VERSION = "1.0"
STAMP = re.compile(r"[0-9]{1,12}")
SIGNED_BY = "auth_signature"
# As many as Pusher allows: that an event is told on, that are signed together, and here also that one socket is on; and
# the people whom one user watches.
CHANNELS, WATCHED = 100, 100

Query = Sequence[tuple[str, str]]


class AppDisabled(NotAllowed):
    """Pusher's protocol is switched off here: PULSE_PUSH_APP is false."""


class WrongTime(NotAuthentic):
    """The request was signed more than ten minutes ago, or ahead of time. Look at the clock."""


class WrongBody(NotAuthentic):
    """The body is not the one that body_md5 was made of."""


@value
class PusherApp:
    """Whoever has the secret says and hears everything, in anybody's name. Its bytes sign, as they are printed.

    `encryption_key` (32 bytes) is that of encrypted channels. Neither is ever logged. One that is not `enabled` serves
    nobody; windows go on.
    """

    key: str
    secret: str = field(repr=False)
    encryption_key: bytes = field(repr=False)
    id: str = ID
    enabled: bool = True

    def require_enabled(self) -> None:
        """Raises AppDisabled."""
        if not self.enabled:
            raise AppDisabled

    def shared_secret(self, channel: str) -> str:
        """What the subscribers of one encrypted channel open its events with:
        https://pusher.com/docs/channels/using_channels/encrypted-channels/
        """
        return b64encode(hashlib.sha256(channel.encode() + self.encryption_key).digest()).decode()

    def signature(self, signed: bytes) -> str:
        return hmac.new(self.secret.encode(), signed, hashlib.sha256).hexdigest()

    def require_signed(self, method: str, paths: Collection[str], query: Query, body: bytes, now: float) -> None:
        """Proves that the asker holds the secret; `paths` are the ways in which libraries spell the one asked for.

        Only who holds it learns what else is wrong. Raises NotAuthentic, WrongTime, WrongBody. The same request may come
        again within its time: libraries send it anew when its answer was lost, and there is nothing to find out by it.
        """
        said = {name.lower(): value for name, value in query}
        given = said.get(SIGNED_BY, "").encode("utf-8", "replace")
        fits = [hmac.compare_digest(self._sign(method, path, query).encode(), given) for path in paths]
        if not any(fits) or said.get("auth_key") != self.key or said.get("auth_version") != VERSION:
            raise NotAuthentic("The signature does not fit, or the key is another app's.")
        stamp = said.get("auth_timestamp", "")
        if not (STAMP.fullmatch(stamp) and abs(now - int(stamp)) <= TOLERANCE_SECONDS):
            raise WrongTime
        digest = said.get("body_md5", "" if body else md5(body))
        if not hmac.compare_digest(digest.encode("utf-8", "replace"), md5(body).encode()):
            raise WrongBody

    def signed_query(self, method: str, path: str, query: Query, body: bytes, now: float) -> list[tuple[str, str]]:
        """The query with all that a signed request needs."""
        auth = [("auth_key", self.key), ("auth_timestamp", str(int(now))), ("auth_version", VERSION)]
        whole = [*query, *auth, *([("body_md5", md5(body))] if body else [])]
        return [*whole, (SIGNED_BY, self._sign(method, path, whole))]

    def _sign(self, method: str, path: str, query: Query) -> str:
        return self.signature(text_to_sign(method, path, query))


def text_to_sign(method: str, path: str, query: Query) -> bytes:
    """Method, path, and the query in the order of its lower-cased names, values as they are meant, not as escaped."""
    pairs = sorted((name.lower(), value) for name, value in query if name.lower() != SIGNED_BY)
    asked = "&".join(f"{name}={value}" for name, value in pairs)
    return "\n".join((method, path, asked)).encode("utf-8", "replace")


def md5(body: bytes) -> str:
    """The protocol's choice; the signature around it is what proves anything."""
    return hashlib.md5(body, usedforsecurity=False).hexdigest()
