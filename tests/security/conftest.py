"""One running Pulse per module, as in tests/desk."""

from collections.abc import AsyncIterator

import pytest

from pulse.embedded import Addresses
from tests.conftest import Pulse
from tests.world import Desk, shared_pulse


@pytest.fixture(scope="module")
async def shared(addresses: Addresses) -> AsyncIterator[Pulse]:
    async with shared_pulse(addresses) as running:
        yield running


@pytest.fixture(scope="module")
async def desk(shared: Pulse) -> Desk:
    return Desk(shared)
