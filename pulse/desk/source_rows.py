"""Sources as the desk shows them: whole to admins and without their secrets, a line to moderators; and how they do."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from pulse.aggregates.source import Source
from pulse.channels.table import CHANNELS
from pulse.desk.answers import Shown, Written

SOME_ID = Field(examples=["108c15a4-d4ea-593d-8a1d-0cb37e40f0c5"])
Moment = Annotated[datetime, Field(examples=["2026-11-21T09:30:00+00:00"])]
Position = Annotated[int, Field(examples=[1042])]
Faults = Annotated[list[str], Field(examples=[["Telegram posts nothing to Pulse yet: set the webhook."]])]
Missing = Annotated[list[str], Field(examples=[[]])]
Url = Annotated[
    str | None, Field(examples=["https://support.example.com/webhook/telegram/a15f91a9-46f6-5fc1-a3ae-b4c6c8398268"])
]


MEND = "Mend what its provider says, then resume it; a new token resumes it by itself."
WAIT = "It tries again by itself then; resume it to try now."


class HaltRow(Shown):
    """Why a source sends nothing, and until when; without a time, until it is resumed. `advice` is what to do."""

    reason: Annotated[str, Field(examples=["Telegram says: Unauthorized"])]
    until: Moment | None
    advice: Annotated[str, Field(examples=[MEND])]


class OldSecretRow(Shown):
    """A secret that was replaced and is still good until then."""

    name: Annotated[str, Field(examples=["secret"])]
    until: Moment


class DeliveryPlace(Shown):
    """The last delivery that came in."""

    position: Position
    at: Moment


class EventPlace(Shown):
    """The last event of this source, its chats and its customers."""

    position: Position
    at: Moment
    type: Annotated[str, Field(examples=["chat.message-received"])]


class ErrorPlace(Shown):
    """The last failed call, halt, or delivery that could not be read."""

    position: Position
    at: Moment
    reason: Annotated[str, Field(examples=["Telegram is busy."])]


class HealthRow(Shown):
    """`pending` replies have not left whole; the oldest waits for `lag_seconds`."""

    delivery: DeliveryPlace | None
    event: EventPlace | None
    error: ErrorPlace | None
    pending: Annotated[int, Field(examples=[3])]
    oldest_pending_at: Moment | None
    lag_seconds: Annotated[float, Field(examples=[12.5])]


class PostingRow(Shown):
    """Where the provider posts to. `missing` are kinds of deliveries that Pulse reads and does not get."""

    is_ours: Annotated[bool, Field(examples=[True])]
    host: Annotated[str | None, Field(examples=["support.example.com"])]
    pending: Annotated[int | None, Field(examples=[0])]
    error: Annotated[str, Field(examples=["Wrong response from the webhook: 500 Internal Server Error"])]
    error_at: Moment | None
    missing: Annotated[list[str], Field(examples=[["message_reaction"]])]


class ProviderView(Shown):
    """What the provider said when it was asked."""

    asked_at: Moment
    webhook: PostingRow | None
    faults: Faults


class SourceHealth(HealthRow):
    """With what the provider says, where it was asked (`ask=1`) and there is one."""

    disabled: Annotated[bool, Field(examples=[False])]
    halted: HaltRow | None
    provider: ProviderView | None


class SourceRow(Shown):
    """A connected account. Of its secrets only the names; `missing` are those without which it sends nothing.

    `health` is null while the read models are away.
    """

    id: Annotated[UUID, SOME_ID]
    type: Annotated[str, Field(examples=["telegram"])]
    identifier: Annotated[str, Field(examples=["7000000001"])]
    title: Annotated[str, Field(examples=["Shop bot"])]
    departments: Annotated[list[UUID], Field(examples=[["985a3857-a778-5627-9fc2-a8d60e434c7f"]])]
    settings: Annotated[dict[str, str], Field(examples=[{"file_limit_mb": "20"}])]
    secrets: Annotated[list[str], Field(examples=[["secret", "token"]])]
    missing: Missing
    old_secrets: list[OldSecretRow]
    webhook_url: Url
    disabled: Annotated[bool, Field(examples=[False])]
    halted: HaltRow | None
    health: HealthRow | None


class MySource(Shown):
    """What a moderator may know of a source of their departments."""

    id: Annotated[UUID, SOME_ID]
    type: Annotated[str, Field(examples=["telegram"])]
    title: Annotated[str, Field(examples=["Shop bot"])]
    disabled: Annotated[bool, Field(examples=[False])]
    missing: Missing
    halted: Annotated[str | None, Field(examples=["Telegram says: Unauthorized"])]


class AccountRow(Shown):
    """Whose the token is."""

    identifier: Annotated[str, Field(examples=["7000000001"])]
    name: Annotated[str, Field(examples=["Pulse Support"])]
    username: Annotated[str | None, Field(examples=["pulse_support_demo_bot"])]


class SourceTest(Shown):
    """`works`: the token is this account's. `asked` is false where there is nobody to ask, as `note` says."""

    asked: Annotated[bool, Field(examples=[True])]
    works: Annotated[bool, Field(examples=[True])]
    account: AccountRow | None
    webhook: PostingRow | None
    faults: Faults
    note: Annotated[str, Field(examples=[""])]


