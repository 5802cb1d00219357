"""Reading the read models: a pool, and waiting for one's own write to appear."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from typing import Any, LiteralString, overload
from uuid import UUID

import orjson
import psycopg
from psycopg import errors
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from pulse.errors import BadInput, ReadsDown
from pulse.eventlog.jetstream import Log

SCHEMA = "read"
PROJECTED = "pulse.live.projected"
OWN_WRITE_SECONDS = 0.5
ASK_AGAIN_SECONDS = 0.05
READ_SECONDS = 2.0
CONNECT_SECONDS = 2
POOL_RETRIES_SECONDS = 1.0
LAST_POSITION = 2**63 - 1
# Compiling a statement would cost it more time than it has.
WITHIN = "select set_config('statement_timeout', %(milliseconds)s, true), set_config('jit', 'off', true)"
REACHED = "select 1 from inbox where chat_id = %(chat_id)s and version >= %(version)s"

# Statements are not prepared: each is planned for its own values, and a swap to tables of another shape
# does not break it. A read that takes longer than anybody waits ends.
OPTIONS = {
    "autocommit": True,
    "row_factory": dict_row,
    "connect_timeout": CONNECT_SECONDS,
    "prepare_threshold": None,
    # In UTC: elsewhere the last hours of what Python can hold would lie beyond it, and one such row would spoil a list.
    # Pages of an index are in memory or on a disk without a head: the default of 4 is for disks that have one.
    "options": f"-c search_path={SCHEMA} -c timezone=UTC -c statement_timeout={READ_SECONDS:.0f}s"
    " -c random_page_cost=1.1 -c effective_io_concurrency=64",
}


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
        pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
            database_url, min_size=1, max_size=size, kwargs=OPTIONS, open=False, timeout=READ_SECONDS,
            check=AsyncConnectionPool.check_connection, reconnect_timeout=POOL_RETRIES_SECONDS,
        )  # fmt: skip
        reads = cls(pool)
        await log.listen(PROJECTED, reads._on_projected)
        await pool.open()
        try:
            yield reads
        finally:
            await pool.close()

    async def fetch(self, statement: LiteralString, **parameters: Any) -> list[DictRow]:
        """All rows of a statement, within READ_SECONDS.

        Raises ReadsDown when Postgres or the tables are away, BadInput for odd values.
        """
        found = await self._in_time(self._fetch(statement, parameters))
        assert found is not None  # it has no other end in time
        return found

    async def fetch_within(
        self, milliseconds: int, statement: LiteralString, **parameters: Any
    ) -> list[DictRow] | None:
        """All rows of a statement, or None where Postgres would work on it for longer. Raises as `fetch` does."""
        seconds = READ_SECONDS + milliseconds / 1000
        return await self._in_time(self._fetch(statement, parameters, milliseconds), seconds)

    async def _in_time(
        self, coming: Coroutine[Any, Any, list[DictRow] | None], seconds: float = READ_SECONDS
    ) -> list[DictRow] | None:
        reading = asyncio.ensure_future(coming)
        try:
            done, _ = await asyncio.wait([reading], timeout=seconds)
        except asyncio.CancelledError:
            _abandon(reading)
            raise
        if not done:  # a server that hangs would not even let itself be cancelled in time
            _abandon(reading)
            raise ReadsDown
        return reading.result()

    async def _fetch(
        self, statement: LiteralString, parameters: dict[str, Any], milliseconds: int | None = None
    ) -> list[DictRow] | None:
        try:
            async with self.pool.connection() as connection:
                if milliseconds is None:
                    cursor = await connection.execute(statement, parameters)
                    return await cursor.fetchall() if cursor.description else []
                async with connection.pipeline(), connection.transaction():
                    await connection.execute(WITHIN, {"milliseconds": str(milliseconds)})
                    cursor = await connection.execute(statement, parameters)
                    return await cursor.fetchall()
        except errors.QueryCanceled as error:
            if milliseconds is None:
                raise ReadsDown from error
            return None
        except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout) as error:
            raise ReadsDown from error
        except (errors.UndefinedTable, errors.UndefinedColumn, errors.InvalidSchemaName) as error:
            raise ReadsDown("The read models are not built yet.") from error
        except psycopg.DataError as error:
            raise BadInput("A value in the request is out of range.") from error

    async def wait_for(self, position: int) -> bool:
        """Waits until the read models have taken in a position, half a second at most. Did they?"""
        if self.position == 0:  # nothing was announced since we began
            await self._ask()
        if self.position < position:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(OWN_WRITE_SECONDS), self._moved:
                    await self._moved.wait_for(lambda: self.position >= position)
        if self.position < position:  # an announcement may have been lost
            await self._ask()
        return self.position >= position

    async def wait_for_version(self, chat_id: UUID, version: int) -> None:
        """Waits until a chat's row has reached a version, half a second at most: visitors know no positions.

        Whatever else is announced meanwhile, it asks once every ASK_AGAIN_SECONDS at most.
        """
        clock = asyncio.get_running_loop().time
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(OWN_WRITE_SECONDS):
                seen, asked = self.position, clock()
                while not await self.fetch(REACHED, chat_id=chat_id, version=version):
                    async with self._moved:
                        await self._moved.wait_for(lambda: self.position != seen)  # noqa: B023  asked before it changes
                    await asyncio.sleep(asked + ASK_AGAIN_SECONDS - clock())
                    seen, asked = self.position, clock()

    async def reached(self) -> int:
        """How far the read models are. Raises ReadsDown."""
        await self._ask()
        return self.position

    async def _ask(self) -> None:
        rows = await self.fetch("select position from checkpoint")
        self.position = max(self.position, rows[0]["position"] if rows else 0)

    async def _on_projected(self, body: bytes) -> None:
        async with self._moved:
            self.position = orjson.loads(body)["position"]
            self._moved.notify_all()


def _abandon(reading: asyncio.Future[Any]) -> None:
    """Lets a read end by itself, whatever comes of it."""
    reading.cancel()
    reading.add_done_callback(lambda ended: ended.cancelled() or ended.exception())


def as_uuid(text: str) -> UUID:
    """An id out of a path or body. Raises BadInput."""
    try:
        return UUID(text)
    except ValueError:
        raise BadInput(f"{text[:80]!r} is not an id.") from None


def as_position(text: str | None) -> int:
    """A position out of a header, 0 where there is none. Raises BadInput."""
    if not text:
        return 0
    if not text.isdecimal() or len(text) > 19 or int(text) > LAST_POSITION:
        raise BadInput("X-Pulse-Position must be a position that a command answered with.")
    return int(text)


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
