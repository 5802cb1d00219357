"""The map in docs/house.md names every file of `pulse/` once, and nothing that is not there."""

import re
from pathlib import Path

import pulse

ROOT = Path(pulse.__file__).parent
HOUSE = ROOT.parent / "docs/house.md"


def on_the_map() -> list[str]:
    """Each room has a heading and a table; what stands there in backticks, but in the last column, are its files."""
    drawn = re.search(r"^## The map$(.*?)^## ", HOUSE.read_text(), re.DOTALL | re.MULTILINE)
    assert drawn
    found: list[str] = []
    room = ""
    for line in drawn[1].splitlines():
        if line.startswith("### "):
            room = line[4:] if line.endswith("/") else ""
        elif line.startswith("|"):
            files, _, _said = line.strip("|").rpartition(" | ")
            found += [room + name for name in re.findall(r"`(.+?)`", files)]
    return found


def there() -> list[str]:
    everything = [*ROOT.rglob("*"), *(ROOT / "nats").iterdir(), *(ROOT / "examples").iterdir()]  # links
    files = [file.relative_to(ROOT) for file in everything if file.is_file() and "__pycache__" not in file.parts]
    return [
        str(file.with_suffix("") if len(file.parts) > 1 and file.suffix == ".py" else file)
        for file in files
        if file.suffix != ".sql" and not (file.name == "__init__.py" and says_little(ROOT / file))
    ]


def says_little(file: Path) -> bool:
    """A docstring and nothing else: the room's name says it."""
    return file.parent != ROOT and len(file.read_text().splitlines()) <= 1


def test_the_map_names_every_file_once() -> None:
    assert sorted(on_the_map()) == sorted(there())
