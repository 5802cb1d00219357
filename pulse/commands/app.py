"""`pulse app`: what other programs need to know to speak Pusher's protocol with this Pulse."""

from __future__ import annotations

import base64
import sys
import time
from typing import Annotated
from urllib.parse import parse_qsl, urlencode

import typer

from pulse.commands.running import NotRunning, settings_here
from pulse.commands.terminal import Json, err, show, words_for_errors
from pulse.house import app_of
from pulse.settings import Settings
from pulse.vault import Vault

SECRETS = (
    "secret and encryption_key are secrets: whoever has them says and hears everything, in anybody's name."
    " They follow from the master key and can't be changed alone."
)

app = typer.Typer(help="What other programs need to speak Pusher's protocol with Pulse.")


@app.callback(invoke_without_command=True)
def show_app(context: typer.Context, as_json: Json = False) -> None:
    """Shows the app's id, key and secrets, for Pusher's server libraries."""
    if context.invoked_subcommand is not None:
        return
    settings = settings_here()
    with words_for_errors():
        vault = _vault(settings)
        found = app_of(vault, settings.push_key)
    encryption_key = base64.b64encode(found.encryption_key).decode()
    err.print(SECRETS, style="yellow", soft_wrap=True, markup=False, highlight=False)
    told = {"id": found.id, "key": found.key, "secret": found.secret, "encryption_key": encryption_key}
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
        found = app_of(_vault(settings), settings.push_key)
    path, _, query = address.partition("?")
    asked = parse_qsl(query, keep_blank_values=True)
    signed = found.signed_query(method.upper(), path, asked, body.encode(), time.time())
    sys.stdout.write(f"{path}?{urlencode(signed)}\n")


def _vault(settings: Settings) -> Vault:
    """Raises NotRunning where there is no key yet: one made here would be another Pulse's."""
    if not settings.master_key and not settings.key_file.exists():
        raise NotRunning
    return Vault.open(settings.master_key, settings.key_file)
