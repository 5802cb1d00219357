"""One call to a subscriber, and a ping."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from uuid import UUID

import orjson
import pytest
from standardwebhooks import Webhook, WebhookVerificationError
from structlog.testing import capture_logs

from pulse.aggregates.subscriber import Subscriber
from pulse.delivery.post import NotTaken, Post, WantsNoMore, ping, signature
from pulse.house import now
from pulse.vault import Vault
from tests.delivery.outgoing.conftest import World
from tests.fakes.receiver import Mood, Receiver
from tests.given import NOW

KEY = bytes(range(32))
TOLD = {"specversion": "1.0", "id": "e1", "source": "/pulse", "type": "pulse.test.v1", "data": {}}


async def subscriber(world: World, receiver: Receiver) -> Subscriber:
    return await world.one(await world.subscribe(receiver))


def test_a_signature_is_what_the_library_of_the_standard_makes() -> None:
    stamp = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
    theirs = Webhook("whsec_" + base64.b64encode(KEY).decode()).sign("e1", stamp, '{"a": "ж"}')
    assert signature(KEY, "e1", str(int(stamp.timestamp())), '{"a": "ж"}'.encode()) == theirs


async def test_a_body_that_was_changed_on_the_way_is_not_verified(world: World, receiver: Receiver) -> None:
    async with Post.open(await subscriber(world, receiver), world.vault, now, frozenset(world.inside)) as post:
        assert await post.send(TOLD) == 200
    came = receiver.posts[0]
    assert orjson.loads(came.body) == TOLD
    with pytest.raises(WebhookVerificationError):
        Webhook(receiver.secret).verify(came.body.replace(b"e1", b"e2"), came.headers)


async def test_the_timestamp_is_that_of_the_attempt(world: World, receiver: Receiver) -> None:
    moments = [now(), now()]
    async with Post.open(await subscriber(world, receiver), world.vault, now, frozenset(world.inside)) as post:
        await post.send(TOLD)
    stamp = int(receiver.posts[0].headers["webhook-timestamp"])
    assert int(moments[0].timestamp()) <= stamp <= int(now().timestamp())


@pytest.mark.parametrize(
    ("mood", "error", "after"),
    [
        (Mood(500), "It answered 500.", 0),
        (Mood(308, {"location": "/x"}), "It answered 308, a redirect, which is not followed.", 0),
        (Mood(503, {"retry-after": "120"}), "It answered 503.", 120),
        (Mood(503, {"retry-after": "99999999"}), "It answered 503.", 86_400),
        (Mood(503, {"retry-after": "-5"}), "It answered 503.", 0),
        (Mood(503, {"retry-after": "soon"}), "It answered 503.", 0),
        (Mood(503, {"retry-after": "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"}), "It answered 503.", 0),
        (Mood(503, {"retry-after": "Fri, 21 Nov 2025 09:30:00 GMT"}), "It answered 503.", 0),
    ],
)
async def test_what_is_not_taken_is_told_with_its_reason(
    world: World, receiver: Receiver, mood: Mood, error: str, after: float
) -> None:
    receiver.next(mood)
    async with Post.open(await subscriber(world, receiver), world.vault, now, frozenset(world.inside)) as post:
        with pytest.raises(NotTaken) as refused:
            await post.send(TOLD)
    assert (str(refused.value), refused.value.answered, refused.value.after) == (error, mood.status, after)


async def test_410_is_told_apart(world: World, receiver: Receiver) -> None:
    receiver.next(Mood(410))
    async with Post.open(await subscriber(world, receiver), world.vault, now, frozenset(world.inside)) as post:
        with pytest.raises(WantsNoMore):
            await post.send(TOLD)


async def test_a_receiver_that_is_not_there_is_told_as_such(world: World) -> None:
    nobody = Subscriber.register(
        subscriber_id=UUID(int=9), url="http://127.0.0.1:9/", types=("*",), title="", position=1, now=NOW,
        sealed=world.vault.seal(KEY, f"subscriber:{UUID(int=9).hex}"),
    )  # fmt: skip
    found = await ping(nobody, world.vault, now, frozenset({"127.0.0.1:9"}))
    assert (found["taken"], found["status"], found["error"]) == (False, None, "It can't be reached (ConnectError).")


async def test_a_secret_of_another_key_is_a_reason_too(world: World, receiver: Receiver) -> None:
    found = await ping(await subscriber(world, receiver), Vault(b"x" * 32), now, frozenset(world.inside))
    assert (found["taken"], receiver.posts) == (False, [])
    assert "master key" in found["error"]


async def test_a_ping_is_signed_like_an_event(world: World, receiver: Receiver) -> None:
    found = await ping(await subscriber(world, receiver), world.vault, now, frozenset(world.inside))
    assert (found["taken"], found["status"], found["id"]) == (True, 200, receiver.posts[0].id)
    assert receiver.posts[0].event.get_type() == "pulse.subscriber.ping.v1"


async def test_what_nobody_foresaw_is_not_taken_and_logged_without_its_words(world: World, receiver: Receiver) -> None:
    def broken() -> datetime:
        raise RuntimeError("whsec_very-secret")

    async with Post.open(await subscriber(world, receiver), world.vault, broken, frozenset(world.inside)) as post:
        with capture_logs() as lines, pytest.raises(NotTaken) as trouble:
            await post.send(TOLD)
    assert str(trouble.value) == "Something unforeseen went wrong (RuntimeError)."
    assert [line["error"] for line in lines] == ["RuntimeError"]
    assert "very-secret" not in repr(lines)
