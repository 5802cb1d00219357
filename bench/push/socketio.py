"""python-socketio on uvicorn: a room for each channel."""

from __future__ import annotations

import importlib.util
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

from bench.push.crowd import Greeting
from bench.push.frame import EVENT, EVENT_ID, data_of
from bench.push.python_side import Publish, on_uvicorn, serve


def missing() -> str:
    return "" if importlib.util.find_spec("socketio") else "python-socketio is not installed: pip install '.[bench]'"


def greeting(channel: str) -> Greeting:
    connect = b"40" + json.dumps({"channel": channel}).encode()
    return "/socket.io/?EIO=4&transport=websocket", [(b"", b'"sid"'), (connect, b'40{"sid"')]


def run() -> None:
    """A child's function."""
    logging.basicConfig(level=logging.CRITICAL)
    serve(_listening)


async def _listening() -> AsyncIterator[dict[str, Publish]]:
    import socketio

    server = socketio.AsyncServer(async_mode="asgi", transports=["websocket"], http_compression=False)

    @server.event  # type: ignore[misc]
    async def connect(sid: str, _: Any, auth: dict[str, str]) -> None:
        await server.enter_room(sid, auth["channel"])

    async def publish(number: int, channel: str) -> None:
        told = {"channel": channel, "data": data_of(number), "seq": number + 1_000_000, "id": EVENT_ID}
        await server.emit(EVENT, told, room=channel)

    async with on_uvicorn(socketio.ASGIApp(server)):
        yield {"publish": publish}