class Connected(Written):
    """`secret` is shown this once, and only if Pulse made it up."""

    id: Annotated[UUID, SOME_ID]
    webhook_url: Url
    secret: Annotated[str | None, Field(examples=["kq2l5Xv8Q0c6m3u1"])]


class Rotated(Written):
    """`secret` is shown this once, and only if Pulse made it up."""

    secret: Annotated[str | None, Field(examples=["kq2l5Xv8Q0c6m3u1"])]


class WebhookSet(Written):
    """The address that the provider was told."""

    webhook_url: Url


def source_row(source: Source, address: str | None, now: datetime) -> dict[str, Any]:
    """As admins see it, but for how it does."""
    return {
        "id": source.id, "type": source.channel, "identifier": source.identifier, "title": source.title,
        "departments": source.departments, "settings": source.settings, "secrets": sorted(source.secrets), "missing": missing(source),
        "old_secrets": [{"name": old.name, "until": old.until} for old in source.old_secrets if old.counts(now)],
        "webhook_url": address, "disabled": source.disabled, "halted": halt_row(source),
    }  # fmt: skip


def my_source(source: Source) -> dict[str, Any]:
    """As moderators see it."""
    halted = source.halted and source.halted.reason
    return {
        "id": source.id, "type": source.channel, "title": source.title, "disabled": source.disabled,
        "missing": missing(source), "halted": halted,
    }  # fmt: skip


def halt_row(source: Source) -> dict[str, Any] | None:
    halt = source.halted
    advice = MEND if halt is None or halt.until is None else WAIT
    return None if halt is None else {"reason": halt.reason, "until": halt.until, "advice": advice}


def missing(source: Source) -> list[str]:
    """Secrets that it needs to send and does not have. A channel that only a newer Pulse knows misses nothing."""
    driver = CHANNELS.get(source.channel)
    return [name for name in driver.sending_secrets if name not in source.secrets] if driver else []


def health_row(row: dict[str, Any] | None, now: datetime) -> dict[str, Any]:
    """A row of the read model; without one nothing has happened yet."""
    row = row or {}
    oldest = row.get("oldest_at")
    event = _place(row, "event")
    return {
        "delivery": _place(row, "delivery"),
        "event": event and event | {"type": row["event_type"]},
        "error": (failed := _place(row, "error")) and failed | {"reason": row["error"]},
        "pending": row.get("pending", 0), "oldest_pending_at": oldest,
        "lag_seconds": max(0.0, (now - oldest).total_seconds()) if oldest else 0.0,
    }  # fmt: skip


def _place(row: dict[str, Any], name: str) -> dict[str, Any] | None:
    position = row.get(f"{name}_position")
    return None if position is None else {"position": position, "at": row[f"{name}_at"]}
