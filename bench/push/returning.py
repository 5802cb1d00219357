"""Clients that lose their line at one moment and come back at another, all of them, with the cursor they had.

Half are visitors on `/channel/ws`, half Pusher clients on the channel of one chat, signed with the app's secret.
Each has a chat of its own. A server that gives no cursors is come back to without.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import select
import socket
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote
from uuid import UUID

from bench.child import orders, say
from bench.report import percentile
from bench.servers import TELEGRAM, settings_for
from bench.sockets import HANDSHAKE, first_frame, masked, source_address
from pulse.aggregates.chat import chat_id
from pulse.aggregates.source import source_id
from pulse.tokens import Signer, Visit
from pulse.vault import Vault

PATIENCE = 20.0
FIRST_PERSON = 5_000_000_000  # of bench/updates.py
SOURCE = source_id("telegram", TELEGRAM.identifier)


@dataclass(frozen=True, slots=True)
class Who:
    """Whose chat it is, and what opens it: a visitor's token, or for Pusher clients the app's secret."""

    chat: UUID
    token: str
    key: str
    secret: bytes


class Client:
    """One line at a time. `cursor` is the newest that was heard; `live_at` is 0 until nothing is missing."""

    def __init__(self, who: Who, *, visitor: bool) -> None:
        self.who, self.visitor = who, visitor
        self.cursor: str | None = None
        self.heard, self.resynced = 0, 0
        self.live_at = 0.0
        self._awaits = 0

    def call(self, port: int, source: str, awaits: int) -> socket.socket:
        """Begins to connect; live is who is subscribed and has heard so many frames more."""
        self.line = socket.socket()
        self.line.setblocking(False)
        self.line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.line.bind((source, 0))
        self.line.connect_ex(("127.0.0.1", port))
        self._awaits, self._subscribed, self._buffer, self._open = self.heard + awaits, False, b"", False
        self.live_at = 0.0
        return self.line

    def greet(self) -> None:
        path = f"/app/{self.who.key}?protocol=7&pulse=1"
        if self.visitor:
            since = f"&cursor={quote(self.cursor)}" if self.cursor else ""
            path = f"/channel/ws?session={self.who.chat}&token={self.who.token}{since}"
        self.line.sendall(HANDSHAKE.format(path=path).encode())

    def read(self) -> bool:
        """Takes what is there; False when the line was cut."""
        try:
            part = self.line.recv(1 << 16)
        except OSError:
            return False
        self._buffer += part
        if not self._open and b"\r\n\r\n" in self._buffer:
            head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
            self._open = b" 101 " in head.split(b"\r\n", 1)[0]
            self._subscribed = self.visitor
            if not self._open:
                return False
        while self._open and (frame := first_frame(self._buffer)) is not None:
            payload, self._buffer = frame
            self._hear(payload)
        if not self.live_at and self._subscribed and self.heard >= self._awaits:
            self.live_at = time.monotonic()
        return bool(part)

    def _hear(self, payload: bytes) -> None:
        if not payload.startswith(b"{"):  # a ping
            self.line.send(masked(payload, opcode=0xA))
            return
        told = json.loads(payload)
        match told.get("event", told.get("type")):
            case "pusher:connection_established":
                self._subscribe(json.loads(told["data"])["socket_id"])
            case "pusher_internal:subscription_succeeded":
                self._subscribed = True
            case "pulse:resync":
                self.resynced += 1
            case "pulse:cursor" if self.visitor:
                self.cursor = told["data"]["cursor"]
            case "NewChatMessage" | "chat.message":
                self.heard += 1
                self.cursor = told.get("cursor", self.cursor)

    def _subscribe(self, socket_id: str) -> None:
        channel = f"private-chat.{self.who.chat}"
        mac = hmac.new(self.who.secret, f"{socket_id}:{channel}".encode(), hashlib.sha256).hexdigest()
        data = {"channel": channel, "auth": f"{self.who.key}:{mac}"} | ({"since": self.cursor} if self.cursor else {})
        self.line.sendall(masked(json.dumps({"event": "pusher:subscribe", "data": data}).encode()))


class Returning:
    def __init__(self, port: int, people: list[Who]) -> None:
        self.port = port
        self.clients = [Client(who, visitor=bool(number % 2)) for number, who in enumerate(people)]
        self.cut, self.began = 0, 0.0
        self._poll = select.epoll()
        self._lines: dict[int, Client] = {}

    def connect(self, awaits: int, at_once: int) -> list[float]:
        """Everybody, so many at a time; for each how long it took from the beginning until it was live, in seconds."""
        began, self.cut = time.monotonic(), 0
        self.began = began
        waiting = list(enumerate(self.clients))
        while (waiting or not self._all_live()) and time.monotonic() < began + PATIENCE:
            calling = sum(not client.live_at for client in self._lines.values())
            for number, client in waiting[: max(at_once - calling, 0)]:
                line = client.call(self.port, source_address(number), awaits)
                self._lines[line.fileno()] = client
                self._poll.register(line.fileno(), select.EPOLLOUT)
            del waiting[: max(at_once - calling, 0)]
            self.take(0.01)
        return sorted(client.live_at - began for client in self.clients if client.live_at)

    def take(self, timeout: float) -> None:
        for number, events in self._poll.poll(timeout):
            client = self._lines[number]
            try:
                if events == select.EPOLLOUT:
                    self._poll.modify(number, select.EPOLLIN)
                    client.greet()
                    alive = True
                else:
                    alive = client.read()
            except OSError:
                alive = False
            if not alive:
                self.cut += 1
                self._drop(number)

    def listen(self, heard: int) -> None:
        """Until so many frames have been heard by each."""
        until = time.monotonic() + PATIENCE
        while any(client.heard < heard for client in self._lines.values()) and time.monotonic() < until:
            self.take(0.05)

    def vanish(self) -> None:
        """All lines at once, without a goodbye."""
        for number in list(self._lines):
            self._drop(number)

    def _drop(self, number: int) -> None:
        client = self._lines.pop(number)
        with contextlib.suppress(FileNotFoundError):
            self._poll.unregister(number)
        client.line.close()

    def _all_live(self) -> bool:
        return all(client.live_at for client in self._lines.values())


def run(place: str, port: int, clients: int) -> None:
    """A child's function: comes, goes and comes back as ordered."""
    returning = Returning(port, people(place, clients))
    say(ready=True)
    for order in orders():
        match order["do"]:
            case "come":
                took = returning.connect(awaits=order["awaits"], at_once=order["at_once"])
                clients_ = returning.clients
                say(began=returning.began, live=len(took), last=took[-1] if took else 0.0, p50=percentile(took, 0.5), cut=returning.cut,
                    resynced=sum(client.resynced for client in clients_))  # fmt: skip
            case "listen":
                returning.listen(order["heard"])
                heard = [client.heard for client in returning.clients]
                say(complete=sum(number == order["heard"] for number in heard), most=max(heard),
                    cursors=sum(client.cursor is not None for client in returning.clients))  # fmt: skip
            case "vanish":
                returning.vanish()
                say(gone=True)


def people(place: str, clients: int) -> list[Who]:
    """The first chats of the bench's updates, and what opens them."""
    settings = settings_for(place, 8000)
    vault = Vault.open(settings.master_key, settings.key_file)
    secret = vault.derive_text("push").encode()
    signer = Signer(vault.derive("staff"), vault.derive("visitor"), secret)
    issued = int(datetime.now(UTC).timestamp())

    def who(number: int) -> Who:
        peer = str(FIRST_PERSON + number)
        chat = chat_id(SOURCE, peer)
        token = signer.channel_token(Visit(chat, SOURCE, peer, "Vera", None, issued))
        return Who(chat, token, settings.push_key, secret)

    return [who(number) for number in range(clients)]


def staff_token(place: str, person: UUID) -> str:
    """A moderator's, as a sign-in gives it."""
    settings = settings_for(place, 8000)
    vault = Vault.open(settings.master_key, settings.key_file)
    signer = Signer(vault.derive("staff"), vault.derive("visitor"), vault.derive_text("push").encode())
    return signer.staff_token(person, datetime.now(UTC))
