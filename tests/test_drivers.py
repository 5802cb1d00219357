"""Drivers: always with the source's newest secrets, and one odd source harms no other."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pulse.accounts import Accounts
from pulse.aggregates.source import Source, source_id
from pulse.drivers import Drivers
from pulse.errors import NotAuthentic
from pulse.eventlog.jetstream import Log
from pulse.eventlog.store import EventStore
from pulse.house import now
from pulse.vault import Vault, WrongKey
from tests.test_directory import a_source, open_directory

VAULT = Vault(b"k" * 32)
SHOP = source_id("telegram", "1")


async def test_a_driver_has_the_secrets_of_its_source(log: Log, store: EventStore) -> None:
    await a_source(Accounts(store, VAULT, now), secret="s3cret")
    async with open_directory(log) as directory:
        drivers = Drivers(directory, VAULT)
        driver = drivers.of(SHOP)
        assert driver is not None
        assert (driver.name, driver.account.secrets) == ("telegram", {"secret": b"s3cret"})
        assert drivers.of(SHOP) is driver
        assert "s3cret" not in repr(driver.account)
        assert drivers.of(source_id("telegram", "2")) is None


async def test_a_new_secret_replaces_the_old_one_and_the_others_stay(log: Log, store: EventStore) -> None:
    await a_source(Accounts(store, VAULT, now), secret="old", token="t0ken")

    def change(source: Source | None) -> Source:
        assert source is not None
        source.change_secrets({"secret": VAULT.seal(b"new", source.seal_purpose("secret"))}, now=now())
        return source

    async with open_directory(log) as directory:
        drivers = Drivers(directory, VAULT)
        assert drivers.of(SHOP) is not None
        await directory.wait_for((await store.decide(Source, SHOP, change, by="test")).position)
        driver = drivers.of(SHOP)
        assert driver is not None
        assert driver.account.secrets == {"secret": b"new", "token": b"t0ken"}


async def test_a_channel_that_only_a_newer_pulse_knows_has_no_driver(log: Log, store: EventStore) -> None:
    await a_source(Accounts(store, VAULT, now), "pigeon")
    async with open_directory(log) as directory:
        assert Drivers(directory, VAULT).of(source_id("pigeon", "1")) is None


async def test_a_source_sealed_with_another_key_harms_no_other(log: Log, store: EventStore) -> None:
    await a_source(Accounts(store, Vault(b"K" * 32), now), secret="s3cret")
    await a_source(Accounts(store, VAULT, now), "telegram", "2", secret="s3cret")
    async with open_directory(log) as directory:
        drivers = Drivers(directory, VAULT)
        with pytest.raises(WrongKey):
            drivers.of(SHOP)
        assert drivers.of(source_id("telegram", "2")) is not None


async def test_a_replaced_secret_proves_deliveries_until_its_time_and_no_longer(log: Log, store: EventStore) -> None:
    await a_source(Accounts(store, VAULT, now), secret="old")
    clock = [now()]
    end = clock[0] + timedelta(hours=1)

    def rotate(source: Source | None) -> Source:
        assert source is not None
        fresh = {"secret": VAULT.seal(b"new", source.seal_purpose("secret"))}
        source.rotate_secret("secret", fresh, old_until=end, now=clock[0])
        return source

    def proves(drivers: Drivers, secret: str) -> bool:
        driver = drivers.of(SHOP)
        assert driver is not None
        try:
            driver.verify({"x-telegram-bot-api-secret-token": secret}, b"{}")
        except NotAuthentic:
            return False
        return True

    position = (await store.decide(Source, SHOP, rotate, by="test")).position
    async with open_directory(log) as directory:
        await directory.wait_for(position)
        drivers = Drivers(directory, VAULT, clock=lambda: clock[0])
        assert [proves(drivers, secret) for secret in ("old", "new", "other", "")] == [True, True, False, False]
        assert drivers.of(SHOP) is drivers.of(SHOP)
        clock[0] = end
        assert [proves(drivers, secret) for secret in ("old", "new")] == [False, True]
