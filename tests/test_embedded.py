"""The servers of a data directory: real processes, killed for real."""

import asyncio
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import nats
import psutil
import psycopg
import pytest

from pulse.embedded import Addresses, AlreadyRunning, Embedded, ServerFailed, child, lock, running

CLONE = Path(__file__).parents[1]
DEADLINE = 30  # seconds that a process may take to end
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

# Everything is imported before the user changes: an ordinary user may not be able to read our Python. The one that
# servers are started through is the system's then, as it would be for that user.
SYSTEM_PYTHON = "/usr/bin/python3"
CHILD = """
import encodings.idna, json, os, sys
from dataclasses import asdict
from pathlib import Path
from pulse.embedded import Embedded
data_dir, *user = sys.argv[1:]
if user:
    sys.executable = "/usr/bin/python3"
    os.setgroups([]); os.setgid(int(user[1])); os.setuid(int(user[0]))
with Embedded(Path(data_dir)) as servers:
    print(json.dumps(asdict(servers.addresses)), flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory others may pass through, unlike pytest's own: root's Postgres is another user."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o711)
        yield Path(name)


@pytest.fixture
def data_dir(place: Path) -> Path:
    return place / "data"


@pytest.fixture
def servers(data_dir: Path) -> Iterator[Embedded]:
    with Embedded(data_dir) as servers:
        yield servers


def test_both_answer_after_the_start(servers: Embedded) -> None:
    publish(servers.addresses, "hello")
    assert published(servers.addresses) == ["hello"]
    with psycopg.connect(servers.addresses.database_url) as db:
        assert db.execute("select lower('ПРИВЕТ'), current_user::text").fetchone() == ("привет", "pulse")


def test_the_log_puts_every_event_on_disk_before_it_is_acknowledged(servers: Embedded) -> None:
    assert jetstream(servers.addresses)["sync_always"] is True


def test_a_benchmark_may_leave_that_to_the_system(data_dir: Path) -> None:
    with Embedded(data_dir, postgres=False, sync_always=False) as servers:
        assert "sync_always" not in jetstream(servers.addresses)


def test_postgres_listens_on_a_private_socket_only(servers: Embedded) -> None:
    for process in family("postgres"):
        with suppress(psutil.NoSuchProcess):  # some of its own are short-lived
            assert process.net_connections("tcp") == []
    socket_dir = Path(psycopg.conninfo.conninfo_to_dict(servers.addresses.database_url)["host"])
    assert socket_dir.stat().st_mode & 0o777 == 0o700


def test_nats_listens_on_loopback_only(servers: Embedded) -> None:
    listening = [c.laddr.ip for p in family("nats-server") for c in p.net_connections("tcp") if c.status == "LISTEN"]
    assert listening == ["127.0.0.1", "127.0.0.1"]


def test_only_the_owner_reads_the_secrets(servers: Embedded, data_dir: Path) -> None:
    passwords = json.loads((data_dir / "secrets.json").read_text()).values()
    written = [path for path in data_dir.rglob("*") if path.is_file()]
    telling = {path for path in written if any(word.encode() in path.read_bytes() for word in passwords)}
    assert {path.name for path in telling} == {"secrets.json", "addresses.json", "nats.conf"}
    assert {path.stat().st_mode & 0o777 for path in telling} == {0o600}


def test_no_command_line_holds_a_password(servers: Embedded, data_dir: Path) -> None:
    passwords = json.loads((data_dir / "secrets.json").read_text()).values()
    said = " ".join(" ".join([*p.cmdline(), *p.environ().values()]) for p in family())
    assert "postgres" in said
    assert not [word for word in passwords if word in said]


def test_a_second_start_is_refused_and_names_the_process(servers: Embedded, data_dir: Path) -> None:
    with pytest.raises(AlreadyRunning, match=f"{data_dir} .*{os.getpid()}"):
        Embedded(data_dir).start()
    publish(servers.addresses, "still here")


def test_others_find_the_addresses_while_it_runs(data_dir: Path) -> None:
    assert running(data_dir) is None
    with Embedded(data_dir) as servers:
        assert running(data_dir) == servers.addresses
    assert running(data_dir) is None


def test_the_next_start_finds_the_same_addresses_and_data(data_dir: Path) -> None:
    with Embedded(data_dir) as first:
        write_both(first.addresses)
    with Embedded(data_dir) as second:
        assert second.addresses == first.addresses
        assert read_both(second.addresses) == ("kept", "kept")


def test_a_taken_port_is_replaced(data_dir: Path) -> None:
    with Embedded(data_dir, postgres=False) as first:
        port = int(first.addresses.nats_url.rpartition(":")[2])
    with taken(port), Embedded(data_dir, postgres=False) as second:
        assert second.addresses.nats_url != first.addresses.nats_url
        publish(second.addresses, "elsewhere")


def test_data_survive_kill_9_of_each(servers: Embedded) -> None:
    write_both(servers.addresses)
    servers.kill_nats()
    servers.kill_postgres()
    assert not family()
    servers.restart_nats()
    servers.restart_postgres()
    assert read_both(servers.addresses) == ("kept", "kept")


def test_a_server_that_died_is_started_again_while_threads_are_busy(servers: Embedded) -> None:
    """As `pulse up` does it, whose passwords are checked in threads; nothing of ours runs between fork and exec."""
    write_both(servers.addresses)
    over = threading.Event()
    busy = [threading.Thread(target=over.wait) for _ in range(4)]
    for thread in busy:
        thread.start()
    servers.kill_nats()
    servers.kill_postgres()
    assert servers.revive() == ["nats-server", "postgres"]
    over.set()
    for thread in busy:
        thread.join()
    assert child.until(lambda: answers(servers.addresses), DEADLINE, print, "waiting")
    assert read_both(servers.addresses) == ("kept", "kept")


def answers(addresses: Addresses) -> bool:
    with suppress(OSError, psycopg.Error), psycopg.connect(addresses.database_url):
        jetstream(addresses)
        return True
    return False


def test_a_server_takes_signals_as_if_a_shell_had_started_it(servers: Embedded) -> None:
    """Python ignores SIGPIPE, and whoever is started by it would too."""
    ignored = [int(line.split()[1], 16) for line in status_lines("SigIgn")]
    assert not any(mask & 1 << signal.SIGXFSZ - 1 for mask in ignored)


def status_lines(name: str) -> list[str]:
    statuses = [Path(f"/proc/{process.pid}/status").read_text().splitlines() for process in family("nats-server")]
    return [line for lines in statuses for line in lines if line.startswith(name)]


def test_a_server_may_be_somewhere_else(data_dir: Path) -> None:
    with Embedded(data_dir, nats=False) as servers:
        assert not family("nats-server")
        assert servers.addresses.nats_url == ""
        assert running(data_dir) == servers.addresses


def test_the_servers_end_when_their_parent_is_killed(data_dir: Path) -> None:
    with started(data_dir) as parent:
        children = family(of=parent.pid)
        assert {"nats-server", "postgres"} <= {child.name() for child in children}
        parent.kill()
        assert not psutil.wait_procs(children, DEADLINE)[1]


def test_a_killed_parent_can_be_started_again_at_once(data_dir: Path) -> None:
    with started(data_dir) as parent:
        write_both(running_now(data_dir))
        parent.kill()
        parent.wait()
        with Embedded(data_dir) as servers:
            assert read_both(servers.addresses) == ("kept", "kept")


def test_an_orphaned_nats_server_holds_the_lock(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "ORPHANS_END", 0.2)
    with started(data_dir) as parent:
        (orphan,) = family("nats-server", of=parent.pid)
        orphan.suspend()  # so that the signal it gets when its parent dies has to wait
        parent.kill()
        parent.wait()
        with pytest.raises(AlreadyRunning, match=str(orphan.pid)):
            Embedded(data_dir).start()
        orphan.kill()
        with Embedded(data_dir) as servers:
            publish(servers.addresses, "free again")


def test_a_lock_of_postgres_that_names_a_stranger_is_no_obstacle(servers: Embedded, data_dir: Path) -> None:
    servers.kill_postgres()
    pid_file = data_dir / "postgres/cluster/postmaster.pid"
    owner = {"user": pid_file.stat().st_uid} if os.geteuid() == 0 else {}
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, **owner) as stranger:
        pid_file.write_text("\n".join([str(stranger.pid), *pid_file.read_text().splitlines()[1:]]))
        servers.restart_postgres()
        assert stranger.poll() is None
        psycopg.connect(servers.addresses.database_url).close()


def test_a_server_that_cannot_start_says_what_its_log_says_and_leaves_nothing(data_dir: Path) -> None:
    with Embedded(data_dir):
        pass
    with (data_dir / "postgres/cluster/postgresql.conf").open("a") as settings:
        settings.write("\nno_such_setting = 1\n")
    with pytest.raises(ServerFailed, match=r"(?s)postgres\.log.*no_such_setting"):
        Embedded(data_dir).start()
    assert not family()
    assert running(data_dir) is None


def test_a_start_that_was_killed_while_creating_the_database_is_made_good(data_dir: Path) -> None:
    with Embedded(data_dir, nats=False):
        pass
    home = data_dir / "postgres"
    (home / "cluster").rename(home / "unfinished")
    with Embedded(data_dir, nats=False) as servers:
        psycopg.connect(servers.addresses.database_url).close()


def test_a_path_too_long_for_a_socket_gets_a_short_one(place: Path) -> None:
    said: list[str] = []
    with Embedded(place / ("long" * 30), nats=False, progress=said.append) as servers:
        psycopg.connect(servers.addresses.database_url).close()
        socket_dir = Path(psycopg.conninfo.conninfo_to_dict(servers.addresses.database_url)["host"])
        assert str(socket_dir) in said[0]
        assert socket_dir.stat().st_mode & 0o777 == 0o700
    shutil.rmtree(socket_dir)


@pytest.mark.parametrize("name", ['Вера\'s "50%" & $co', "Boris, Anna"])
def test_a_path_may_hold_any_character(place: Path, name: str) -> None:
    with Embedded(place / name) as servers:
        write_both(servers.addresses)
    with Embedded(place / name) as servers:
        assert read_both(servers.addresses) == ("kept", "kept")
    socket_dir = Path(psycopg.conninfo.conninfo_to_dict(servers.addresses.database_url)["host"])
    shutil.rmtree(socket_dir)


@needs_root
def test_it_works_for_an_ordinary_user(place: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    reads = subprocess.run(["test", "-r", child.LAUNCH], check=False, user=nobody.pw_uid).returncode == 0
    if not (reads and Path(SYSTEM_PYTHON).exists()):
        pytest.skip("an ordinary user has no Python here, or can't read the clone")
    data_dir = place / "data"
    data_dir.mkdir(mode=0o700)
    os.chown(data_dir, nobody.pw_uid, nobody.pw_gid)
    with started(data_dir, str(nobody.pw_uid), str(nobody.pw_gid)) as parent:
        assert {child.uids().real for child in family(of=parent.pid)} == {nobody.pw_uid}
        write_both(running_now(data_dir))


@needs_root
def test_postgres_of_root_is_not_root(servers: Embedded) -> None:
    assert 0 not in {process.uids().real for process in family("postgres")}


@needs_root
def test_a_home_nobody_may_enter_keeps_postgres_elsewhere(place: Path) -> None:
    place.chmod(0o700)
    data_dir, said = place / "data", list[str]()
    with Embedded(data_dir, nats=False, progress=said.append) as first:
        elsewhere = (data_dir / "postgres").resolve()
        assert str(elsewhere) in said[0]
    with Embedded(data_dir, nats=False) as second:
        assert second.addresses == first.addresses
    shutil.rmtree(elsewhere)


def running_now(data_dir: Path) -> Addresses:
    addresses = running(data_dir)
    assert addresses
    return addresses


@contextmanager
def started(data_dir: Path, *user: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that runs the servers, from when they answer until it is told to end."""
    command = [sys.executable, "-c", CHILD, str(data_dir), *user]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=CLONE) as child:
        assert child.stdout
        assert child.stdout.readline().startswith("{")
        yield child


