"""`pulse app`: what Pusher's libraries need to know, and signed addresses for curl."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from urllib.parse import parse_qsl

from pulse.house import now
from pulse.pusher_app import PusherApp
from pulse.vault import Vault
from tests.commands.conftest import Command

KEY = "ab" * 32
VAULT = Vault(bytes.fromhex(KEY))


async def test_it_shows_what_libraries_need(command: Command) -> None:
    code, said = await command("app", "--json", PULSE_MASTER_KEY=KEY, PULSE_PUSH_KEY="shop")
    assert (code, json.loads(said.splitlines()[-1])) == (0, {
        "id": "1", "key": "shop", "secret": VAULT.derive_text("push"),
        "encryption_key": base64.b64encode(VAULT.derive("push-encryption")).decode(),
    })  # fmt: skip
    assert len(json.loads(said.splitlines()[-1])["secret"]) == 64


async def test_it_makes_no_key_where_no_pulse_is(command: Command, environment: dict[str, str]) -> None:
    code, said = await command("app")
    assert (code, "not running here" in said) == (1, True)
    assert not Path(environment["PULSE_DATA_DIR"], "keys").exists()


async def test_a_signed_address_is_authentic(command: Command) -> None:
    body = '{"name": "a", "data": "ж&="}'
    code, said = await command("app", "sign", "post", "/apps/1/events?x=1%202", body, PULSE_MASTER_KEY=KEY)
    assert code == 0, said
    path, _, query = said.strip().partition("?")
    asked = parse_qsl(query)
    assert ("x", "1 2") in asked
    app = PusherApp("pulse", VAULT.derive_text("push"), b"")
    app.require_signed("POST", [path], asked, body.encode(), now().timestamp())
