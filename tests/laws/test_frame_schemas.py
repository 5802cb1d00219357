"""Law 2 for what is told live: class = schema = sample, and one table, docs/api.md's, has exactly these names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from pulse.push.encoding import ECHO, named
from pulse.push.shapes.asyncapi import as_yaml, asyncapi
from pulse.push.shapes.files import file_of
from pulse.push.shapes.samples import frame_samples
from pulse.push.shapes.table import CHAT, DIRECT, ENVELOPES, ERROR, FRAMES, GENERAL, HEARD, MODERATOR, USER, VERBS, Line
from pulse.shapes import Shape
from tests.frame_promises import faults_of, schemas

ROOT = Path(__file__).parents[2]
SCHEMAS = ROOT / "schemas"
SAMPLES = sorted((SCHEMAS / "samples/frames").glob("*.json"))
TEXT = (ROOT / "docs/api.md").read_text()
SHAPES: dict[str, type[Shape]] = {
    **{line.name: line.shape for line in FRAMES},
    **{f"{line.name}.visitor": line.visitor for line in FRAMES if line.visitor},
    **{file_of(name): shape for name, shape in (ENVELOPES | VERBS | ERROR | HEARD).items()},
}
WORDS = {
    "chat": CHAT, "department": ("private-department.{id}",), "moderator": MODERATOR, "user": USER, "general": GENERAL,
    "direct": DIRECT,
}  # fmt: skip


@pytest.mark.parametrize("file", SAMPLES, ids=lambda file: file.stem)
def test_every_sample_is_as_its_class_and_its_schema_say(file: Path) -> None:
    sample = orjson.loads(file.read_bytes())
    whole = file.stem == "ack" or file.stem in ENVELOPES
    said = sample if whole else sample["data"]
    assert faults_of(file.stem, said) == []
    SHAPES[file.stem].model_validate(said)
    if not whole:
        around = "envelope.visitor" if file.stem.endswith(".visitor") else "envelope.staff"
        assert faults_of(around, sample) == []


def test_nothing_lies_there_that_is_not_made() -> None:
    assert {file.stem for file in (SCHEMAS / "frames").iterdir()} == schemas().keys() == SHAPES.keys()
    assert {file.stem for file in SAMPLES} == frame_samples().keys()


def test_all_have_a_sample_but_for_what_stands_around_them() -> None:
    assert schemas().keys() - frame_samples().keys() == {"envelope.staff", "envelope.visitor"}


def test_a_field_may_be_added_without_breaking_who_reads_by_the_schemas() -> None:
    for schema in schemas().values():
        assert b'"additionalProperties":false' not in orjson.dumps(schema)


def test_every_field_has_an_example_or_says_all_by_itself() -> None:
    for name, schema in schemas().items():
        for shape in (schema, *schema.get("$defs", {}).values()):
            assert [field for field, of in shape.get("properties", {}).items() if not says_itself(of)] == [], name


def says_itself(schema: dict[str, Any]) -> bool:
    if schema.keys() & {"examples", "$ref", "const", "enum", "format"} or schema.get("type") in ("boolean", "null"):
        return True
    inside = [*schema.get("anyOf", ()), *([schema["items"]] if "items" in schema else [])]
    return bool(inside) and all(map(says_itself, inside))


def rows_of(table: str) -> list[list[str]]:
    """The cells of the table that begins so."""
    _, _, rest = TEXT.partition(f"\n| {table}")
    lines = rest.split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def as_row(line: Line) -> list[str]:
    words = [word for word, channels in WORDS.items() if set(channels) <= set(line.channels)]
    files = [line.name, *([f"{line.name}.visitor"] if line.visitor else [])]
    return [
        f"`{line.type}`", f"`{line.event}`", f"`{named(line.event, ECHO)}`", ", ".join(words),
        "staff, visitor" if line.visitor else "staff", ", ".join(f"`{file}`" for file in files),
    ]  # fmt: skip


def test_the_document_has_one_table_with_exactly_these_lines() -> None:
    rows = rows_of("`type` | Pusher event |")
    assert [row[:6] for row in rows] == [as_row(line) for line in FRAMES]
    assert [row[0] for row in rows if len(row) != 7 or not row[6]] == []
    assert TEXT.count("| `chat.message` |") == 1


def test_the_document_knows_the_channels_that_the_table_is_short_for() -> None:
    assert {channel for line in FRAMES for channel in line.channels} == {one for own in WORDS.values() for one in own}
    for word, channels in WORDS.items():
        [said] = re.findall(rf"\*{word}\*\s([^*]+)", TEXT)
        assert [channel for channel in channels if f"`{channel}`" not in said] == []


def test_the_document_says_what_is_said_of_the_connection() -> None:
    rows = rows_of("about the connection |")
    said = {re.findall(r"`(.+?)`", row[0])[0]: row for row in rows}
    assert said.keys() == (VERBS | ERROR | HEARD).keys()
    for name, row in said.items():
        assert row[2] == f"`{file_of(name)}`"
        fields = set((VERBS | ERROR | HEARD)[name].model_fields) - {"type"}
        assert set(re.findall(r"`(\w+)`", row[1])) == fields
        assert row[0].endswith("(yours)") == (name in HEARD)


def test_asyncapi_reads_as_yaml_and_names_everything_there_is() -> None:
    document = yaml.safe_load(as_yaml(asyncapi()))
    assert document == asyncapi()
    files = {ref.removeprefix("frames/") for ref in references(document) if not ref.startswith("#")}
    assert files == {f"{name}.json" for name in schemas()}


def test_what_asyncapi_refers_to_is_there() -> None:
    document = asyncapi()
    for ref in references(document):
        if ref.startswith("#/"):
            found: Any = document
            for part in ref[2:].split("/"):
                found = found[part]
        else:
            assert (SCHEMAS / ref).is_file()
    told = {ref for channel in document["channels"].values() for ref in references(channel["messages"])}
    assert told == {f"#/components/messages/{name}" for name in document["components"]["messages"]}


def references(part: Any) -> Iterator[str]:
    match part:
        case {"$ref": str(ref)}:
            yield ref
        case dict():
            for inner in part.values():
                yield from references(inner)
        case list():
            for inner in part:
                yield from references(inner)
