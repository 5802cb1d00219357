"""V9 Self-contained tokens, and V11 cryptography."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from uuid import uuid4

import pytest

from pulse.errors import NotAuthentic
from pulse.house import now
from pulse.passwords import hash_password
from pulse.tokens import STAFF_LIFE, Signer
from pulse.vault import Vault, WrongKey

SIGNER = Signer(b"s" * 32, b"v" * 32, b"p" * 32)


def unsigned(token: str, algorithm: str) -> str:
    head = base64.urlsafe_b64encode(json.dumps({"alg": algorithm, "typ": "JWT"}).encode()).rstrip(b"=").decode()
    return f"{head}.{token.split('.')[1]}."


@pytest.mark.parametrize("algorithm", ["none", "None", "HS512", "RS256"])
def test_v9_1_1_and_2_a_token_without_our_signature_is_none(algorithm: str) -> None:
    """One algorithm is taken, and the signature is checked before anything is read."""
    good = SIGNER.staff_token(uuid4(), now())
    with pytest.raises(NotAuthentic):
        SIGNER.read_staff_token(unsigned(good, algorithm), now())


def test_v9_1_3_another_installations_token_is_none_here() -> None:
    """Keys are ours alone; nothing in a token says which."""
    other = Signer(b"o" * 32, b"v" * 32, b"p" * 32)
    with pytest.raises(NotAuthentic):
        SIGNER.read_staff_token(other.staff_token(uuid4(), now()), now())


def test_v9_2_1_a_token_has_its_time() -> None:
    """A moderator's lives five minutes."""
    at = now()
    token = SIGNER.staff_token(uuid4(), at)
    with pytest.raises(NotAuthentic):
        SIGNER.read_staff_token(token, at + STAFF_LIFE + timedelta(minutes=2))


def test_v11_3_3_what_is_sealed_can_not_be_changed_nor_used_elsewhere() -> None:
    """Authenticated encryption, bound to what it is for; the same words never look the same."""
    vault = Vault(bytes(32))
    sealed = vault.seal(b"secret", "one use")
    assert sealed != vault.seal(b"secret", "one use")
    with pytest.raises(WrongKey):
        vault.unseal(sealed, "another use")


def test_v11_4_2_passwords_are_kept_as_argon2id() -> None:
    """With a salt of its own each."""
    assert hash_password("correct horse battery").startswith("$argon2id$")
    assert hash_password("correct horse battery") != hash_password("correct horse battery")
