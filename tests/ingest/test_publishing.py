"""Producers' posts over HTTP, against real servers: on disk before the 202, once for good, all of it or nothing."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import httpx2
import orjson
import pytest
from structlog.testing import capture_logs

from pulse.aggregates.feed import Feed, feed_id
from pulse.demo import PRODUCERS_SECRET, demo_summary
from pulse.eventlog.envelope import subject_of
from pulse.house import now
from pulse.ingest.producers import Producers as KnownProducers
from pulse.ingest.publishing import LIMIT, PREFIX, Publishing
from pulse.limits import Rate
from pulse.producers import Producers
from tests.conftest import Pulse
from tests.insisting import insist
from tests.producing import (
    BATCH,
    PLAIN,
    SECRET,
    STRUCTURED,
    Shop,
    a_shop,
    an_event,
    configured,
    described,
    encoded,
    published,
    signed,
)
from tests.test_signatures import SIGNED, VECTORS, elsewhere, scheme_of
from tests.world import is_problem, kinds, rows, since

OTHER = "whsec_" + base64.b64encode(b"the next secret of a test's producer").decode()
FIRST = ["feed.opened", "feed.event-published"]
ONE = {"stored": 1, "repeated": 0}
KNOWN = {"stored": 0, "repeated": 1}


@pytest.fixture(scope="module")
async def shop(shared: Pulse) -> Shop:
    return await a_shop(shared)


async def position(pulse: Pulse) -> int:
    return await pulse.house.log.last_position()


# Taken in


async def test_an_event_is_in_its_feed_before_the_202(shared: Pulse, shop: Shop) -> None:
    before = await position(shared)
    answer = await shop.post(an_event("e1", data={"order": 1}, subject="order/1", tenant="a"), delivery="m1")
    assert (answer.status_code, answer.json()) == (202, ONE)
    events = await since(shared, before)
    assert kinds(events) == FIRST
    assert {event.aggregate_id for event in events} == {shop.feed("private-orders.1")}
    [event] = published(events)
    told = event.published
    assert (told.id, told.source, told.type, told.subject) == ("e1", "/shops/17", "shop.order.paid", "order/1")
    assert (told.data, told.extensions, event.delivery) == ({"order": 1}, {"tenant": "a"}, "m1")
    assert (event.telling.channel, event.telling.event) == ("private-orders.1", "OrderPaid")
    assert events[1].envelope.by == f"producer:{shop.id.hex}"


async def test_an_event_can_be_structured_binary_or_plain(shared: Pulse, shop: Shop) -> None:
    before = await position(shared)
    binary = {**PLAIN, "ce-specversion": "1.0", "ce-id": "b", "ce-source": "/s", "ce-type": "shop.order.paid"}
    plain = {"type": "shop.order.paid", "timestamp": "2026-11-21T09:30:00Z", "data": {"order": 2}}
    for kind, body in ((STRUCTURED, an_event("s", data={"order": 2})), (binary, {"order": 2}), (PLAIN, plain)):
        assert (await shop.post(body, kind)).json() == ONE
    told = [event.published for event in published(await since(shared, before))]
    assert [event.data for event in told] == [{"order": 2}] * 3
    assert [event.source for event in told] == ["/shops/17", "/s", f"/producers/{shop.name}"]


async def test_each_key_has_a_feed_of_its_own_and_each_producer_too(shared: Pulse, shop: Shop) -> None:
    other, before = await a_shop(shared), await position(shared)
    for each, order in ((shop, 31), (shop, 32), (other, 31), (shop, 31)):
        await each.post(an_event(data={"order": order}))
    feeds = [event.aggregate_id for event in await since(shared, before) if event.envelope.type == FIRST[1]]
    own = [feed_id(each.id, f"private-orders.{order}") for each, order in ((shop, 31), (shop, 32), (other, 31))]
    assert feeds == [*own, own[0]]


async def test_bytes_are_published_where_the_schema_takes_base64(shared: Pulse) -> None:
    text = {"type": "string", "contentEncoding": "base64", "maxLength": 12}
    shop = await a_shop(shared, described(channel="private-orders.all", schema=text))
    before = await position(shared)
    event = an_event(data_base64="AAFwdWxzZQ==", datacontenttype="application/octet-stream")
    del event["data"]
    assert (await shop.post(event)).json() == ONE
    [told] = published(await since(shared, before))
    assert (told.published.binary, base64.b64decode(told.published.data)) == (True, b"\0\x01pulse")
    event |= {"id": "longer", "data_base64": "AAFwdWxzZQAA" * 2}
    is_problem(await shop.post(event), 422, "breaks-contract")


RECORDED = ("ce_structured_ok", "ce_binary_ok", "ce_batch_ok", "ce_structured_base64", "ce_binary_missing_id", "ce_structured_array_body")  # fmt: skip


@pytest.mark.parametrize("name", RECORDED)
async def test_a_recorded_event_that_is_signed_has_its_stated_outcome(shared: Pulse, name: str) -> None:
    shop = await a_shop(shared, described(channel="private-orders.all", schema={}))
    vector, before = VECTORS[name], await position(shared)
    answer = await shop.post(vector["body"].encode(), vector["headers"])
    stored = published(await since(shared, before))
    if vector["expect"].startswith("accept"):
        assert answer.status_code == 202
        assert len(stored) == answer.json()["stored"] == (2 if name == "ce_batch_ok" else 1)
    else:
        is_problem(answer, 400, "not-an-event")
        assert stored == []


# Once


async def test_the_same_post_fifty_times_at_once_is_one_event(shared: Pulse, shop: Shop) -> None:
    before, event = await position(shared), an_event(data={"order": 50})
    answers = await asyncio.gather(*(shop.post(event) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {202}
    assert sorted(answer.json()["stored"] for answer in answers) == [0] * 49 + [1]
    assert kinds(await since(shared, before)) == FIRST


async def test_a_repeat_counts_once_after_others_and_after_a_restart(shared: Pulse, shop: Shop) -> None:
    events = [an_event(data={"order": 60}) for _ in range(3)]
    for event in (*events, *events):
        await shop.post(event)
    before = await position(shared)
    shared.house.store.cache.forget([subject_of("feed", shop.feed("private-orders.60"))])
    assert (await shop.post(events[0])).json() == KNOWN
    assert await position(shared) == before
    feed = await shared.house.store.load(Feed, shop.feed("private-orders.60"))
    assert feed is not None
    assert feed.version == 4


async def test_a_plain_webhook_counts_once_by_its_id(shared: Pulse, shop: Shop) -> None:
    body = {"type": "shop.order.paid", "data": {"order": 61}}
    said = [(await shop.post(body, PLAIN, delivery=delivery)).json() for delivery in ("w1", "w1", "w2")]
    assert said == [ONE, KNOWN, ONE]


async def test_a_captured_binary_post_with_another_id_in_its_headers_counts_once(shared: Pulse, shop: Shop) -> None:
    """The ce- headers are not signed, but the delivery's id is."""
    binary = {**PLAIN, "ce-specversion": "1.0", "ce-id": "c1", "ce-source": "/s", "ce-type": "shop.order.paid"}
    assert (await shop.post({"order": 62}, binary, delivery="captured")).json() == ONE
    for changed in ({"ce-id": "c2"}, {"ce-source": "/t"}):
        assert (await shop.post({"order": 62}, {**binary, **changed}, delivery="captured")).json() == KNOWN


