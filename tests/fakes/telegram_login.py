"""Telegram's sign-in on loopback: the newer OpenID Connect with keys of its own, and the older widget.

Whoever comes is `person` and agrees at once. `claims` are laid over the id_token's, `sign` makes the token; `asked` are the
paths of all calls. `forgetful`: it takes a code again, which no provider should.
"""

from __future__ import annotations

import base64
import hmac
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

import orjson
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.fakes.serving import served
from tests.fakes.telegram import RECORDED

LOGIN = RECORDED / "login"
CLAIMS: dict[str, Any] = orjson.loads((LOGIN / "tg_oidc_id_token_claims.json").read_bytes())["claims"]
WIDGET: dict[str, Any] = orjson.loads((LOGIN / "tg_widget_ok.json").read_bytes())
BOT_TOKEN: str = WIDGET["bot_token"]


class FakeTelegramLogin:
    def __init__(self) -> None:
        self.address = ""
        self.client_id, self.secret = CLAIMS["aud"], secrets.token_urlsafe(24)
        self.person = CLAIMS["id"]
        self.claims: dict[str, Any] = {}
        self.asked: list[str] = []
        self.codes: dict[str, dict[str, str]] = {}
        self.forgetful = False
        self.tokens: list[str] = []
        self.rotate()
        self.app = Starlette(
            routes=[
                Route("/auth", self.authorize), Route("/token", self.token, methods=["POST"]),
                Route("/.well-known/jwks.json", self.keys),
            ]
        )  # fmt: skip

    def rotate(self) -> None:
        """From now on another key signs, and only that one is shown."""
        # Without an "alg": which algorithm is right is not left to the key.
        self.key = RSAKey.generate_key(2048, {"kid": secrets.token_hex(4), "use": "sig"})

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked.append(scope["path"])
        await self.app(scope, receive, send)

    async def authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        if "bot_id" in asked:
            return self._widget(asked)
        assert (asked["response_type"], asked["client_id"]) == ("code", self.client_id)
        assert (asked["code_challenge_method"], "openid" in asked["scope"].split()) == ("S256", True)
        assert len(asked["state"]) >= 32
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}", 302)

    def _widget(self, asked: dict[str, str]) -> Response:
        assert asked["bot_id"] == BOT_TOKEN.split(":", maxsplit=1)[0]
        assert asked["return_to"].startswith(asked["origin"] + "/")
        said = base64.urlsafe_b64encode(orjson.dumps(widget_fields(self.person))).decode().rstrip("=")
        return RedirectResponse(f"{asked['return_to']}#tgAuthResult={said}", 302)

    async def token(self, request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        basic = base64.b64encode(f"{self.client_id}:{self.secret}".encode()).decode()
        asked = self.codes.get(form.get("code", "")) if self.forgetful else self.codes.pop(form.get("code", ""), None)
        if request.headers.get("authorization") != f"Basic {basic}":
            return JSONResponse({"error": "invalid_client"}, 401)
        if asked is None or not self._fits(form, asked):
            return JSONResponse({"error": "invalid_grant"}, 400)
        id_token = self.sign(self._claimed(asked))
        self.tokens.append(id_token)
        return JSONResponse({"access_token": "demo", "token_type": "Bearer", "expires_in": 3600, "id_token": id_token})

    def _fits(self, form: dict[str, str], asked: dict[str, str]) -> bool:
        return (
            form["grant_type"] == "authorization_code"
            and form["client_id"] == self.client_id
            and form["redirect_uri"] == asked["redirect_uri"]
            and s256(form["code_verifier"]) == asked["code_challenge"]
        )

    def _claimed(self, asked: dict[str, str]) -> dict[str, Any]:
        now = int(time.time())
        fresh = {"iat": now, "exp": now + 3600, "nonce": asked["nonce"], "id": self.person}
        claimed = CLAIMS | fresh | self.claims
        return {name: said for name, said in claimed.items() if said is not None}

    def sign(self, claims: dict[str, Any]) -> str:
        return jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, self.key)

    async def keys(self, _: Request) -> Response:
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})


def widget_fields(person: int, token: str = BOT_TOKEN, **more: object) -> dict[str, Any]:
    """What the widget says of somebody now, signed."""
    photo = f"https://t.me/i/{secrets.token_hex(8)}.jpg"  # else two of one second would be the same
    fields: dict[str, Any] = {
        "id": person, "first_name": "Анна", "photo_url": photo, "auth_date": int(time.time()), **more
    }  # fmt: skip
    return fields | {"hash": widget_hash(fields, token)}


def widget_hash(fields: dict[str, Any], token: str = BOT_TOKEN) -> str:
    lines = "\n".join(f"{name}={fields[name]}" for name in sorted(fields))
    return hmac.new(sha256(token.encode()).digest(), lines.encode(), sha256).hexdigest()


def s256(verifier: str) -> str:
    return base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).decode().rstrip("=")


@asynccontextmanager
async def a_telegram_login() -> AsyncIterator[FakeTelegramLogin]:
    fake = FakeTelegramLogin()
    async with served(fake) as fake.address:
        yield fake