def lives(process: psutil.Process, name: str) -> bool:
    """Some end between being listed and being looked at."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE and (not name or process.name() == name)
    except psutil.NoSuchProcess:
        return False


def family(name: str = "", of: int | None = None) -> list[psutil.Process]:
    """Living descendants of ours, or of another process; the servers of other tests are not ours."""
    everyone = psutil.Process(of).children(recursive=True)
    living = [process for process in everyone if lives(process, name)]
    return [p for p in living if OTHERS.isdisjoint([p.pid, *(parent.pid for parent in p.parents())])]


OTHERS: set[int] = set()


@pytest.fixture(autouse=True)
def others() -> None:
    """Notes the children that were there before the test."""
    OTHERS.clear()
    OTHERS.update(child.pid for child in psutil.Process().children(recursive=True))


@contextmanager
def taken(port: int) -> Iterator[None]:

    with socket.create_server(("127.0.0.1", port)):
        yield


def jetstream(addresses: Addresses) -> dict[str, object]:
    with urllib.request.urlopen(f"{addresses.nats_monitor_url}/jsz") as answer:
        config: dict[str, object] = json.load(answer)["config"]
    return config


def write_both(addresses: Addresses) -> None:
    publish(addresses, "kept")
    with psycopg.connect(addresses.database_url) as db:
        db.execute("create table note as select 'kept' as text")


def read_both(addresses: Addresses) -> tuple[str, str]:
    with psycopg.connect(addresses.database_url) as db:
        row = db.execute("select text from note").fetchone()
    assert row
    return published(addresses)[-1], row[0]


def publish(addresses: Addresses, text: str) -> None:
    async def run() -> None:
        async with await nats.connect(addresses.nats_url) as client:
            log = client.jetstream()
            await log.add_stream(name="NOTES", subjects=["note"])
            await log.publish("note", text.encode())

    asyncio.run(run())


def published(addresses: Addresses) -> list[str]:
    async def run() -> list[str]:
        async with await nats.connect(addresses.nats_url) as client:
            log = client.jetstream()
            last = (await log.stream_info("NOTES")).state.last_seq
            return [(await log.get_msg("NOTES", seq)).data.decode() for seq in range(1, last + 1)]

    return asyncio.run(run())
