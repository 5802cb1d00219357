"""The log as a persistence module of the `eventsourcing` library, for its applications, projections and notebooks.

`PERSISTENCE_MODULE=pulse.eventlog.recorder` and `PULSE_NATS_URL` (and `PULSE_STREAM`) are all an `Application` needs.
Pulse's own events have topics like `chat.opened/1`; anything else lies beside them under the kind `record`.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from base64 import b64decode
from collections import deque
from collections.abc import AsyncGenerator, Coroutine, Iterator, Sequence
from concurrent.futures import CancelledError, Future
from typing import Any, TypeVar, cast
from uuid import UUID

import msgspec
import orjson
from eventsourcing import persistence as es
from eventsourcing.domain import TAggregateID

from pulse.errors import LogDown
from pulse.eventlog.appends import Append, AppendRefused, BatchLost, StillInFlight, WrongSequence
from pulse.eventlog.follow import Follow, LogHole
from pulse.eventlog.jetstream import STREAM, Log
from pulse.eventlog.mapper import (
    ENVELOPE,
    Notifications,
    PulseMapper,
    follows,
    notifications,
    sealed,
    stored_event,
    subject_in,
)

BATCH, TRIES = 1000, 8

T = TypeVar("T")
Events = Sequence[es.StoredEvent]


class Datastore:
    """One connection to the log, on a thread of its own. Raises OperationalError when nobody answers."""

    def __init__(self, url: str, stream: str = STREAM) -> None:
        self.log: Log | None = None
        self._loop, self._closed = asyncio.new_event_loop(), False
        self._lock = threading.RLock()  # reentrant: the library closes things in `__del__`, at any moment
        self._thread = threading.Thread(target=self._live, name="pulse-recorder", daemon=True)
        self._thread.start()
        try:
            self.prefix = self.run(self._open(url, stream))
        except BaseException:
            self.close()
            raise

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Does it on the thread and waits for it. Raises the library's errors in place of ours."""
        with library_errors():
            return self.submit(work).result()

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        with self._lock:
            if not self._closed:
                return asyncio.run_coroutine_threadsafe(work, self._loop)
        work.close()
        raise es.InterfaceError("The connection to the event log is closed.")

    def close(self) -> None:
        """Ends whatever is under way, the connection and the thread."""
        with self._lock:
            if not self._closed:
                self._closed = True
                asyncio.run_coroutine_threadsafe(self._end(), self._loop)
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _live(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop):
            self._loop.run_forever()

    async def _open(self, url: str, stream: str) -> str:
        self.log = await Log.connect(url, name="recorder", stream=stream)
        info = await self.log.api(f"STREAM.INFO.{stream}")
        return str(info["config"]["subjects"][0]).removesuffix(".>")

    async def _end(self) -> None:
        if self.log is not None:
            await self.log.close()
        self._loop.stop()


