"""VK ID: OAuth 2.1 with PKCE (id.vk.ru, "VK ID" for web). Not OpenID Connect: who it is, is asked with the token.

Its traps: `device_id` is needed to exchange the code; the answer may come inside one JSON `payload`; errors come with
status 200.
"""

from __future__ import annotations

import hmac
from typing import Any
from urllib.parse import urlencode

from pulse.errors import BadInput
from pulse.http import json_object
from pulse.ways import Fields, Flow, Theirs, number_of, refuse, require_state
from pulse.ways.calls import Calls

ADDRESS = "https://id.vk.ru"
PART_LIMIT = 2048


class VkId:
    """Needs an app's id; of a confidential app the service token too."""

    name, method = "vk", "oauth"

    def __init__(self, client_id: str, service_token: bytes, calls: Calls) -> None:
        self._client_id = client_id
        self._service_token = service_token
        self._calls = calls

    def address(self, flow: Flow, back: str) -> str:
        asked = {
            "response_type": "code", "client_id": self._client_id, "redirect_uri": back,
            "scope": "vkid.personal_info", "state": flow.state, "code_challenge": flow.challenge,
            "code_challenge_method": "S256",
        }  # fmt: skip
        return f"{self._calls.address}/authorize?{urlencode(asked)}"

    def require_own(self, fields: Fields, flow: Flow) -> None:
        require_state(unpacked(fields), flow)

    async def identify(self, fields: Fields, flow: Flow, back: str) -> Theirs:
        """The tokens are used here and dropped."""
        answered = unpacked(fields)
        code, device = answered.get("code", ""), answered.get("device_id", "")
        if not (0 < len(code) <= PART_LIMIT and 0 < len(device) <= PART_LIMIT):
            refuse("code or device_id")
        form = {
            "grant_type": "authorization_code", "code": code, "code_verifier": flow.verifier,
            "client_id": self._client_id, "device_id": device, "redirect_uri": back, "state": flow.state,
        }  # fmt: skip
        if self._service_token:
            form["service_token"] = self._service_token.decode()
        token, external_id = token_of(await self._calls.ask("/oauth2/auth", form), flow)
        asked = {"client_id": self._client_id, "access_token": token}
        return person_of(await self._calls.ask("/oauth2/user_info", asked), external_id)


def unpacked(fields: Fields) -> Fields:
    """The fields, or those inside `payload`. Raises NotSignedIn."""
    if "payload" not in fields:
        return fields
    try:
        return {name: said for name, said in json_object(fields["payload"]).items() if isinstance(said, str)}
    except BadInput:
        refuse("payload")


def token_of(told: dict[str, Any], flow: Flow) -> tuple[str, str]:
    """The access token and whose it is. Raises NotSignedIn, also for an error that is told with status 200."""
    token, state = told.get("access_token"), told.get("state")
    if "error" in told or not isinstance(token, str) or not token or not isinstance(state, str):
        refuse("no token: the code, the app or its service token")
    if not hmac.compare_digest(state.encode("utf-8", "replace"), flow.state.encode()):
        refuse("state of the token")
    return token, number_of(told.get("user_id"))


def person_of(told: dict[str, Any], external_id: str) -> Theirs:
    """The person, who must be the token's. An email is no proof of who somebody is, so none is read."""
    person = told.get("user")
    if "error" in told or not isinstance(person, dict) or number_of(person.get("user_id")) != external_id:
        refuse("user_info")
    return Theirs(external_id, f"{person.get('first_name') or ''} {person.get('last_name') or ''}")
