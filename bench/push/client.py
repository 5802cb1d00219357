"""One client of a bench: a visitor on `/channel/ws`, or a Pusher client on the channel of one chat, signed with the
app's secret.
"""

from __future__ import annotations

import errno
import hashlib
import hmac
import json
import socket
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote
from uuid import UUID

from bench.servers import SECRET, TELEGRAM, WEBHOOK, settings_for
from bench.sockets import HANDSHAKE, first_frame, masked
from pulse.aggregates.chat import chat_id
from pulse.aggregates.moderator import moderator_id
from pulse.aggregates.source import source_id
from pulse.demo import PEOPLE
from pulse.tokens import Signer, Visit
from pulse.vault import Vault

FIRST_PERSON = 5_000_000_000  # of bench/updates.py
SOURCE = source_id("telegram", TELEGRAM.identifier)
CLOSE, PING, PONG = 0x8, 0x9, 0xA


@dataclass(frozen=True, slots=True)
class Who:
    """Whose chat it is, and what opens it: a visitor's token, or for Pusher clients the app's secret."""

    chat: UUID
    token: str
    key: str
    secret: bytes


class Client:
    """One line at a time. `cursor` is the newest that was heard, if it `keeps` them; `heard` has each message's
    position (visitors are told 0); `live_at` is 0 until nothing is missing; `code` is what the line was closed with, 0
    if nobody said goodbye; `refused` says that nobody listened at the port.
    """

    def __init__(self, who: Who, *, visitor: bool = False, keeps: bool = True, room: int = 0) -> None:
        self.who, self.visitor = who, visitor
        self.cursor: str | None = None
        self.heard: list[int] = []
        self.resynced, self.code = 0, 0
        self.live_at = 0.0
        self.keeps, self._room = keeps, room
        self._awaits = 0

    def call(self, port: int, source: str, awaits: int) -> None:
        """Begins to connect; live is who is subscribed and has heard so many frames more."""
        self.line = socket.socket()
        self.line.setblocking(False)
        self.line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._room:
            self.line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._room)
        self.line.bind((source, 0))
        self.refused = self.line.connect_ex(("127.0.0.1", port)) == errno.ECONNREFUSED
        self._awaits, self._subscribed, self._buffer, self._open = len(self.heard) + awaits, False, b"", False
        self.live_at, self.code = 0.0, 0

    def greet(self) -> None:
        path = f"/app/{self.who.key}?protocol=7{'&pulse=1' if self.keeps else ''}"
        if self.visitor:
            since = f"&cursor={quote(self.cursor)}" if self.cursor else ""
            path = f"/channel/ws?session={self.who.chat}&token={self.who.token}{since}"
        self.line.sendall(HANDSHAKE.format(path=path).encode())

    def read(self) -> bool:
        """Takes what is there; False when the line has ended."""
        try:
            part = self.line.recv(1 << 16)
        except OSError as error:
            self.refused |= error.errno == errno.ECONNREFUSED
            return False
        self._buffer += part
        if not self._open and b"\r\n\r\n" in self._buffer:
            head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
            self._open = b" 101 " in head.split(b"\r\n", 1)[0]
            self._subscribed = self.visitor
            if not self._open:
                return False
        while self._open and not self.code and (frame := first_frame(self._buffer)) is not None:
            opcode = self._buffer[0] & 0xF
            payload, self._buffer = frame
            self._take(opcode, payload)
        if not self.live_at and self._subscribed and len(self.heard) >= self._awaits:
            self.live_at = time.monotonic()
        return bool(part) and not self.code

    def _take(self, opcode: int, payload: bytes) -> None:
        if opcode == PING:
            self.line.send(masked(payload, opcode=PONG))
        elif opcode == CLOSE:
            self.code = int.from_bytes(payload[:2]) or 1005
            self.line.send(masked(payload[:2], opcode=CLOSE))
        else:
            self.hear(payload)

    def hear(self, payload: bytes) -> None:
        """One message of the server's."""
        told = json.loads(payload)
        match told.get("event", told.get("type")):
            case "pusher:connection_established":
                self._subscribe(json.loads(told["data"])["socket_id"])
            case "pusher_internal:subscription_succeeded":
                self._subscribed = True
                self._keep(json.loads(told["data"]).get("cursor"))
            case "pulse:resync":
                self.resynced += 1
            case "pulse:cursor" if self.visitor:
                self._keep(told["data"]["cursor"])
            case "NewChatMessage" | "chat.message":
                self.heard.append(told.get("seq", 0))
                self._keep(told.get("cursor"))

    def _keep(self, cursor: str | None) -> None:
        if self.keeps and cursor:
            self.cursor = cursor

    def _subscribe(self, socket_id: str) -> None:
        channel = f"private-chat.{self.who.chat}"
        mac = hmac.new(self.who.secret, f"{socket_id}:{channel}".encode(), hashlib.sha256).hexdigest()
        data = {"channel": channel, "auth": f"{self.who.key}:{mac}"} | ({"since": self.cursor} if self.cursor else {})
        self.line.sendall(masked(json.dumps({"event": "pusher:subscribe", "data": data}).encode()))


def people(place: str, clients: int) -> list[Who]:
    """The first chats of the bench's updates, and what opens them."""
    settings = settings_for(place, 8000)
    signer, secret = _signer(place)
    issued = int(datetime.now(UTC).timestamp())

    def who(number: int) -> Who:
        peer = str(FIRST_PERSON + number)
        chat = chat_id(SOURCE, peer)
        token = signer.channel_token(Visit(chat, SOURCE, peer, "Vera", None, issued))
        return Who(chat, token, settings.push_key, secret)

    return [who(number) for number in range(clients)]


def paced_at(place: str, ports: dict[str, int]) -> dict[str, Any]:
    """What `bench.paced` needs to speak to the demo's source, and to hear of it as a moderator."""
    token = _signer(place)[0].staff_token(moderator_id(PEOPLE[1][0]), datetime.now(UTC))
    return {**ports, "path": WEBHOOK, "secret": SECRET, "token": token}


def _signer(place: str) -> tuple[Signer, bytes]:
    """Signs as the server does; and the app's secret."""
    settings = settings_for(place, 8000)
    vault = Vault.open(settings.master_key, settings.key_file)
    secret = vault.derive_text("push").encode()
    return Signer(vault.derive("staff"), vault.derive("visitor"), secret), secret