async def traced(pulse: Pulse, source: UUID, post: Callable[[], Awaitable[object]]) -> dict[str, Any]:
    """What is told of a post that leaves no event; only a few a second are."""

    async def ask() -> list[dict[str, Any]]:
        await post()
        query = "select outcome, reason, body from trace.rejections where source = %(source)s"
        return await rows(pulse, query, source=str(source))

    return (await insist(ask, len))[0]


async def test_a_repeat_leaves_a_trace(shared: Pulse) -> None:
    shop, event = await a_shop(shared), an_event("again")
    await shop.post(event)
    told = await traced(shared, shop.id, lambda: shop.post(event))
    assert told == {"outcome": "repeated", "reason": "again", "body": encoded(event).decode()}


# All or nothing


async def test_a_batch_is_stored_whole_over_several_feeds(shared: Pulse, shop: Shop) -> None:
    before = await position(shared)
    batch = [an_event(data={"order": order}) for order in (70, 71, 70, 72)]
    assert (await shop.post([*batch, batch[0]], BATCH)).json() == {"stored": 4, "repeated": 1}
    events = await since(shared, before)
    assert sorted(kinds(events)) == sorted([*FIRST * 3, FIRST[1]])
    assert (await shop.post(batch, BATCH)).json() == {"stored": 0, "repeated": 4}
    assert (await shop.post([*batch, an_event(data={"order": 72})], BATCH)).json() == {"stored": 1, "repeated": 4}


