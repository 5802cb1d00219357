"""What moderators and visitors ask of chats, customers and the widget, once each: for `test_promises.py`."""

from __future__ import annotations

from pulse import demo
from pulse.aggregates.department import department_id
from tests.asking import Asked
from tests.conftest import Pulse
from tests.pictures import a_png
from tests.world import a_name, settled, vera_writes


async def at_chats(ask: Asked, pulse: Pulse) -> None:
    chat = await vera_writes(pulse, a_name(), "Where is my order?")
    await settled(pulse)
    here = f"/api/chats/{chat}"
    for method, address in (("GET", "/api/chats"), ("GET", here), ("POST", f"{here}/open"), ("POST", f"{here}/typing")):
        await ask(method, address)
    brought = await ask("POST", f"{here}/files", files=[("file", ("cat.png", a_png(), "image/png"))])
    claims = [one["claim"] for one in brought.json()["files"]]
    for _ in range(2):
        reply = await ask("POST", f"{here}/messages", {"text": "On its way!", "clientMsgId": "r1", "files": claims})
    await settled(pulse)
    entries = (await ask("GET", f"{here}/messages")).json()["items"]
    file = entries[-1]["attachments"][0]["file"]
    await ask("GET", f"/api/files/{file}")
    await ask("POST", f"{here}/seen", {"upTo": reply.json()["id"]})
    await ask("POST", f"{here}/assign-operator")
    channels = [f"private-chat.{chat}", "private-encrypted-campaign.17", "nonsense"]
    for channel in channels[:2]:
        await ask("POST", "/broadcasting/auth", {"socket_id": "1.2", "channel_name": channel})
    await ask("POST", "/broadcasting/auth/batch", {"socket_id": "1.2", "channel_names": channels})
    await ask("POST", "/broadcasting/user-auth", {"socket_id": "1.2"})
    await ask("POST", f"{here}/transfer", {"departmentId": str(department_id(demo.DEPARTMENTS[1]))})
    await ask("POST", f"{here}/close")


async def at_work_on_a_chat(ask: Asked, pulse: Pulse) -> None:
    chat = await vera_writes(pulse, a_name(), "Where is my order?")
    await settled(pulse)
    here = f"/api/chats/{chat}"
    for _ in range(2):
        await ask("POST", f"{here}/notes", {"text": "In a hurry", "clientMsgId": "n1"})
    await ask("POST", f"{here}/tags", {"tag": "invoice", "clientId": "t1"})
    await ask("PUT", f"{here}/priority", {"priority": "high"})
    await ask("POST", f"{here}/snooze", {"until": "2050-01-01T00:00:00Z"})
    await settled(pulse)
    await ask("GET", here)
    await ask("GET", "/api/tags", params={"text": "Inv"})
    await ask("GET", f"{here}/messages")
    for command in ("wake", "viewing", "open", "unassign", "close", "reopen", "unblock"):
        await ask("POST", f"{here}/{command}")
    await ask("GET", f"{here}/viewers")
    await ask("DELETE", f"{here}/tags/invoice")
    await settled(pulse)
    await ask("GET", f"{here}/events")
    await ask("POST", f"{here}/block", {"reason": "Advertising"})


async def at_search(ask: Asked, pulse: Pulse) -> None:
    """By a message, and by the chat itself."""
    name = a_name("needle")
    chat = await vera_writes(pulse, name, "Where is my order?", name=name)
    at = {"headers": {"X-Pulse-Position": str(await settled(pulse))}}
    for query in ("order", name):
        await ask("GET", "/api/search", params={"q": query, "chat": str(chat)}, **at)


async def at_drafts(ask: Asked, pulse: Pulse) -> None:
    here = f"/api/chats/{await vera_writes(pulse, a_name(), 'Where is my order?')}/draft"
    await ask("PUT", here, {"text": "Dear Vera, your par", "note": True})
    await ask("GET", here)
    await ask("GET", "/api/drafts")
    await ask("DELETE", here)


async def at_what_is_kept_at_hand(ask: Asked, pulse: Pulse) -> None:
    chat = await vera_writes(pulse, a_name(), "Where is my order?")
    hello = "/api/canned-replies/hello"
    await ask("PUT", hello, {"texts": {"en": "Hello, {customer}!"}})
    await ask("GET", "/api/canned-replies")
    await ask("POST", f"{hello}/fill", {"chatId": str(chat)})
    await ask("DELETE", hello)
    await ask("PUT", "/api/views/Late", {"query": {"tag": "delivery"}})
    [view] = (await ask("GET", "/api/views")).json()["items"]
    await ask("GET", "/api/chats", params={"saved": view["id"]})
    await ask("DELETE", "/api/views/Late")


async def at_customers(ask: Asked, pulse: Pulse) -> None:
    for name in (a_name("one"), a_name("two")):
        await vera_writes(pulse, name, name=name)
    await settled(pulse)
    one, two = (row["id"] for row in (await ask("GET", "/api/customers", params={"limit": 2})).json()["items"])
    await ask("POST", f"/api/customers/{one}/join", {"with": two})
    await ask("POST", f"/api/customers/{one}/block", {"reason": "Advertising"})
    await settled(pulse)
    await ask("GET", f"/api/customers/{one}")
    await ask("POST", f"/api/customers/{one}/unblock")
    await ask("POST", f"/api/customers/{one}/part")


async def at_the_widget(ask: Asked, pulse: Pulse) -> None:
    identifier = next(source.identifier for source in demo.SOURCES if source.channel == "web")
    session = (await ask("POST", "/api/widget/session", {"source": identifier, "name": "Vera"})).json()
    as_vera = {"headers": {"Authorization": f"Bearer {session['chat_token']}"}}
    brought = await ask("POST", "/api/widget/files", files=[("file", ("cat.png", a_png(), "image/png"))], **as_vera)
    claims = [one["claim"] for one in brought.json()["files"]]
    for _ in range(2):
        said = {"text": "Hello", "clientMsgId": "m1", "files": claims}
        await ask("POST", "/api/widget/messages", said, **as_vera)
    await ask("POST", "/api/widget/callback", {"phone": "+7 999 000 11 22"}, **as_vera)
    await settled(pulse)
    entries = (await ask("GET", "/api/widget/messages", **as_vera)).json()["items"]
    await ask("GET", f"/api/widget/files/{entries[0]['attachments'][0]['file']}", **as_vera)
    token = (await ask("GET", f"/chat/session/{session['chat_id']}/channel-token", **as_vera)).json()["token"]
    await at_streams(ask, session["stream_url"], f"session={session['chat_id']}&token={token}")
    waiting = (await ask("GET", "/api/callbacks")).json()["items"][0]
    done = f"/api/chats/{waiting['chat_id']}/callbacks/{waiting['id']}/done"
    await ask("POST", done, {"outcome": "Called, all is well."})


async def at_streams(ask: Asked, link: str, whose: str) -> None:
    """What a visitor's page listens at that can't have a socket."""
    for address in (f"/channel/sse?{whose}", link):
        await ask.begins("GET", address)
    await ask("GET", f"/channel/poll?{whose}")
