"""The crowd: as many WebSockets as wanted in one process, the same for every server.

Raw sockets and epoll, so that reading costs next to nothing, and frames are counted by a mark instead of being read.
Between readings it naps: clients are elsewhere, and should not slow the server down by waking up at every frame.
"""

from __future__ import annotations

import importlib
import json
import os
import select
import socket
import struct
import time
from collections.abc import Callable, Sequence
from typing import Any

from bench.child import say
from bench.push.frame import MARK, channel_name
from bench.sockets import HANDSHAKE, masked, source_address

NAP, IDLE = 0.01, 2.0
AT_ONCE = 100  # sockets that are being opened
LOOKED_AT = 50  # sockets whose segments are counted
DATA_SEGMENTS_IN = 152  # offset in linux/tcp.h's struct tcp_info; on loopback one write is one segment of up to 64 KiB
# What servers send to see whether we are there, and what they want to hear: a WebSocket's, Engine.IO's, NATS'.
ENGINE_PING, NATS_PING, WIRE_PING = b"\x81\x012", b"PING\r\n", 0x89

Greeting = tuple[str, Sequence[tuple[bytes, bytes]]]  # path; what is said, and a word of the answer


class Crowd:
    """Sockets that are open and subscribed: one to each channel, or all to the only one."""

    def __init__(self, port: int, greeting: Callable[[str], Greeting], sockets: int, channels: int) -> None:
        self.sockets: dict[int, socket.socket] = {}
        self.poll = select.epoll()
        self.frames = self.pings = 0
        self.lost: list[socket.socket] = []
        self._half: set[int] = set()  # sockets whose last byte may begin a mark
        self._room = bytearray(1 << 18)
        for first in range(0, sockets, AT_ONCE):
            numbers = range(first, min(first + AT_ONCE, sockets))
            self._open(port, source_address(first), [greeting(channel_name(number % channels)) for number in numbers])

    def count(self, frames: int, patience: float) -> dict[str, float]:
        """Reads until so many frames have come. Seconds of the clock that all processes share."""
        self.frames = self.pings = 0
        until, used = time.monotonic() + patience, time.process_time()
        looked_at = list(self.sockets.values())[:LOOKED_AT]
        before = sum(map(segments_in, looked_at))
        while self.frames < frames and time.monotonic() < until and self.sockets:
            self.take()
            time.sleep(NAP)
        return {
            "frames": self.frames,
            "ended": time.monotonic(),
            "cpu": time.process_time() - used,
            "segments": (sum(map(segments_in, looked_at)) - before) * len(self.sockets) / max(len(looked_at), 1),
            "pings": self.pings,
            "lost": len(self.lost),
        }

    def take(self) -> None:
        """Reads what is there, once."""
        room, half = self._room, self._half
        for number, _ in self.poll.poll(0, 1 << 14):
            size = self.sockets[number].recv_into(room)
            if not size:
                self._close(number)
                continue
            self.frames += room.count(MARK, 0, size)
            if number in half and room[0] == MARK[1]:
                self.frames += 1
            half.discard(number)
            if room[size - 1] == MARK[0]:
                half.add(number)
            # Frames are plain ASCII, so these stand nowhere else; a false one costs an answer nobody asked for.
            if room.find(WIRE_PING, 0, size) >= 0 or room.find(ENGINE_PING, 0, size) >= 0 or b"PING" in room[:32]:
                self._answer(number, bytes(room[:size]))

    def _answer(self, number: int, heard: bytes) -> None:
        opened = self.sockets[number]
        self.pings += 1
        if (at := heard.find(WIRE_PING)) >= 0 and len(heard) > at + 1 and heard[at + 1] <= 125:
            opened.send(masked(heard[at + 2 : at + 2 + heard[at + 1]], opcode=0xA))
        if ENGINE_PING in heard:
            opened.send(masked(b"3"))
        if NATS_PING in heard:
            opened.send(masked(b"PONG\r\n"))

    def _open(self, port: int, source: str, greetings: list[Greeting]) -> None:
        """Several at a time, step by step, so that server and clients don't wait for each other."""
        opened = []
        for path, _ in greetings:
            one = socket.create_connection(("127.0.0.1", port), timeout=30, source_address=(source, 0))
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            one.sendall(HANDSHAKE.format(path=path).encode())
            opened.append(one)
        said = [_until(one, b"\r\n\r\n", b"") for one in opened]
        for step in range(len(greetings[0][1])):
            for one, (_, steps) in zip(opened, greetings, strict=True):
                if steps[step][0]:
                    one.sendall(masked(steps[step][0]))
            said = [_until(one, g[1][step][1], s) for one, g, s in zip(opened, greetings, said, strict=True)]
        for one in opened:
            one.setblocking(False)
            self.sockets[one.fileno()] = one
            self.poll.register(one.fileno(), select.EPOLLIN)

    def _close(self, number: int) -> None:
        self.poll.unregister(number)
        self.lost.append(self.sockets.pop(number))  # not closed: its segments are still counted


def segments_in(opened: socket.socket) -> int:
    """How many segments with data came: how often the server wrote."""
    told = opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, DATA_SEGMENTS_IN + 4)
    return int(struct.unpack_from("I", told, DATA_SEGMENTS_IN)[0])


def run(port: int, side: str, sockets: int, channels: int) -> None:
    """A child's function: opens the crowd, then counts frames as ordered, and answers pings meanwhile."""
    crowd = Crowd(port, importlib.import_module(side).greeting, sockets, channels)
    say(ready=True)
    while True:
        if not select.select([0], [], [], IDLE)[0]:
            crowd.take()
        elif order := _order():
            say(**crowd.count(order["frames"], order["patience"]))
        else:
            return


def _order() -> dict[str, Any] | None:
    """The next one; None when the parent has no more. Byte by byte, because select(2) sees no buffers."""
    line = b""
    while not line.endswith(b"\n"):
        if not (byte := os.read(0, 1)):
            return None
        line += byte
    order: dict[str, Any] = json.loads(line)
    return order


def _until(opened: socket.socket, word: bytes, said: bytes) -> bytes:
    """What came after the word was heard. Raises ConnectionError."""
    while word not in said:
        part = opened.recv(1 << 16)
        if not part:
            raise ConnectionError(f"closed before {word!r}: {said[-200:]!r}")
        said += part
    if said.startswith(b"HTTP/") and b" 101 " not in said.split(b"\r\n", 1)[0]:
        raise ConnectionError(said.decode(errors="replace"))
    return said.partition(word)[2] if word == b"\r\n\r\n" else said