async def test_a_batch_with_one_bad_event_stores_nothing_and_says_which(shared: Pulse, shop: Shop) -> None:
    before = await position(shared)
    good = an_event(data={"order": 80})
    bad = an_event(data={"order": "80", "lines": [{}, {"a b": 9}]})
    body = is_problem(await shop.post([good, good, bad], BATCH), 422, "breaks-contract")
    assert {error["field"] for error in body["errors"]} == {"$[2].data.lines[1]['a b']", "$[2].data.order"}
    body = is_problem(await shop.post([bad], BATCH), 422, "breaks-contract")
    assert body["errors"][0]["field"].startswith("$[0].data")
    is_problem(await shop.post([good, {}], BATCH), 400, "not-an-event")
    assert await position(shared) == before


async def test_a_full_batch_of_new_feeds_is_one_atomic_append(shared: Pulse, shop: Shop) -> None:
    before = await position(shared)
    batch = [an_event(data={"order": order}) for order in range(1000, 1100)]
    assert (await shop.post(batch, BATCH)).json() == {"stored": 100, "repeated": 0}
    assert await position(shared) == before + 200
    is_problem(await shop.post([*batch, an_event()], BATCH), 413, "too-large")


async def test_an_empty_batch_is_nothing(shared: Pulse, shop: Shop) -> None:
    before = await position(shared)
    assert (await shop.post([], BATCH)).json() == {"stored": 0, "repeated": 0}
    assert await position(shared) == before


@pytest.mark.parametrize(
    ("event", "field"),
    [
        (an_event(data={"order": "x"}), "$.data.order"),
        (an_event(data={}), "$.data"),
        (an_event(data=None), "$.data"),
        (an_event(data={"order": 1, "more": 2}), "$.data"),
        (an_event(type="shop.order.lost"), "$.type"),
    ],
)
async def test_a_bad_event_is_422_with_its_json_path(
    shared: Pulse, shop: Shop, event: dict[str, Any], field: str
) -> None:
    before = await position(shared)
    body = is_problem(await shop.post(event), 422, "breaks-contract")
    assert [error["field"] for error in body["errors"]] == [field]
    assert all(error["message"] for error in body["errors"])
    assert await position(shared) == before


async def test_data_that_names_no_channel_is_422(shared: Pulse) -> None:
    shop = await a_shop(shared, described(schema={}))
    body = is_problem(await shop.post(an_event(data={"order": "a b"})), 422, "breaks-contract")
    assert body["errors"][0]["field"] == "$.data.order"


# Strangers


