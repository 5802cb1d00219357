"""Drafts: one's own per chat, gone on with anywhere, and gone once they were sent. The log has none of them."""

from __future__ import annotations

from typing import Any

from pulse.desk.drafts import MOST
from tests.conftest import Pulse
from tests.world import Desk, a_name, is_problem, rows, vera_writes


async def keep(pulse: Pulse, desk: Desk, who: str, chat: object, text: str, **more: Any) -> Any:
    headers = await desk.headers(who)
    return await pulse.http.put(f"/api/chats/{chat}/draft", json={"text": text} | more, headers=headers)


async def test_a_draft_is_ones_own_and_leaves_with_the_reply(shared: Pulse, desk: Desk) -> None:
    chat = await vera_writes(shared, a_name())
    before = await shared.house.log.last_position()
    assert (await keep(shared, desk, "anna", chat, "Dear Ver")).status_code == 204
    assert (await keep(shared, desk, "anna", chat, "Dear Vera, your par", files=["claim"])).status_code == 204
    assert await shared.house.log.last_position() == before
    mine = (await desk.get("anna", f"/api/chats/{chat}/draft")).json()
    assert (mine["text"], mine["note"], mine["files"]) == ("Dear Vera, your par", False, ["claim"])
    assert [row["text"] for row in await desk.items("anna", "/api/drafts")] == ["Dear Vera, your par"]
    assert await desk.items("boris", "/api/drafts") == []
    is_problem(await desk.get("boris", f"/api/chats/{chat}/draft"), 404, "not-found")
    await keep(shared, desk, "boris", chat, "Mine")
    await desk.post("anna", f"/api/chats/{chat}/notes", {"text": "In a hurry"})
    assert len(await desk.items("anna", "/api/drafts")) == 1  # a note sends no reply
    await desk.reply("anna", chat, clientMsgId="d1")
    assert await desk.items("anna", "/api/drafts") == []
    await keep(shared, desk, "anna", chat, "One more thing")
    await desk.reply("anna", chat, clientMsgId="d1")  # come again, it sends nothing either
    assert len(await desk.items("anna", "/api/drafts")) == 1
    await desk.reply("anna", chat)
    assert [row["text"] for row in await desk.items("boris", "/api/drafts")] == ["Mine"]
    gone = await shared.http.delete(f"/api/chats/{chat}/draft", headers=await desk.headers("boris"))
    assert gone.status_code == 204
    assert await desk.items("boris", "/api/drafts") == []


async def test_a_chat_one_may_not_see_takes_no_draft(shared: Pulse, desk: Desk) -> None:
    is_problem(await keep(shared, desk, "anna", "0190d2a4-5c11-7c58-9c2c-2f1f6c9f0a11", "Dear"), 404, "not-found")


async def test_only_so_many_are_kept_those_one_wrote_on_last(shared: Pulse, desk: Desk) -> None:
    chat = await vera_writes(shared, a_name())
    await keep(shared, desk, "admin", chat, "The oldest")
    await rows(
        shared,
        "insert into desk.drafts select d.moderator_id, gen_random_uuid(), 'x', false, '{}', d.at + n * interval '1 us'"
        " from desk.drafts d, generate_series(1, %(many)s) n where d.chat_id = %(chat)s returning 1 as one",
        many=MOST, chat=chat,
    )  # fmt: skip
    newest = await vera_writes(shared, a_name())
    await keep(shared, desk, "admin", newest, "The newest")
    kept = await desk.items("admin", "/api/drafts")
    assert len(kept) == MOST
    assert kept[0]["text"] == "The newest"
    assert "The oldest" not in {row["text"] for row in kept}
