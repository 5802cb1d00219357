"""The one frame that all sides tell: 300 bytes as Pulse writes it, with a mark by which clients count frames."""

from __future__ import annotations

import json

EVENT = "NewChatMessage"
MARK = b"@@"
TEXT = f"{MARK.decode()} {'Where is my parcel? ' * 5}"
EVENT_ID = "0197a3c4-5d6e-7f80-8192-a3b4c5d6e7f8"


def channel_name(number: int) -> str:
    """Of one length, so that all frames are."""
    return f"bench-{number:05}"


def data_of(number: int) -> dict[str, object]:
    return {"chat_id": EVENT_ID, "text": TEXT, "version": number % 1000 + 1000}


def frame_text(channel: str) -> str:
    """What servers that pass on text are given ready made."""
    whole = {"event": EVENT, "channel": channel, "data": json.dumps(data_of(0)), "seq": 1_000_000, "id": EVENT_ID}
    return json.dumps(whole, separators=(",", ":"))
