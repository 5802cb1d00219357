"""The tags in use, offered to whoever sees their chats."""

from __future__ import annotations

from tests.conftest import Pulse
from tests.desk.test_chats import someone
from tests.world import Desk, a_name, settled, vera_writes


async def test_the_tags_in_use_are_offered_to_who_sees_their_chats(shared: Pulse, desk: Desk) -> None:
    tag, other = a_name("rare"), a_name("rarer")
    for number in range(2):
        chat = await vera_writes(shared, a_name())
        await desk.post("anna", f"/api/chats/{chat}/tags", {"tag": tag})
        if number:
            await desk.post("anna", f"/api/chats/{chat}/tags", {"tag": other})
    stranger = await someone(shared, "Nowhere")
    await settled(shared)
    found = (await desk.get("anna", "/api/tags", text="  RARE")).json()
    assert found == {"items": [{"tag": tag, "chats": 2}, {"tag": other, "chats": 1}], "next": None, "prev": None}
    assert (await shared.http.get("/api/tags", headers=stranger)).json()["items"] == []
