"""Law 1: imports point down. A file imports only from floors below; rooms of one floor don't see each other."""

import ast
from pathlib import Path

import pytest

import pulse

ROOT = Path(pulse.__file__).parent

FLOORS: list[tuple[str, ...]] = [
    ("errors", "values", "sniff", "shapes"),
    ("limits", "metrics", "setting_faults"),
    (
        "settings",
        "access",
        "tokens",
        "pusher_app",
        "socket_ids",
        "cursors",
        "pager_codes",
        "signatures",
        "contracts",
        "vault",
        "blobs",
        "passwords",
        "totp",
        "http",
        "http_document",
        "http_headers",
        "http_limits",
        "logs",
        "message",
        "texts",
        "outside",
        "embedded",
    ),
    ("files",),
    ("aggregates",),
    ("eventlog",),
    ("roster",),
    (
        "projections",
        "channels",
        "directory",
        "accounts",
        "people",
        "producers",
        "progress",
        "presence",
        "attention",
        "dry_run",
        "reports",
        "retention",
        "sweep",
        "ways",
        "linking",
    ),
    ("drivers", "subscribing", "clearing", "snapshots", "channel_rights"),
    ("sources",),
    ("ingest", "desk", "push", "delivery", "serving", "scraping"),
    ("house",),
    ("wiring", "demo"),
    ("commands", "schemas"),
    ("cli",),
]
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
# commands and schemas start things; settings are read at the top, lower floors get values.
MAY_READ_SETTINGS = {"commands", "wiring", "house"}


def room_of(file: Path) -> str:
    return file.relative_to(ROOT).parts[0].removesuffix(".py")


def imported_rooms(file: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "pulse":
            parts = node.module.split(".")
            found |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("pulse.")}
    return found - {"__version__"}


FILES = [file for file in sorted(ROOT.rglob("*.py")) if file != ROOT / "__init__.py"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_file_imports_only_from_floors_below(file: Path) -> None:
    room = room_of(file)
    for other in imported_rooms(file) - {room}:
        assert other in FLOOR_OF, f"{other} has no floor yet: add it to the list in design and here"
        below = FLOOR_OF[other] < FLOOR_OF[room]
        assert below, f"{room} (floor {FLOOR_OF[room]}) imports {other} (floor {FLOOR_OF[other]})"
        assert other != "settings" or room in MAY_READ_SETTINGS, f"{room} reads settings; hand it values instead"


def test_each_aggregate_stands_alone() -> None:
    for file in (ROOT / "aggregates").glob("*.py"):
        siblings = {
            node.module
            for node in ast.walk(ast.parse(file.read_text()))
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pulse.aggregates")
        }
        noun = file.stem.split("_")[0]
        siblings = {name for name in siblings if not name.startswith(f"pulse.aggregates.{noun}_")}  # its own
        assert file.name == "__init__.py" or not siblings, f"{file.name} imports {siblings}"


def test_every_room_has_a_floor() -> None:
    assert {room_of(file) for file in FILES} <= set(FLOOR_OF)
