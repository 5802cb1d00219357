"""What signing in with somebody else's account is: a provider sends people away with a flow, and says who came back.

Each file beside this one is one way to ask; facts and sources are named there. They keep no tokens.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import NoReturn, Protocol

import msgspec
import structlog

from pulse.aggregates.identity import EXTERNAL_ID
from pulse.errors import NotAuthentic, NotFound
from pulse.values import value

FLOW_LIFE = timedelta(minutes=10)

Fields = Mapping[str, str]

log = structlog.get_logger(__name__)


class NotSignedIn(NotAuthentic):
    """Signing in this way did not work, or it took longer than ten minutes. Begin again."""


class ProviderOff(NotFound):
    """Signing in this way is not set up here."""


class Flow(msgspec.Struct, frozen=True):
    """One way there and back. `session` is that of whoever wants to link, empty for somebody who signs in."""

    provider: str
    method: str
    state: str
    verifier: str
    nonce: str
    goes_to: str
    session: str
    issued: int

    @classmethod
    def begin(cls, provider: str, method: str, *, goes_to: str, session: str, now: datetime) -> Flow:
        """With a state of 43 characters and a verifier of 86, all of `A-Za-z0-9_-`: VK ID takes no others."""
        state, nonce = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        issued = int(now.timestamp())
        return cls(provider, method, state, secrets.token_urlsafe(64), nonce, goes_to, session, issued)

    @property
    def challenge(self) -> str:
        return challenge_of(self.verifier)


@value
class Theirs:
    """Who came back: the provider's number for the person, and what it calls them.

    `once`, if there is any, proves this person and must not be taken a second time.
    """

    external_id: str
    name: str
    once: str = ""


class Way(Protocol):
    """One way to sign in with a provider."""

    name: str
    method: str

    def address(self, flow: Flow, back: str) -> str:
        """Where the person goes first; from there they return to `back`."""

    def require_own(self, fields: Fields, flow: Flow) -> None:
        """Is this the answer to that flow? Raises NotSignedIn; asks nobody."""

    async def identify(self, fields: Fields, flow: Flow, back: str) -> Theirs:
        """Who it is. Raises NotSignedIn, NoAnswer, and nothing else."""


def challenge_of(verifier: str) -> str:
    """S256 of RFC 7636."""
    return base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).decode().rstrip("=")


def require_state(fields: Fields, flow: Flow) -> None:
    """Raises NotSignedIn unless it is the state that this browser was sent away with."""
    if not hmac.compare_digest(fields.get("state", "").encode("utf-8", "replace"), flow.state.encode()):
        refuse("state")


def number_of(said: object) -> str:
    """A provider's number for a person; some write it as a text here and as a number there. Raises NotSignedIn."""
    text = str(said) if isinstance(said, (int, str)) and not isinstance(said, bool) else ""
    if not EXTERNAL_ID.fullmatch(text):
        refuse("number")
    return text


def refuse(why: str) -> NoReturn:
    """The same words whatever was wrong; which part it was, is for the operator alone, and holds nothing that was sent."""
    log.warning("sign_in.refused", why=why)
    raise NotSignedIn from None
