"""Django Channels on uvicorn, with its in-memory layer: a group for each channel."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import AsyncIterator
from typing import Any

from bench.push.crowd import Greeting
from bench.push.frame import frame_text
from bench.push.python_side import Publish, on_uvicorn, serve

LAYER = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}


def missing() -> str:
    return "" if importlib.util.find_spec("channels") else "Django Channels is not installed: pip install '.[bench]'"


def greeting(channel: str) -> Greeting:
    return f"/{channel}", []


def run() -> None:
    """A child's function."""
    logging.basicConfig(level=logging.CRITICAL)
    serve(_listening)


async def _listening() -> AsyncIterator[dict[str, Publish]]:
    import django
    from django.conf import settings

    settings.configure(CHANNEL_LAYERS=LAYER)
    django.setup()
    from channels.generic.websocket import AsyncWebsocketConsumer
    from channels.layers import get_channel_layer

    class Consumer(AsyncWebsocketConsumer):  # type: ignore[misc]
        async def connect(self) -> None:
            await self.channel_layer.group_add(self.scope["path"].strip("/"), self.channel_name)
            await self.accept()

        async def tell(self, event: dict[str, Any]) -> None:
            await self.send(text_data=event["text"])

    layer = get_channel_layer()

    async def publish(_: int, channel: str) -> None:
        await layer.group_send(channel, {"type": "tell", "text": frame_text(channel)})

    async with on_uvicorn(Consumer.as_asgi()):
        yield {"publish": publish}
