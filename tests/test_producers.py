"""Producers' configurations, and registering them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from pulse.aggregates.producer import AnotherScheme, Producer, producer_id
from pulse.contracts import Contract
from pulse.errors import NotFound
from pulse.eventlog.jetstream import Log
from pulse.eventlog.store import EventStore
from pulse.house import now
from pulse.producers import FILE_LIMIT, NotAConfiguration, Producers, new_secret, read_configuration
from pulse.signatures import SCHEMES, NotAKey
from pulse.vault import Vault
from tests.producing import SECRET, configured, described

EXAMPLES = sorted((Path(__file__).parent.parent / "schemas" / "producers").glob("*.json"))
VAULT = Vault(b"k" * 32)
EVENTS = {
    "CampaignUpdated", "BudgetChanged", "CampaignActivated", "CampaignDeactivated", "DepositCompleted",
    "WithdrawalProcessed", "BalanceUpdated",
}  # fmt: skip


@pytest.fixture
def producers(store: EventStore) -> Producers:
    return Producers(store, VAULT, now)


async def the_producer(store: EventStore, name: str) -> Producer:
    found = await store.load(Producer, producer_id(name))
    assert found is not None
    return found


async def secrets_of(store: EventStore, name: str) -> list[str]:
    shop = await the_producer(store, name)
    return [VAULT.unseal(sealed, shop.seal_purpose(known)).decode() for known, sealed in shop.secrets.items()]


def test_the_examples_are_the_seven_events_of_campaigns_and_money() -> None:
    found = [event_type for file in EXAMPLES for event_type in read_configuration(file.read_bytes()).types]
    assert {event_type.event for event_type in found} == EVENTS
    assert {(event_type.channel.split(".")[0], event_type.audience) for event_type in found} == {
        ("private-campaign", "staff"), ("private-financial", "person"),
    }  # fmt: skip


PERSON = "76b3650b-e037-5e26-acd4-70d922a03793"


@pytest.mark.parametrize(
    ("event", "data", "good"),
    [
        ("CampaignUpdated", {"campaign_id": 17, "changes": {"status": "paused"}}, True),
        ("CampaignUpdated", {"campaign_id": "spring"}, True),
        ("CampaignUpdated", {"campaign_id": "a b"}, False),
        ("CampaignUpdated", {}, False),
        ("BudgetChanged", {"campaign_id": 17, "budget": "1990.00", "currency": "RUB"}, True),
        ("BudgetChanged", {"campaign_id": 17, "budget": "lots"}, False),
        ("BudgetChanged", {"campaign_id": 17}, False),
        ("CampaignActivated", {"campaign_id": 17}, True),
        ("CampaignDeactivated", {"campaign_id": 17, "reason": 5}, False),
        ("DepositCompleted", {"user_id": PERSON, "amount": 10.5, "currency": "EUR"}, True),
        ("DepositCompleted", {"user_id": PERSON.upper(), "amount": 10.5}, False),
        ("WithdrawalProcessed", {"user_id": PERSON, "amount": "-5"}, True),
        ("WithdrawalProcessed", {"user_id": "7", "amount": "-5"}, False),
        ("BalanceUpdated", {"user_id": PERSON, "balance": "0.10"}, True),
        ("BalanceUpdated", {"user_id": PERSON}, False),
    ],
)
def test_the_examples_take_what_they_should(event: str, data: dict[str, Any], good: bool) -> None:
    types = [each for file in EXAMPLES for each in read_configuration(file.read_bytes()).types]
    [found] = [each for each in types if each.event == event]
    assert (Contract(found.schema, found.channel).faults(data) == []) is good


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (b"", "Invalid JSON"),
        (b"[]", "should be an object"),
        (b'{"name": "\xff"}', "Invalid JSON"),
        (b"[" * 5000, "Invalid JSON"),
        ({"name": "Shop"}, "name"),
        ({"name": "shop\n"}, "name"),
        ({"title": "Shop"}, "title"),
        ({"scheme": "pigeon"}, "There is no scheme 'pigeon'. There are: standard"),
        ({"event_types": []}, "event_types"),
        ({"event_types": [described()] * 2}, "twice"),
        ({"event_types": [described(audience="everybody")]}, "audience"),
        ({"event_types": [described(event="pusher:error")]}, "event"),
        ({"event_types": [described(event="client-typing")]}, "event"),
        ({"event_types": [described(type="")]}, "type"),
        ({"event_types": [described(schema={"type": "nonsense"})]}, "event_types.0: This is no JSON Schema"),
        ({"event_types": [described(schema=True)]}, "schema"),
        (
            {"event_types": [described(channel="private-chat.{data.order}")]},
            "private-chat is a channel of Pulse itself",
        ),
        (
            {"event_types": [described(channel="private-user.{data.order}")]},
            "private-user is a channel of Pulse itself",
        ),
        ({"event_types": [described(channel="orders")]}, "'orders' is no channel"),
        (b" " * (FILE_LIMIT + 1), "at most 512 KiB"),
    ],
)
def test_what_is_no_configuration_is_refused_with_a_sentence(wrong: bytes | dict[str, Any], sentence: str) -> None:
    whole = {"name": "shop", "scheme": "standard", "event_types": [described()]}
    assert read_configuration(orjson.dumps(whole)).name == "shop"
    text = wrong if isinstance(wrong, bytes) else orjson.dumps(whole | wrong)
    with pytest.raises(NotAConfiguration, match=sentence.replace(".", r"\.")):
        read_configuration(text)


async def test_a_producer_is_registered_once(producers: Producers, store: EventStore) -> None:
    wanted = configured("shop")
    assert (await producers.add(wanted, SECRET)).events
    assert not (await producers.add(configured("shop", described("other")), SECRET)).events
    shop = await the_producer(store, "shop")
    assert (shop.scheme, list(shop.event_types)) == ("standard", ["shop.order.paid"])
    assert await secrets_of(store, "shop") == [SECRET]


async def test_a_changed_file_configures_it_anew_and_keeps_its_secrets(producers: Producers, store: EventStore) -> None:
    await producers.add(configured("shop"), SECRET)
    assert not (await producers.configure(configured("shop"))).events
    assert (await producers.configure(configured("shop", described("shop.order.opened")))).events
    assert list((await the_producer(store, "shop")).event_types) == ["shop.order.opened"]
    assert await secrets_of(store, "shop") == [SECRET]
    with pytest.raises(AnotherScheme):
        await producers.configure(configured("shop", scheme="github"))


async def test_a_rotation_keeps_the_secret_before_until_it_is_finished(producers: Producers, store: EventStore) -> None:
    made = [new_secret("standard") or "" for _ in range(3)]
    await producers.add(configured("shop"), made[0])
    await producers.rotate("shop", made[1])
    assert await secrets_of(store, "shop") == made[:2]
    await producers.rotate("shop", made[2])
    assert await secrets_of(store, "shop") == made[1:]
    await producers.finish("shop")
    assert await secrets_of(store, "shop") == made[2:]
    assert not (await producers.finish("shop")).events


async def test_what_is_no_secret_leaves_nothing(producers: Producers, log: Log) -> None:
    with pytest.raises(NotAKey):
        await producers.add(configured("shop"), "whsec_short")
    await producers.add(configured("shop"), SECRET)
    before = await log.last_position()
    with pytest.raises(NotAKey):
        await producers.rotate("shop", "whsec_short")
    assert await log.last_position() == before


async def test_of_a_stranger_nothing_can_be_changed(producers: Producers) -> None:
    for change in (producers.finish, producers.disable, producers.enable):
        with pytest.raises(NotFound, match="no producer 'nobody'"):
            await change("nobody")


async def test_no_secret_lies_readable_in_the_log(producers: Producers, log: Log) -> None:
    await producers.add(configured("shop"), SECRET)
    stored = b"".join(one.body for one in await log.read(1))
    assert SECRET.removeprefix("whsec_").encode() not in stored


def test_secrets_are_made_up_only_where_the_service_does_not() -> None:
    made = {scheme: new_secret(scheme) for scheme in SCHEMES}
    assert {scheme for scheme, secret in made.items() if secret} == {"standard", "svix"}
    assert made["standard"] != new_secret("standard")
    assert len(SCHEMES["standard"].key(made["standard"] or "").secret) == 32
