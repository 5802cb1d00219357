"""The one list of read models."""

from __future__ import annotations

from pulse.eventlog.envelope import Recorded
from pulse.projections import callbacks, customers, deliveries, facts, files, inbox, joins, marks, thread
from pulse.projections.changes import Changes, ReadModel

# Each is named after its table.
MODELS: dict[str, ReadModel] = {
    "inbox": inbox,
    "marks": marks,
    "thread": thread,
    "callbacks": callbacks,
    "customers": customers,
    "joins": joins,
    "deliveries": deliveries,
    "files": files,
    "facts": facts,
}


def versions() -> dict[str, int]:
    """The read models this code makes."""
    return {name: model.VERSION for name, model in MODELS.items()}


def project_all(recorded: Recorded, changes: Changes) -> None:
    """One event through every read model."""
    for model in MODELS.values():
        model.project(recorded, changes)