async def test_strangers_are_all_told_the_same(shared: Pulse, shop: Shop) -> None:
    before, body = await position(shared), orjson.dumps(an_event())
    good, at = signed(body), int(now().timestamp())
    disabled = await a_shop(shared)
    producers = Producers(shared.house.store, shared.house.vault, now)
    await shared.house.directory.wait_for((await producers.disable(disabled.name)).position)
    before = await position(shared)
    forged: list[tuple[str, bytes, Any]] = [
        (shop.address, body, {}),
        (shop.address, body, signed(body, OTHER)),
        (shop.address, body + b" ", good),
        (shop.address, b"not JSON", good),
        (shop.address, body, signed(body, at=at - 400)),
        (shop.address, body, signed(body, at=at + 400)),
        (shop.address, body, good | {"webhook-timestamp": f"{at}.7"}),
        (shop.address, body, good | {"webhook-timestamp": "٣"}),
        (shop.address, body, good | {"webhook-signature": b"\xff\xfe v1,\xff"}),
        (shop.address, body, good | {"webhook-signature": "v1,abc"}),
        (shop.address, body, good | {"webhook-signature": "v1"}),
        (shop.address, body, good | {"webhook-id": "another"}),
        (shop.address, body, {name: text for name, text in good.items() if name != "webhook-id"}),
        (disabled.address, body, good),
        (f"{PREFIX}{uuid4()}", body, good),
        (f"{PREFIX}shop", body, good),
        (f"{PREFIX}%00", body, good),
        (f"{PREFIX}%ED%A0%80", body, good),
        (PREFIX + "a" * 5000, body, good),
        (f"{PREFIX}{shared.webhook('telegram').rsplit('/', 1)[1]}", body, good),
    ]
    answers = [await shared.http.post(path, content=sent, headers=proof) for path, sent, proof in (
        (path, sent, [(name.encode(), text if isinstance(text, bytes) else text.encode()) for name, text in proof.items()])
        for path, sent, proof in forged
    )]  # fmt: skip
    assert [answer.status_code for answer in answers] == [401] * len(forged)
    assert len({answer.content for answer in answers}) == 1
    told = [{name: text for name, text in answer.headers.items() if name != "x-request-id"} for answer in answers]
    assert all(headers == told[0] for headers in told)
    is_problem(answers[0], 401, "not-authentic")
    assert await position(shared) == before


async def test_what_is_told_of_a_stranger_holds_no_body_and_of_a_producer_its_own(shared: Pulse) -> None:
    shop = await a_shop(shared)
    unknown, content = uuid4(), b'{"anything": "at all"}'
    told = await traced(
        shared, unknown, lambda: shared.http.post(f"{PREFIX}{unknown}", content=content, headers=signed(content))
    )
    assert told == {"outcome": "refused", "reason": "not-authentic", "body": ""}
    told = await traced(shared, shop.id, lambda: shop.post(content))
    assert told == {"outcome": "refused", "reason": "not-an-event", "body": content.decode()}


async def test_old_and_new_secret_are_good_while_one_replaces_the_other(shared: Pulse) -> None:
    shop = await a_shop(shared)
    producers = Producers(shared.house.store, shared.house.vault, now)
    know = shared.house.directory.wait_for
    assert (await shop.post(an_event(), secret=OTHER)).status_code == 401
    await know((await producers.rotate(shop.name, OTHER)).position)
    assert [(await shop.post(an_event(), secret=secret)).status_code for secret in (SECRET, OTHER)] == [202, 202]
    content = encoded(an_event())
    old, new = (signed(content, secret, "m1")["webhook-signature"] for secret in (SECRET, OTHER))
    both = signed(content, delivery="m1") | {"webhook-signature": f"bad {old} {new}"}
    assert (await shared.http.post(shop.address, content=content, headers=both | STRUCTURED)).status_code == 202
    await know((await producers.finish(shop.name)).position)
    assert [(await shop.post(an_event(), secret=secret)).status_code for secret in (SECRET, OTHER)] == [401, 202]


async def test_a_disabled_producer_is_a_stranger_until_it_is_enabled(shared: Pulse) -> None:
    shop = await a_shop(shared)
    producers = Producers(shared.house.store, shared.house.vault, now)
    for change, status in ((producers.disable, 401), (producers.enable, 202)):
        await shared.house.directory.wait_for((await change(shop.name)).position)
        assert (await shop.post(an_event())).status_code == status


