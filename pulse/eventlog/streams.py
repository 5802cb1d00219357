"""The streams as `nats/streams.json` wants them, held against the streams as they are.

Every role calls `reconcile` at start. A missing stream is made; a difference that can't lose anything is applied;
any other is refused with a sentence, never changed silently.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2

from pulse.errors import Trouble
from pulse.eventlog.appends import AppendRefused
from pulse.eventlog.jetstream import Log

STREAM_NOT_FOUND = 10059
NAME_IN_USE = 10058
GROWS = ("max_bytes", "max_msg_size", "duplicate_window", "num_replicas")


class StreamDiffers(Trouble):
    """A stream is not as nats/streams.json wants it, and changing it could lose events."""


class NotOnDisk(Trouble):
    """nats-server acknowledges messages before they are on disk, so Pulse refuses to serve.

    Set `sync_interval: always` in the jetstream block of its configuration.
    """


def wanted_streams(path: Path) -> dict[str, dict[str, Any]]:
    """The streams that must exist, by name, as the server's API spells them."""
    wanted: dict[str, dict[str, Any]] = json.loads(path.read_text())
    return wanted


async def reconcile(log: Log, wanted: dict[str, dict[str, Any]], *, max_bytes: int | None = None) -> str:
    """Makes or mends the streams and returns the log's epoch, an id that a rebuilt log changes.

    Raises StreamDiffers, LogDown.
    """
    for name, config in wanted.items():
        if max_bytes is not None:
            config = {**config, "max_bytes": min(config["max_bytes"], max_bytes)}  # noqa: PLW2901
        await _reconcile_one(log, name, config)
    config = (await log.api(f"STREAM.INFO.{log.stream}"))["config"]
    epoch = config.get("metadata", {}).get("pulse_epoch")
    if epoch is None:
        raise StreamDiffers(f"Stream {log.stream} has no pulse_epoch in its metadata, so Pulse did not make it.")
    return str(epoch)


async def _reconcile_one(log: Log, name: str, wanted: dict[str, Any]) -> None:
    try:
        found = (await log.api(f"STREAM.INFO.{name}"))["config"]
    except AppendRefused as refused:
        if refused.err_code != STREAM_NOT_FOUND:
            raise
        await _create(log, name, wanted)
        return
    changes = differences(wanted, found)
    refused_fields = {field for field in changes if field not in GROWS and field != "description"}
    if found.get("persist_mode") == "async":
        refused_fields.add("persist_mode")
    if refused_fields:
        told = ", ".join(f"{f} is {found.get(f)!r}, wanted {wanted.get(f)!r}" for f in sorted(refused_fields))
        raise StreamDiffers(f"Stream {name}: {told}. Nothing was changed.")
    if changes:
        await log.api(f"STREAM.UPDATE.{name}", {**found, **changes})


async def _create(log: Log, name: str, wanted: dict[str, Any]) -> None:
    metadata = {"pulse_epoch": uuid4().hex}
    try:
        await log.api(f"STREAM.CREATE.{name}", {"name": name, **wanted, "metadata": metadata})
    except AppendRefused as refused:
        if refused.err_code != NAME_IN_USE:
            raise
        await _reconcile_one(log, name, wanted)  # another role made it at the same moment


def differences(wanted: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """The wanted settings that are not as found. A limit that is already larger counts as fine only if it may grow."""
    changes = {}
    for field, value in wanted.items():
        have = found.get(field)
        # The size limit is fitted to the disk when the stream is made, so a smaller one there is no difference.
        if have != value and not (field in GROWS and (have or 0) > value) and field != "max_bytes":
            changes[field] = value
    return changes


async def require_synced(monitor_url: str) -> None:
    """Asks nats-server itself whether acknowledged means on disk. Raises NotOnDisk, also when it can't be asked."""
    try:
        async with httpx2.AsyncClient(timeout=5, verify=monitor_url.startswith("https:")) as client:
            answer = (await client.get(f"{monitor_url}/jsz?config=true")).json()
    except (httpx2.HTTPError, ValueError) as error:
        raise NotOnDisk(f"nats-server can't be asked at {monitor_url} whether it syncs: {error}") from error
    if answer.get("config", {}).get("sync_always") is not True:
        raise NotOnDisk
