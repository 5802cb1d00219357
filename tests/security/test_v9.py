"""V9 Self-contained tokens, and V11 cryptography."""

from __future__ import annotations

import ast
import base64
import json
import random
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from joserfc import jwt
from joserfc.jwk import OctKey

import pulse
from pulse.errors import NotAuthentic
from pulse.house import now
from pulse.passwords import hash_password
from pulse.tokens import STAFF_LIFE, Challenge, Device, FileClaim, Invitation, NotAClaim, Signer, Visit
from pulse.totp import new_secret
from pulse.vault import Vault, WrongKey
from pulse.ways import Flow

SIGNER = Signer(b"s" * 32, b"v" * 32, b"p" * 32)
CODE = Path(pulse.__file__).parent
SECRET = re.compile(r"(?i)(secret|signature|\bmac|token|_hash|password|digest|nonce)s?$")
# An argument's name, what a dry run showed, and which socket counts as which tab.
NO_SECRETS = {"again.py: reading.act.digest != digest", "hub.py: other.token == peer.token"}
# How long to wait, which port is free, and ids that need to be told apart only.
PLAIN_RANDOM = {
    "delivery/telling.py", "delivery/outcomes.py", "embedded/nats.py", "eventlog/envelope.py", "eventlog/alone.py",
    "push/leaving.py",
}  # fmt: skip


def signed(claims: dict[str, Any]) -> str:
    """With our own key, whatever it says."""
    return jwt.encode({"alg": "HS256", "typ": "JWT"}, claims, OctKey.import_key(b"s" * 32))


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


CHAT, PERSON = uuid4(), uuid4()


def made() -> dict[str, str]:
    """A token of each kind, of this moment."""
    at = int(now().timestamp())
    visit = Visit(CHAT, CHAT, "vera", "Vera", None, at)
    return {
        "chat": SIGNER.chat_token(visit),
        "channel": SIGNER.channel_token(visit),
        "file": SIGNER.file_claim(FileClaim(CHAT, uuid4(), "0" * 64, "photo", "cat", "image/png", 1, at)),
        "challenge": SIGNER.challenge(Challenge(PERSON, 1, at)),
        "device": SIGNER.device_token(Device(uuid4(), PERSON, at)),
        "invitation": SIGNER.invitation(Invitation(PERSON, 1, at)),
        "staff": SIGNER.staff_token(PERSON, now()),
    }


READ: dict[str, Callable[[str], Any]] = {
    "chat": lambda token: SIGNER.read_chat_token(token, now()),
    "channel": lambda token: SIGNER.read_channel_token(token, now()),
    "file": lambda token: SIGNER.read_file_claim(token, CHAT, now()),
    "challenge": lambda token: SIGNER.read_challenge(token, now()),
    "device": lambda token: SIGNER.read_device_token(token, now()),
    "invitation": lambda token: SIGNER.read_invitation(token, now()),
    "staff": lambda token: SIGNER.read_staff_token(token, now()),
}


@pytest.mark.parametrize("use", READ)
def test_v9_2_2_a_token_is_good_for_what_it_was_made_for(use: str) -> None:
    """Seven kinds, and none is taken for another: what asks for a code signs nobody in, a chat's token opens no socket."""
    token = made()[use]
    for other, read in READ.items():
        if other == use:
            assert read(token)
        elif other == "device":
            assert read(token) is None
        else:
            with pytest.raises((NotAuthentic, NotAClaim)):
                read(token)


@pytest.mark.parametrize("claim", [{"aud": "visitor"}, {"aud": None}, {"iss": "elsewhere"}, {"iss": None}])
def test_v9_2_3_a_token_for_another_service_is_none_here(claim: dict[str, str | None]) -> None:
    """Issuer and audience are looked at even where the signature is ours."""
    at = int(now().timestamp())
    session = {"id": uuid4().hex, "since": 1, "until": at + 60}
    claims = {"sub": PERSON.hex, "iss": "pulse", "aud": "staff", "iat": at, "exp": at + 60, "session": session}
    assert SIGNER.read_staff_token(signed(claims), now()).person == PERSON
    with pytest.raises(NotAuthentic):
        SIGNER.read_staff_token(signed({name: said for name, said in (claims | claim).items() if said}), now())


def test_v9_2_4_one_keys_tokens_say_whom_they_are_for() -> None:
    """Staff's, visitors' and sockets' keys differ; of one key, the use is part of what is signed."""
    found = made()
    payload = found["staff"].split(".")[1]
    assert json.loads(base64.urlsafe_b64decode(payload + "==="))["aud"] == "staff"
    vault = Vault(bytes(32))
    assert len({vault.derive(use) for use in ("staff", "visitor", "push", "seal")}) == 4
    chat, channel = found["chat"].split("."), found["channel"].split(".")
    assert chat[1] == channel[1], "the same claims"
    assert chat[2] != channel[2], "and another signature"


def test_v11_2_4_no_secret_is_compared_letter_by_letter() -> None:
    """What proves something is compared by `hmac.compare_digest` alone, in all of the code."""
    found = [
        f"{file.name}: {ast.unparse(node)}"
        for file in CODE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq | ast.NotEq)
        if any(SECRET.search(ast.unparse(side)) for side in (node.left, *node.comparators))
    ]
    assert [one for one in found if one not in NO_SECRETS] == []


def test_v11_3_2_secrets_are_sealed_with_aes_gcm() -> None:
    """AES-256 in Galois/Counter Mode, as another who has the key reads it."""
    vault = Vault(bytes(range(32)))
    sealed = base64.b64decode(vault.seal(b"secret", "a use"))
    assert AESGCM(vault.derive("seal")).decrypt(sealed[:12], sealed[12:], b"a use") == b"secret"
    assert len(vault.derive("seal")) == 32


def test_v11_3_4_no_nonce_is_used_twice() -> None:
    """Each sealing draws its own 96 bits, whatever was sealed."""
    vault = Vault(bytes(32))
    nonces = {base64.b64decode(vault.seal(b"the same", "a use"))[:12] for _ in range(2000)}
    assert len(nonces) == 2000


def test_v11_3_3_what_is_sealed_can_not_be_changed_nor_used_elsewhere() -> None:
    """Authenticated encryption, bound to what it is for; the same words never look the same."""
    vault = Vault(bytes(32))
    sealed = vault.seal(b"secret", "one use")
    assert sealed != vault.seal(b"secret", "one use")
    with pytest.raises(WrongKey):
        vault.unseal(sealed, "another use")


def test_v11_5_1_what_must_not_be_guessed_comes_of_the_systems_generator() -> None:
    """128 bits and more; Python's plain generator, whose state can be learnt, decides on waiting and ports only."""
    plain = {
        str(file.relative_to(CODE))
        for file in CODE.rglob("*.py")
        if re.search(r"^(import random\b|from random\b)", file.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert plain <= PLAIN_RANDOM
    drawn = []
    for _ in range(2):
        random.seed(1)
        flow = Flow.begin("vk", "", goes_to="", session="", now=now())
        drawn.append({flow.state, flow.verifier, flow.nonce, new_secret()})
    assert not drawn[0] & drawn[1]
    assert all(len(one) * 5 >= 128 for one in drawn[0])


def test_v11_4_2_passwords_are_kept_as_argon2id() -> None:
    """With a salt of its own each."""
    assert hash_password("correct horse battery").startswith("$argon2id$")
    assert hash_password("correct horse battery") != hash_password("correct horse battery")
