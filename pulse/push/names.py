"""What Pusher's protocol lets channels and events be called, and how much one event may say.

https://pusher.com/docs/channels/using_channels/channels/#channel-naming-conventions
"""

from __future__ import annotations

import re

CHANNEL = re.compile(r"(#server-to-user-)?[A-Za-z0-9_\-=@,.;]{1,200}")
A_CHANNEL = "A channel has a name of 1 to 200 letters, digits and _-=@,.;"
PRESENCE, ENCRYPTED = "presence-", "private-encrypted-"
FORMS, CACHE = ("private-", PRESENCE), "cache-"
EVENT_LENGTH = 200
DATA_BYTES = 10 * 1024


def cached(channel: str) -> str:
    """The cache channel where the same is told: of `private-chat.1` it is `private-cache-chat.1`."""
    for form in FORMS:
        if channel.startswith(form):
            return f"{form}{CACHE}{channel.removeprefix(form)}"
    return f"{CACHE}{channel}"


def plain(channel: str) -> str:
    """The channel of which this one is the cache channel; itself, if it is none."""
    for form in (*FORMS, ""):
        if channel.startswith(f"{form}{CACHE}"):
            return f"{form}{channel.removeprefix(f'{form}{CACHE}')}"
    return channel
