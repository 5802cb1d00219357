"""nats-server's own WebSocket listener: clients speak its protocol inside WebSocket frames."""

from __future__ import annotations

import socket

from bench.push.crowd import Greeting
from bench.push.frame import frame_text
from bench.push.program import Publish, own_folder, serve
from bench.world import free_port
from pulse.embedded.child import ServerFailed
from pulse.embedded.nats import nats_binary

CONFIGURED = """
listen: 127.0.0.1:{port}
websocket {{ listen: "127.0.0.1:{websocket}", no_tls: true, compression: false }}
"""


def missing() -> str:
    try:
        nats_binary()
    except ServerFailed as failed:
        return str(failed)
    return ""


def greeting(channel: str) -> Greeting:
    subscribe = f'CONNECT {{"verbose":false}}\r\nSUB {channel} 1\r\nPING\r\n'
    return "/", [(b"", b"INFO"), (subscribe.encode(), b"PONG")]


def run(measured: list[int]) -> None:
    """A child's function."""
    port, websocket = free_port(), free_port()
    with own_folder() as place:
        configured = place / "nats.conf"
        configured.write_text(CONFIGURED.format(port=port, websocket=websocket))
        serve([nats_binary(), "-c", str(configured)], websocket, lambda: _publishing(port), measured)


def _publishing(port: int) -> Publish:
    line = socket.create_connection(("127.0.0.1", port))
    line.sendall(b'CONNECT {"verbose":false}\r\n')
    said = line.makefile("rb")
    said.readline()
    made: dict[str, bytes] = {}

    def publish(channels: list[str]) -> None:
        for channel in channels:
            if channel not in made:
                made[channel] = _message(channel)
        line.sendall(b"".join([made[channel] for channel in channels]) + b"PING\r\n")
        while (answer := said.readline()) != b"PONG\r\n":
            if answer == b"PING\r\n":
                line.sendall(b"PONG\r\n")
            elif not answer:
                raise ConnectionError("nats-server closed the line")

    return publish


def _message(channel: str) -> bytes:
    text = frame_text(channel).encode()
    return b"PUB %b %d\r\n%b\r\n" % (channel.encode(), len(text), text)
