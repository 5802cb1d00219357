"""The vault: what is sealed opens only here and only for what it was sealed for."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulse.vault import KEY_BYTES, Vault, WrongKey

VAULT = Vault(b"k" * KEY_BYTES)


@given(plain=st.binary(max_size=200), purpose=st.text(st.characters(codec="utf-8"), max_size=20))
def test_what_was_sealed_opens_again(plain: bytes, purpose: str) -> None:
    assert VAULT.unseal(VAULT.seal(plain, purpose), purpose) == plain


def test_sealing_twice_looks_different() -> None:
    assert VAULT.seal(b"token", "bot") != VAULT.seal(b"token", "bot")


def test_what_was_sealed_for_one_use_does_not_open_for_another() -> None:
    with pytest.raises(WrongKey):
        VAULT.unseal(VAULT.seal(b"token", "source:1"), "source:2")


def test_another_key_opens_nothing() -> None:
    with pytest.raises(WrongKey):
        Vault(b"K" * KEY_BYTES).unseal(VAULT.seal(b"token", "bot"), "bot")


@given(place=st.integers(0, 10_000), change=st.integers(1, 255))
def test_a_changed_byte_is_noticed(place: int, change: int) -> None:
    blob = bytearray(base64.b64decode(VAULT.seal(b"token", "bot")))
    blob[place % len(blob)] ^= change
    with pytest.raises(WrongKey):
        VAULT.unseal(base64.b64encode(blob).decode(), "bot")


@pytest.mark.parametrize("sealed", ["", "a", "YWJj", "!!!!", "é", "AAAA" * 4, "AAAA" * 10])
def test_what_nobody_sealed_does_not_open(sealed: str) -> None:
    with pytest.raises(WrongKey):
        VAULT.unseal(sealed, "bot")


def test_each_use_has_a_key_of_its_own_and_always_the_same() -> None:
    keys = [VAULT.derive(purpose) for purpose in ("staff", "visitor", "push", "seal")]
    assert len({*keys, b"k" * KEY_BYTES}) == 5
    assert {len(key) for key in keys} == {KEY_BYTES}
    assert Vault(b"k" * KEY_BYTES).derive("staff") == keys[0]


def test_the_first_start_makes_a_key_that_only_its_owner_reads(tmp_path: Path) -> None:
    key_file = tmp_path / "keys" / "master.key"
    sealed = Vault.open("", key_file).seal(b"token", "bot")
    assert key_file.stat().st_mode & 0o777 == 0o600
    assert len(bytes.fromhex(key_file.read_text())) == KEY_BYTES
    assert Vault.open("", key_file).unseal(sealed, "bot") == b"token"
    assert [found.name for found in key_file.parent.iterdir()] == ["master.key"]


def test_processes_that_start_together_make_one_key(tmp_path: Path) -> None:
    for number in range(20):
        key_file = tmp_path / str(number) / "master.key"
        with ThreadPoolExecutor(8) as starts:
            vaults = list(starts.map(lambda place: Vault.open("", place), [key_file] * 8))
        assert len({vault.derive("staff") for vault in vaults}) == 1


def test_the_setting_goes_before_the_file(tmp_path: Path) -> None:
    assert Vault.open("6b" * KEY_BYTES, tmp_path / "master.key").derive("staff") == VAULT.derive("staff")
    assert not (tmp_path / "master.key").exists()


@pytest.mark.parametrize("key", ["zz", "6b", "6b" * 31, "6b" * 33, "6b" * 31 + "6", "k" * 64])
def test_a_key_of_another_shape_is_refused_with_a_sentence(tmp_path: Path, key: str) -> None:
    with pytest.raises(WrongKey, match="64 hex digits"):
        Vault.open(key, tmp_path / "master.key")
    (tmp_path / "master.key").write_text(key)
    with pytest.raises(WrongKey, match="64 hex digits"):
        Vault.open("", tmp_path / "master.key")