class JetStreamAggregateRecorder(es.AggregateRecorder):
    """One exact subject per originator; the expected sequence makes check and append one step."""

    def __init__(self, datastore: Datastore) -> None:
        assert datastore.log is not None
        self.datastore, self._log = datastore, datastore.log

    def insert_events(self, stored_events: Events, **kwargs: Any) -> Sequence[int] | None:
        """Stores all or none. `by`, `cause` and `scope` go into the envelopes: `Application.save(chat, by=...)`.

        Raises IntegrityError for a version that does not follow, DataError for what Pulse could not read back,
        OperationalError when the log is down (if only its answer was lost, the events are stored all the same).
        """
        self._insert(stored_events, **kwargs)
        return None

    def select_events(
        self, originator_id: UUID | str, *, gt: int | None = None, lte: int | None = None,
        desc: bool = False, limit: int | None = None,
    ) -> Events:  # fmt: skip
        events = self.datastore.run(self._select(originator_id))
        low, high = (float("-inf") if gt is None else gt), (float("inf") if lte is None else lte)
        return [e for e in events[:: -1 if desc else 1] if low < e.originator_version <= high][:limit]

    def _insert(self, stored_events: Events, **beside: Any) -> list[int]:
        if len(stored_events) > BATCH:
            raise es.ProgrammingError(f"One save holds at most {BATCH} events, not {len(stored_events)}.")
        with library_errors():
            appends = [sealed(event, self.datastore.prefix, **beside) for event in stored_events]
        return self.datastore.run(self._append(stored_events, appends)) if appends else []

    async def _append(self, events: Events, appends: list[Append]) -> list[int]:
        for attempt in range(TRIES):
            await self._condition(events, appends, hopeful=attempt == 0)
            try:
                ack = await (self._log.append_batch(appends) if len(appends) > 1 else self._log.append(appends[0]))
            except (WrongSequence, StillInFlight, BatchLost):
                await asyncio.sleep(0.005 * attempt)
            else:
                return list(range(ack.position - len(appends) + 1, ack.position + 1))
        raise es.OperationalError("Others kept appending at the same moment. Nothing was stored; try again.")

    async def _condition(self, events: Events, appends: list[Append], *, hopeful: bool) -> None:
        """Each originator's first event carries the condition. `hopeful` takes a first version for new, unasked."""
        last: dict[str, int | None] = {}
        for event, append in zip(events, appends, strict=True):
            subject, version = append.subject, event.originator_version
            if subject not in last:
                new = hopeful and version <= 1
                last[subject], append.expect = (None, 0) if new else await self._last(event.originator_id, subject)
            if not follows(event, last[subject]):
                raise es.IntegrityError(f"{subject}: version {version} does not follow {last[subject]}.")
            last[subject] = version

    async def _last(self, originator_id: UUID | str, wanted: str) -> tuple[int | None, int]:
        """The originator's last version and its position."""
        subject = await self._find(originator_id)
        if subject is None:
            return None, 0
        if subject != wanted:
            raise es.ProgrammingError(f"{subject} exists, so {wanted} can't.")
        found = await self._log.api(f"STREAM.MSG.GET.{self._log.stream}", {"last_by_subj": subject})
        return ENVELOPE.decode(b64decode(found["message"]["data"])).ver, found["message"]["seq"]

    async def _select(self, originator_id: UUID | str) -> list[es.StoredEvent]:
        subject = await self._find(originator_id)
        return [stored_event(stored) for stored in await self._log.read_all(subject)] if subject else []

    async def _find(self, originator_id: UUID | str) -> str | None:
        """The library asks for an id without its kind; the server finds it in its tree of subjects."""
        pattern = subject_in(self.datastore.prefix, "*", originator_id)
        info = await self._log.api(f"STREAM.INFO.{self._log.stream}", {"subjects_filter": pattern})
        subjects = sorted(info["state"].get("subjects") or ())
        if len(subjects) > 1:
            raise es.ProgrammingError(f"One id, several things: {', '.join(subjects)}.")
        return subjects[0] if subjects else None


class JetStreamApplicationRecorder(JetStreamAggregateRecorder, es.ApplicationRecorder):
    """Notification ids are positions in the log."""

    def insert_events(self, stored_events: Events, **kwargs: Any) -> Sequence[int] | None:
        return self._insert(stored_events, **kwargs)

    def select_notifications(
        self, start: int | None, limit: int, stop: int | None = None, topics: Sequence[str] = (),
        *, inclusive_of_start: bool = True,
    ) -> Notifications:  # fmt: skip
        first = 1 if start is None else start + (not inclusive_of_start)
        return self.datastore.run(self._read(first, limit, float("inf") if stop is None else stop, topics))

    def max_notification_id(self) -> int | None:
        return self.datastore.run(self._log.last_position()) or None

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> JetStreamSubscription:
        return JetStreamSubscription(self, gt, topics)

    async def follow(self, after: int, topics: Sequence[str]) -> AsyncGenerator[Notifications, None]:
        """What comes after a position, for ever, also across restarts of the server."""
        async for page in Follow(self._log, after):
            yield notifications(page, topics)

    async def _read(self, start: int, limit: int, stop: float, topics: Sequence[str]) -> Notifications:
        found: Notifications = []
        while len(found) < limit and start <= stop:
            page = await self._log.read(start, limit=BATCH if topics else min(limit, BATCH))
            if not page:
                break
            found += notifications([stored for stored in page if stored.position <= stop], topics)
            start = page[-1].position + 1
        return found[:limit]


