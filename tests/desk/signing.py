"""People of a test's own, and the browsers they sign in with."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID, uuid4

import httpx2
import pyotp

from pulse.aggregates.moderator import moderator_id
from pulse.house import now
from tests.conftest import Pulse
from tests.world import SALES, accounts

PASSWORD = "a long walk to the sea"
LOGIN = "/api/users/login"


async def an_account(pulse: Pulse, name: str, role: str = "moderator") -> str:
    """A moderator of a test's own; returns the email."""
    email = f"{name}-{uuid4().hex[:8]}@pulse.example"
    invited = await accounts(pulse).invite(email, name.title(), role, (SALES,), PASSWORD)
    await pulse.house.directory.wait_for(invited.position)
    return email


@dataclass
class Browser:
    """Keeps its cookies, as browsers do."""

    pulse: Pulse
    email: str
    agent: str = "Laptop"
    cookies: dict[str, str] = field(default_factory=dict)
    token: str = ""

    @property
    def account(self) -> UUID:
        return moderator_id(self.email)

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    async def ask(self, method: str, address: str, body: object = None) -> httpx2.Response:
        sent = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {"Cookie": sent, "User-Agent": self.agent}
        answer = await self.pulse.http.request(method, address, json=body, headers=headers)
        self.cookies |= dict(answer.cookies)
        self.pulse.http.cookies.clear()
        if answer.status_code == 200 and "access_token" in answer.json():
            self.token = answer.json()["access_token"]
        return answer

    async def get(self, address: str) -> httpx2.Response:
        return await self.ask("GET", address)

    async def post(self, address: str, body: object = None) -> httpx2.Response:
        return await self.ask("POST", address, body)

    async def login(self, password: str = PASSWORD) -> httpx2.Response:
        return await self.post(LOGIN, {"email": self.email, "password": password})

    async def challenge(self) -> str:
        """The password was right; a code is asked for."""
        answer = await self.login()
        assert answer.status_code == 200, answer.text
        return str(answer.json()["challenge"])

    async def is_in(self) -> bool:
        return (await self.get("/api/users/me")).status_code == 200


async def signed_in(pulse: Pulse, email: str, agent: str = "Laptop") -> Browser:
    browser = Browser(pulse, email, agent)
    answer = await browser.login()
    assert answer.status_code == 200, answer.text
    return browser


def code_of(secret: str, ahead: int = 0) -> str:
    """What the app shows now, or `ahead` steps later. Of the steps a server takes, these stay good while a test runs."""
    return pyotp.TOTP(secret).at(now() + timedelta(seconds=30 * ahead))


async def with_two_factor(browser: Browser) -> tuple[str, list[str]]:
    """Turns it on; the secret and the recovery codes. The app's current code is used up."""
    begun = await browser.post("/api/settings/2fa", {"password": PASSWORD})
    assert begun.status_code == 200, begun.text
    secret = begun.json()["secret"]
    confirmed = await browser.post("/api/settings/2fa/confirm", {"code": code_of(secret)})
    assert confirmed.status_code == 200, confirmed.text
    return secret, confirmed.json()["recovery_codes"]
