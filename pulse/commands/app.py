"""`pulse app`: what other programs need to know to speak Pusher's protocol with this Pulse."""

from __future__ import annotations

import base64
import sys
import time
from typing import Annotated
from urllib.parse import parse_qsl, urlencode

import typer

from pulse.commands.running import NotRunning, settings_here
from pulse.commands.terminal import Json, show, words_for_errors
from pulse.push.app import App
from pulse.settings import Settings
from pulse.vault import Vault
from pulse.wiring.push_doors import app_of

app = typer.Typer(help="What other programs need to speak Pusher's protocol with Pulse.")


@app.callback(invoke_without_command=True)
def show_app(context: typer.Context, as_json: Json = False) -> None:
    """Shows the app's id, key and secret. Whoever has the secret may hear and say everything; keep it on servers."""
    if context.invoked_subcommand is not None:
        return
    settings = settings_here()
    with words_for_errors():
        vault = _vault(settings)
        found = app_of(settings, vault)
    encryption_key = base64.b64encode(vault.derive("push-encryption")).decode()
    told = {"id": found.id, "key": found.key, "secret": found.secret.decode(), "encryption_key": encryption_key}
    show(told, as_json=as_json)


@app.command("sign")
def sign_request(
    method: Annotated[str, typer.Argument(help="GET or POST")],
    address: Annotated[str, typer.Argument(help="such as /apps/1/events")],
    body: Annotated[str, typer.Argument(help="what is posted")] = "",
) -> None:
    """Prints the address with a signature, good for ten minutes: for curl."""
    settings = settings_here()
    with words_for_errors():
        found: App = app_of(settings, _vault(settings))
    path, _, query = address.partition("?")
    asked = parse_qsl(query, keep_blank_values=True)
    signed = found.signed_query(method.upper(), path, asked, body.encode(), time.time())
    sys.stdout.write(f"{path}?{urlencode(signed)}\n")


def _vault(settings: Settings) -> Vault:
    """Raises NotRunning where there is no key yet: one made here would be another Pulse's."""
    if not settings.master_key and not settings.key_file.exists():
        raise NotRunning
    return Vault.open(settings.master_key, settings.key_file)
