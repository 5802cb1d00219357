"""Files of messages are brought into our own storage, or known to be lost; with real servers on both sides."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import structlog

from pulse.aggregates.chat import Chat
from pulse.aggregates.chat_files import AttachmentLost, AttachmentStored
from pulse.aggregates.source import source_id
from pulse.blobs import Blobs
from pulse.channels import Account, Channel, Located
from pulse.channels.calls import NeverDelivered, NotNow, SourceInTrouble
from pulse.channels.simulator import Simulator
from pulse.delivery import attachments as worker
from pulse.delivery.attachments import PAUSES, PER_SOURCE, Attachments
from pulse.delivery.fetching import Origins
from pulse.drivers import Drivers
from pulse.errors import LogDown
from pulse.eventlog.appends import AppendRefused
from pulse.eventlog.envelope import open_envelope
from pulse.eventlog.store import EventStore
from pulse.logs import configure_logs
from pulse.message import LARGEST_FILE, Attachment, Incoming, Quoted
from pulse.wiring.workers import open_attachments
from tests.conftest import Pulse
from tests.given import NOW, SHOP, VERA, a_chat
from tests.insisting import insist
from tests.outsiders import Answer, Outsider, an_outsider, ok, status
from tests.world import rows, settled, vera_writes

PNG = b"\x89PNG\r\n\x1a\n" + b"pixels"
TOKEN = "7000000001:AAFplantedSecretTokenForTheTest0000"
CAT = Attachment("photo", name="cat.jpg", mime="image/jpeg", size=5, ref="cat")
DOG = Attachment("document", name="../../dog.pdf", ref="dog")


class Shelf(Simulator):
    """A channel whose files lie under an address with a token in it, like Telegram's. `hitch` may happen first."""

    def __init__(self, port: int, hitch: Callable[[str], Located | None]) -> None:
        super().__init__(Account(SHOP, "shop"))
        self._port = port
        self._hitch = hitch

    async def locate(self, ref: str) -> Located:
        return self._hitch(ref) or Located(f"http://127.0.0.1:{self._port}/file/bot{TOKEN}/{ref}")


@dataclass
class Bench:
    """A worker and what it works with. `paused` are the seconds it waited between tries."""

    store: EventStore
    blobs: Blobs
    there: Outsider
    hitch: Callable[[str], Located | None] = lambda _: None
    limit: int = LARGEST_FILE
    trusted: str = ""
    paused: list[float] = field(default_factory=list)
    saved: list[int] = field(default_factory=list)
    on_pause: Callable[[], object] = lambda: None
    others: dict[UUID, Channel] = field(default_factory=dict)

    def worker(self) -> Attachments:
        async def pause(seconds: float) -> None:
            self.paused.append(seconds)
            self.on_pause()
            await asyncio.sleep(0)

        def driver(source: UUID) -> Channel | None:
            return self.others.get(source) or (Shelf(self.there.port, self.hitch) if source == SHOP else None)

        trusted = frozenset({f"127.0.0.1:{self.there.port}", self.trusted})
        origins = Origins(driver, trusted, lambda _: self.limit)
        return Attachments(self.store, self.blobs, origins, lambda: NOW, pause)

    async def save(self, position: int) -> None:
        self.saved.append(position)

    @asynccontextmanager
    async def working(self, after: int = 0) -> AsyncIterator[Attachments]:
        made = self.worker()
        running = asyncio.create_task(made.run(after, self.save))
        yield made
        running.cancel()
        await asyncio.wait([running])
        assert running.cancelled() or running.exception() is None

    async def outcomes(self, count: int) -> list[Any]:
        """The events of the worker, once there are so many."""
        return await insist(self.told, lambda told: len(told) >= count)

    async def told(self) -> list[Any]:
        stored = await self.store.log.read_all(">", 1)
        events = [open_envelope(one.position, one.subject, one.body).event for one in stored]
        return [event for event in events if isinstance(event, AttachmentStored | AttachmentLost)]

    async def chat(self, act: Callable[[Chat], object], peer: str = "77", source: UUID = SHOP) -> None:
        made = a_chat(peer) if source == SHOP else a_chat_on(source)

        def decision(known: Chat | None) -> Chat:
            act(found := known or made)
            return found

        await self.store.decide(Chat, made.id, decision, by="customer")


