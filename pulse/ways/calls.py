"""One call to a provider's sign-in: guarded, bounded in time and size, and no line of any log holds what was said."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx2

from pulse.errors import BadInput
from pulse.http import json_object
from pulse.outside import NoAnswer, outside_client

SECONDS = 10.0
ANSWER_BYTES = 64 * 1024
BUSY = 429


class Calls:
    """To one provider's host, and nowhere else. `inside` are the `host:port` that may be private."""

    def __init__(self, address: str, inside: frozenset[str]) -> None:
        self.address = address.rstrip("/")
        self._hosts = (urlsplit(self.address).hostname or "",)
        self._inside = inside

    async def ask(
        self, path: str, form: Mapping[str, str] | None = None, basic: tuple[str, str] | None = None
    ) -> dict[str, Any]:
        """The JSON object that is answered, also when it tells of an error: a POST of a form, or a GET without one.

        Raises NoAnswer: it is away or busy, or says what no provider says.
        """
        try:
            async with asyncio.timeout(SECONDS):
                status, body = await self._exchange(path, form, basic)
        except (TimeoutError, httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise NoAnswer(f"The provider does not answer ({type(error).__name__}).") from None
        except BadInput:  # a forbidden address: a setting is wrong, the person can do nothing about it
            raise NoAnswer("The provider's address can't be used.") from None
        if status >= httpx2.codes.INTERNAL_SERVER_ERROR or status == BUSY or len(body) > ANSWER_BYTES:
            raise NoAnswer(f"The provider can't answer now ({status}).")
        try:
            return json_object(body)
        except BadInput:
            raise NoAnswer("The provider's answer can't be read.") from None

    async def _exchange(
        self, path: str, form: Mapping[str, str] | None, basic: tuple[str, str] | None
    ) -> tuple[int, bytes]:
        """The status and the body; of a body that is too large a byte more than is taken."""
        method, body = ("GET" if form is None else "POST"), bytearray()
        async with (
            outside_client(self._hosts, allow_private=self._inside) as client,
            client.stream(
                method, self.address + path, data=form, auth=basic, headers={"Accept": "application/json"},
                follow_redirects=False,
            ) as answer,
        ):  # fmt: skip
            async for piece in answer.aiter_raw():
                body += piece
                if len(body) > ANSWER_BYTES:
                    break
            return answer.status_code, bytes(body[: ANSWER_BYTES + 1])
