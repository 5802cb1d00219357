"""Which moderators have a socket open is on the roster: at once when one comes or goes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from pulse.house import now
from pulse.presence import Presence
from pulse.push.app_events import AppEvents
from pulse.push.app_occupancy import Channels
from pulse.roster import ONLINE, Roster
from tests.conftest import Pulse
from tests.push.ears import ANNA, BORIS, a_visit, staff_ear, visitor_ear
from tests.push.test_protocol import pusher_ear, signed
from tests.roster.talkers import becomes, talking


@pytest.fixture
async def roster(pulse: Pulse) -> AsyncIterator[Roster]:
    """Of another process. Its clock stands still, so nothing is told because of the time."""
    async with talking(pulse.house.log, Roster(lambda: 0.0)) as found:
        yield found


async def until(roster: Roster, *people: UUID) -> None:
    presence = Presence(roster)
    await becomes(lambda: presence.online() == set(people))


async def test_a_moderator_is_online_while_one_of_their_sockets_is_open(pulse: Pulse, roster: Roster) -> None:
    async with staff_ear(pulse, ANNA):
        await until(roster, ANNA)
        assert roster.members(ONLINE) == {str(ANNA): {"name": "Anna"}}
        async with staff_ear(pulse, BORIS), staff_ear(pulse, ANNA), visitor_ear(pulse, a_visit()):
            await until(roster, ANNA, BORIS)
        await until(roster, ANNA)
    await until(roster)


async def test_a_subscription_of_a_pusher_client_counts_as_well(pulse: Pulse, roster: Roster) -> None:
    channel = f"private-moderator.{ANNA}"
    async with pusher_ear(pulse) as ear:
        await ear.subscribe(channel, **signed(pulse, ear, channel, ANNA))
        await until(roster, ANNA)
    await until(roster)


async def test_a_channel_that_somebody_is_on_is_occupied_whatever_they_came_by(pulse: Pulse, roster: Roster) -> None:
    seconds = now().timestamp
    channels = Channels(roster, AppEvents(pulse.house.log).last_event, seconds)
    async with staff_ear(pulse, ANNA):
        await until(roster, ANNA)
        assert channels.all("presence-", "user_count") == {"channels": {ONLINE: {"user_count": 1}}}
        assert await channels.one(ONLINE, "user_count") == {"occupied": True, "user_count": 1}
    await until(roster)
