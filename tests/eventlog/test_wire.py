"""The lean connection, against a server that says exactly what a test wants; and over TLS against a real one."""

import asyncio
import contextlib
import datetime
import ipaddress
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlparse

import orjson
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pulse.embedded.nats import nats_binary
from pulse.errors import LogDown, TooLarge
from pulse.eventlog import wire as wires
from pulse.eventlog.appends import Append
from pulse.eventlog.jetstream import Log
from pulse.eventlog.wire import Wire

INFO = {"max_payload": 100, "headers": True}
INBOX = "_INBOX.vera.*"


class Nats:
    """nats-server as far as a handshake goes. `said` holds what the client wrote after it."""

    def __init__(self, *, info: bytes = b"INFO " + orjson.dumps(INFO) + b"\r\n", pong: bytes = b"PONG\r\n") -> None:
        self.info = info
        self.pong = pong
        self.said: asyncio.Queue[bytes] = asyncio.Queue()
        self.connect: dict[str, object] = {}
        self.writer: asyncio.StreamWriter | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        writer.write(self.info)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            self.connect = orjson.loads((await reader.readuntil(b"\r\n"))[8:])
            assert await reader.readuntil(b"\r\n") == f"SUB {INBOX} 1\r\n".encode()
            assert await reader.readuntil(b"\r\n") == b"PING\r\n"
            writer.write(self.pong)
            while data := await reader.read(1 << 16):
                self.said.put_nowait(data)
        writer.close()

    def say(self, *parts: bytes) -> None:
        assert self.writer is not None
        for part in parts:
            self.writer.write(part)