def a_chat_on(source: UUID) -> Chat:
    return Chat.open(
        source_id=source, channel="simulator", peer="77", title="Vera", group=False, department_id=None,
        customer_id=UUID(int=77), now=NOW,
    )  # fmt: skip


def vera_sends(*attachments: Attachment, external_id: str = "1", **more: Any) -> Callable[[Chat], None]:
    said = Incoming(external_id, VERA, message_id=external_id, attachments=attachments, **more)
    return lambda chat: chat.receive(said, raw="{}", now=NOW)


@asynccontextmanager
async def a_bench(store: EventStore, place: Path, answers: Answer = lambda _: ok(PNG)) -> AsyncIterator[Bench]:
    async with an_outsider(answers) as there:
        yield Bench(store, Blobs(place / "blobs"), there)


async def test_a_file_becomes_ours_and_is_what_its_bytes_say(store: EventStore, tmp_path: Path) -> None:
    async with a_bench(store, tmp_path) as bench:
        await bench.chat(vera_sends(replace(DOG, mime="application/pdf")))
        async with bench.working():
            [stored] = await bench.outcomes(1)
        assert (stored.of, stored.edit, stored.index, stored.kind) == (2, None, 0, "document")
        assert (stored.mime, stored.size, stored.name) == ("image/png", len(PNG), "dog.pdf")
        assert stored.sha256 == sha256(PNG).hexdigest()
        assert UUID(stored.file).version == 4
        assert await bench.blobs.read(stored.sha256) == PNG
        assert TOKEN in bench.there.heads[0]
        assert not any(TOKEN.encode() in one.body for one in await store.log.read_all(">", 1))


def test_an_address_with_a_token_is_not_shown() -> None:
    assert TOKEN not in repr(Located(f"https://api.example.org/file/bot{TOKEN}/a"))


async def test_quoted_and_forwarded_files_are_brought_too(store: EventStore, tmp_path: Path) -> None:
    async with a_bench(store, tmp_path, lambda target: ok(target.rpartition("/")[2].encode())) as bench:
        answered, forwarded = Quoted("", attachments=(DOG, CAT)), Quoted("", attachments=(replace(CAT, ref="fox"),))
        place = Attachment("location", latitude=1.0, longitude=2.0)
        await bench.chat(vera_sends(place, CAT, reply_to=answered, forwarded=(forwarded,)))
        async with bench.working():
            told = await bench.outcomes(4)
        names = {one.index: (await bench.blobs.read(one.sha256)).decode() for one in told}
        assert names == {1: "cat", 2: "dog", 3: "cat", 4: "fox"}


async def test_an_edits_files_and_those_of_outside_replies_are_brought(store: EventStore, tmp_path: Path) -> None:
    async with a_bench(store, tmp_path) as bench:
        await bench.chat(vera_sends())
        edited = Incoming("2", VERA, text="see", message_id="1", attachments=(DOG,))
        await bench.chat(lambda chat: chat.edit(edited, raw="{}", now=NOW))
        echo: dict[str, Any] = {"text": "", "attachments": (CAT,), "random_id": 0, "raw": "{}", "now": NOW}
        await bench.chat(lambda chat: chat.echo(message_id="5", external_id="5", outside_author="5", **echo))
        async with bench.working():
            told = await bench.outcomes(2)
        assert {(one.of, one.edit, one.index) for one in told} == {(2, 3, 0), (4, None, 0)}


async def test_a_file_is_decided_once_however_many_bring_it(store: EventStore, tmp_path: Path) -> None:
    async with a_bench(store, tmp_path) as bench:
        for number in range(10):
            await bench.chat(vera_sends(CAT, DOG, external_id=str(number + 1)))
        async with bench.working(), bench.working():
            await bench.outcomes(20)
            await bench.chat(vera_sends(CAT, external_id="last"))
            told = await bench.outcomes(21)
        assert len({(one.of, one.index) for one in told}) == len(told) == 21
        assert (await store.load(Chat, a_chat().id)).awaited == set()  # type: ignore[union-attr]


async def test_what_is_decided_is_not_asked_for_again(store: EventStore, tmp_path: Path) -> None:
    async with a_bench(store, tmp_path) as bench:
        await bench.chat(vera_sends(CAT))
        async with bench.working():
            await bench.outcomes(1)
        async with bench.working():
            await bench.chat(vera_sends(DOG, external_id="2"))
            await bench.outcomes(2)
        assert [head.split()[1].rpartition("/")[2] for head in bench.there.heads] == ["cat", "dog"]


