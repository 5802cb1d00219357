"""The small world of the HTTP tests: a Pulse that a module shares, and what Vera, Anna and Boris do in it."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
import orjson
import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from pulse import demo
from pulse.accounts import Accounts
from pulse.aggregates.chat import chat_id
from pulse.aggregates.department import department_id
from pulse.aggregates.source import source_id
from pulse.embedded import Addresses
from pulse.eventlog.appends import Append, AppendRefused
from pulse.eventlog.envelope import Recorded, open_envelope, subject_of
from pulse.eventlog.jetstream import Log
from pulse.house import now
from tests.conftest import Pulse, running_pulse

SALES, SUPPORT = (department_id(name) for name in demo.DEPARTMENTS)
TELEGRAM_SECRET = "pulse-demo-telegram"
PROOF = "x-telegram-bot-api-secret-token"
NAMES = itertools.count(1)
BOTS = itertools.count(7000000002)


@asynccontextmanager
async def shared_pulse(addresses: Addresses) -> AsyncIterator[Pulse]:
    """A whole Pulse on an empty log and a database of its own, for all tests of a module."""
    name = f"shared_{next(NAMES)}"
    log = await Log.connect(addresses.nats_url, name="test")
    with suppress(AppendRefused):
        await log.api(f"STREAM.DELETE.{log.stream}")
    await log.close()
    async with await psycopg.AsyncConnection.connect(addresses.database_url, autocommit=True) as connection:
        await connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    own = replace(addresses, database_url=addresses.database_url.replace("/pulse?", f"/{name}?"))
    with tempfile.TemporaryDirectory() as data_dir:
        async with running_pulse(own, Path(data_dir)) as pulse:
            yield pulse


def a_name(prefix: str = "vera") -> str:
    """A name nobody has used yet."""
    return f"{prefix}-{next(NAMES)}"


@dataclass(frozen=True, slots=True)
class Bot:
    """A Telegram source of a test's own."""

    pulse: Pulse
    id: UUID

    @property
    def address(self) -> str:
        return f"/webhook/telegram/{self.id}"

    async def post(self, body: bytes | dict[str, Any], secret: str | None = "s3cret") -> httpx2.Response:
        content = body if isinstance(body, bytes) else orjson.dumps(body)
        return await self.pulse.http.post(self.address, content=content, headers={PROOF: secret} if secret else {})


async def a_bot(pulse: Pulse) -> Bot:
    identifier = str(next(BOTS))
    await connect(pulse, "telegram", identifier, secrets={"secret": "s3cret"})
    return Bot(pulse, source_id("telegram", identifier))


async def connect(pulse: Pulse, channel: str, identifier: str, **more: dict[str, str]) -> UUID:
    """Connects a source and waits until every door knows it."""
    wanted: dict[str, dict[str, str]] = {"settings": {}, "secrets": {}} | more
    connected = await accounts(pulse).connect_source(
        channel, identifier, identifier, (SALES, SUPPORT), settings=wanted["settings"], secrets=wanted["secrets"]
    )
    await pulse.house.directory.wait_for(connected.position)
    return source_id(channel, identifier)


def accounts(pulse: Pulse) -> Accounts:
    return Accounts(pulse.house.store, pulse.house.vault, now)


def update(number: int, text: str = "Hello", *, person: int = 77, message: int | None = None) -> dict[str, Any]:
    """A Telegram text message of a private chat."""
    who = {"id": person, "is_bot": False, "first_name": "Vera"}
    chat = {"id": person, "type": "private", "first_name": "Vera"}
    said = {"message_id": message or number, "from": who, "chat": chat, "date": 1795165200, "text": text}
    return {"update_id": number, "message": said}


async def vera_writes(pulse: Pulse, peer: str, text: str = "Hello", **more: object) -> UUID:
    """A simulator message; returns the chat's id."""
    body = {"from": peer, "message": text, "type": "text", "message_id": a_name("m"), **more}
    answer = await pulse.http.post(pulse.webhook("simulator"), json=body)
    assert answer.status_code == 200, answer.text
    return chat_id(source_id("simulator", "simulator"), peer)


