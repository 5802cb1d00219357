"""Signed tokens: a visitor's, which opens one chat; a moderator's, which lives five minutes; what a sign-in leaves with
the browser; Pusher's signatures; receipts of uploaded files.

Visitor tokens are `v1.<claims>.<mac>`: base64url JSON and HMAC-SHA256 over it, keyed by use. They name a chat
and nothing else can be reached with them. Staff tokens are JWTs (HS256, pinned), see RFC 8725.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from pulse.errors import BadInput, NotAuthentic

STAFF_LIFE = timedelta(minutes=5)
CHAT_TOKEN_LIFE = timedelta(days=180)
CHANNEL_TOKEN_LIFE = timedelta(hours=24)
CLAIM_LIFE = timedelta(hours=24)
CHALLENGE_LIFE = timedelta(minutes=5)
DEVICE_LIFE = timedelta(days=365)
INVITATION_LIFE = timedelta(days=7)
RESET_LIFE = timedelta(hours=24)
LONGEST = 4096


class Visit(msgspec.Struct, frozen=True):
    """What a visitor's token says: whose chat it is, and how they introduced themselves."""

    chat: UUID
    source: UUID
    peer: str
    name: str
    department: UUID | None
    issued: int


class FileClaim(msgspec.Struct, frozen=True):
    """What the receipt of an upload says: what lies in our storage, and for which chat it was brought."""

    chat: UUID
    file: UUID
    sha256: str
    kind: str
    name: str
    mime: str
    size: int
    issued: int


class Session(msgspec.Struct, frozen=True):
    """A sign-in's public name, the version of the moderator when it began, and the second it is over by itself."""

    id: UUID
    since: int
    until: int


# Of a token that no sign-in stands behind: it ends with the first thing that ends all of a person's sessions.
NO_SESSION = Session(UUID(int=0), 0, 2**53)


class Staff(msgspec.Struct, frozen=True):
    """Whose a token, a cookie or a subscription is, and which session it came from."""

    person: UUID
    session: Session


class Challenge(msgspec.Struct, frozen=True):
    """Somebody whose password was right, at version `since` of the moderator: a code is still to come.

    `once` tells it from others of the same second.
    """

    person: UUID
    since: int
    issued: int
    once: str = ""


class Device(msgspec.Struct, frozen=True):
    """A browser that somebody has signed in with. It opens nothing; strangers' guesses don't hold it up."""

    id: UUID
    person: UUID
    issued: int


class Invitation(msgspec.Struct, frozen=True):
    """What a link for setting a password says: whose it is, and which of their links. Once it is used, none is theirs.

    `life` is in seconds: a week for newcomers, a day for those who forgot theirs.
    """

    moderator: UUID
    link: int
    issued: int
    life: int = int(INVITATION_LIFE.total_seconds())

    @property
    def expires_at(self) -> datetime:
        return datetime.fromtimestamp(self.issued + self.life, UTC)


class NotAClaim(BadInput):
    """This is not the receipt of a file that was uploaded to this chat within the last day."""


T = TypeVar("T", Visit, FileClaim, Challenge, Device, Invitation)


