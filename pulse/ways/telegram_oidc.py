"""Telegram's newer way: OpenID Connect with a code, PKCE and a signed id_token (core.telegram.org/bots/telegram-login).

There is no userinfo: all there is to know stands in the id_token. Its `sub` is not the person's number in the Bot API;
`id` is, and by it the widget and this way meet.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from joserfc import jws, jwt
from joserfc.errors import JoseError

from pulse.ways import Fields, Flow, Theirs, number_of, refuse, require_state
from pulse.ways.calls import Calls
from pulse.ways.key_set import Keys

ISSUER = "https://oauth.telegram.org"  # what it signs itself with, also behind another address
ALGORITHM = "RS256"  # pinned: a token may not choose how it is checked (RFC 8725)
LONGEST = 16 * 1024
LEEWAY = 30
CODE_LIMIT = 2048


class TelegramOidc:
    """Needs the id and the secret that BotFather shows (Bot Settings, Web Login)."""

    name, method = "telegram", "oidc"

    def __init__(self, client_id: str, secret: bytes, clock: Callable[[], datetime], calls: Calls) -> None:
        self._client_id = client_id
        self._secret = secret
        self._clock = clock
        self._calls = calls
        self._keys = Keys(calls, "/.well-known/jwks.json")

    def address(self, flow: Flow, back: str) -> str:
        asked = {
            "response_type": "code", "client_id": self._client_id, "redirect_uri": back, "scope": "openid profile",
            "state": flow.state, "nonce": flow.nonce, "code_challenge": flow.challenge,
            "code_challenge_method": "S256",
        }  # fmt: skip
        return f"{self._calls.address}/auth?{urlencode(asked)}"

    def require_own(self, fields: Fields, flow: Flow) -> None:
        require_state(fields, flow)

    async def identify(self, fields: Fields, flow: Flow, back: str) -> Theirs:
        code = fields.get("code", "")
        if not code or len(code) > CODE_LIMIT:
            refuse("code")
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": back, "client_id": self._client_id,
            "code_verifier": flow.verifier,
        }  # fmt: skip
        told = await self._calls.ask("/token", form, basic=(self._client_id, self._secret.decode()))
        token = told.get("id_token")
        if not isinstance(token, str) or len(token) > LONGEST or not token.isascii():
            refuse("no id_token: the code, the client or its secret")
        return said_by(await self._claims(token), flow.nonce)

    async def _claims(self, token: str) -> dict[str, Any]:
        """Of a token that Telegram signed for us, now. Raises NotSignedIn, NoAnswer."""
        checks = jwt.JWTClaimsRegistry(
            now=int(self._clock().timestamp()), leeway=LEEWAY, iss={"essential": True, "value": ISSUER},
            aud={"essential": True}, exp={"essential": True}, iat={"essential": True},
            nonce={"essential": True}, id={"essential": True},
        )  # fmt: skip
        try:
            keys = await self._keys.naming(_kid(token))
            claims: dict[str, Any] = jwt.decode(token, keys, algorithms=[ALGORITHM]).claims
            checks.validate(claims)
        except (JoseError, ValueError, TypeError) as error:
            refuse(type(error).__name__)
        if claims["aud"] not in (self._client_id, [self._client_id]):  # for us alone (OpenID Connect, 3.1.3.7)
            refuse("aud")
        return claims


def said_by(claims: dict[str, Any], nonce: str) -> Theirs:
    """Whom the claims are about, if they were made for this flow. Raises NotSignedIn."""
    if not hmac.compare_digest(str(claims["nonce"]).encode("utf-8", "replace"), nonce.encode()):
        refuse("nonce")
    return Theirs(number_of(claims["id"]), str(claims.get("name") or ""))


def _kid(token: str) -> str:
    """Which key it names. Raises JoseError, ValueError."""
    kid = jws.extract_compact(token.encode()).headers().get("kid")
    if not isinstance(kid, str) or not kid:
        raise ValueError
    return kid
