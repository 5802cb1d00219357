"""Draws what `python -m bench push_fan_out push_routing push_memory --json` said: `python -m bench.picture < said > push.svg`.

A panel for each load, a row for each server, a dot for the median and a line from the slowest to the fastest round;
tenfold from tick to tick. Readable on light and on dark pages.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Iterator
from html import escape
from statistics import median
from typing import Any

from bench.push.stage import LIMIT, PULSE, SIDES

NAMES = (PULSE, LIMIT, *list(SIDES)[1:])
TITLES = {
    "push_fan_out": "a frame to all of",
    "push_routing": "frames to one each of",
    "push_memory": "an idle socket",
}
WIDTH, COLUMN, ROW, TOP, PANEL = 920, 460, 20, 34, 190
LEFT, RIGHT = 170, 60  # of a panel: names, figures
STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#444}.title{font-weight:600;fill:#111}.ours{fill:#0a63c4;stroke:#0a63c4}"
    ".theirs{fill:#777;stroke:#777}.grid{stroke:#ddd}@media(prefers-color-scheme:dark){text{fill:#bbb}.title{fill:#eee}"
    ".ours{fill:#5aa9ff;stroke:#5aa9ff}.theirs{fill:#999;stroke:#999}.grid{stroke:#444}}text.ours{stroke:none}"
)

Panel = tuple[str, str, dict[str, list[float]]]  # title, unit, rounds by server


def main() -> None:
    panels = list(panels_of(map(json.loads, sys.stdin)))
    height = math.ceil(len(panels) / 2) * PANEL
    print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">')
    print(f"<title>Push: Pulse beside other servers</title><style>{STYLE}</style>")
    for number, panel in enumerate(panels):
        x, y = number % 2 * COLUMN, number // 2 * PANEL
        print(f'<g transform="translate({x},{y})">{"".join(drawn(panel))}</g>')
    print("</svg>")


def panels_of(reports: Iterable[dict[str, Any]]) -> Iterator[Panel]:
    """Figures are called `<server>, <load>`; a server that was left out has no row."""
    for report in reports:
        panels: dict[str, dict[str, list[float]]] = {}
        for figure in report["figures"] if report.get("name") in TITLES else []:
            name = next(known for known in NAMES if figure["what"].startswith(known))
            load = figure["what"].removeprefix(name).removeprefix(", ")
            panels.setdefault(load, {})[name] = figure["rounds"]
            unit = figure["unit"]
        for load, rounds in panels.items():
            yield f"{TITLES[report['name']]} {load}".strip(), unit, rounds


def drawn(panel: Panel) -> Iterator[str]:
    title, unit, rounds = panel
    every = [value for values in rounds.values() for value in values]
    low, high = math.floor(math.log10(min(every))), math.ceil(math.log10(max(every)))
    scale = (COLUMN - LEFT - RIGHT) / max(high - low, 1)
    bottom = TOP + ROW * len(rounds)

    def at(value: float) -> float:
        return round(LEFT + (math.log10(value) - low) * scale, 1)

    yield f'<text class="title" x="8" y="18">{escape(title)}, {escape(unit)}</text>'
    for power in range(low, high + 1):
        x = at(10.0**power)
        yield f'<line class="grid" x1="{x}" y1="{TOP - 6}" x2="{x}" y2="{bottom}"/>'
        yield f'<text x="{x}" y="{bottom + 14}" text-anchor="middle">{tick(power)}</text>'
    for row, name in enumerate(name for name in NAMES if name in rounds):
        values, y = sorted(rounds[name]), TOP + ROW * row + 8
        middle, kind = median(values), "ours" if name == PULSE else "theirs"
        yield f'<text x="8" y="{y + 4}">{escape(name.partition(",")[0])}</text>'
        yield f'<line class="{kind}" stroke-width="2" x1="{at(values[0])}" y1="{y}" x2="{at(values[-1])}" y2="{y}"/>'
        yield f'<circle class="{kind}" cx="{at(middle)}" cy="{y}" r="4"/>'
        yield f'<text x="{COLUMN - 8}" y="{y + 4}" text-anchor="end">{middle:,.0f}</text>'


def tick(power: int) -> str:
    return f"{10**power:,}" if power < 6 else f"{10 ** (power - 6)} M"


if __name__ == "__main__":
    main()
