"""docs/nginx.conf: nginx itself takes it, and brings each path to the process that docs/running.md says."""

from __future__ import annotations

import asyncio
import re
import shutil
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest

from pulse.push import stream_openapi
from tests.conftest import a_client, free_port
from tests.fakes.serving import served
from tests.insisting import insist
from tests.promises import address_of_nothing, document

DOCS = Path(__file__).parent.parent / "docs"
COMPOSE = (DOCS.parent / "compose.yaml").read_text()
CONF = (DOCS / "nginx.conf").read_text()
NGINX = shutil.which("nginx")
# Where compose.yaml has them.
PROCESSES = {"pulse_ingest": 8000, "pulse_sockets": 8001, "pulse_desk": 8002, "pulse_push_http": 8003}
PATHS = {
    "pulse_ingest": ["/webhook/vk/1", "/webhook/events/1", "/api/widget/session", "/chat/session", "/chat/session/1/channel-token"],
    "pulse_sockets": ["/app/pulse?protocol=7", "/channel/ws?type=staff"],
    "pulse_push_http": [
        "/apps/1/events", "/users/7/terminate_connections", "/channel/sse", "/channel/poll", "/chat/1/stream?sig=a",
        "/pusher/app/pulse/1/abcdefgh/xhr_streaming",
    ],
    "pulse_desk": [
        "/", "/api/chats", "/api/users", "/broadcasting/auth", "/healthz", "/chats", "/apps", "/appsettings",
        "/chat/sessions", "/chat/session/1/else", "/chat/1/streams", "/chat/1/stream/2", "/channel/sse2", "/channel/wsx",
    ],
}  # fmt: skip


def test_it_knows_the_ports_of_compose() -> None:
    assert {
        name: int(port) for name, port in re.findall(r"upstream (\w+) +\{ server 127.0.0.1:(\d+);", CONF)
    } == PROCESSES
    assert {int(port) for port in re.findall(r'"127.0.0.1:(\d+):\d+"', COMPOSE)} == set(PROCESSES.values())


@pytest.fixture
async def nginx(tmp_path: Path) -> AsyncIterator[httpx2.AsyncClient]:
    """With processes behind it that answer with their names."""
    if NGINX is None:
        pytest.skip("nginx is not installed here")
    port, conf = free_port(), CONF.replace("listen 80;", "listen 127.0.0.1:PORT;")
    async with AsyncExitStack() as stack:
        for name, theirs in PROCESSES.items():
            address = await stack.enter_async_context(served(answers(name)))
            conf = conf.replace(f"127.0.0.1:{theirs};", f"{address.removeprefix('http://')};")
        temporary = "".join(
            f"{kind}_temp_path {tmp_path};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        whole = f"daemon off; master_process off; pid {tmp_path}/pid; events {{}} error_log {tmp_path}/errors;"
        whole += f"http {{ access_log off; {temporary} {conf.replace('PORT', str(port))} }}"
        (tmp_path / "nginx.conf").write_text(whole)
        process = await asyncio.create_subprocess_exec(
            NGINX, "-p", str(tmp_path), "-e", f"{tmp_path}/errors", "-c", str(tmp_path / "nginx.conf"), stderr=PIPE
        )
        async with a_client(f"http://127.0.0.1:{port}") as client:
            try:
                await insist(lambda: client.get("/healthz"), despite=httpx2.HTTPError)
                yield client
            finally:
                process.terminate()
                await process.communicate()


def answers(name: str) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        given = dict(scope["headers"])
        said = f"{name} {given.get(b'x-forwarded-for', b'').decode()} {given.get(b'upgrade', b'').decode()}"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": said.encode()})

    return app


async def test_each_path_comes_to_its_process(nginx: httpx2.AsyncClient) -> None:
    for name, paths in PATHS.items():
        for path in paths:
            assert (path, (await nginx.get(path)).text.split()[:2]) == (path, [name, "127.0.0.1"])
    assert (await nginx.get("/app/pulse", headers={"Upgrade": "websocket"})).text.split()[2:] == ["websocket"]
    assert (await nginx.get("/metrics")).status_code == 404


async def test_every_address_of_the_document_comes_to_who_has_it(nginx: httpx2.AsyncClient) -> None:
    theirs = {"webhooks": "pulse_ingest", "widget": "pulse_ingest", "apps": "pulse_push_http"}
    streams = dict.fromkeys(stream_openapi.PATHS, "pulse_push_http")
    for path, methods in document()["paths"].items():
        [tag, *_] = next(iter(methods.values()))["tags"]
        if path != "/metrics":
            found = (await nginx.get(address_of_nothing(path))).text.split()[0]
            assert (path, found) == (path, streams.get(path) or theirs.get(tag, "pulse_desk"))
