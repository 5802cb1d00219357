"""`pulse app`: what Pusher's server libraries must be told, to send and to sign as Pulse itself does."""

from __future__ import annotations

from base64 import b64encode

from pulse.commands.running import settings_here, with_house
from pulse.commands.terminal import Json, err, show
from pulse.house import House

SECRETS = (
    "secret and encryption_key are secrets: whoever has them says and hears everything, in anybody's name."
    " They follow from the master key and can't be changed alone."
)


def show_app(as_json: Json = False) -> None:
    """Shows the app's id, key and secrets, for Pusher's server libraries."""
    found: dict[str, str] = {}

    async def look(house: House) -> None:
        app = house.app
        key = b64encode(app.encryption_key).decode()
        found.update(id=app.id, key=app.key, secret=app.secret, encryption_key=key)

    with_house(settings_here(), look)
    err.print(SECRETS, style="yellow", soft_wrap=True, markup=False, highlight=False)
    show(found, as_json=as_json)
