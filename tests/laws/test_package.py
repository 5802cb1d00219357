"""What is installed is whole: every file beside the modules is declared as package data."""

import tomllib
from pathlib import Path

import pulse
from pulse.eventlog.streams import wanted_streams
from pulse.house import NATS_FOLDER

ROOT = Path(pulse.__file__).parent
PROJECT = ROOT.parent / "pyproject.toml"


def test_every_file_that_is_no_module_is_package_data() -> None:
    globs = tomllib.loads(PROJECT.read_text())["tool"]["setuptools"]["package-data"]["pulse"]
    declared = {file for pattern in globs for file in ROOT.glob(pattern) if file.is_file()}
    there = {file for file in ROOT.rglob("*") if file.is_file() and file.suffix not in {".py", ".pyc"}}
    linked = {file for link in ("nats", "examples") for file in (ROOT / link).iterdir()}  # folders beside the package
    assert declared == there | linked


def test_what_nats_needs_lies_inside_the_package() -> None:
    assert NATS_FOLDER.is_relative_to(ROOT)
    assert set(wanted_streams(NATS_FOLDER / "streams.json")) == {"PULSE", "PULSE_CACHE", "PULSE_NOTES"}