async def test_what_is_configured_anew_counts_at_once_and_changes_nothing_before(shared: Pulse) -> None:
    shop = await a_shop(shared)
    await shop.post(an_event(data={"order": 1}))
    producers = Producers(shared.house.store, shared.house.vault, now)
    anew = configured(shop.name, described(channel="private-sales.{data.order}", event="Sold"))
    await shared.house.directory.wait_for((await producers.configure(anew)).position)
    before = await position(shared)
    await shop.post(an_event(data={"order": 1}))
    [event] = published(await since(shared, before))
    assert (event.telling.channel, event.telling.event) == ("private-sales.1", "Sold")


# Through the door at the moment a vector was recorded, and in the ways of other services


def door_at(pulse: Pulse, moment: float) -> httpx2.AsyncClient:
    """Pulse's own door, by another clock."""
    house = pulse.house
    assert house.publishing is not None
    door = Publishing(
        KnownProducers(house.directory, house.vault), house.store, house.publishing.traces,
        lambda: datetime.fromtimestamp(moment, UTC),
    )  # fmt: skip
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=door), base_url="http://pulse")


@pytest.mark.parametrize("name", SIGNED)
async def test_a_recorded_vector_passes_the_door_or_does_not_as_it_states(shared: Pulse, name: str) -> None:
    vector = SIGNED[name]
    secrets = [*vector.get("secrets", ()), *vector.get("public_keys", ()), *filter(None, [vector.get("secret")])]
    shop = await a_shop(shared, scheme=scheme_of(name), secret=secrets[0])
    producers = Producers(shared.house.store, shared.house.vault, now)
    for secret in secrets[1:]:
        await shared.house.directory.wait_for((await producers.rotate(shop.name, secret)).position)
    async with door_at(shared, vector.get("now", 1614265330)) as client:
        answer = await client.post(shop.address, content=vector["body"].encode(), headers=vector["headers"])
    if vector["expect"].startswith("accept"):
        is_problem(answer, 400, "not-an-event")  # authentic; but it says of no type that it is one
    else:
        is_problem(answer, 401, "not-authentic")


@pytest.mark.parametrize(
    ("scheme", "headers", "body", "type_"),
    [
        ("github", {"x-github-delivery": "g1", "x-github-event": "issues"}, {"order": 1}, "issues"),
        ("stripe", {}, {"id": "evt_1", "type": "charge.paid", "order": 1}, "charge.paid"),
        ("slack", {}, {"event_id": "Ev1", "event": {"type": "message"}, "order": 1}, "message"),
        ("shopify", {"x-shopify-webhook-id": "s1", "x-shopify-topic": "orders/paid"}, {"order": 1}, "orders/paid"),
    ],
)
async def test_a_service_with_its_own_way_of_signing_is_a_producer_too(
    shared: Pulse, scheme: str, headers: dict[str, str], body: dict[str, Any], type_: str
) -> None:
    shop = await a_shop(shared, described(type_, schema={}), scheme=scheme, secret="s3cret")
    content, before = orjson.dumps(body), await position(shared)
    proof = elsewhere(scheme, content, int(now().timestamp())) | headers | PLAIN
    answers = [await shared.http.post(shop.address, content=content, headers=proof) for _ in range(2)]
    assert [answer.json() for answer in answers] == [ONE, KNOWN]
    [event] = published(await since(shared, before))
    named = f"sha256:{sha256(content).hexdigest()}" if scheme in ("github", "shopify") else None
    assert (event.published.type, event.published.data, event.delivery) == (type_, body, named)


