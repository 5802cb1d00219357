"""The server that pusher-js's suite expects beside it: it signs for whoever asks, and publishes what it is given."""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode

from pusher import Pusher as Library  # type: ignore[import-untyped]
from pusher.errors import PusherError  # type: ignore[import-untyped]
from pusher.util import ensure_text  # type: ignore[import-untyped]
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


def signing_server(library: Library) -> Starlette:
    """What integration_tests_server/ of the package does, with the Python library."""

    async def sign(request: Request) -> Response:
        async with request.form() as form:
            socket_id, channel = str(form["socket_id"]), str(form["channel_name"])
        about = {"name": f"Integration {socket_id}", "email": f"integration-{socket_id}@example.com"}
        signed = library.authenticate(channel, socket_id, {"user_id": socket_id, "user_info": about})
        # Of an encrypted channel the library gives the secret as bytes.
        return JSONResponse({name: ensure_text(said, name) for name, said in signed.items()})

    async def send(request: Request) -> Response:
        channel, event, data = (b64decode(request.query_params[name]).decode() for name in ("channel", "event", "data"))
        try:
            await asyncio.to_thread(library.trigger, channel, event, json.loads(data))
        except PusherError as refusal:  # the spec that waits for this event tells
            return Response(str(refusal), 502)
        return Response()

    return Starlette(routes=[Route("/auth", sign, methods=["POST"]), Route("/v2/send/{number}", send)])
