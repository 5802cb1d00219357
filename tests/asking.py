"""Whoever asks the API for everything once, and remembers what went well."""

from __future__ import annotations

from typing import Any

import httpx2

from tests.promises import operation_of
from tests.world import Desk

# Their own: what comes of whatever they ask names it.
SOCKET = "123.456"


class Asked:
    """Asks as an admin, unless other headers are given; listens to what others ask with the same client too."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.went_well: set[str] = set()
        self.listen_to(desk.pulse.http)

    def listen_to(self, http: httpx2.AsyncClient) -> None:
        http.event_hooks["response"].append(self._note)

    async def _note(self, answer: httpx2.Response) -> None:
        operation = operation_of(answer.request.method, answer.request.url.path)
        if operation is not None and (answer.is_success or answer.is_redirect):
            self.went_well.add(operation.id)

    async def begins(self, method: str, address: str) -> None:
        """For an answer that goes on for as long as somebody listens."""
        async with self.desk.pulse.http.stream(method, address) as answer:
            assert answer.is_success, (method, address, await answer.aread())
            await anext(answer.aiter_bytes())

    async def __call__(self, method: str, address: str, body: object = None, **more: Any) -> httpx2.Response:
        headers = await self.desk.headers("admin") | {"X-Socket-Id": SOCKET} | more.pop("headers", {})
        given = {"json": body} if body is not None else {}
        found = await self.desk.pulse.http.request(method, address, headers=headers, **given, **more)
        self.desk.pulse.http.cookies.clear()
        assert operation_of(method, found.request.url.path), f"{method} {address} is not in the document"
        assert found.is_success, (method, address, found.text)
        return found
