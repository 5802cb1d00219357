"""Signed posts of other services: one verifier, and a table of how each kind of service signs. Pure.

Nothing in a hostile header raises: what can't be read fits nothing. https://www.standardwebhooks.com (specification),
https://docs.github.com/webhooks, https://docs.stripe.com/webhooks, https://api.slack.com/authentication,
https://shopify.dev/docs/apps/build/webhooks
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from pulse.errors import BadInput, NotAuthentic

TOLERANCE_SECONDS = 300
SIGNATURES = 10
TIMESTAMP = re.compile(r"[0-9]{1,12}")
DELIVERY_ID = re.compile(r"[!-\-/-~]{1,256}")  # no dot: dots stand between the parts that are signed
SECRET_BYTES = range(24, 65)
PUBLIC_KEY_BYTES = 32
ELSEWHERE = 256  # characters of a secret that is text

Decode = Callable[[str], bytes]


class NotAKey(BadInput):
    """No producer of this scheme has such a secret."""


@dataclass(frozen=True, slots=True)
class Key:
    """A shared secret, or the `public` half of an ed25519 pair."""

    secret: bytes = field(repr=False)
    public: bool = False

    def made(self, signatures: Sequence[bytes], signed: bytes) -> bool:
        """Did this key make one of the signatures? In constant time for a shared secret."""
        if self.public:
            return any(_is_ed25519(self.secret, signature, signed) for signature in signatures)
        expected = hmac.digest(self.secret, signed, "sha256")
        return any(hmac.compare_digest(expected, signature) for signature in signatures)


@dataclass(frozen=True, slots=True)
class Scheme:
    """How a kind of service signs, and where its post says which event it is.

    `header` holds signatures, each after its `mark` (`public_mark` for ed25519) and with `between` between them; a NUL,
    which is in no header, where there is only one.
    `signed` stands before the body in what is signed. The timestamp has a header of its own or a mark in `header`.
    Ids and types have a header, or a path (`event.type`) into the body. `challenges`: it first posts a challenge, and
    wants it back.
    """

    header: str
    mark: str
    key: Callable[[str], Key]
    decode: Decode
    between: str = "\0"
    signed: str = ""
    public_mark: str | None = None
    timestamp_header: str | None = None
    timestamp_mark: str | None = None
    id_header: str | None = None
    id_field: str | None = None
    type_header: str | None = None
    type_field: str | None = None
    challenges: bool = False

    @property
    def signs_id(self) -> bool:
        """Is the delivery's id beyond doubt?"""
        return "{id}" in self.signed

    @property
    def signs_time(self) -> bool:
        """Is it known when a post was signed?"""
        return self.timestamp_header is not None or self.timestamp_mark is not None

    def delivery_of(self, headers: Mapping[str, str], body: bytes) -> str | None:
        """What names an authentic delivery beyond doubt: the id that was signed; without that and a timestamp, the body.

        Such a post is good for ever, and under any id, so only its body says that it came before. None: no such name.
        """
        if self.signs_id:
            return headers.get(self.id_header or "")
        return None if self.signs_time else f"sha256:{sha256(body).hexdigest()}"

    def verify(self, keys: Sequence[Key], headers: Mapping[str, str], body: bytes, now: float) -> None:
        """Proves the sender: one signature of one key fits, and was made within five minutes. Raises NotAuthentic."""
        parts = headers.get(self.header, "").split(self.between)[:SIGNATURES]
        stamp = self._stamp(headers, parts)
        delivery = headers.get(self.id_header, "") if self.id_header else ""
        fresh = stamp is None or (TIMESTAMP.fullmatch(stamp) and abs(now - int(stamp)) <= TOLERANCE_SECONDS)
        if not fresh or (self.signs_id and not DELIVERY_ID.fullmatch(delivery)):
            raise NotAuthentic
        signed = self.signed.format(id=delivery, timestamp=stamp).encode() + body
        shared, public = (list(self._signatures(parts, mark)) for mark in (self.mark, self.public_mark))
        if not any(key.made(public if key.public else shared, signed) for key in keys):
            raise NotAuthentic

    def _stamp(self, headers: Mapping[str, str], parts: Sequence[str]) -> str | None:
        """The timestamp as it was signed, empty for a missing one; None where the scheme has none."""
        if self.timestamp_header is not None:
            return headers.get(self.timestamp_header, "")
        if (mark := self.timestamp_mark) is None:
            return None
        return next((part.removeprefix(mark) for part in parts if part.startswith(mark)), "")

    def _signatures(self, parts: Sequence[str], mark: str | None) -> Iterator[bytes]:
        for part in parts:
            if mark is not None and part.startswith(mark):
                try:
                    yield self.decode(part.removeprefix(mark))
                except ValueError:  # malformed, or not even ASCII
                    continue


def _is_ed25519(public_key: bytes, signature: bytes, signed: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, signed)
    except (InvalidSignature, ValueError):
        return False
    return True


def _standard_key(text: str) -> Key:
    """`whsec_` and 24 to 64 bytes in base64, or `whpk_` and a public key of 32. Raises NotAKey."""
    public = text.startswith("whpk_")
    try:
        secret = unbase64(text.removeprefix("whpk_").removeprefix("whsec_"))
    except ValueError:
        secret = b""
    if text.startswith("whsk_") or not (len(secret) == PUBLIC_KEY_BYTES if public else len(secret) in SECRET_BYTES):
        raise NotAKey(
            "A secret is whsec_ and 24 to 64 bytes in base64, a public key whpk_ and 32. A private key (whsk_) stays"
            " with its owner."
        )
    return Key(secret, public)


def _text_key(text: str) -> Key:
    """The secret as it is shown, letter by letter. Raises NotAKey."""
    if not 1 <= len(text) <= ELSEWHERE:
        raise NotAKey(f"A secret has 1 to {ELSEWHERE} characters.")
    return Key(text.encode())


unbase64: Decode = partial(base64.b64decode, validate=True)


def standard(prefix: str) -> Scheme:
    """Standard Webhooks; older senders call its headers `svix-…`."""
    return Scheme(
        f"{prefix}-signature", "v1,", _standard_key, unbase64, between=" ", signed="{id}.{timestamp}.",
        public_mark="v1a,", timestamp_header=f"{prefix}-timestamp", id_header=f"{prefix}-id", type_field="type",
    )  # fmt: skip


SCHEMES: dict[str, Scheme] = {
    "standard": standard("webhook"),
    "svix": standard("svix"),
    "github": Scheme(
        "x-hub-signature-256", "sha256=", _text_key, bytes.fromhex, id_header="x-github-delivery",
        type_header="x-github-event",
    ),
    "stripe": Scheme(
        "stripe-signature", "v1=", _text_key, bytes.fromhex, between=",", signed="{timestamp}.", timestamp_mark="t=",
        id_field="id", type_field="type",
    ),
    "slack": Scheme(
        "x-slack-signature", "v0=", _text_key, bytes.fromhex, signed="v0:{timestamp}:",
        timestamp_header="x-slack-request-timestamp", id_field="event_id", type_field="event.type",
        challenges=True,
    ),
    "shopify": Scheme(
        "x-shopify-hmac-sha256", "", _text_key, unbase64, id_header="x-shopify-webhook-id",
        type_header="x-shopify-topic",
    ),
}  # fmt: skip
