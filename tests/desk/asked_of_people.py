"""What people ask about themselves and each other, once each: for `test_promises.py`."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

from pulse.aggregates.moderator import moderator_id
from pulse.aggregates.room import GENERAL
from tests.asking import Asked
from tests.conftest import Pulse
from tests.desk.browsing import a_browser
from tests.desk.signing import PASSWORD, an_account, code_of
from tests.world import SALES, a_bot, a_name, settled, update

LOGIN = "/api/users/login"


async def begun(ask: Asked, email: str) -> dict[str, Any]:
    """The headers of a session of one's own."""
    token = (await ask("POST", LOGIN, {"email": email, "password": PASSWORD})).json()["access_token"]
    return {"headers": {"Authorization": f"Bearer {token}"}}


async def at_the_door(ask: Asked, pulse: Pulse) -> None:
    mine = await begun(ask, await an_account(pulse, "olga"))
    await ask("GET", "/api/users/me", **mine)
    for away in (True, False):
        await ask("POST", "/api/me/away", {"away": away}, **mine)
    await ask("POST", "/api/users/logout", **mine)
    await ask("GET", "/healthz")


async def at_settings(ask: Asked, pulse: Pulse) -> None:
    email = await an_account(pulse, "olga")
    mine = await begun(ask, email)
    await ask("GET", "/api/settings/profile", **mine)
    await ask("PATCH", "/api/settings/profile", {"name": "Olga P.", "locale": "en"}, **mine)
    await begun(ask, email)
    sessions = (await ask("GET", "/api/settings/sessions", **mine)).json()["items"]
    [other] = [row["id"] for row in sessions if not row["this"]]
    await ask("DELETE", f"/api/settings/sessions/{other}", **mine)
    new = {"old": PASSWORD, "new": "a longer walk to the sea"}
    await ask("POST", "/api/settings/password", new, **mine)
    await ask("DELETE", "/api/settings/sessions", params={"others": "true"}, **mine)
    await ask("DELETE", "/api/settings/sessions", **mine)


async def at_two_factors(ask: Asked, pulse: Pulse) -> None:
    email = await an_account(pulse, "olga")
    mine, here = await begun(ask, email), "/api/settings/2fa"
    secret = (await ask("POST", here, {"password": PASSWORD}, **mine)).json()["secret"]
    codes = (await ask("POST", f"{here}/confirm", {"code": code_of(secret)}, **mine)).json()["recovery_codes"]
    proof = {"password": PASSWORD, "recovery_code": codes[0]}
    codes = (await ask("POST", f"{here}/recovery-codes", proof, **mine)).json()["recovery_codes"]
    challenge = (await ask("POST", LOGIN, {"email": email, "password": PASSWORD})).json()["challenge"]
    await ask("POST", f"{LOGIN}/code", {"challenge": challenge, "recovery_code": codes[0]})
    await ask("GET", here, **mine)
    await ask("DELETE", here, {"password": PASSWORD, "recovery_code": codes[1]}, **mine)


async def at_providers(ask: Asked, pulse: Pulse) -> None:
    """A browser goes there and back, by the address and as a page that posts."""
    async with a_browser(pulse) as browser:
        ask.listen_to(browser.http)
        await browser.login("boris@pulse.example")
        await browser.link("telegram")
        await browser.identities()
        assert (await browser.sign_in("telegram", method="widget")).status_code == 303
        back = urlsplit(await browser.agree(await browser.leave("telegram", method="widget")))
        assert (await browser.http.post(back.path, data=dict(parse_qsl(back.query)))).status_code == 303
        assert (await browser.http.delete("/api/settings/identities/telegram")).is_success