async def settled(pulse: Pulse) -> int:
    """Waits until the read models hold everything; returns the position."""
    goal = await pulse.house.log.last_position()
    await pulse.projected.reach(goal)
    return goal


async def rows(pulse: Pulse, query: str, **values: object) -> list[dict[str, Any]]:
    """What a query finds in this Pulse's database."""
    url = pulse.house.addresses.database_url
    async with await psycopg.AsyncConnection.connect(url, autocommit=True, row_factory=dict_row) as connection:
        cursor = await connection.execute(query, values or None)
        return await cursor.fetchall() if cursor.description else []


TELLS = """
create or replace function trace.tell() returns trigger language plpgsql as
    $$ begin perform pg_notify('kept', ''); return null; end $$;
create or replace trigger tells after insert on trace.rejections for each statement execute function trace.tell();
listen kept;
"""


async def until_kept(pulse: Pulse, query: str, **values: object) -> list[dict[str, Any]]:
    """Waits until a query finds something among the rejections; a trigger tells of each that is kept."""
    url = pulse.house.addresses.database_url
    async with await psycopg.AsyncConnection.connect(url, autocommit=True, row_factory=dict_row) as connection:
        await connection.execute(TELLS)
        while not (found := await rows(pulse, query, **values)):
            async for _ in connection.notifies(stop_after=1):
                pass
    return found


# An event that nobody knows here, one of another shape, and a history that can't be folded.
BY_A_NEWER = ({"type": "chat.teleported"}, {"data": {"shape": "another"}}, {"ver": 1_000})


async def newer_wrote(log: Log, chat: UUID, unlike: dict[str, object] = BY_A_NEWER[0]) -> int:
    """A newer Pulse did something to a chat that this one can't read; returns the position."""
    subject = subject_of("chat", chat)
    last = orjson.loads((await log.read_all(subject))[-1].body)
    event = {**last, "id": str(uuid4()), "ver": last["ver"] + 1} | unlike
    return (await log.append(Append(subject, orjson.dumps(event)))).position


async def since(pulse: Pulse, position: int) -> list[Recorded]:
    """The events after a position."""
    stored = await pulse.house.log.read_all(">", position + 1)
    return [open_envelope(one.position, one.subject, one.body) for one in stored]


def kinds(events: list[Recorded]) -> list[str]:
    return [event.envelope.type for event in events]


class Desk:
    """Signs people in once, and reads pages to their end."""

    def __init__(self, pulse: Pulse) -> None:
        self.pulse = pulse
        self._headers: dict[str, dict[str, str]] = {}

    async def headers(self, name: str) -> dict[str, str]:
        if name not in self._headers:
            self._headers[name] = await self.pulse.sign_in(name)
        return self._headers[name]

    def forget(self, name: str) -> None:
        self._headers.pop(name, None)

    async def get(self, name: str, address: str, *, at: int | None = None, **query: object) -> httpx2.Response:
        own_write = {} if at is None else {"X-Pulse-Position": str(at)}
        params = {key: str(value) for key, value in query.items() if value is not None}
        return await self.pulse.http.get(address, params=params, headers=await self.headers(name) | own_write)

    async def post(self, name: str, address: str, body: object = None) -> httpx2.Response:
        return await self.pulse.http.post(address, json=body, headers=await self.headers(name))

    async def reply(self, name: str, chat: UUID, text: str = "Good day", **more: object) -> httpx2.Response:
        return await self.post(name, f"/api/chats/{chat}/messages", {"text": text, **more})

    async def items(self, name: str, address: str, **query: Any) -> list[dict[str, Any]]:
        """Everything of a list, page by page, as it stands now."""
        await settled(self.pulse)
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            answer = await self.get(name, address, cursor=cursor, limit=200, **query)
            assert answer.status_code == 200, answer.text
            found += answer.json()["items"]
            cursor = answer.json()["next"]
            if cursor is None:
                return found

    async def thread(self, name: str, chat: UUID) -> list[dict[str, Any]]:
        await settled(self.pulse)
        answer = await self.get(name, f"/api/chats/{chat}/messages", limit=200)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["items"]
        return found


def is_problem(answer: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    """The answer is a problem of this code, well formed (RFC 9457)."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == status
    assert body["code"] == code
    assert body["title"]
    assert body["type"]
    return body