@pytest.mark.parametrize(
    ("scheme", "id_header", "type_header"),
    [("github", "x-github-delivery", "x-github-event"), ("shopify", "x-shopify-webhook-id", "x-shopify-topic")],
)
async def test_a_captured_post_under_another_id_counts_once(
    shared: Pulse, scheme: str, id_header: str, type_header: str
) -> None:
    shop = await a_shop(shared, described("paid", schema={}), scheme=scheme, secret="s3cret")
    content = orjson.dumps({"order": 1})
    proof = elsewhere(scheme, content, int(now().timestamp())) | {type_header: "paid"} | PLAIN
    answers = [
        await shared.http.post(shop.address, content=content, headers=proof | {id_header: str(uuid4())})
        for _ in range(3)
    ]
    assert [answer.json() for answer in answers] == [ONE, KNOWN, KNOWN]


async def test_slacks_challenge_comes_back_to_whoever_signed_it(shared: Pulse) -> None:
    shop = await a_shop(shared, described("message", schema={}), scheme="slack", secret="s3cret")
    content = orjson.dumps({"type": "url_verification", "token": "t", "challenge": "3eZbrw1aBm2rZgRN"})
    before, proof = await position(shared), elsewhere("slack", content, int(now().timestamp())) | PLAIN
    answer = await shared.http.post(shop.address, content=content, headers=proof)
    assert (answer.status_code, answer.text) == (200, "3eZbrw1aBm2rZgRN")
    assert answer.headers["content-type"].startswith("text/plain")
    assert await position(shared) == before
    is_problem(await shared.http.post(shop.address, content=content + b" ", headers=proof), 401, "not-authentic")
    odd = orjson.dumps({"type": "url_verification"})
    proof = elsewhere("slack", odd, int(now().timestamp())) | PLAIN
    is_problem(await shared.http.post(shop.address, content=odd, headers=proof), 400, "not-an-event")


# What else is asked


async def test_whoever_asks_first_is_told_how_often_they_may_post(shared: Pulse, shop: Shop) -> None:
    for address in (shop.address, f"{PREFIX}{uuid4()}"):
        answer = await shared.http.options(address, headers={"WebHook-Request-Origin": "shop.example"})
        assert (answer.status_code, answer.headers["allow"]) == (200, "POST, OPTIONS")
        assert answer.headers["webhook-allowed-origin"] == "shop.example"
        assert int(answer.headers["webhook-allowed-rate"]) > 0
    bare = await shared.http.options(shop.address)
    assert (bare.status_code, "webhook-allowed-origin" in bare.headers) == (204, False)
    odd = await shared.http.options(shop.address, headers={"WebHook-Request-Origin": "a b"})
    is_problem(odd, 400, "not-an-event")


async def test_only_posts_are_taken(shared: Pulse, shop: Shop) -> None:
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        answer = await shared.http.request(method, shop.address)
        is_problem(answer, 405, "wrong-method")
        assert answer.headers["allow"] == "POST, OPTIONS"
    for path in (PREFIX, f"{shop.address}/more", f"{shop.address}/"):
        is_problem(await shared.http.post(path, content=b"{}"), 404, "not-found")


@pytest.mark.parametrize(
    "media_type", ["application/cloudevents+xml", "text/plain", "application/x-www-form-urlencoded"]
)
async def test_another_media_type_is_415(shared: Pulse, shop: Shop, media_type: str) -> None:
    is_problem(await shop.post(an_event(), {"content-type": media_type}), 415, "unknown-media")


async def test_a_body_has_a_limit_also_for_strangers(shared: Pulse, shop: Shop) -> None:
    event = an_event(data={"order": 90, "sum": ""})
    room = LIMIT - len(orjson.dumps(event))
    event["data"]["sum"] = "x" * room
    assert (await shop.post(event)).status_code == 202
    event["data"]["sum"] += "x"
    is_problem(await shop.post(event), 413, "too-large")
    is_problem(await shared.http.post(f"{PREFIX}{uuid4()}", content=b"x" * (LIMIT + 1)), 413, "too-large")


