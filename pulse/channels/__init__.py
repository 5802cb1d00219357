"""What a channel driver is: it proves who sent a delivery and reads it into arrivals. Pure, but for `send`.

A new channel is one file with a `Channel` subclass and one line in `CHANNELS` (`pulse/channels/table.py`).
"""

from __future__ import annotations

import hmac
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import field
from typing import Any, ClassVar
from uuid import UUID

import httpx2
import orjson

from pulse.channels.accounts import Holder as Holder
from pulse.channels.accounts import Posting as Posting
from pulse.channels.arrivals import Arrival
from pulse.channels.calls import NeverDelivered
from pulse.errors import BadInput, NotAuthentic
from pulse.message import FILES as FILES
from pulse.values import value

NUL = re.compile(rb"\0|(?<!\\)(?:\\\\)*\\u0000")


class Unreadable(BadInput):
    """An authentic delivery that its driver can't read."""


@value
class Account:
    """A source as its driver needs it, with the secrets opened; `old_secrets` were replaced and still count."""

    id: UUID
    identifier: str
    settings: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    old_secrets: Mapping[str, tuple[bytes, ...]] = field(default_factory=dict, repr=False)


@value
class Capabilities:
    """What a channel can carry, and how fast.

    `text_limit` and `caption_limit` count the channel's own units (`units`: `utf-16` or `characters`); longer texts
    are split. `file_limit` is in bytes, 0 for no files; `kinds` are the files it takes. `per_second` and `per_peer` are
    calls a second, `per_group_minute` calls a minute to one group. `repeat_seconds`: for so long a call with the same
    `random_id` may be repeated and still counts once; 0 where it would be sent twice. `profiles`: its deliveries bring
    no names, and it can be asked for them.
    """

    text_limit: int
    file_limit: int
    receipts: bool
    typing: bool
    units: str = "characters"
    caption_limit: int = 0
    kinds: frozenset[str] = frozenset()
    per_second: float = 30
    per_peer: float = 30
    per_group_minute: float = 1800
    repeat_seconds: float = 0
    profiles: bool = False


@value
class File:
    """A file on its way out."""

    kind: str
    name: str
    mime: str
    content: bytes = field(repr=False)


@value
class Outgoing:
    """One call's worth of a reply: a piece of its text, or one of its files with or without one.

    `random_id` is the same at every try of the same piece. `plain`: an earlier try was called malformed; send the
    words alone. `group`: the peer is a group.
    """

    peer: str
    random_id: int
    text: str = ""
    file: File | None = None
    group: bool = False
    plain: bool = False


@value
class Located:
    """Where a file can be fetched now. `url` may hold secrets; only `hosts` may serve it, also after redirects.

    `*.vk.com` among `hosts` stands for every host below vk.com. `size` is in bytes, where the channel tells.
    """

    url: str = field(repr=False)
    size: int | None = None
    hosts: tuple[str, ...] = ()


@value
class Profile:
    """How a channel calls a person."""

    name: str = ""
    username: str | None = None
    language: str | None = None


class Channel(ABC):
    """One source's driver. `answer` is the constant body of a 200: some providers execute what they read there.

    `secret_names` and `setting_names` are what an account of it may have, and so what `pulse source set` takes;
    without those of `sending_secrets` nothing can be sent. `provider` is who can be asked about an account; empty for nobody.
    """

    name: ClassVar[str]
    provider: ClassVar[str] = ""
    capabilities: ClassVar[Capabilities]
    secret_names: ClassVar[tuple[str, ...]] = ()
    sending_secrets: ClassVar[tuple[str, ...]] = ()
    setting_names: ClassVar[tuple[str, ...]] = ()
    answer: ClassVar[tuple[str, bytes]] = ("application/json", b"{}")

    def __init__(self, account: Account, http: httpx2.AsyncClient | None = None) -> None:
        """`http` is there in processes that send; its time limits are its owner's."""
        self.account = account
        self._http = http

    @property
    def http(self) -> httpx2.AsyncClient:
        assert self._http is not None, "this process does not send"
        return self._http

    @abstractmethod
    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """Proves the sender. Raises NotAuthentic, or BadInput where the proof is inside a body that can't be read."""

    def prove(self, given: bytes) -> None:
        """Is it the source's secret, or one that was replaced and still counts? Raises NotAuthentic."""
        old = [hmac.compare_digest(one, given) for one in self.account.old_secrets.get("secret", ())]
        if not any(old):
            require_secret(self.account.secrets.get("secret"), given)

    def kept(self, body: bytes) -> bytes:
        """What of an authentic body may be kept for good: all of it, where the proof is not inside."""
        return body

    @abstractmethod
    def read(self, body: bytes) -> list[Arrival]:
        """What the delivery says. Pure; the same body always reads the same. Raises Unreadable."""

    @abstractmethod
    async def send(self, piece: Outgoing) -> str | None:
        """Makes one call and returns the channel's id of the message, if it names one.

        Raises what `channels/calls.py` knows: NotNow, MaybeSent, NeverDelivered, BadPiece, SourceInTrouble, PeerMoved.
        """

    async def show_typing(self, peer: str) -> None:
        """Shows the customer that somebody is typing. Raises as `send` does; nobody repeats it."""
        raise NeverDelivered("This channel shows no typing.")

    async def locate(self, ref: str) -> Located:
        """Where the file of an attachment can be fetched now. Raises NotNow, NeverDelivered, SourceInTrouble."""
        raise NeverDelivered("This channel's files can't be fetched.")

    async def profile(self, peer: str) -> Profile | None:
        """Asks who somebody is, where `capabilities.profiles`. None for nobody, or nobody any more.

        Raises as `send` does.
        """
        return None

    async def holder(self) -> Holder | None:
        """Asks whose the token is; None where nobody can be asked. Raises as `send` does."""
        return None

    async def posting(self, url: str) -> Posting | None:
        """Asks where deliveries are posted to, `url` being our address; None where nobody can be asked.

        Raises as `send` does.
        """
        return None

    async def prepare_webhook(self) -> dict[str, str]:
        """Settings that must be kept before the provider is told our address. Raises as `send` does."""
        return {}

    async def set_webhook(self, url: str) -> None:
        """Tells the provider our address and secret; repeated, it changes nothing. Raises as `send` does."""
        raise NeverDelivered("This channel has no provider that an address could be told to.")


def parse_object(body: bytes) -> dict[str, Any]:
    """A JSON object, strictly: no NaN, no lone surrogates, no NUL, no depth beyond 1,024. Raises Unreadable."""
    parsed = load_object(body)
    # Looking for the letters first: the pattern alone would cost more than the parser.
    if (b"u0000" in body or b"\0" in body) and NUL.search(body):
        raise Unreadable("The body holds a NUL character.")
    return parsed


def load_object(body: bytes) -> dict[str, Any]:
    """A JSON object as it is, for looking at the proof inside; what is kept or read goes through `parse_object`."""
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Unreadable(f"The body is not JSON: {error}.") from None
    if not isinstance(parsed, dict):
        raise Unreadable("The body is JSON, but not an object.")
    return parsed


def require_secret(expected: bytes | None, given: bytes) -> None:
    """Compares in constant time, as bytes: a source without a secret asks for none. Raises NotAuthentic."""
    if expected is not None and not hmac.compare_digest(expected, given):
        raise NotAuthentic
