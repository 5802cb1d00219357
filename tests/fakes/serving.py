"""Somebody else's service, for real on loopback: uvicorn, whose applications can hang up without a word."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState


class Cuttable(HttpToolsProtocol):
    """Gives the application its connection, in `scope["extensions"]["connection"]`."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {"connection": self.transport}


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[str]:
    """Serves an application on a free port; yields its address. Requests that are left at the end are dropped."""
    config = uvicorn.Config(app, http=Cuttable, lifespan="off", log_config=None, access_log=False)
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Cuttable(config, state, {}), "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for connection in list(state.connections):
            connection.transport.abort()
        for task in list(state.tasks):
            task.cancel()
        await asyncio.gather(*state.tasks, return_exceptions=True)
