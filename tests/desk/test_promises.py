"""Every operation of the API, asked once in a small world, answers as the document says (`tests/promises.py` looks)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import httpx2
import pytest

from pulse.access import by_moderator
from pulse.aggregates.moderator import moderator_id
from pulse.embedded import Addresses
from pulse.http import answer
from tests.asking import SOCKET, Asked
from tests.conftest import Pulse
from tests.desk import asked_of_apps as of_apps
from tests.desk import asked_of_chats as of_chats
from tests.desk import asked_of_people as of_people
from tests.desk import asked_of_systems as of_systems
from tests.desk.browsing import both_providers
from tests.fakes.serving import served
from tests.fakes.telegram import FakeTelegram
from tests.promises import as_promised, operations
from tests.world import Desk, settled, shared_pulse, since

# A reply that failed or hangs needs a messenger that misbehaves: tests/journeys has those.
ELSEWHERE = {"send_reply_again", "vouch_for_reply"}


@pytest.fixture(scope="module")
async def telegram() -> AsyncIterator[FakeTelegram]:
    telegram = FakeTelegram()
    async with served(telegram) as address:
        telegram.address = address
        yield telegram


@pytest.fixture(scope="module")
async def shared(addresses: Addresses, telegram: FakeTelegram) -> AsyncIterator[Pulse]:
    """With a public address, and with providers for sources and people."""
    async with both_providers() as providers:
        with providers.set_up(telegram.address):
            async with shared_pulse(addresses) as running:
                yield running


async def test_every_operation_answers_as_the_document_says(shared: Pulse, desk: Desk, telegram: FakeTelegram) -> None:
    ask, before = Asked(desk), await settled(shared)
    for room in (
        of_chats.at_chats,
        of_chats.at_work_on_a_chat,
        of_chats.at_search,
        of_chats.at_drafts,
        of_chats.at_what_is_kept_at_hand,
        of_chats.at_customers,
        of_chats.at_the_widget,
        of_people.at_the_door,
        of_people.at_settings,
        of_people.at_two_factors,
        of_people.at_providers,
        of_people.at_users,
        of_people.at_how_users_sign_in,
        of_people.at_departments,
        of_people.at_rooms,
        of_people.at_notifications,
        of_people.at_a_pager,
        of_systems.at_sources,
        partial(of_systems.at_a_provider_of_sources, telegram.address),
        of_systems.at_routing,
        of_systems.at_reports,
        of_systems.at_deliveries,
        of_systems.at_producers,
        of_systems.at_the_register_of_producers,
        of_systems.at_subscribers,
        of_systems.at_retention,
        of_apps.at_apps,
    ):
        await room(ask, shared)
    assert {operation.id for operation in operations()} - ask.went_well == ELSEWHERE
    admin = by_moderator(moderator_id("admin@pulse.example"))
    done = [one for one in await since(shared, before) if one.envelope.by == admin]
    assert len({one.envelope.type for one in done}) > 50
    assert [one.envelope.type for one in done if one.besides != SOCKET] == []


async def test_an_answer_outside_the_document_is_noticed() -> None:
    request = httpx2.Request("GET", "http://pulse.example/api/chats")
    page: dict[str, Any] = {"items": [], "next": None, "prev": None}
    for status, body in ((200, page | {"more": 1}), (200, {"items": []}), (418, page)):
        odd = answer(body, status)
        with pytest.raises(AssertionError):
            await as_promised(
                httpx2.Response(status, headers=dict(odd.headers), content=bytes(odd.body), request=request)
            )
