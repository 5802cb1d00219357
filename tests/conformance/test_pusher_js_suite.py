"""pusher-js's own integration suite, from its npm package, by every way that its clients connect."""

from __future__ import annotations

import asyncio
import json
import os
from collections import defaultdict
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.conformance.app import library
from tests.conformance.front import LOOPBACK, Front, certificate
from tests.conformance.node import Told, running
from tests.conformance.signing import signing_server
from tests.conftest import Pulse
from tests.fakes.serving import served

pytestmark = pytest.mark.timeout(300)

WAYS: dict[str, dict[str, object]] = {
    "ws": {"transport": "ws", "forceTLS": False},
    "wss": {"transport": "ws", "forceTLS": True},
    "xhr_streaming": {"transport": "xhr_streaming", "forceTLS": False},
    "xhr_polling": {"transport": "xhr_polling", "forceTLS": False},
}
SPECS = 50
# Nearly all of the suite's time is its own waiting, so its parts run at once. What begins and ends it is in each.
KINDS = ("public", "private", "presence")
PARTS = (*(f"^Pusher .*(global config|setup|teardown|with a {kind} channel)" for kind in KINDS), "^(?!Pusher )")

Results = dict[str, list[Told]]


@pytest.fixture(scope="module")
async def results(pulse: Pulse, node_place: Path, tmp_path_factory: pytest.TempPathFactory) -> Results:
    """What became of every spec, by way."""
    async with running(node_place, "build_specs.mjs") as building:
        await building.rest()
        assert building.process.returncode == 0
    pem = certificate(tmp_path_factory.mktemp("tls") / "loopback.pem")
    push_port = urlsplit(pulse.push).port
    assert push_port is not None
    async with served(signing_server(library(pulse.house))) as api, Front(push_port).listening(pem) as tls_port:
        judged = judged_at(pulse, tls_port) | {"api": api}
        environments = {
            way: os.environ | {"JUDGED": json.dumps(judged | {"configs": [how]}), "NODE_EXTRA_CA_CERTS": str(pem)}
            for way, how in WAYS.items()
        }
        asked = [(way, part) for way in WAYS for part in PARTS]
        done = await asyncio.gather(*(part_of(node_place, part, environments[way]) for way, part in asked))
    results: Results = defaultdict(list)
    for (way, _), told in zip(asked, done, strict=True):
        results[way] += told
    return results


def judged_at(pulse: Pulse, tls_port: int) -> dict[str, Any]:
    """Where the suite finds Pulse."""
    http_port = urlsplit(pulse.house.settings.http_address).port
    options = {
        "wsHost": LOOPBACK, "wsPort": urlsplit(pulse.push).port, "wssPort": tls_port,
        "httpHost": LOOPBACK, "httpPort": http_port,
    }  # fmt: skip
    return {"key": pulse.house.settings.push_key, "options": options}


async def part_of(place: Path, pattern: str, environment: dict[str, str]) -> list[Told]:
    async with running(place, "run_specs.mjs", pattern, environment=environment) as script:
        return await script.rest()


@pytest.mark.parametrize("way", WAYS)
def test_every_spec_passes(results: Results, way: str) -> None:
    told = results[way]
    failed = [f"{one['name']}: {' · '.join(one['why'])}" for one in told if one["status"] == "failed"]
    assert not failed, "\n".join(failed)
    specs, passed = {one["name"] for one in told}, {one["name"] for one in told if one["status"] == "passed"}
    assert specs == passed
    assert len(specs) == SPECS