async def at_users(ask: Asked, pulse: Pulse) -> None:
    wanted = {"email": f"{a_name('olga')}@pulse.example", "name": "Olga", "departments": [str(SALES)]}
    for _ in range(2):
        made = (await ask("POST", "/api/users", wanted)).json()
        if made["invitation"]:
            await ask("POST", made["invitation"]["address"], {"password": "a long sentence"})
    here = f"/api/users/{made['id']}"
    await ask("PATCH", here, {"name": "Olga P."})
    for command in ("reset-password", "disable", "enable"):
        await ask("POST", f"{here}/{command}")
    for address in (here, "/api/users", "/api/colleagues", "/api/colleagues/departments"):
        await ask("GET", address)


async def at_how_users_sign_in(ask: Asked, pulse: Pulse) -> None:
    email = await an_account(pulse, "olga")
    for _ in range(2):
        await begun(ask, email)
    here = f"/api/users/{moderator_id(email)}"
    [one, _] = (await ask("GET", f"{here}/sessions")).json()["items"]
    await ask("DELETE", f"{here}/sessions/{one['id']}")
    await ask("DELETE", f"{here}/sessions")
    await ask("DELETE", f"{here}/2fa")


async def at_departments(ask: Asked, pulse: Pulse) -> None:
    name = a_name("claims")
    for _ in range(2):
        made = (await ask("POST", "/api/departments", {"name": name})).json()["id"]
    here, admin = f"/api/departments/{made}", (await ask("GET", "/api/users/me")).json()["user"]["id"]
    await ask("PATCH", here, {"name": f"{name} too"})
    await ask("PUT", f"{here}/members/{admin}")
    await ask("GET", here)
    await ask("DELETE", f"{here}/members/{admin}")
    await ask("POST", f"{here}/archive")
    await ask("POST", f"{here}/restore")
    await ask("GET", "/api/departments")


async def at_rooms(ask: Asked, pulse: Pulse) -> None:
    """The general one, and one of two, whichever is asked for first."""
    anna = str(moderator_id("anna@pulse.example"))
    for _ in range(2):
        direct = (await ask("POST", "/api/direct", {"to": anna})).json()["id"]
    for room in (str(GENERAL), direct):
        here = f"/api/rooms/{room}"
        said = {"text": "Lunch?", "clientMsgId": a_name("w"), "mentions": [anna]}
        for _ in range(2):
            number = (await ask("POST", f"{here}/messages", said)).json()["id"]
        await ask("POST", f"{here}/seen", {"upTo": number})
        await ask("POST", f"{here}/typing")
        await settled(pulse)
        await ask("GET", here)
        assert (await ask("GET", f"{here}/messages")).json()["items"]
    assert len((await ask("GET", "/api/rooms")).json()["items"]) == 2
    at = {"headers": {"X-Pulse-Position": str(await settled(pulse))}}
    assert (await ask("GET", "/api/search/rooms", params={"q": "lunch", "room": direct}, **at)).json()["items"]


async def at_notifications(ask: Asked, pulse: Pulse) -> None:
    mine = await begun(ask, await an_account(pulse, "olga"))
    me = (await ask("GET", "/api/users/me", **mine)).json()["user"]["id"]
    for _ in range(2):
        await ask("POST", f"/api/rooms/{GENERAL}/messages", {"text": "Lunch?", "mentions": [me]})
    await settled(pulse)
    newest, oldest = (await ask("GET", "/api/notifications", **mine)).json()["items"]
    await ask("POST", f"/api/notifications/{oldest['id']}/read", **mine)
    await ask("GET", "/api/notifications", params={"unread": "true"}, **mine)
    await ask("POST", "/api/notifications/read-all", {"upTo": newest["id"]}, **mine)


async def at_a_pager(ask: Asked, pulse: Pulse) -> None:
    mine, here = await begun(ask, await an_account(pulse, "olga")), "/api/settings/telegram"
    bot = await a_bot(pulse)
    code = (await ask("POST", here, {"source": str(bot.id)}, **mine)).json()["code"]
    assert (await bot.post(update(1, f"/start {code}"))).is_success
    await ask("PATCH", here, {"new_chats": False}, **mine)
    await ask("GET", here, **mine)
    await ask("DELETE", here, **mine)