async def test_a_restart_begins_again_with_what_is_awaited(store: EventStore, tmp_path: Path) -> None:
    async with a_bench(store, tmp_path, lambda _: b"") as bench:
        await bench.chat(vera_sends(CAT))
        async with bench.working():
            await insist(heads_of(bench), bool)
    async with a_bench(store, tmp_path) as bench:
        async with bench.working():
            [stored] = await bench.outcomes(1)
        assert isinstance(stored, AttachmentStored)


def heads_of(bench: Bench) -> Callable[[], Coroutine[Any, Any, list[str]]]:
    async def heads() -> list[str]:
        return bench.there.heads

    return heads


async def test_a_place_is_saved_up_to_the_oldest_file_that_is_awaited(
    store: EventStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "SAVE_EVERY", 1)
    async with a_bench(store, tmp_path, lambda target: b"" if target.endswith("cat") else ok(PNG)) as bench:
        await bench.chat(vera_sends(DOG))
        await bench.chat(vera_sends(CAT, external_id="2"))
        await bench.chat(vera_sends(DOG, external_id="3"))
        async with bench.working():
            await bench.outcomes(2)
            await bench.chat(vera_sends(external_id="4"))
            await insist(saved_of(bench), lambda saved: saved and saved[-1] == 2)
        assert max(bench.saved) == 2, "the cat lies at 3"


def saved_of(bench: Bench) -> Callable[[], Coroutine[Any, Any, list[int]]]:
    async def saved() -> list[int]:
        return bench.saved

    return saved


# What can't be had


def refuse(error: Exception) -> Callable[[str], Located | None]:
    def hitch(_: str) -> None:
        raise error

    return hitch


@pytest.mark.parametrize(
    ("answers", "hitch", "reason"),
    [
        (status(404), None, "The channel has it no more."),
        (status(410), None, "The channel has it no more."),
        (ok(b"x" * 1001), None, "The file is too large."),
        (ok(PNG), lambda _: Located("https://files.example.org/a", size=1001), "The file is too large."),
        (ok(PNG), lambda _: Located("http://127.0.0.1:1/a"), "The file lies where Pulse does not go."),
        (ok(PNG), lambda _: Located("https://evil.example.org/a", hosts=("files.example.org",)), "The file lies where Pulse does not go."),
        (ok(PNG), lambda _: Located("https://[::1/a"), "The file lies where Pulse does not go."),
        (status(302, "Location: http://169.254.169.254/"), None, "The file lies where Pulse does not go."),
        (ok(PNG), refuse(NeverDelivered("Too old.")), "Too old."),
    ],
)  # fmt: skip
async def test_what_can_never_be_had_is_lost_at_once(
    store: EventStore, tmp_path: Path, answers: bytes, hitch: Callable[[str], Located | None] | None, reason: str
) -> None:
    async with a_bench(store, tmp_path, lambda _: answers) as bench:
        bench.hitch, bench.limit = hitch or bench.hitch, 1000
        await bench.chat(vera_sends(DOG))
        async with bench.working():
            [lost] = await bench.outcomes(1)
        assert (type(lost), lost.of, lost.index, lost.reason) == (AttachmentLost, 2, 0, reason)
        assert bench.paused == []


async def test_what_is_said_to_be_too_large_is_not_asked_for(store: EventStore, tmp_path: Path) -> None:
    async with a_bench(store, tmp_path) as bench:
        bench.limit = 4
        await bench.chat(vera_sends(CAT))
        async with bench.working():
            [lost] = await bench.outcomes(1)
        assert (lost.reason, bench.there.heads) == ("The file is too large.", [])


async def test_a_file_of_a_source_that_is_gone_is_lost(store: EventStore, tmp_path: Path) -> None:
    async with a_bench(store, tmp_path) as bench:
        await bench.chat(vera_sends(CAT), source=UUID(int=5))
        async with bench.working():
            [lost] = await bench.outcomes(1)
        assert lost.reason == "Its source is not connected any more."