class JetStreamSubscription(es.Subscription[JetStreamApplicationRecorder]):
    """Fetches a page when the last is used up; `stop`, from any thread, ends the waiting."""

    def __init__(self, recorder: JetStreamApplicationRecorder, gt: int | None, topics: Sequence[str]) -> None:
        super().__init__(recorder, gt, topics)
        self._pages = recorder.follow(gt or 0, topics)
        self._page: deque[es.Notification] = deque()
        self._waiting: Future[Notifications] | None = None

    def __next__(self) -> es.Notification:
        while not self._has_been_stopped:
            if self._page:
                return self._page.popleft()
            self._page.extend(self._next_page() or ())
        raise StopIteration

    def stop(self) -> None:
        super().stop()
        if self._waiting and not self._waiting.cancel():
            with contextlib.suppress(es.InterfaceError):
                self._recorder.datastore.submit(self._fetch())

    def _next_page(self) -> Notifications | None:
        with contextlib.suppress(es.InterfaceError, StopAsyncIteration), library_errors():
            self._waiting = self._recorder.datastore.submit(self._fetch())
            if self._has_been_stopped:
                self._waiting.cancel()
            return self._waiting.result()
        self._has_been_stopped = True
        return None

    async def _fetch(self) -> Notifications:
        if self._has_been_stopped:
            await self._pages.aclose()
        return await anext(self._pages)


class Factory(es.InfrastructureFactory[es.TrackingRecorder]):
    """What the library looks for in this module."""

    _datastore: Datastore | None = None

    def mapper(
        self, transcoder: es.Transcoder | None = None, mapper_class: type[es.Mapper[TAggregateID]] | None = None
    ) -> es.Mapper[TAggregateID]:
        if mapper_class is None and not self.env.get(self.MAPPER_TOPIC):
            mapper_class = cast("type[es.Mapper[TAggregateID]]", PulseMapper)
        return super().mapper(transcoder, mapper_class)

    def aggregate_recorder(self, purpose: str = "events") -> es.AggregateRecorder:
        if purpose != "events":
            raise es.NotSupportedError("The log keeps only what can't be computed again, so no snapshots.")
        return JetStreamAggregateRecorder(self._open())

    def application_recorder(self) -> es.ApplicationRecorder:
        return JetStreamApplicationRecorder(self._open())

    def tracking_recorder(self, tracking_recorder_class: Any = None) -> es.TrackingRecorder:
        raise es.NotSupportedError("Tracking lies with the rows: give the projection its own PERSISTENCE_MODULE.")

    def process_recorder(self) -> es.ProcessRecorder:
        raise es.NotSupportedError("Tracking lies with the rows: give the projection its own PERSISTENCE_MODULE.")

    def close(self) -> None:
        if self._datastore:
            self._datastore.close()

    def _open(self) -> Datastore:
        if self._datastore is None:
            url = self.env.get("PULSE_NATS_URL")
            if not url:
                raise OSError("PULSE_NATS_URL is not set.")
            self._datastore = Datastore(url, self.env.get("PULSE_STREAM") or STREAM)
        return self._datastore


@contextlib.contextmanager
def library_errors() -> Iterator[None]:
    """Our errors as the library names them."""
    try:
        yield
    except (LogDown, LogHole, AppendRefused, TimeoutError) as error:
        raise es.OperationalError(str(error) or "NATS does not answer.") from error
    except (msgspec.MsgspecError, orjson.JSONDecodeError) as error:
        raise es.DataError(str(error)) from error
    except CancelledError:
        raise es.InterfaceError("The connection to the event log was closed meanwhile.") from None
