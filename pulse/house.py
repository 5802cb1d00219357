"""What every role stands on: a log that keeps its word, the keys, and who is who. The wiring builds on it."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from starlette.routing import BaseRoute

from pulse.blobs import Blobs, Bucket
from pulse.cursors import Cursors
from pulse.desk.page_desk import PageDesk
from pulse.directory import Directory
from pulse.embedded import Addresses
from pulse.eventlog.envelope import check_registry
from pulse.eventlog.jetstream import Log
from pulse.eventlog.store import EventStore
from pulse.eventlog.streams import reconcile, require_synced, wanted_streams
from pulse.ingest.publishing import Publishing
from pulse.ingest.webhooks import Webhooks
from pulse.metrics import Metrics
from pulse.presence import Presence
from pulse.projections.projector import Projector
from pulse.projections.reads import Reads
from pulse.pusher_app import PusherApp
from pulse.roster import Roster
from pulse.roster.talking import talk
from pulse.settings import Settings
from pulse.tokens import Signer
from pulse.vault import Vault

NATS_FOLDER = Path(__file__).parent / "nats"

Check = Callable[[], Awaitable[bool]]
Task = Callable[[], Coroutine[Any, Any, None]]


def now() -> datetime:
    """The clock."""
    return datetime.now(UTC)


@dataclass
class House:
    """What every role stands on: the log, the keys, and who is who."""

    settings: Settings
    addresses: Addresses
    log: Log
    epoch: str
    store: EventStore
    vault: Vault
    app: PusherApp
    signer: Signer
    directory: Directory
    tasks: list[Task] = field(default_factory=list)
    lasting: list[Task] = field(default_factory=list)  # until the last client was sent home
    routers: list[APIRouter] = field(default_factory=list)
    routes: list[BaseRoute] = field(default_factory=list)
    checks: dict[str, Check] = field(default_factory=dict)
    begins: list[Callable[[], Coroutine[Any, Any, object]]] = field(default_factory=list)
    webhooks: Webhooks | None = None
    publishing: Publishing | None = None
    pages: PageDesk | None = None
    projector: Projector | None = None
    reads: Reads | None = None
    building: int = 0
    metrics: Metrics = field(default_factory=Metrics)

    @cached_property
    def blobs(self) -> Blobs:
        """Where bodies and files lie; nothing is made of it where nobody asks."""
        return blobs_of(self.settings)

    @cached_property
    def roster(self) -> Roster:
        """Who is on which channel. Once somebody here has asked for it, this process tells the others and hears them."""
        roster = Roster(grace=self.settings.presence_grace)
        self.lasting.append(lambda: talk(self.log, roster))
        return roster

    @cached_property
    def presence(self) -> Presence:
        """Which moderators are online."""
        return Presence(self.roster)

    @cached_property
    def cursors(self) -> Cursors:
        """Every door reads those that another wrote."""
        return Cursors(self.epoch, self.vault.derive("cursors"))

    def tell_building(self, position: int, _goal: int) -> None:
        self.building = position

    @property
    def projected(self) -> int:
        """How far the read models are, or the ones that are being built."""
        return max(self.building, self.projector.position if self.projector else 0)

    async def begun(self) -> None:
        """Returns when everything in this process is ready for the first time."""
        for begins in self.begins:
            await begins()

    async def check(self) -> dict[str, bool]:
        """Is everything this process needs ready to serve?"""
        return {name: await check() for name, check in self.checks.items()}


def blobs_of(settings: Settings) -> Blobs:
    """Where bodies and files lie, as settings say."""
    bucket = None
    if settings.blobs_url:
        bucket = Bucket(
            settings.blobs_url,
            settings.blobs_endpoint,
            settings.blobs_key,
            settings.blobs_secret,
            settings.blobs_region,
        )
    return Blobs(settings.data_dir / "blobs", bucket)


@contextlib.asynccontextmanager
async def open_house(settings: Settings, addresses: Addresses) -> AsyncIterator[House]:
    """Connects to the log, refusing one that would not keep its word, and learns who is who."""
    check_registry()
    await require_synced(settings.nats_monitor_url or addresses.nats_monitor_url)
    vault = Vault.open(settings.master_key, settings.key_file)
    source = await Log.connect(addresses.nats_url)
    app = app_of(vault, settings.push_key, enabled=settings.push_app)
    signer = Signer(vault.derive("staff"), vault.derive("visitor"), app.secret.encode())
    directory = Directory(source)
    following: asyncio.Task[None] | None = None
    try:
        epoch = await reconcile(source, wanted_streams(NATS_FOLDER / "streams.json"), max_bytes=_room(settings))
        following = asyncio.create_task(directory.run())
        house = House(settings, addresses, source, epoch, EventStore(source), vault, app, signer, directory)
        house.lasting.append(lambda: _watch(following))
        house.checks["log"] = true_when(lambda: source.up and not source.following.is_on)
        house.checks["directory"] = true_when(directory.ready.is_set)
        await directory.ready.wait()
        yield house
    finally:
        if following is not None:
            following.cancel()
            await asyncio.wait([following])
        await source.close()


def app_of(vault: Vault, key: str, *, enabled: bool = True) -> PusherApp:
    """Its secrets follow from the master key, so every process knows the same."""
    return PusherApp(key, vault.derive_text("push"), vault.derive("push-encryption"), enabled=enabled)


def true_when(condition: Callable[[], bool]) -> Check:
    async def check() -> bool:
        return condition()

    return check


def _room(settings: Settings) -> int | None:
    """How large an embedded log may grow: half of what is free when it is made. Elsewhere, what streams.json says."""
    if settings.nats_url:
        return None
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    return shutil.disk_usage(settings.data_dir).free // 2


async def _watch(task: asyncio.Task[None]) -> None:
    """Lets a task that already runs end the process when it fails."""
    await task
