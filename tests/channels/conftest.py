"""Drivers that send, to services played on loopback."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from pulse.channels.vk import Vk
from tests.channels.recorded import account
from tests.fakes.vk import FakeVk

pytest.register_assert_rewrite("tests.channels.conformance")


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(timeout=10) as client:
        yield client


@pytest.fixture
def vk(fake_vk: FakeVk, http: httpx2.AsyncClient) -> Vk:
    """The driver of the fake's community."""
    known = {"secret": fake_vk.secret.encode(), "token": fake_vk.token.encode()}
    return Vk(account(str(fake_vk.group), settings={"api_url": fake_vk.api_url}, **known), http)