class Signer:
    """Makes and checks all tokens of one installation. `now` is an argument everywhere."""

    def __init__(self, staff_key: bytes, visitor_key: bytes, push_secret: bytes) -> None:
        self._staff = OctKey.import_key(staff_key)
        self._visitor = visitor_key
        self._push = push_secret

    # Visitors

    def chat_token(self, visit: Visit) -> str:
        """Resumes a visitor's chat, for months."""
        return self._sign("chat", visit)

    def channel_token(self, visit: Visit) -> str:
        """Opens a visitor's socket or stream, for a day."""
        return self._sign("channel", visit)

    def stream_link(self, visit: Visit) -> str:
        """The address of a visitor's stream, good by itself for a day: whoever has it may listen to this one chat."""
        return f"/chat/{visit.chat}/stream?sig={self._sign('stream', visit)}"

    def read_stream_link(self, signature: str, now: datetime) -> Visit:
        """Whose stream it opens. Raises NotAuthentic."""
        return self._read("stream", signature, now, CHANNEL_TOKEN_LIFE, Visit)

    def read_chat_token(self, token: str, now: datetime) -> Visit:
        """Raises NotAuthentic."""
        return self._read("chat", token, now, CHAT_TOKEN_LIFE, Visit)

    def read_channel_token(self, token: str, now: datetime) -> Visit:
        """Raises NotAuthentic."""
        return self._read("channel", token, now, CHANNEL_TOKEN_LIFE, Visit)

    # Uploads

    def file_claim(self, claim: FileClaim) -> str:
        """Puts an uploaded file into a message of its chat, for a day."""
        return self._sign("file", claim)

    def read_file_claim(self, token: str, chat: UUID, now: datetime) -> FileClaim:
        """Raises NotAClaim."""
        try:
            claim = self._read("file", token, now, CLAIM_LIFE, FileClaim)
        except NotAuthentic:
            raise NotAClaim from None
        if claim.chat != chat:
            raise NotAClaim
        return claim

    # Signing in

    def challenge(self, challenge: Challenge) -> str:
        """Stands for a right password until the code comes, for five minutes."""
        return self._sign("challenge", challenge)

    def read_challenge(self, token: str, now: datetime) -> Challenge:
        """Raises NotAuthentic."""
        return self._read("challenge", token, now, CHALLENGE_LIFE, Challenge)

    def device_token(self, device: Device) -> str:
        """Lies in a browser for a year."""
        return self._sign("device", device)

    def read_device_token(self, token: str, now: datetime) -> Device | None:
        """None for any other text."""
        try:
            return self._read("device", token, now, DEVICE_LIFE, Device)
        except NotAuthentic:
            return None

    # People who set a password

    def invitation(self, invitation: Invitation) -> str:
        """Sets a password, for its life, once: what `link` stands for is decided on the account."""
        return self._sign("invitation", invitation)

    def read_invitation(self, token: str, now: datetime) -> Invitation:
        """Raises NotAuthentic."""
        says = self._read("invitation", token, now, INVITATION_LIFE, Invitation)
        if now > says.expires_at:
            raise NotAuthentic
        return says

    def _sign(self, use: str, says: Visit | FileClaim | Challenge | Device | Invitation) -> str:
        claims = base64.urlsafe_b64encode(msgspec.json.encode(says)).decode().rstrip("=")
        return f"v1.{claims}.{self._mac(use, claims)}"

    def _read(self, use: str, token: str, now: datetime, life: timedelta, kind: type[T]) -> T:
        version, _, rest = token[:LONGEST].partition(".")
        claims, _, mac = rest.partition(".")
        if version != "v1" or not hmac.compare_digest(self._mac(use, claims).encode(), mac.encode("utf-8", "replace")):
            raise NotAuthentic
        says = msgspec.json.decode(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)), type=kind)
        age = now.timestamp() - says.issued
        if not -60 <= age <= life.total_seconds():
            raise NotAuthentic("This token has expired. Ask for a new one.")
        return says

    def _mac(self, use: str, claims: str) -> str:
        return hmac.new(self._visitor, f"{use}.{claims}".encode("utf-8", "replace"), hashlib.sha256).hexdigest()

    # Moderators

    def staff_token(self, moderator_id: UUID, now: datetime, session: Session = NO_SESSION) -> str:
        """A JWT for the staff socket and for other services; it ends with its session."""
        issued = int(now.timestamp())
        life = int(STAFF_LIFE.total_seconds())
        claims = {
            "sub": moderator_id.hex, "iss": "pulse", "aud": "staff", "iat": issued, "exp": issued + life,
            "session": {"id": session.id.hex, "since": session.since, "until": session.until},
        }  # fmt: skip
        return jwt.encode({"alg": "HS256", "typ": "JWT"}, claims, self._staff)

    def read_staff_token(self, token: str, now: datetime) -> Staff:
        """Whose it is; whether the session holds is the directory's to say. Raises NotAuthentic."""
        registry = jwt.JWTClaimsRegistry(
            now=int(now.timestamp()), leeway=5, iss={"essential": True, "value": "pulse"},
            aud={"essential": True, "value": "staff"}, exp={"essential": True}, sub={"essential": True}, session={"essential": True},
        )  # fmt: skip
        try:
            claims: dict[str, Any] = jwt.decode(token[:LONGEST], self._staff, algorithms=["HS256"]).claims
            registry.validate(claims)
            return Staff(UUID(str(claims["sub"])), msgspec.convert(claims["session"], Session))
        except (JoseError, ValueError, msgspec.ValidationError):
            raise NotAuthentic from None

    # Pusher protocol

    def subscription(self, key: str, socket_id: str, channel: str, channel_data: str | None = None) -> str:
        """What the auth endpoint answers and the socket checks: https://pusher.com/docs/channels/library_auth_reference"""
        return self._for_socket(
            key, f"{socket_id}:{channel}" + (f":{channel_data}" if channel_data is not None else "")
        )

    def user_sign_in(self, key: str, socket_id: str, user_data: str) -> str:
        """The same for `pusher:signin`, which says whose a socket is."""
        return self._for_socket(key, f"{socket_id}::user::{user_data}")

    def _for_socket(self, key: str, signed: str) -> str:
        return f"{key}:{hmac.new(self._push, signed.encode('utf-8', 'replace'), hashlib.sha256).hexdigest()}"