class Ear:
    """What a wire heard, and when it was lost."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[tuple[bytes, bytes, bytes]] = asyncio.Queue()
        self.lost = asyncio.Event()

    def hear(self, subject: bytes, headers: bytes, body: bytes) -> None:
        self.heard.put_nowait((subject, headers, body))


@contextlib.asynccontextmanager
async def dialled(nats: Nats, ear: Ear, user: str = "") -> AsyncIterator[Wire]:
    server = await asyncio.start_server(nats.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        wire = await Wire.dial(urlparse(f"nats://{user}127.0.0.1:{port}"), "test", INBOX, ear.hear, ear.lost.set)
        try:
            yield wire
        finally:
            wire.close()


async def test_what_is_published_in_one_tick_leaves_in_one_write_and_in_order():
    nats = Nats()
    async with dialled(nats, Ear()) as wire:
        wire.publish("a.b", b"1", "_INBOX.vera.1")
        wire.publish("a.c", b"22", headers=b"NATS/1.0\r\nA: 1\r\n\r\n")
        assert await nats.said.get() == (
            b"PUB a.b _INBOX.vera.1 1\r\n1\r\nHPUB a.c  18 20\r\nNATS/1.0\r\nA: 1\r\n\r\n22\r\n"
        )


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
async def test_messages_are_heard_whole_however_they_arrive(size):
    said = (
        b"MSG _INBOX.vera.1 1 2\r\nhi\r\nPING\r\n"
        b"HMSG _INBOX.vera.2 1 _R.1 12 15\r\nNATS/1.0\r\n\r\nabc\r\n+OK\r\n"
        b"MSG _INBOX.vera.3 1 _R.2 4\r\n\r\n\r\n\r\n"
        b"HMSG _INBOX.vera.4 1 28 28\r\nNATS/1.0 503 No One\r\nA: 1\r\n\r\n"
    )
    nats, ear = Nats(), Ear()
    async with dialled(nats, ear):
        for first in range(0, len(said), size):
            nats.say(said[first : first + size])
            await asyncio.sleep(0)
        found = [await ear.heard.get() for _ in range(3)]
        assert found == [
            (b"_INBOX.vera.1", b"", b"hi"),
            (b"_INBOX.vera.2", b"NATS/1.0\r\n\r\n", b"abc"),
            (b"_INBOX.vera.3", b"", b"\r\n\r\n"),
        ]
        assert await nats.said.get() == b"PONG\r\n"


async def test_a_large_message_in_many_pieces_is_one_message():
    nats, ear, body = Nats(), Ear(), b"x" * 3_000_000
    async with dialled(nats, ear):
        nats.say(b"MSG _INBOX.vera.1 1 %d\r\n" % len(body), body, b"\r\n")
        assert (await ear.heard.get())[2] == body


async def test_who_we_are_is_told_as_the_address_says_it():
    nats = Nats()
    async with dialled(nats, Ear(), "pulse:secret@"):
        assert (nats.connect["user"], nats.connect["pass"]) == ("pulse", "secret")
    async with dialled(nats, Ear(), "a-token@"):
        assert nats.connect["auth_token"] == "a-token"


async def test_a_refused_connection_says_why():
    with pytest.raises(LogDown, match="Authorization Violation"):
        async with dialled(Nats(pong=b"-ERR 'Authorization Violation'\r\n"), Ear()):
            pass


async def test_a_server_that_never_answers_is_given_up(monkeypatch):
    monkeypatch.setattr(wires, "CONNECT_SECONDS", 0.05)
    with pytest.raises(LogDown, match="no word in time"):
        async with dialled(Nats(info=b""), Ear()):
            pass


@pytest.mark.parametrize(
    "info", [b"INFO {}\r\n", b"INFO []\r\n", b"INFO nonsense\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n"]
)
async def test_whoever_speaks_otherwise_is_no_log(info, monkeypatch):
    monkeypatch.setattr(wires, "CONNECT_SECONDS", 0.2)
    with pytest.raises(LogDown):
        async with dialled(Nats(info=info), Ear()):
            pass


async def flood(wire: Wire) -> None:
    while True:
        wire.publish("a.b", b"x" * (1 << 22))
        await asyncio.sleep(0)


async def test_a_frozen_server_does_not_fill_our_memory(monkeypatch):
    monkeypatch.setattr(wires, "UNSENT_BYTES", 1 << 20)
    nats = Nats(info=b"INFO " + orjson.dumps({"max_payload": 1 << 23}) + b"\r\n")
    async with dialled(nats, Ear()) as wire:
        nats.writer.transport.pause_reading()
        with pytest.raises(LogDown):
            await flood(wire)
        nats.writer.transport.resume_reading()
        while (await nats.said.get())[-2:] != b"\r\n":
            pass


async def test_a_server_that_ends_the_connection_is_noticed_at_once():
    nats, ear = Nats(), Ear()
    async with dialled(nats, ear) as wire:
        nats.writer.close()
        await ear.lost.wait()
        with pytest.raises(LogDown):
            wire.publish("a.b", b"1")


async def test_a_server_that_answers_no_pings_is_gone(monkeypatch):
    monkeypatch.setattr(wires, "PING_SECONDS", 0.01)
    ear = Ear()
    async with dialled(Nats(), ear):
        await ear.lost.wait()


async def test_a_line_without_end_is_no_server_of_ours():
    nats, ear = Nats(), Ear()
    async with dialled(nats, ear):
        nats.say(b"x" * (wires.LINE_BYTES + 1))
        await ear.lost.wait()


async def test_a_message_that_the_server_would_not_take_is_not_sent():
    async with dialled(Nats(), Ear()) as wire:
        with pytest.raises(TooLarge):
            wire.publish("a.b", b"x" * 101)


@pytest.fixture
def secure_nats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A real nats-server with TLS and a certificate of its own, which this process trusts."""
    certificate, key = _certificate()
    (tmp_path / "cert.pem").write_bytes(certificate)
    (tmp_path / "key.pem").write_bytes(key)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (tmp_path / "nats.conf").write_text(
        f'listen: "127.0.0.1:{port}"\njetstream {{ store_dir: "{tmp_path}" }}\n'
        f'tls {{ cert_file: "{tmp_path}/cert.pem", key_file: "{tmp_path}/key.pem" }}\n'
    )
    server = subprocess.Popen([nats_binary(), "-c", tmp_path / "nats.conf"], stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None
    try:
        assert any("Server is ready" in line for line in server.stderr)
        yield f"tls://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()
        server.stderr.close()


async def test_a_server_with_tls_is_spoken_to_in_secret(secure_nats):
    log = await Log.connect(secure_nats, stream="SECRET")
    config = {"name": "SECRET", "subjects": ["secret.>"], "storage": "memory", "allow_direct": True}
    await log.api("STREAM.CREATE.SECRET", config)
    assert (await log.append(Append("secret.vera", b"1"))).position == 1
    assert [stored.body for stored in await log.read(1)] == [b"1"]
    await log.close()


def _certificate() -> tuple[bytes, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nats")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return certificate.public_bytes(serialization.Encoding.PEM), key.private_bytes(*form)
