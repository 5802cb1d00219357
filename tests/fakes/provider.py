"""A provider that answers every call in one mood, all of them bad, whatever it is asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson

from tests.fakes.serving import served

FLOOD, FLOOD_PARTS = b"x" * 65_536, 512


@dataclass(frozen=True, slots=True)
class Mood:
    """What it answers. `cut`: it hangs up after so many bytes of the body, 0 for no answer at all. `quotes`: it says what
    it was asked. `held`: it does not answer. `flood`: its answer has no end that anybody should wait for.
    """

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    quotes: bool = False
    held: bool = False
    flood: bool = False

    @property
    def plainly_bad(self) -> bool:
        """Can nobody take this for a success?"""
        return self.status >= 400 or self.cut is not None or self.held


MOODS: dict[str, Mood] = {
    "no body": Mood(),
    "not JSON": Mood(b"OK"),
    "half a body": Mood(b'{"ok": true, "result": {"message_id": 14'),
    "a list": Mood(b"[]"),
    "null": Mood(b"null"),
    "an empty object": Mood(b"{}"),
    "odd types": Mood(b'{"ok": [], "result": 7, "response": {"a": null}, "error": "no", "id": {}}'),
    "a nested bomb": Mood(b"[" * 100_000),
    "NaN": Mood(b'{"ok": true, "result": NaN, "response": NaN}'),
    "not UTF-8": Mood(b'{"ok": false, "error_code": 400, "description": "\xff"}'),
    "NUL": Mood(b'{"ok": false, "error_code": 400, "description": "\\u0000"}', 400),
    "HTML in a 502": Mood(b"<h1>Bad Gateway</h1>", 502),
    "HTML in a 403": Mood(b"<h1>Forbidden</h1>", 403),
    "nothing in a 500": Mood(b"", 500),
    "compressed, it says": Mood(b"no gzip", headers={"content-encoding": "gzip"}),
    "a redirect": Mood(b"", 307, headers={"location": "/elsewhere"}),
    "it hangs up": Mood(cut=0),
    "it hangs up in the middle": Mood(b'{"ok": true, "result": {}}', cut=9),
    "it does not answer": Mood(held=True),
    "it has no end": Mood(flood=True),
    "it quotes what it was asked": Mood(quotes=True),
    "it quotes what it refused": Mood(status=400, quotes=True),
}


@dataclass
class Provider:
    """`asked` are the paths of all calls; `drained`: somebody read a flood to its end."""

    mood: Mood
    address: str = ""
    asked: list[str] = field(default_factory=list)
    drained: bool = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = bytearray()
        while (part := await receive())["type"] == "http.request":
            body += part["body"]
            if not part["more_body"]:
                break
        self.asked.append(scope["path"])
        connection: asyncio.Transport = scope["extensions"]["connection"]
        if self.mood.held or self.mood.cut == 0:
            if self.mood.cut == 0:
                connection.abort()
            while (await receive())["type"] != "http.disconnect":
                pass
            return
        answer = quoting(scope, bytes(body)) if self.mood.quotes else self.mood.body
        heads = {"content-type": "application/json", **self.mood.headers}
        if not self.mood.flood:
            heads["content-length"] = str(len(answer))
        listed = [(name.encode(), value.encode()) for name, value in heads.items()]
        await send({"type": "http.response.start", "status": self.mood.status, "headers": listed})
        if self.mood.flood:
            await self._flood(connection, send)
            return
        more = self.mood.cut is not None
        await send({"type": "http.response.body", "body": answer[: self.mood.cut], "more_body": more})
        if more:
            connection.close()

    async def _flood(self, connection: asyncio.Transport, send: Any) -> None:
        for _ in range(FLOOD_PARTS):
            if connection.is_closing():
                return
            await send({"type": "http.response.body", "body": FLOOD, "more_body": True})
        self.drained = True
        await send({"type": "http.response.body", "body": b""})


def quoting(scope: Any, body: bytes) -> bytes:
    """An error in every form that Pulse knows, with all of the call in its words."""
    heads = b"; ".join(name + b": " + value for name, value in scope["headers"])
    words = f"{scope['path']} {heads.decode('latin-1')} {body.decode('latin-1')}".replace("\0", "")
    return orjson.dumps(
        {
            "ok": False, "error_code": 400, "description": words, "message": words, "reason": words,
            "error": {"error_code": 100, "error_msg": words},
        }
    )  # fmt: skip


@asynccontextmanager
async def a_provider(mood: Mood) -> AsyncIterator[Provider]:
    provider = Provider(mood)
    async with served(provider) as address:
        provider.address = address
        yield provider
