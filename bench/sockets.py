"""A crowd of WebSocket clients in one process: raw sockets and epoll, so that reading costs next to nothing."""

from __future__ import annotations

import json
import os
import select
import socket
import struct
import sys
import time

from bench.child import orders, say

NAP = 0.03  # between readings: clients are elsewhere, and should not slow the server down by sharing its processor
ONE_ADDRESS = 1000  # sockets from one of loopback's addresses: servers limit how many may come from each
HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def open_socket(port: int, path: str) -> socket.socket:
    """A WebSocket that has just been accepted."""
    opened = socket.create_connection(("127.0.0.1", port), timeout=10)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    opened.sendall(HANDSHAKE.format(path=path).encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        part = opened.recv(1)
        if not part:
            raise ConnectionError("the socket was not accepted")
        head += part
    if b" 101 " not in head.split(b"\r\n", 1)[0]:
        raise ConnectionError(head.decode())
    return opened


def source_address(number: int) -> str:
    """Where the crowd's socket of this number comes from. Only Linux has all of 127.0.0.0/8 without being asked."""
    return f"127.0.0.{2 + number // ONE_ADDRESS}" if sys.platform == "linux" else "127.0.0.1"


def masked(payload: bytes, opcode: int = 0x1) -> bytes:
    """A client's frame of up to 64 KiB, of text unless told."""
    key = os.urandom(4)
    size = len(payload)
    head = bytes((0x80 | opcode, 0x80 | size)) if size <= 125 else struct.pack("!BBH", 0x80 | opcode, 0xFE, size)
    return head + key + bytes(b ^ key[i % 4] for i, b in enumerate(payload))


def first_frame(buffer: bytes) -> tuple[bytes, bytes] | None:
    """The payload of a whole server frame of up to 64 KiB, and what comes after it."""
    if len(buffer) < 4:
        return None
    size, start = buffer[1], 2
    if size == 126:
        size, start = struct.unpack_from("!H", buffer, 2)[0], 4
    return (buffer[start : start + size], buffer[start + size :]) if len(buffer) >= start + size else None


def read_frame(opened: socket.socket) -> bytes:
    """The payload of one short server frame."""
    size = _exactly(opened, 2)[1]
    if size == 126:
        size = struct.unpack("!H", _exactly(opened, 2))[0]
    return _exactly(opened, size)


def run(port: int, path: str, channel: str, sockets: int) -> None:
    """A child's function: subscribes every socket to a public channel, then counts bytes as ordered."""
    crowd = [_subscribed(port, path, channel) for _ in range(sockets)]
    poll = select.epoll()
    known = {opened.fileno(): opened for opened in crowd}
    for opened in crowd:
        opened.setblocking(False)
        poll.register(opened.fileno(), select.EPOLLIN)
    say(ready=True)
    room = bytearray(1 << 16)
    for order in orders():
        left, until = order["bytes"], time.monotonic() + 30
        while left > 0 and time.monotonic() < until:
            for number, _ in poll.poll(1):
                left -= known[number].recv_into(room)
            time.sleep(NAP)
        say(left=left)
    for opened in crowd:
        opened.close()


def _subscribed(port: int, path: str, channel: str) -> socket.socket:
    opened = open_socket(port, path)
    read_frame(opened)  # the greeting
    opened.sendall(masked(json.dumps({"event": "pusher:subscribe", "data": {"channel": channel}}).encode()))
    read_frame(opened)
    return opened


def _exactly(opened: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        part = opened.recv(size - len(found))
        if not part:
            raise ConnectionError("the socket was closed")
        found += part
    return found
