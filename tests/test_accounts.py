"""Departments, people and sources: made once, and what exists stays as it is."""

from __future__ import annotations

import threading

import pytest

from pulse import accounts as module
from pulse.accounts import Accounts
from pulse.aggregates.department import DepartmentCreated, department_id
from pulse.aggregates.moderator import Moderator, ModeratorInvited, UnknownRole, moderator_id
from pulse.aggregates.source import (
    NoDepartments,
    Source,
    SourceConnected,
    SourceDepartmentsChanged,
    SourceRenamed,
    SourceSecretsChanged,
    SourceSettingsChanged,
    source_id,
)
from pulse.errors import NotFound
from pulse.eventlog.commands import Decided
from pulse.eventlog.store import EventStore
from pulse.house import now
from pulse.passwords import PasswordCheck, hash_password
from pulse.vault import Vault

SALES = department_id("Sales")


@pytest.fixture
def accounts(store: EventStore) -> Accounts:
    return Accounts(store, Vault(b"k" * 32), now)


async def anna(accounts: Accounts, password: str = "password", role: str = "moderator") -> Decided:
    return await accounts.invite("anna@pulse.example", "Anna", role, (SALES,), password)


async def shop(accounts: Accounts, secret: str) -> Decided:
    return await accounts.connect_source("telegram", "1", "Shop", (SALES,), settings={}, secrets={"secret": secret})


async def test_a_department_is_created_once(accounts: Accounts) -> None:
    first, again = await accounts.create_department("Sales"), await accounts.create_department("sales ")
    assert [type(event) for event in first.events] == [DepartmentCreated]
    assert (again.events, again.position) == ((), first.position)


async def test_a_person_keeps_the_first_password(accounts: Accounts, store: EventStore) -> None:
    first, again = await anna(accounts, "the first"), await anna(accounts, "the second")
    assert [type(event) for event in first.events] == [ModeratorInvited]
    assert (again.events, again.position) == ((), first.position)
    stored = await store.load(Moderator, moderator_id("anna@pulse.example"))
    assert stored is not None
    check = PasswordCheck()
    assert await check.matches(stored.password_hash, "the first")
    assert not await check.matches(stored.password_hash, "the second")
    check.close()


async def test_hashing_leaves_the_event_loop_free(accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[threading.Thread] = []

    def hashed(password: str) -> str:
        threads.append(threading.current_thread())
        return hash_password(password)

    monkeypatch.setattr(module, "hash_password", hashed)
    await anna(accounts)
    assert len(threads) == 1
    assert threads[0] is not threading.current_thread()


async def test_an_unknown_role_is_refused(accounts: Accounts, store: EventStore) -> None:
    with pytest.raises(UnknownRole):
        await anna(accounts, role="owner")
    assert await store.load(Moderator, moderator_id("anna@pulse.example")) is None


async def test_a_source_keeps_its_first_secret(accounts: Accounts, store: EventStore) -> None:
    first, again = await shop(accounts, "first"), await shop(accounts, "second")
    assert [type(event) for event in first.events] == [SourceConnected]
    assert (again.events, again.position) == ((), first.position)
    stored = await store.load(Source, source_id("telegram", "1"))
    assert stored is not None
    assert accounts.vault.unseal(stored.secrets["secret"], stored.seal_purpose("secret")) == b"first"


async def test_a_source_without_departments_is_refused(accounts: Accounts) -> None:
    with pytest.raises(NoDepartments):
        await accounts.connect_source("telegram", "1", "Shop", (), settings={}, secrets={})


SHOP = source_id("telegram", "1")


async def set_shop(accounts: Accounts, **given: str) -> Decided:
    return await accounts.change_source(SHOP, settings={}, secrets=given)


async def opened(accounts: Accounts) -> dict[str, bytes]:
    stored = await accounts.store.load(Source, SHOP)
    assert stored is not None
    return {name: accounts.vault.unseal(sealed, stored.seal_purpose(name)) for name, sealed in stored.secrets.items()}


async def test_a_source_is_changed_by_an_event_for_each_thing_that_differs(accounts: Accounts) -> None:
    await shop(accounts, "first")
    support = department_id("Support")
    given = {
        "title": "Bot",
        "departments": (support,),
        "settings": {"confirmation": "c"},
        "secrets": {"secret": "second"},
    }
    changed = await accounts.change_source(SHOP, **given)
    kinds = [SourceDepartmentsChanged, SourceRenamed, SourceSettingsChanged, SourceSecretsChanged]
    assert [type(event) for event in changed.events] == kinds
    assert (await accounts.change_source(SHOP, **given)).events == ()
    assert await opened(accounts) == {"secret": b"second"}


async def test_a_secret_that_is_the_same_is_no_change(accounts: Accounts) -> None:
    await shop(accounts, "first")
    changed = await set_shop(accounts, secret="first", token="new")
    assert [list(event.secrets) for event in changed.events if isinstance(event, SourceSecretsChanged)] == [["token"]]


async def test_an_older_next_secret_ends_when_the_secret_is_replaced(accounts: Accounts) -> None:
    await shop(accounts, "first")
    await set_shop(accounts, next_secret="second")
    assert await opened(accounts) == {"secret": b"first", "next_secret": b"second"}
    await set_shop(accounts, secret="third")
    assert await opened(accounts) == {"secret": b"third", "next_secret": b"third"}


async def test_a_secret_whose_key_is_lost_can_be_set_anew(accounts: Accounts, store: EventStore) -> None:
    await shop(accounts, "first")
    mended = Accounts(store, Vault(b"n" * 32), now)
    await set_shop(mended, secret="first")
    assert await opened(mended) == {"secret": b"first"}


async def test_a_stranger_can_not_be_changed(accounts: Accounts) -> None:
    with pytest.raises(NotFound):
        await accounts.change_source(SHOP, title="Bot", settings={}, secrets={})


async def test_a_change_that_breaks_a_rule_changes_nothing(accounts: Accounts, store: EventStore) -> None:
    await shop(accounts, "first")
    with pytest.raises(NoDepartments):
        await accounts.change_source(SHOP, title="Bot", departments=(), settings={}, secrets={"secret": "second"})
    assert await opened(accounts) == {"secret": b"first"}
