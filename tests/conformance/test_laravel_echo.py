"""Laravel Echo with its own defaults: channels, people coming and going, whispers, notifications, sign-in.

Its app key is Pulse's with `-echo` after it: so events come by the names that Laravel gives them (`App\\Events\\…`).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

from pulse.roster import ONLINE
from tests.conformance.app import library
from tests.conformance.node import Script, Told, running
from tests.conftest import Pulse
from tests.insisting import insist
from tests.push.ears import ANNA, BORIS, a_visit, act, happened, writes

NAMES = {"anna": str(ANNA), "boris": str(BORIS)}


@asynccontextmanager
async def echo(pulse: Pulse, place: Path, person: str, key: str = "-echo") -> AsyncIterator[Script]:
    """Somebody's Echo, connected."""
    settings, headers = pulse.house.settings, await pulse.sign_in(person)
    where, door = urlsplit(pulse.push), f"{settings.http_address}/broadcasting"
    options = {
        "key": settings.push_key + key, "wsHost": where.hostname, "wsPort": where.port,
        "authEndpoint": f"{door}/auth", "bearerToken": headers["Authorization"].removeprefix("Bearer "),
        "userAuthentication": {"endpoint": f"{door}/user-auth", "headers": headers},
    }  # fmt: skip
    async with running(place, "echo.mjs", json.dumps(options)) as script:
        await script.until("connected")
        yield script


async def entered(script: Script, act: str, channel: str, *events: str) -> list[Told]:
    """Subscribes; returns what is heard until it succeeds."""
    await script.do(act, channel=channel)
    for event in events:
        await script.do("listen", channel=channel, event=event)
    return await script.until("subscribed")


def of(event: str, told: list[Told]) -> list[object]:
    return [one["data"] for one in told if one["event"] == event]


async def test_a_private_channel_brings_events_by_the_names_that_laravel_gives_them(
    pulse: Pulse, node_place: Path
) -> None:
    visit = a_visit()
    await happened(pulse, visit, writes("Hello"))
    async with echo(pulse, node_place, "anna") as anna:
        await entered(anna, "private", f"chat.{visit.chat}", "NewChatMessage")
        await act(pulse.house, visit, writes("Anybody there?"))
        told = await anna.until("NewChatMessage")
    assert told[-1]["data"]["text"] == "Anybody there?"
    assert told[-1]["data"]["chat_id"] == str(visit.chat)


async def test_with_the_plain_key_events_have_their_plain_names(pulse: Pulse, node_place: Path) -> None:
    visit = a_visit()
    await happened(pulse, visit, writes("Hello"))
    async with echo(pulse, node_place, "anna", key="") as anna:
        await entered(anna, "private", f"chat.{visit.chat}", ".NewChatMessage")
        await act(pulse.house, visit, writes("Anybody there?"))
        assert (await anna.until(".NewChatMessage"))[-1]["data"]["text"] == "Anybody there?"


async def test_a_channel_that_is_not_ones_own_is_an_error_on_it(pulse: Pulse, node_place: Path) -> None:
    async with echo(pulse, node_place, "anna") as anna:
        await anna.do("private", channel=f"moderator.{BORIS}")
        assert (await anna.until("error"))[-1]["data"]["status"] == 403


async def test_who_joins_is_shown_who_is_here_and_then_who_comes_and_goes(pulse: Pulse, node_place: Path) -> None:
    visit = a_visit()
    await happened(pulse, visit, writes("Hello"))
    channel = f"chat.{visit.chat}"
    async with echo(pulse, node_place, "anna") as anna, echo(pulse, node_place, "boris") as boris:
        await anna.do("join", channel=channel)
        assert names((await anna.until("here"))[-1]["data"]) == ["Anna"]
        await boris.do("join", channel=channel)
        assert names((await boris.until("here"))[-1]["data"]) == ["Anna", "Boris"]
        assert (await anna.until("joining"))[-1]["data"]["name"] == "Boris"
        await boris.do("leave", channel=channel)
        assert (await anna.until("leaving"))[-1]["data"]["name"] == "Boris"


async def online(pulse: Pulse) -> set[str]:
    return set(pulse.house.roster.members(ONLINE))


async def test_who_is_online_is_a_presence_channel(pulse: Pulse, node_place: Path) -> None:
    await insist(lambda: online(pulse), lambda there: str(BORIS) not in there)  # he may have left a moment ago
    async with echo(pulse, node_place, "anna") as anna:
        await anna.do("join", channel="chat")
        assert "Anna" in names((await anna.until("here"))[-1]["data"])
        async with echo(pulse, node_place, "boris") as boris:
            await boris.do("join", channel="chat")
            assert (await anna.until("joining"))[-1]["data"]["name"] == "Boris"
        assert (await anna.until("leaving"))[-1]["data"]["name"] == "Boris"


async def test_a_whisper_is_heard_by_the_others_and_not_by_who_whispers(pulse: Pulse, node_place: Path) -> None:
    visit = a_visit()
    await happened(pulse, visit, writes("Hello"))
    channel = f"chat.{visit.chat}"
    async with echo(pulse, node_place, "anna") as anna, echo(pulse, node_place, "boris") as boris:
        for one in (anna, boris):
            await entered(one, "private", channel)
            await one.do("listenForWhisper", channel=channel, event="typing")
        await anna.do("whisper", channel=channel, event="typing", data={"draft": 1})
        assert (await boris.until("typing"))[-1]["data"] == {"draft": 1}
        await boris.do("whisper", channel=channel, event="typing", data={"draft": 2})
        assert of("typing", await anna.until("typing")) == [{"draft": 2}]


async def test_a_notification_comes_as_laravels_do(pulse: Pulse, node_place: Path) -> None:
    visit = a_visit()
    await happened(pulse, visit, writes("Hello"))
    async with echo(pulse, node_place, "boris") as boris:
        await entered(boris, "private", f"user.{BORIS}")
        await boris.do("notification", channel=f"user.{BORIS}")
        await give(pulse, visit.chat, to=BORIS)
        told = (await boris.until("notification"))[-1]["data"]
    assert told["chat_id"] == str(visit.chat)


async def test_who_signs_in_hears_what_is_sent_to_them(pulse: Pulse, node_place: Path) -> None:
    async with echo(pulse, node_place, "anna") as anna, echo(pulse, node_place, "boris") as boris:
        for name, one in (("anna", anna), ("boris", boris)):
            await one.do("signIn")
            signed = json.loads((await one.until("signed in"))[-1]["data"]["user_data"])
            assert signed["id"] == NAMES[name]
            await one.do("listenAsUser", event="greeting")
        for number, user in enumerate((BORIS, ANNA)):
            await asyncio.to_thread(library(pulse.house).send_to_user, str(user), "greeting", {"number": number})
        assert of("greeting", await anna.until("greeting")) == [{"number": 1}]
        assert of("greeting", await boris.until("greeting")) == [{"number": 0}]


async def give(pulse: Pulse, chat: UUID, to: UUID) -> None:
    """Anna gives a chat to somebody."""
    address = f"/api/chats/{chat}/assign-operator"
    answer = await pulse.http.post(address, json={"moderatorId": str(to)}, headers=await pulse.sign_in("anna"))
    assert answer.status_code == 200, answer.text


def names(people: list[dict[str, str]]) -> list[str]:
    return sorted(person["name"] for person in people)
