"""`pulse app`."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path

from pulse.house import app_of
from pulse.vault import Vault
from tests.commands.conftest import Command


async def test_the_app_is_shown_as_server_libraries_want_it(command: Command, environment: dict[str, str]) -> None:
    code, said = await command("app", "--json")
    *warned, last = said.strip().splitlines()
    found = json.loads(last)
    assert code == 0
    assert "\n".join(warned).startswith("secret and encryption_key are secrets:")
    assert (found["id"], found["key"]) == ("1", "pulse")
    vault = Vault.open("", Path(environment["PULSE_DATA_DIR"]) / "keys" / "master.key")
    app = app_of(vault, "pulse")
    assert (found["secret"], b64decode(found["encryption_key"])) == (app.secret, app.encryption_key)
    assert found["secret"].isascii()
    assert len(app.encryption_key) == 32
    code, said = await command("app", PULSE_PUSH_KEY="other")
    assert code == 0
    assert f"key            other\nsecret         {app.secret}\n" in said


def test_neither_secret_is_shown_by_accident() -> None:
    app = app_of(Vault(b"k" * 32), "pulse")
    assert app.secret not in repr(app)
    assert repr(app.encryption_key) not in repr(app)
    assert len({app.secret, app_of(Vault(b"K" * 32), "pulse").secret}) == 2
