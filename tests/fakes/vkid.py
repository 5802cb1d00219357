"""VK ID on loopback, answering with what was recorded. Whoever comes is `person` and agrees at once.

`as_payload`: it comes back with one JSON parameter. `other`: user_info tells of somebody else. `forgetful`: it takes a code again. An unknown parameter is 404,
as there; errors are told with status 200.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.fakes.serving import served
from tests.fakes.telegram_login import LOGIN, s256

KNOWN = {
    "grant_type", "code", "code_verifier", "client_id", "device_id", "redirect_uri", "state", "service_token",
}  # fmt: skip


def recorded(name: str) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads((LOGIN / f"{name}.json").read_bytes())
    return found.get("body") or found["query"]


class FakeVkId:
    def __init__(self) -> None:
        self.address = ""
        self.client_id, self.service_token = "53000000", secrets.token_urlsafe(24)
        self.person = recorded("vkid_token_ok")["user_id"]
        self.as_payload = False
        self.other: int | None = None
        self.codes: dict[str, dict[str, str]] = {}
        self.forgetful = False
        self.tokens: dict[str, int] = {}
        self.app = Starlette(
            routes=[
                Route("/authorize", self.authorize), Route("/oauth2/auth", self.token, methods=["POST"]),
                Route("/oauth2/user_info", self.user_info, methods=["POST"]),
            ]
        )  # fmt: skip

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)

    async def authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        assert (asked["response_type"], asked["client_id"]) == ("code", self.client_id)
        assert (asked["code_challenge_method"], len(asked["state"]) >= 32) == ("S256", True)
        code, device = f"vk2.a.{secrets.token_urlsafe(16)}", secrets.token_urlsafe(8)
        self.codes[code] = asked | {"device_id": device}
        said = recorded("vkid_callback_query") | {"code": code, "device_id": device, "state": asked["state"]}
        if self.as_payload:
            said = {"payload": json.dumps({name: said[name] for name in ("code", "type", "device_id", "state")})}
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(said)}", 302)

    async def token(self, request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        if not form.keys() <= KNOWN:
            return Response(status_code=404)
        asked = self.codes.get(form.get("code", "")) if self.forgetful else self.codes.pop(form.get("code", ""), None)
        if asked is None or not self._fits(form, asked):
            return JSONResponse(recorded("vkid_token_error_in_200"))
        token = f"vk2.a.{secrets.token_urlsafe(16)}"
        self.tokens[token] = self.person
        told = {"access_token": token, "user_id": self.person, "state": form["state"]}
        return JSONResponse(recorded("vkid_token_ok") | told)

    def _fits(self, form: dict[str, str], asked: dict[str, str]) -> bool:
        same = all(form.get(name) == asked[name] for name in ("client_id", "device_id", "redirect_uri", "state"))
        ours = form.get("service_token", "") == self.service_token
        return same and ours and s256(form["code_verifier"]) == asked["code_challenge"]

    async def user_info(self, request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        person = self.tokens.get(form.get("access_token", ""))
        if person is None or form["client_id"] != self.client_id:
            return JSONResponse({"error": "invalid_token"})
        told = recorded("vkid_user_info_ok")["user"] | {"user_id": str(self.other or person)}
        return JSONResponse({"user": told})


@asynccontextmanager
async def a_vk_id() -> AsyncIterator[FakeVkId]:
    fake = FakeVkId()
    async with served(fake) as fake.address:
        yield fake
