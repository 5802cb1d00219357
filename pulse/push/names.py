"""What Pusher's protocol lets channels and events be called, and how much one event may say.

https://pusher.com/docs/channels/using_channels/channels/#channel-naming-conventions
"""

from __future__ import annotations

import re

CHANNEL = re.compile(r"(#server-to-user-)?[A-Za-z0-9_\-=@,.;]{1,200}")
A_CHANNEL = "A channel has a name of 1 to 200 letters, digits and _-=@,.;"
PRESENCE, ENCRYPTED = "presence-", "private-encrypted-"
EVENT_LENGTH = 200
DATA_BYTES = 10 * 1024