async def test_a_passing_trouble_is_waited_out(store: EventStore, tmp_path: Path) -> None:
    troubles: list[Exception] = [
        NotNow("busy", after=77.0),
        SourceInTrouble("no"),
        RuntimeError("a mistake in a driver"),
    ]
    answers = [status(503), ok(PNG)]

    def hitch(_: str) -> None:
        if troubles:
            raise troubles.pop(0)

    async with a_bench(store, tmp_path, lambda _: answers.pop(0)) as bench:
        bench.hitch = hitch
        await bench.chat(vera_sends(CAT))
        async with bench.working():
            [stored] = await bench.outcomes(1)
        assert isinstance(stored, AttachmentStored)
        assert bench.paused == [77.0, *PAUSES[1:4]]


async def test_a_trouble_that_does_not_pass_ends_after_an_hour(store: EventStore, tmp_path: Path) -> None:
    async with a_bench(store, tmp_path, lambda _: status(500)) as bench:
        await bench.chat(vera_sends(CAT))
        async with bench.working():
            [lost] = await bench.outcomes(1)
        assert lost.reason == "The channel did not hand it out, however often it was asked."
        assert len(bench.there.heads) == len(PAUSES) + 1
        assert 3000 < sum(bench.paused) < 4000


async def test_a_full_disk_of_ours_loses_nothing(store: EventStore, tmp_path: Path) -> None:
    in_the_way = tmp_path / "blobs" / sha256(PNG).hexdigest()[:2]

    async with a_bench(store, tmp_path) as bench:

        def look() -> None:
            if len(bench.paused) > len(PAUSES) + 3:
                in_the_way.unlink(missing_ok=True)

        bench.on_pause = look
        in_the_way.write_text("")
        await bench.chat(vera_sends(CAT))
        async with bench.working():
            [stored] = await bench.outcomes(1)
        assert isinstance(stored, AttachmentStored)


# Side by side


async def test_a_slow_source_delays_no_other_and_is_not_asked_for_all_at_once(
    store: EventStore, tmp_path: Path
) -> None:
    slow = source_id("simulator", "slow")
    async with a_bench(store, tmp_path, lambda _: b"") as silent, a_bench(store, tmp_path) as bench:
        for number in range(10):
            await silent.chat(vera_sends(CAT, external_id=str(number + 1)), source=slow)
        await bench.chat(vera_sends(CAT))
        near = frozenset({f"127.0.0.1:{one.there.port}" for one in (bench, silent)})
        drivers = {SHOP: Shelf(bench.there.port, bench.hitch), slow: Shelf(silent.there.port, bench.hitch)}
        made = Attachments(store, bench.blobs, Origins(drivers.get, near), lambda: NOW)
        running = asyncio.create_task(made.run(0, bench.save))
        await insist(heads_of(silent), lambda heads: len(heads) == PER_SOURCE)
        [stored] = await bench.outcomes(1)
        assert isinstance(stored, AttachmentStored)
        await bench.chat(vera_sends(DOG, external_id="2"))
        await bench.outcomes(2)
        assert len(silent.there.heads) == PER_SOURCE
        running.cancel()
        await asyncio.wait([running])


async def test_four_sources_that_hang_hold_up_no_fifth(store: EventStore, tmp_path: Path) -> None:
    async with a_bench(store, tmp_path, lambda _: b"") as silent, a_bench(store, tmp_path) as bench:
        for number in range(4):
            source = source_id("simulator", f"slow-{number}")
            bench.others[source] = Shelf(silent.there.port, silent.hitch)
            for other in range(PER_SOURCE + 1):
                await bench.chat(vera_sends(CAT, external_id=str(other + 1)), source=source)
        bench.trusted = f"127.0.0.1:{silent.there.port}"
        async with bench.working():
            await insist(heads_of(silent), lambda heads: len(heads) == 4 * PER_SOURCE)
            await bench.chat(vera_sends(CAT))
            [stored] = await bench.outcomes(1)
        assert isinstance(stored, AttachmentStored)
        assert len(silent.there.heads) == 4 * PER_SOURCE


async def test_what_waits_in_the_queue_of_its_source_is_no_task_and_comes_in_its_turn(
    store: EventStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "BEGUN", 2)
    begun: list[int] = []

    def hitch(_: str) -> None:
        tasks = [str(task.get_coro()) for task in asyncio.all_tasks()]
        begun.append(sum("_work_off" in task for task in tasks))

    async with a_bench(store, tmp_path) as bench:
        bench.hitch = hitch
        for number in range(8):
            await bench.chat(vera_sends(CAT, external_id=str(number + 1)))
        async with bench.working():
            assert all(isinstance(one, AttachmentStored) for one in await bench.outcomes(8))
    assert len(begun) == 8
    assert max(begun) == 2


