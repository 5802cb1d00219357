"""Pusher's signed HTTP API: its library for Python works unchanged, and every limit has its status."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import pusher.errors
import pytest

from pulse.access import RESERVED
from pulse.eventlog.jetstream import Log
from pulse.push import app_api
from pulse.push.app_events import CACHE_SECONDS, AppEvent, Terminate
from pulse.push.names import DATA_BYTES
from pulse.pusher_app import PusherApp
from tests.push.apps import APP, World, a_world

EVENTS, BATCH = "/apps/1/events", "/apps/1/batch_events"
PAID = {"name": "paid", "channel": "orders", "data": "{}"}


@pytest.fixture
async def world(log: Log) -> AsyncIterator[World]:
    async with a_world(log) as found:
        found.on |= {"orders": ["1.1", "1.2"], "presence-lobby": ["7", "8", "9"], "presence-quiet": []}
        yield found


@pytest.fixture
async def their_world(log: Log) -> AsyncIterator[World]:
    """By the clock that libraries go by."""
    async with a_world(log, time.time) as found:
        found.on |= {"orders": ["1.1", "1.2"], "presence-lobby": ["7", "8", "9"]}
        yield found


# Pusher's library


async def test_the_library_publishes(their_world: World) -> None:
    said = {"order": 7, "was": "оплачен"}
    assert await their_world.with_library(lambda app: app.trigger(["orders", "refunds"], "paid", said, "1.2")) == {}
    event = await their_world.event()
    assert (event.event, event.channels, event.socket_id) == ("paid", ("orders", "refunds"), "1.2")
    batch = [{"channel": name, "name": "paid", "data": "{}"} for name in ("a", "b")]
    assert await their_world.with_library(lambda app: app.trigger_batch(batch)) == {}
    assert [(await their_world.event()).channels for _ in batch] == [("a",), ("b",)]


async def test_the_library_reads(their_world: World) -> None:
    ask = their_world.with_library
    assert await ask(lambda app: app.channels_info("presence-", ["user_count"])) == {
        "channels": {"presence-lobby": {"user_count": 3}}
    }
    assert await ask(lambda app: app.channel_info("orders", ["subscription_count"])) == {
        "occupied": True, "subscription_count": 2
    }  # fmt: skip
    assert await ask(lambda app: app.users_info("presence-lobby")) == {"users": [{"id": "7"}, {"id": "8"}, {"id": "9"}]}


async def test_the_library_ends_connections_though_it_leaves_out_the_app(their_world: World) -> None:
    assert await their_world.with_library(lambda app: app.terminate_user_connections("7")) == {}
    assert await their_world.next() == Terminate("7")


async def test_the_library_tells_a_user(their_world: World) -> None:
    assert await their_world.with_library(lambda app: app.send_to_user("7", "paid", {})) == {}
    assert (await their_world.event()).channels == ("#server-to-user-7",)


async def test_the_library_knows_what_it_is_refused_with(their_world: World) -> None:
    ask = their_world.with_library
    with pytest.raises(pusher.errors.PusherBadAuth, match="signature"):
        await ask(lambda app: app.trigger("orders", "paid", {}), secret="another")
    with pytest.raises(pusher.errors.PusherForbidden, match="only Pulse speaks"):
        await ask(lambda app: app.trigger("private-chat.7", "NewChatMessage", {}))
    with pytest.raises(pusher.errors.PusherBadRequest, match="pusher:"):
        await ask(lambda app: app.trigger("orders", "pusher:error", {}))


# Who asks


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", EVENTS), ("POST", BATCH), ("GET", "/apps/1/channels"), ("GET", "/apps/1/channels/orders"),
        ("GET", "/apps/1/channels/presence-lobby/users"), ("POST", "/apps/1/users/7/terminate_connections"),
        ("POST", "/users/7/terminate_connections"),
    ],
)  # fmt: skip
async def test_without_the_secret_nothing_is_answered(world: World, method: str, path: str) -> None:
    for app in (PusherApp(APP.key, "another", b""), PusherApp("another", APP.secret, b"")):
        answer = await world.ask(method, path, app=app)
        assert (answer.status_code, answer.headers["content-type"]) == (401, "text/plain; charset=utf-8")
    assert (await world.http.request(method, path)).status_code == 401
    assert world.heard.empty()


async def test_another_app_is_not_there(world: World) -> None:
    assert (await world.ask("GET", "/apps/2/channels")).status_code == 404
    assert (await world.ask("POST", "/apps/2/users/7/terminate_connections")).status_code == 404


async def test_a_request_of_an_hour_ago_is_refused_and_says_why(world: World) -> None:
    signed = APP.signed_query("GET", "/apps/1/channels", [], b"", world.now - 3600)
    answer = await world.http.get("/apps/1/channels", params=signed)
    assert (answer.status_code, "clock" in answer.text) == (401, True)


async def test_the_same_request_may_come_again(world: World) -> None:
    """A library whose answer was lost sends what it sent."""
    for _ in range(2):
        assert (await world.ask("POST", EVENTS, PAID)).json() == {}
        assert (await world.event()).event == "paid"


async def test_one_app_may_ask_only_so_often(world: World, monkeypatch: pytest.MonkeyPatch, log: Log) -> None:
    monkeypatch.setattr(app_api, "AT_ONCE", 2)
    monkeypatch.setattr(app_api, "PER_SECOND", 0.001)
    async with a_world(log) as limited:
        assert [(await limited.ask("GET", "/apps/1/channels")).status_code for _ in range(3)] == [200, 200, 429]
        refused = await limited.ask("GET", "/apps/1/channels")
        assert int(refused.headers["retry-after"]) > 0
        stranger = await limited.ask("GET", "/apps/1/channels", app=PusherApp(APP.key, "x", b""))
        assert stranger.status_code == 401  # strangers use nothing up


async def test_each_answer_is_counted(world: World) -> None:
    await world.ask("POST", EVENTS, PAID)
    await world.ask("POST", BATCH, {"batch": []})
    await world.http.get("/apps/1/channels")
    assert world.counted == [("events", 200), ("batch_events", 400), ("channels", 401)]


# What is published


async def test_an_event_is_passed_on_as_it_is(world: World) -> None:
    for data in ("", "{}", "no JSON", "ж" * (DATA_BYTES // 2), "\0"):
        answer = await world.ask("POST", EVENTS, PAID | {"data": data, "channels": ["b", "a", "b"], "socket_id": None})
        assert (answer.status_code, answer.json()) == (200, {})
        assert await world.event() == AppEvent("paid", data, ("b", "a"))


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"data": "x" * (DATA_BYTES + 1)}, 413), ({"data": "ж" * (DATA_BYTES // 2 + 1)}, 413),
        ({"data": {"a": 1}}, 400), ({"data": None}, 400),
        ({"name": ""}, 400), ({"name": "n" * 201}, 400), ({"name": 1}, 400),
        ({"name": "pusher:x"}, 400), ({"name": "pusher_internal:x"}, 400), ({"name": "pulse:x"}, 400),
        ({"channel": None}, 400), ({"channels": []}, 400), ({"channels": ["a"] * 101}, 400),
        ({"channel": "a b"}, 400), ({"channel": "a/b"}, 400), ({"channel": ""}, 400), ({"channel": "a\n"}, 400),
        ({"channel": "c" * 201}, 400), ({"channel": "#a"}, 400), ({"channel": "#server-to-user-"}, 400),
        ({"channels": ["private-encrypted-a", "b"]}, 400), ({"channels": ["b", "private-encrypted-cache-a"]}, 400),
        ({"socket_id": "x"}, 400), ({"socket_id": "1.2\n"}, 400), ({"info": "colour"}, 400),
        ({"channels": ["orders", "private-chat.1"]}, 403),
    ],
)  # fmt: skip
async def test_what_is_over_a_limit_is_refused_and_nobody_hears_it(
    world: World, changed: dict[str, Any], status: int
) -> None:
    assert (await world.ask("POST", EVENTS, PAID | changed)).status_code == status
    if "channels" not in changed:
        batch = {"batch": [PAID, PAID | changed]}
        assert (await world.ask("POST", BATCH, batch)).status_code == status
    await world.ask("POST", EVENTS, PAID | {"name": "last"})
    assert (await world.event()).event == "last"


async def test_the_largest_that_is_allowed_is_taken(world: World) -> None:
    one = {"name": "n" * 200, "data": "\x01" * DATA_BYTES, "socket_id": "1.2", "info": "user_count,subscription_count"}
    whole = one | {"channels": [f"{number:03}".rjust(200, "c") for number in range(100)]}
    assert (await world.ask("POST", EVENTS, whole)).status_code == 200
    batch = {"batch": [one | {"channel": f"presence-{number}"} for number in range(10)]}
    assert (await world.ask("POST", BATCH, batch)).status_code == 200


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"batch": {}}', b"\xff", {"batch": []}, {"batch": [PAID] * 11}, {"batch": [{}]}]
)
async def test_a_batch_has_one_to_ten_events(world: World, body: object) -> None:
    assert (await world.ask("POST", BATCH, body)).status_code == 400


async def test_each_event_of_a_batch_has_one_channel(world: World) -> None:
    several = {"name": "paid", "data": "{}", "channels": ["orders"]}
    for event in (several, several | {"channel": "orders"}):
        assert (await world.ask("POST", BATCH, {"batch": [event]})).status_code == 400


async def test_a_body_that_is_too_large_is_not_read(world: World) -> None:
    assert (await world.ask("POST", EVENTS, b"x" * (app_api.BODY_BYTES + 1))).status_code == 413


async def test_nobody_but_pulse_speaks_where_events_of_the_log_are_told(world: World) -> None:
    for kind in (*sorted(RESERVED), "private-campaign"):
        for channel in (kind, f"{kind}.7"):
            answer = await world.ask("POST", EVENTS, PAID | {"channel": channel})
            assert (channel, answer.status_code) == (channel, 403)
    for channel in ("chat", "cache-chat"):  # the general room
        assert (await world.ask("POST", EVENTS, PAID | {"channel": channel})).status_code == 403
    for channel in ("private-chats.7", "private-orders", "presence-lobby", "chat.7", "cache-chat.7"):
        assert (await world.ask("POST", EVENTS, PAID | {"channel": channel})).status_code == 200


# What is asked


async def test_a_publisher_learns_how_many_are_there(world: World) -> None:
    info = {"info": "user_count,subscription_count"}
    channels = {"channels": ["orders", "presence-lobby", "nobody"]}
    assert (await world.ask("POST", EVENTS, PAID | channels | info)).json() == {
        "channels": {
            "orders": {"subscription_count": 2},
            "presence-lobby": {"user_count": 3, "subscription_count": 3},
            "nobody": {"subscription_count": 0},
        }
    }
    batch = {"batch": [PAID | info, PAID, PAID | info | {"channel": "presence-lobby"}]}
    assert (await world.ask("POST", BATCH, batch)).json() == {
        "batch": [{"subscription_count": 2}, {}, {"user_count": 3, "subscription_count": 3}]
    }


async def test_channels_are_listed_by_their_beginning(world: World) -> None:
    async def listed(**query: str) -> Any:
        answer = await world.ask("GET", "/apps/1/channels", query=query)
        return answer.json()["channels"] if answer.status_code == 200 else answer.status_code

    del world.on["presence-quiet"]
    assert await listed() == {"orders": {}, "presence-lobby": {}}
    assert await listed(filter_by_prefix="presence-", info="user_count") == {"presence-lobby": {"user_count": 3}}
    assert await listed(filter_by_prefix="x") == {}
    for query in ({"info": "user_count"}, {"info": "user_count", "filter_by_prefix": "private-"}, {"info": "cache"}):
        assert await listed(**query) == 400


async def test_a_channel_is_shown_with_what_it_told_last(world: World) -> None:
    async def shown(channel: str, info: str = "") -> Any:
        answer = await world.ask("GET", f"/apps/1/channels/{channel}", query={"info": info})
        return answer.json() if answer.status_code == 200 else answer.status_code

    assert await shown("orders") == {"occupied": True}
    assert await shown("nobody", "subscription_count") == {"occupied": False, "subscription_count": 0}
    assert await shown("presence-lobby", "user_count,cache") == {"occupied": True, "user_count": 3}
    assert await shown("orders", "user_count") == await shown("orders", "colour") == 400
    world.now = time.time()  # what is noted is noted by the clock on the wall
    await world.events.publish([AppEvent("paid", "7", ("cache-orders",))])
    last = await shown("cache-orders", "cache")
    assert last["cache"]["data"] == "7"
    assert 0 < last["cache"]["ttl"] <= CACHE_SECONDS


async def test_users_are_those_of_presence_channels_only(world: World) -> None:
    answer = await world.ask("GET", "/apps/1/channels/presence-lobby/users")
    assert answer.json() == {"users": [{"id": "7"}, {"id": "8"}, {"id": "9"}]}
    assert (await world.ask("GET", "/apps/1/channels/presence-nobody/users")).json() == {"users": []}
    assert (await world.ask("GET", "/apps/1/channels/orders/users")).status_code == 400


async def test_a_user_is_sent_away_everywhere(world: World) -> None:
    for path in ("/apps/1/users/vera/terminate_connections", "/users/vera/terminate_connections"):
        assert (await world.ask("POST", path)).json() == {}
        assert await world.next() == Terminate("vera")
    assert (await world.ask("POST", f"/apps/1/users/{'u' * 129}/terminate_connections")).status_code == 400


async def test_while_nats_is_away_publishing_is_answered_503(log: Log) -> None:
    async with a_world(log) as world:
        await log.close()
        answer = await world.ask("POST", EVENTS, PAID)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        assert (await world.ask("GET", "/apps/1/channels")).status_code == 200


async def test_what_goes_too_deep_is_refused_in_words(world: World) -> None:
    body = b'{"name":"paid","channel":"orders","data":"{}","more":' + b"[" * 10_000 + b"]" * 10_000 + b"}"
    answer = await world.ask("POST", EVENTS, body)
    assert (answer.status_code, answer.text) == (400, "This can't be read: it goes too deep.")
