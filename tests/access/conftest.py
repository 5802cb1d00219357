"""One running Pulse per module, asked without a look at the document: here only permission is looked at."""

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx2
import pytest

from pulse.embedded import Addresses
from tests.conftest import Pulse
from tests.world import Desk, shared_pulse


@pytest.fixture(scope="module")
async def shared(addresses: Addresses) -> AsyncIterator[Pulse]:
    async with (
        shared_pulse(addresses) as running,
        httpx2.AsyncClient(base_url=running.http.base_url, timeout=10) as client,
    ):
        yield replace(running, http=client)


@pytest.fixture(scope="module")
async def desk(shared: Pulse) -> Desk:
    return Desk(shared)
