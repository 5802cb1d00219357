"""A browser that somebody signs in with: it keeps cookies as browsers do, and goes to a provider and back."""

from __future__ import annotations

import base64
import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import UUID

import httpx2
import orjson
import pytest

from pulse import demo
from pulse.aggregates.moderator import moderator_id
from pulse.house import now
from pulse.linking import Linking
from tests.conftest import Pulse
from tests.fakes.telegram_login import BOT_TOKEN, FakeTelegramLogin, a_telegram_login
from tests.fakes.vkid import FakeVkId, a_vk_id
from tests.promises import as_promised

ADDRESSES = itertools.count(1)


@dataclass
class Providers:
    telegram: FakeTelegramLogin
    vk: FakeVkId

    @contextmanager
    def set_up(self, *more: str) -> Iterator[None]:
        """The settings of an installation where both may be signed in with; it trusts `more` addresses too."""
        trusted = (self.telegram.address, self.vk.address, *more)
        hosts = ",".join(urlsplit(address).netloc for address in trusted)
        settings = {
            "TELEGRAM_LOGIN_CLIENT_ID": self.telegram.client_id, "TELEGRAM_LOGIN_SECRET": self.telegram.secret,
            "TELEGRAM_LOGIN_BOT_TOKEN": BOT_TOKEN, "TELEGRAM_LOGIN_URL": self.telegram.address,
            "VKID_CLIENT_ID": self.vk.client_id, "VKID_SERVICE_TOKEN": self.vk.service_token,
            "VKID_URL": self.vk.address, "TRUSTED_HOSTS": hosts, "TRUSTED_PROXIES": "127.0.0.1",
            "PUBLIC_URL": "https://chat.example.org",
        }  # fmt: skip
        with pytest.MonkeyPatch.context() as patch:
            for name, value in settings.items():
                patch.setenv(f"PULSE_{name}", value)
            yield


@asynccontextmanager
async def both_providers() -> AsyncIterator[Providers]:
    async with a_telegram_login() as telegram, a_vk_id() as vk:
        yield Providers(telegram, vk)


class Browser:
    """Each comes from an address of its own, so that tests don't share a rate."""

    def __init__(self, pulse: str) -> None:
        number = next(ADDRESSES)
        self.http = httpx2.AsyncClient(
            base_url=pulse, timeout=10, event_hooks={"response": [as_promised]},
            headers={"X-Forwarded-For": f"198.51.{number // 250}.{number % 250 + 1}", "User-Agent": "Browser"},
        )  # fmt: skip

    async def login(self, email: str) -> None:
        credentials = {"email": email, "password": demo.PASSWORD}
        assert (await self.http.post("/api/users/login", json=credentials)).status_code == 200

    async def leave(self, provider: str, **query: str) -> str:
        """Where Pulse sends the browser."""
        answer = await self.http.get(f"/auth/{provider}/redirect", params=query)
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    async def agree(self, address: str) -> str:
        """Where the provider sends it back to: a path of ours. What stands behind a # becomes a query, as our page does."""
        async with httpx2.AsyncClient() as elsewhere:
            answer = await elsewhere.get(address)
        back = urlsplit(answer.headers["location"])
        assert f"{back.scheme}://{back.netloc}" == "https://chat.example.org"
        if not back.fragment:
            return f"{back.path}?{back.query}"
        assert parse_qsl(back.query), "the widget keeps what is before the #"
        said = dict(parse_qsl(back.fragment))["tgAuthResult"]
        fields = orjson.loads(base64.urlsafe_b64decode(said + "=" * (-len(said) % 4)))
        return f"{back.path}?{back.query}&{urlencode(fields)}"

    async def sign_in(self, provider: str, **query: str) -> httpx2.Response:
        """All the way there and back."""
        return await self.http.get(await self.agree(await self.leave(provider, **query)))

    async def link(self, provider: str, **query: str) -> httpx2.Response:
        answer = await self.http.post(f"/api/settings/identities/{provider}", params=query)
        assert answer.status_code == 200, answer.text
        return await self.http.get(await self.agree(answer.json()["address"]))

    async def who(self) -> str | None:
        """Whose session this browser has."""
        answer = await self.http.get("/api/users/me")
        return answer.json()["user"]["name"] if answer.status_code == 200 else None

    async def identities(self) -> list[tuple[str, str, str]]:
        answer = await self.http.get("/api/settings/identities")
        assert answer.status_code == 200, answer.text
        return [(row["provider"], row["id"], row["name"]) for row in answer.json()["items"]]


@asynccontextmanager
async def a_browser(pulse: Pulse | str) -> AsyncIterator[Browser]:
    """At a Pulse, or at the address of a process of it."""
    browser = Browser(pulse if isinstance(pulse, str) else str(pulse.http.base_url))
    async with browser.http:
        yield browser


async def invite(pulse: Pulse, email: str, provider: str, external_id: int) -> UUID:
    """As `pulse user link` does."""
    person = moderator_id(email)
    linked = await Linking(pulse.house.store, now).link(person, provider, str(external_id), by="cli")
    await pulse.house.directory.wait_for(linked.position)
    return person