DEEP = b'{"specversion":"1.0","id":"%d","source":"/s","type":"shop.order.paid","data":' + b"[" * 300 + b"]" * 300 + b"}"


@pytest.mark.parametrize(
    "body",
    [b"", b"\xff", b"{", b"null", b"[]", b"5", b'{"a":NaN}', b'{"id":"\\ud800"}', b'{"id":"\\u0000"}', b"\0", DEEP, b"[" * 2000],
    ids=lambda body: body[:12].decode("latin-1"),
)  # fmt: skip
async def test_a_signed_body_that_is_no_event_is_400(shared: Pulse, shop: Shop, body: bytes) -> None:
    for kind in (STRUCTURED, PLAIN):
        is_problem(await shop.post(body, kind), 400, "not-an-event")


async def test_the_deepest_that_is_taken_is_stored_and_read_back(shared: Pulse) -> None:
    shop = await a_shop(shared, described(channel="private-orders.all", schema={}))
    binary = {**PLAIN, "ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "shop.order.paid"}
    for depth in range(240, 260):
        before, body = await position(shared), b"[" * depth + b"]" * depth
        answer = await shop.post(body, {**binary, "ce-id": str(depth)})
        assert answer.status_code in (202, 400)
        assert len(published(await since(shared, before))) == (answer.status_code == 202)
        if answer.status_code == 202:
            assert await shared.house.store.load(Feed, shop.feed("private-orders.all"))  # from the log, not from memory


async def test_numbers_and_letters_come_out_as_they_went_in(shared: Pulse) -> None:
    shop = await a_shop(shared, described(channel="private-orders.all", schema={}))
    data = {"n": [0.1, -0.0, 1e300, 2**64 - 1, -(2**63), True, None], "ж": "\u2028😀\x7f", "": {"x": []}}
    before = await position(shared)
    await shop.post(an_event(data=data))
    [event] = published(await since(shared, before))
    assert orjson.dumps(event.published.data) == orjson.dumps(data)


async def test_a_producer_that_posts_too_often_is_told_to_wait(shared: Pulse, monkeypatch: pytest.MonkeyPatch) -> None:
    shop, other = await a_shop(shared), await a_shop(shared)
    assert shared.house.publishing is not None
    monkeypatch.setattr(shared.house.publishing, "_rate", Rate(0.001, 2))
    statuses = [(await shop.post(an_event())).status_code for _ in range(3)]
    assert statuses == [202, 202, 429]
    assert "retry-after" in (await shop.post(an_event())).headers
    assert (await other.post(an_event())).status_code == 202
    for _ in range(3):  # who can't sign uses up nobody's rate
        assert (await other.post(an_event(), secret=OTHER)).status_code == 401


# Pulse's own trouble


async def test_what_nobody_foresaw_is_answered_like_any_trouble(
    shared: Pulse, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared.house.publishing, "producers", None)
    with capture_logs() as told:
        answer = await shop.post(an_event())
    is_problem(answer, 503, "trouble")
    assert [line["event"] for line in told if line["log_level"] == "error"] == ["publishing.unforeseen"]


async def test_the_demos_producers_take_their_seven_events(shared: Pulse) -> None:
    person = str(uuid4())
    data = {"campaign_id": 17, "user_id": person, "budget": 5, "amount": "1.50", "balance": "3"}
    producers = demo_summary(str(shared.http.base_url), "")["producers"]
    stored = []
    for producer in producers:
        for type_ in producer["event_types"]:
            content = encoded(an_event(type=type_, data=data))
            before = await position(shared)
            answer = await shared.http.post(
                producer["webhook_url"], content=content, headers=signed(content, producer["secret"]) | STRUCTURED
            )
            assert answer.json() == ONE, answer.text
            stored += published(await since(shared, before))
    assert len(stored) == 7
    assert {event.telling.channel for event in stored} == {"private-campaign.17", f"private-financial.{person}"}
    assert {producer["secret"] for producer in producers} == {PRODUCERS_SECRET}
