"""Other people's servers on loopback, and a network on which public addresses lead to them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpcore2
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from httpcore2 import AsyncNetworkBackend, AsyncNetworkStream

PUBLIC, OTHER = "93.184.215.14", "2606:2800:21f:cb07::1"

Answer = Callable[[str], bytes]


def ok(body: bytes, *headers: str) -> bytes:
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def status(code: int, *headers: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {code} X", "Content-Length: 0", "Connection: close", *headers, "", ""]).encode()


@dataclass
class Outsider:
    """A server that answers each request by its target (`/path`), and remembers the heads it was sent."""

    port: int
    heads: list[str] = field(default_factory=list)


@asynccontextmanager
async def an_outsider(answers: Answer, tls: ssl.SSLContext | None = None) -> AsyncIterator[Outsider]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            outsider.heads.append(head)
            if said := answers(head.split()[1]):
                writer.write(said)
                await writer.drain()
            else:
                await reader.read()  # says nothing until the caller gives up
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    outsider = Outsider(server.sockets[0].getsockname()[1])
    async with server:
        yield outsider


class Wires(AsyncNetworkBackend):
    """Whatever address is connected to, it is one server on loopback; the addresses are remembered."""

    def __init__(self, port: int, dead: tuple[str, ...] = ()) -> None:
        self.connected: list[str] = []
        self._port = port
        self._dead = dead
        self._real = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> AsyncNetworkStream:  # fmt: skip
        self.connected.append(f"{host}:{port}")
        if host in self._dead:
            raise httpcore2.ConnectError
        return await self._real.connect_tcp("127.0.0.1", self._port, timeout)


class Names:
    """A resolver that says something else each time, the last for ever."""

    def __init__(self, *answers: list[str]) -> None:
        self.asked: list[str] = []
        self._answers = list(answers)

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


def a_certificate(folder: Path, name: str) -> ssl.SSLContext:
    """For a server of that name; `folder/ca.pem` is the authority to be believed."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "ca.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, *private))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.pem", folder / "key.pem")
    return context