# In a whole Pulse


async def test_a_log_that_can_not_tell_where_the_last_one_was_is_asked_again(
    pulse: Pulse, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, asked = pulse.house.log.api, 0

    async def silent_at_first(name: str, body: Any = None) -> Any:
        nonlocal asked
        if "place.attachments" in str(body):
            asked += 1
            if asked < 3:
                raise (LogDown(), AppendRefused(10_008, "not now"))[asked - 1]
        return await answers(name, body)

    monkeypatch.setattr(pulse.house.log, "api", silent_at_first)
    await vera_writes(pulse, "vera", type="image", file_name="cat.jpg", media_url="ftp://nowhere/cat.jpg")
    at = await pulse.house.log.last_position()
    async with a_deliverer(pulse, "nowhere"):
        await insist(there_of(pulse, at), bool)
    assert asked == 3


@asynccontextmanager
async def a_deliverer(pulse: Pulse, trusted: str) -> AsyncIterator[None]:
    house = pulse.house
    house.settings = house.settings.model_copy(update={"trusted_hosts": trusted})
    open_attachments(house, Drivers(house.directory, house.vault))
    running = asyncio.create_task(house.tasks[-1]())  # type: ignore[arg-type]
    yield
    running.cancel()
    await asyncio.wait([running])


async def test_a_thread_shows_a_file_before_and_after_it_is_ours_and_its_address_never(
    pulse: Pulse, capfd: pytest.CaptureFixture[str]
) -> None:
    before = structlog.get_config(), logging.getLogger().level, list(logging.getLogger().handlers)
    configure_logs("debug")
    anna = await pulse.sign_in("anna")
    turn = [status(500), ok(PNG)]
    async with an_outsider(lambda _: turn.pop(0) if turn else ok(PNG)) as there:
        url = f"http://127.0.0.1:{there.port}/file/bot{TOKEN}/cat.jpg"
        body = {"from": "vera", "type": "image", "file_name": "cat.jpg", "media_url": url, "message_id": "m1"}
        assert (await pulse.http.post(pulse.webhook("simulator"), json=body)).status_code == 200
        await settled(pulse)
        chats = (await pulse.http.get("/api/chats", headers=anna)).json()["items"]
        thread = f"/api/chats/{chats[0]['id']}/messages"
        [waiting] = (await pulse.http.get(thread, headers=anna)).json()["items"][0]["attachments"]
        assert waiting == {"id": "2.0", "kind": "photo", "name": "cat.jpg"}
        at = await pulse.house.log.last_position()
        async with a_deliverer(pulse, f"127.0.0.1:{there.port}"):
            await insist(there_of(pulse, at), bool)
        [found] = (await pulse.http.get(thread, headers=anna)).json()["items"][0]["attachments"]
        assert found == waiting | {"file": found["file"], "mime": "image/png", "size": len(PNG)}
        served = await pulse.http.get(f"/api/files/{found['file']}", params={"preview": "0"}, headers=anna)
        assert served.content == PNG
        assert 'filename="cat.jpg"' in served.headers["content-disposition"]
    assert await everything_says(pulse) == 1, "the raw delivery, which the caller wrote, and nothing of ours"
    structlog.configure(**before[0])
    logging.getLogger().setLevel(before[1])
    logging.getLogger().handlers[:] = before[2]
    said = capfd.readouterr()
    assert "attachments.later" in said.err
    assert TOKEN not in said.err + said.out


def there_of(pulse: Pulse, at: int) -> Callable[[], Coroutine[Any, Any, bool]]:
    async def look() -> bool:
        await settled(pulse)
        return await pulse.house.log.last_position() > at

    return look


async def everything_says(pulse: Pulse) -> int:
    """In how many events and rows the token stands. The simulator's raw delivery and its `ref` hold it by nature."""
    stored = await pulse.house.log.read_all(">", 1)
    events = sum(TOKEN.encode() in one.body for one in stored)
    for table in ("inbox", "thread", "customers", "files", "deliveries"):
        assert await rows(pulse, f"select 1 from read.{table} t where t::text like %(token)s", token=f"%{TOKEN}%") == []
    return events
