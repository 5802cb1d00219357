"""Autobahn's fuzzing client against the push port, beside the bare `websockets` library in the same run.

Pulse echoes nothing, so a door is opened here whose Pusher protocol does: port, admission, limits and connections are
the ones that Pulse serves with.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from pulse.push.protocol import Pusher
from tests.conformance.autobahn import WELL, Behaviours, behaviours, installed
from tests.conftest import Pulse
from tests.push.ears import a_door

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="session")
def wstest(cache_dir: Path) -> Path:
    return installed(cache_dir / "autobahn")


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


async def echo_as_pusher(_: Pusher, peer: Any, app_key: str, *_more: object) -> None:
    assert app_key == "echo"
    await echo(peer.connection)


async def test_pulse_fails_in_no_case_that_the_bare_library_does_not_fail_in(
    pulse: Pulse, wstest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pusher, "serve", echo_as_pusher)
    async with a_door(pulse.house) as door, serve(echo, "127.0.0.1", 0) as bare:
        port = bare.sockets[0].getsockname()[1]
        ours, theirs = await asyncio.gather(
            behaviours(wstest, tmp_path / "pulse", f"{door.url}/app/echo"),
            behaviours(wstest, tmp_path / "websockets", f"ws://127.0.0.1:{port}"),
        )
    print(
        "pulse", Counter(ours.values()), "websockets", Counter(theirs.values()), "both", failed(ours) & failed(theirs)
    )
    assert len(ours) == len(theirs) > 240
    assert failed(ours) <= failed(theirs)


def failed(told: Behaviours) -> set[str]:
    return {case for case, behaviour in told.items() if not {*behaviour} <= WELL}
