"""A real S3 server on loopback, in a process of its own, and buckets on it."""

from __future__ import annotations

import contextlib
import itertools
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator

import httpx2

from pulse.blobs import Bucket
from tests.conftest import free_port
from tests.insisting import insist

NUMBERS = itertools.count(1)


@contextlib.contextmanager
def s3_server() -> Iterator[str]:
    """Its address. It forgets everything when it ends."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


@contextlib.asynccontextmanager
async def a_bucket(server: str) -> AsyncIterator[Bucket]:
    """A bucket that was just made."""
    name = f"bucket-{next(NUMBERS)}"
    async with httpx2.AsyncClient() as client:
        made = await insist(lambda: client.put(f"{server}/{name}"), despite=httpx2.TransportError)
        assert made.status_code == 200
        yield Bucket(f"s3://{name}/pulse/files", server, "key", "secret")
