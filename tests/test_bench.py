"""Every bench runs from end to end, tiny. Nothing is said about time here."""

import importlib
import json
import select
import socket
from pathlib import Path
from uuid import uuid4
from xml.etree import ElementTree

import pytest

from bench import picture, push_leaving
from bench.__main__ import SCRIPTS
from bench.machine import describe
from bench.push import nchan, stage
from bench.push.client import Client, Who
from bench.push.crowd import Crowd
from bench.push.lines import PATIENCE
from bench.push.stage import PULSE
from bench.push.staying import Staying
from bench.report import TINY, Figure, Report
from bench.world import free_port

# Beside peers that take their time to start, or until limits are reached; `make journey` runs these. What they show has a
# short test each: tests/push/test_leaving.py, test_hub.py.
LONG = ("push_fan_out", "push_routing", "push_memory", "push_leaving", "push_stalled")
EACH = [pytest.param(name, marks=pytest.mark.long if name in LONG else ()) for name in SCRIPTS]


@pytest.mark.parametrize("name", EACH)
def test_a_bench_measures_both_sides(name: str) -> None:
    report: Report = importlib.import_module(f"bench.{name}").main(TINY)
    skipped = any(note.startswith("skipped") for note in report.notes)
    assert skipped or (len(report.figures) >= 2 and report.verdicts)
    assert all(figure.value > 0 for figure in report.figures if not figure.what.startswith(" "))
    assert json.loads(json.dumps(report.as_json()))["name"] == name
    assert report.text().startswith(name)


def test_the_machine_is_described() -> None:
    machine = describe()
    assert machine["python"]
    assert machine["fsync_p50_us"]


def test_a_server_that_is_not_installed_is_left_out_and_says_how(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nchan, "MODULE", Path("/nowhere"))
    monkeypatch.setattr(stage, "SIDES", {PULSE: "bench.push.pulse", "nginx with nchan": "bench.push.nchan"})
    report = Report("push", "")
    with stage.opened(report, sockets=2, channels=1) as sides:
        assert [side.name for side in sides] == [PULSE, stage.LIMIT]
    (note,) = report.notes
    assert note.startswith("skipped nginx")
    assert "apt-get install" in note


def test_a_frame_counts_once_though_its_mark_comes_in_two_readings() -> None:
    crowd = Crowd(0, lambda _: ("", []), sockets=0, channels=1)
    ours, theirs = socket.socketpair()
    crowd.sockets[ours.fileno()] = ours
    crowd.poll.register(ours.fileno(), select.EPOLLIN)
    for part in (b"one @@ two @", b"@ three @", b" four @@"):
        theirs.send(part)
        crowd.take()
    assert crowd.frames == 3
    ours.close()
    theirs.close()


def test_a_ping_is_answered_among_frames() -> None:
    crowd = Crowd(0, lambda _: ("", []), sockets=0, channels=1)
    ours, theirs = socket.socketpair()
    crowd.sockets[ours.fileno()] = ours
    crowd.poll.register(ours.fileno(), select.EPOLLIN)
    theirs.send(b"\x81\x04 @@ \x89\x04ping\x81\x04 @@ ")
    crowd.take()
    assert (crowd.frames, crowd.pings) == (2, 1)
    assert theirs.recv(100)[:2] == b"\x8a\x84"
    ours.close()
    theirs.close()


def test_a_client_knows_what_it_was_sent_away_with_and_says_goodbye() -> None:
    client = Client(Who(uuid4(), "", "", b""))
    with socket.create_server(("127.0.0.1", 0)) as door:
        client.call(door.getsockname()[1], "127.0.0.1", awaits=0)
        theirs, _ = door.accept()
    client.line.setblocking(True)
    client.greet()
    assert theirs.recv(1000).endswith(b"\r\n\r\n")
    theirs.send(b"HTTP/1.1 101 Yes\r\n\r\n\x89\x05pulse\x88\x02" + (4200).to_bytes(2))
    assert not client.read()
    assert client.code == 4200
    assert theirs.recv(100)[::11] == b"\x8a\x88"  # a pong of eleven bytes, a goodbye
    client.line.close()
    theirs.close()


def test_a_client_that_is_refused_at_one_port_is_let_in_at_the_next() -> None:
    refusing = free_port()
    with socket.create_server(("127.0.0.1", 0)) as door:
        staying = Staying([refusing, door.getsockname()[1]], [Who(uuid4(), "", "app-key", b"")])
        staying.call(0)
        staying.stay(0.1)
        door.settimeout(PATIENCE)
        line, _ = door.accept()
    line.settimeout(PATIENCE)
    staying.stay(0.1)
    assert line.recv(100).startswith(b"GET /app/app-key?")
    assert staying.failed == 0
    staying.lines.vanish()
    line.close()


def test_what_was_lost_and_what_was_heard_twice_is_told_apart() -> None:
    assert push_leaving.wrongly_heard({"a": [1, 2, 3], "b": [4], "c": [5]}, {"a": [1, 3, 3], "b": [4], "d": []}) == (
        1,
        1,
    )


def test_a_spike_is_found() -> None:
    assert push_leaving.most_at_once([0.0, 0.2, 0.25, 0.3, 0.9]) == 3
    assert push_leaving.most_at_once([]) == 0


def test_the_picture_has_a_row_for_each_server_that_was_measured() -> None:
    figures = [Figure(f"{name}, 40 sockets", [1000.0 * n, 2000.0 * n], "/s") for n, name in enumerate(picture.NAMES, 1)]
    (panel,) = picture.panels_of([Report("push_fan_out", "", figures[:-1]).as_json(), {"cores": 2}])
    drawn = ElementTree.fromstring(f"<g>{''.join(picture.drawn(panel))}</g>")
    assert len(drawn.findall("circle")) == len(picture.NAMES) - 1
    assert all(0 <= float(circle.get("cx", -1)) <= picture.COLUMN for circle in drawn.findall("circle"))
