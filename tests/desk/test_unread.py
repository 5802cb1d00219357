"""What each moderator has not seen: theirs in the list, the team's beside it."""

from __future__ import annotations

from uuid import UUID

from tests.conftest import Pulse
from tests.world import Desk, a_name, settled, vera_writes


async def unread(pulse: Pulse, desk: Desk, chat: UUID) -> tuple[int, int, int]:
    """Anna's, Boris', the team's; the same in the row and in the list."""
    at = await settled(pulse)
    found = []
    for name in ("anna", "boris"):
        row = (await desk.get(name, f"/api/chats/{chat}", at=at)).json()
        [listed] = [one for one in (await desk.get(name, "/api/chats")).json()["items"] if one["id"] == str(chat)]
        assert listed == row
        assert row["unread"] == row["messages"] - row["messages_seen"]
        found.append(row["unread"])
    return found[0], found[1], row["unread_by_staff"]


async def test_each_moderator_has_their_own_unread(shared: Pulse, desk: Desk) -> None:
    peer = a_name()
    for text in ("1", "2", "3"):
        chat = await vera_writes(shared, peer, text)
    assert await unread(shared, desk, chat) == (3, 3, 3)
    await desk.post("anna", f"/api/chats/{chat}/seen", {"upTo": 3})
    assert await unread(shared, desk, chat) == (1, 3, 1)
    await desk.post("boris", f"/api/chats/{chat}/seen", {"upTo": 2})
    assert await unread(shared, desk, chat) == (1, 2, 1)
    await desk.reply("boris", chat)
    assert await unread(shared, desk, chat) == (1, 0, 0)
    await vera_writes(shared, peer, "4")
    assert await unread(shared, desk, chat) == (2, 1, 1)


async def test_a_close_leaves_nothing_to_anybody_and_what_comes_after_it_to_all(shared: Pulse, desk: Desk) -> None:
    peer = a_name()
    chat = await vera_writes(shared, peer)
    await desk.post("anna", f"/api/chats/{chat}/close")
    assert await unread(shared, desk, chat) == (0, 0, 0)
    await vera_writes(shared, peer, "One more thing")
    assert await unread(shared, desk, chat) == (1, 1, 1)
