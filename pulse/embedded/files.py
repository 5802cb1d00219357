"""Small private files of a data directory: addresses, passwords."""

import json
import os
import secrets
from hashlib import sha256
from pathlib import Path
from typing import Any


def read_json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text()) if path.exists() else {}


def write_private(path: Path, text: str) -> None:
    """All or nothing, and for our eyes only."""
    half = path.with_suffix(".new")
    half.unlink(missing_ok=True)
    half.touch(mode=0o600)
    with half.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    half.replace(path)


def passwords_of(data_dir: Path) -> dict[str, str]:
    """Made once: the servers remember them too."""
    path = data_dir / "secrets.json"
    if not path.exists():
        made = {name: secrets.token_hex(24) for name in ("nats", "postgres", "pulse")}
        write_private(path, json.dumps(made))
    return read_json(path)


def short_name(path: Path) -> str:
    return sha256(os.fsencode(path)).hexdigest()[:12]
