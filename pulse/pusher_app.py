"""The one Pusher app of an installation: what Pusher's server libraries must be told of it."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import field
from hashlib import sha256

from pulse.values import value

ID = "1"  # the libraries want digits


@value
class PusherApp:
    """Whoever has the secret says and hears everything, in anybody's name. Its bytes sign, as they are printed.

    `encryption_key` (32 bytes) is that of encrypted channels. Neither is ever logged.
    """

    key: str
    secret: str = field(repr=False)
    encryption_key: bytes = field(repr=False)
    id: str = ID

    def shared_secret(self, channel: str) -> str:
        """What the subscribers of one encrypted channel open its events with:
        https://pusher.com/docs/channels/using_channels/encrypted-channels/
        """
        return b64encode(sha256(channel.encode() + self.encryption_key).digest()).decode()
