"""Simulator: a channel anybody can drive with curl. Its bodies are Pulse's own, so they say what they mean.

`{from, message, type, message_id, timestamp, name, media_url, file_name, latitude, longitude, phone}`: only `from` is
always needed, and `message` in a text. `type` is `text` unless it says otherwise.

Going out it keeps what it "sent", and its setting `behaviour` makes it misbehave: `busy 5` (429, come back in 5 s), `slow
3` (answers after 3 s), `cut` (takes it and hangs up), `away` (can't be reached), `blocked`, `malformed` (until it is sent
plain), `refused` (the account is).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256

import httpx2

from pulse.channels import FILES, Account, Capabilities, Channel, Located, Outgoing
from pulse.channels.arrivals import Arrival, MessageArrived, ReadMark, ReceiptArrived, TypingSeen
from pulse.channels.calls import BadPiece, MaybeSent, NeverDelivered, NotNow, SourceInTrouble
from pulse.channels.fields import YEARS, Fields
from pulse.message import Attachment, Author, Incoming

PROOF_HEADER = "x-pulse-secret"
KEPT = 1000


class Simulator(Channel):
    name = "simulator"
    capabilities = Capabilities(
        text_limit=65_536, caption_limit=65_536, file_limit=200 * 2**20, receipts=True, typing=True, kinds=FILES,
        per_second=1000, per_peer=1000, per_group_minute=60_000,
    )  # fmt: skip
    secret_names = ("secret",)
    setting_names = ("behaviour",)

    def __init__(self, account: Account, http: httpx2.AsyncClient | None = None) -> None:
        super().__init__(account, http)
        self.sent: deque[Outgoing] = deque(maxlen=KEPT)
        self.typed_to: deque[str] = deque(maxlen=KEPT)

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        self.prove(headers.get(PROOF_HEADER, "").encode("latin-1", "replace"))

    def read(self, body: bytes) -> list[Arrival]:
        """A message's `message_id` names its delivery too; without one, and for all else, the body names it."""
        delivery = Fields.of(body)
        kind = delivery.maybe_text("type") or "text"
        return [KINDS.get(kind, message_arrived)(sha256(body).hexdigest(), delivery)]

    async def locate(self, ref: str) -> Located:
        """A `media_url` as it came; the way there is guarded like any other."""
        return Located(ref)

    async def send(self, piece: Outgoing) -> str:
        """As `behaviour` says. A piece that is sent again with its `random_id` is one message."""
        behaviour, _, number = self.account.settings.get("behaviour", "").partition(" ")
        if behaviour == "slow":
            await asyncio.sleep(float(number or 1))
        elif behaviour in TROUBLES and not (behaviour == "malformed" and piece.plain):
            raise TROUBLES[behaviour](number)
        if all(known.random_id != piece.random_id for known in self.sent):
            self.sent.append(piece)
        return f"sim-{piece.random_id}"

    async def show_typing(self, peer: str) -> None:
        """Keeps it beside what it sent."""
        self.typed_to.append(peer)


TROUBLES: dict[str, Callable[[str], Exception]] = {
    "busy": lambda seconds: NotNow("The simulator is busy.", "429", after=float(seconds or 1)),
    "away": lambda _: NotNow("The simulator can't be reached."),
    "cut": lambda _: MaybeSent("The simulator hung up before it answered."),
    "blocked": lambda _: NeverDelivered("The simulated customer blocked us.", "403", unreachable=True),
    "malformed": lambda _: BadPiece("The simulator wants plain words.", "400"),
    "refused": lambda _: SourceInTrouble("The simulator does not know this account.", "401"),
}


def message_arrived(body_id: str, delivery: Fields, *, edited: bool = False) -> Arrival:
    """An edit names the edited message, so its own delivery needs another name."""
    message_id = delivery.id("message_id") if edited else delivery.maybe_id("message_id")
    external_id = body_id if edited else message_id or body_id
    peer = delivery.id("from")
    kind = delivery.maybe_text("type") or "text"
    is_text = kind in ("text", "edit")
    said = Incoming(
        external_id,
        author=Author(peer, delivery.maybe_text("name") or ""),
        text=delivery.text("message") if is_text else delivery.maybe_text("message") or "",
        message_id=message_id,
        sent_at=sent_at(delivery),
        attachments=() if is_text else (ATTACHMENTS.get(kind, unsupported)(delivery),),
    )
    return MessageArrived(external_id, peer, said, edited=edited)


def typing(body_id: str, delivery: Fields) -> Arrival:
    return TypingSeen(body_id, delivery.id("from"))


def read_up_to(body_id: str, delivery: Fields) -> Arrival:
    return ReadMark(body_id, delivery.id("from"), delivery.id("message_id"))


def delivered(body_id: str, delivery: Fields) -> Arrival:
    return ReceiptArrived(body_id, delivery.id("from"), delivery.id("message_id"))


KINDS: dict[str, Callable[[str, Fields], Arrival]] = {
    "delivered": delivered,
    "edit": partial(message_arrived, edited=True),
    "typing": typing,
    "read": read_up_to,
}


def file(delivery: Fields, kind: str) -> Attachment:
    return Attachment(kind, name=delivery.maybe_text("file_name"), ref=delivery.maybe_text("media_url"))


def location(delivery: Fields) -> Attachment:
    return Attachment("location", latitude=delivery.number("latitude"), longitude=delivery.number("longitude"))


def contact(delivery: Fields) -> Attachment:
    return Attachment("contact", phone=delivery.text("phone"))


def unsupported(delivery: Fields) -> Attachment:
    return Attachment("unsupported", name=delivery.text("type")[:100])


ATTACHMENTS: dict[str, Callable[[Fields], Attachment]] = {
    **{kind: partial(file, kind=kind) for kind in ("photo", "document", "voice", "audio", "video", "sticker", "link")},
    "image": partial(file, kind="photo"),
    "file": partial(file, kind="document"),
    "location": location,
    "contact": contact,
}


def sent_at(delivery: Fields) -> datetime | None:
    """`timestamp`: seconds since 1970, or ISO 8601; without a zone it is UTC."""
    if not isinstance(delivery.values.get("timestamp"), str):
        return delivery.moment("timestamp")
    try:
        moment = datetime.fromisoformat(delivery.text("timestamp"))
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise delivery.wrong("timestamp", "seconds since 1970 or an ISO 8601 time") from None
    if moment.year not in YEARS:
        raise delivery.wrong("timestamp", "a time from 1970 to 2100")
    return moment
