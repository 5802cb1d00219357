"""Reading the read models: a pool, pages with cursors, and waiting for one's own write to appear."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString, overload
from uuid import UUID

import orjson
import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from pulse.errors import BadInput, ReadsDown
from pulse.eventlog.jetstream import Log

SCHEMA = "read"
PROJECTED = "pulse.live.projected"
OWN_WRITE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list. `next` and `prev` are cursors for the pages around it, None where there is none."""

    items: Sequence[dict[str, Any]]
    next: str | None
    prev: str | None

    def body(self) -> dict[str, Any]:
        return {"items": self.items, "next": self.next, "prev": self.prev}


class Reads:
    """A pool of connections to the read models, and the position they are known to have reached."""

    def __init__(self, pool: AsyncConnectionPool[psycopg.AsyncConnection[DictRow]]) -> None:
        self.pool = pool
        self.position = 0
        self._moved = asyncio.Condition()

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, database_url: str, log: Log, *, size: int = 8) -> AsyncIterator[Reads]:
        """Opens the pool; Postgres need not be up yet."""
        kwargs = {"row_factory": dict_row, "autocommit": True, "options": f"-c search_path={SCHEMA}"}
        pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
            database_url, min_size=1, max_size=size, kwargs=kwargs, open=False, timeout=2,
            check=AsyncConnectionPool.check_connection, reconnect_timeout=30,
        )  # fmt: skip
        reads = cls(pool)
        await log.listen(PROJECTED, reads._on_projected)
        await pool.open()
        try:
            yield reads
        finally:
            await pool.close()

    async def fetch(self, statement: LiteralString, **parameters: Any) -> list[DictRow]:
        """All rows of a statement. Raises ReadsDown when Postgres or the tables are away, BadInput for odd values."""
        try:
            async with self.pool.connection() as connection:
                cursor = await connection.execute(statement, parameters)
                return await cursor.fetchall() if cursor.description else []
        except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout) as error:
            raise ReadsDown from error
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName) as error:
            raise ReadsDown("The read models are not built yet.") from error
        except psycopg.DataError as error:
            raise BadInput("A value in the request is out of range.") from error

    async def wait_for(self, position: int) -> bool:
        """Waits until the read models have taken in a position, half a second at most. Did they?"""
        if self.position >= position:
            return True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(OWN_WRITE_SECONDS), self._moved:
                await self._moved.wait_for(lambda: self.position >= position)
        if self.position < position:  # an announcement may have been lost, so ask
            rows = await self.fetch("select position from checkpoint")
            self.position = max(self.position, rows[0]["position"] if rows else 0)
        return self.position >= position

    async def _on_projected(self, body: bytes) -> None:
        async with self._moved:
            self.position = orjson.loads(body)["position"]
            self._moved.notify_all()


def as_uuid(text: str) -> UUID:
    """An id out of a path or body. Raises BadInput."""
    try:
        return UUID(text)
    except ValueError:
        raise BadInput(f"{text[:80]!r} is not an id.") from None


@overload
def number(text: str | None, default: int) -> int: ...
@overload
def number(text: str | None, default: None) -> int | None: ...
def number(text: str | None, default: int | None) -> int | None:
    """A whole number out of a query. Raises BadInput."""
    if text is None or text == "":
        return default
    if not text.isdecimal() or len(text) > 9:
        raise BadInput(f"{text[:80]!r} is not a whole number.")
    return int(text)
