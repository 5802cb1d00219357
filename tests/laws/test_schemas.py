"""Law 2: class = schema = sample. What is committed is what the code makes, and every sample decodes for ever."""

from pathlib import Path
from uuid import UUID

import orjson
import pytest

from pulse.aggregates import EVENTS
from pulse.eventlog.envelope import check_registry, open_envelope, subject_of
from pulse.schemas import FOLDER, as_text, schemas

AGGREGATE_ID = UUID(int=7)
MADE = schemas()
SAMPLES = sorted((FOLDER / "samples").glob("*.json"))


@pytest.mark.parametrize("path", MADE, ids=str)
def test_the_committed_schema_is_what_the_code_makes(path: str) -> None:
    file = FOLDER / path
    assert file.exists(), f"{path} is missing: run `make schemas`"
    assert file.read_text(encoding="utf-8") == as_text(MADE[path]), f"{path} differs: run `make schemas`"


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.stem)
def test_every_sample_decodes(sample: Path) -> None:
    body = orjson.loads(sample.read_bytes())
    kind = body["type"].split(".")[0]
    recorded = open_envelope(1, subject_of(kind, AGGREGATE_ID), orjson.dumps(body))
    assert isinstance(recorded.event, tuple(EVENTS.values()))


def test_every_event_version_has_a_sample() -> None:
    assert {f"{name}.v{version}" for name, version in EVENTS} == {sample.stem for sample in SAMPLES}


def test_every_event_survives_being_written_and_read() -> None:
    check_registry()
