"""What stands before Pulse in the open: takes TLS off, and passes on to whichever process is there."""

from __future__ import annotations

import asyncio
import ssl
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pulse.house import now

LOOPBACK = "127.0.0.1"


def certificate(place: Path) -> Path:
    """A certificate of loopback and its key, in one file; it is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, LOOPBACK)])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now() - timedelta(hours=1)).not_valid_after(now() + timedelta(hours=1))
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ip_address(LOOPBACK))])
    signed = builder.add_extension(alternative, critical=False).sign(key, hashes.SHA256())
    form = serialization.PrivateFormat.PKCS8
    secret = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    place.write_bytes(secret + signed.public_bytes(serialization.Encoding.PEM))
    return place


class Front:
    """Passes on to `to_port`, which may change, and can cut every line at once."""

    def __init__(self, to_port: int) -> None:
        self.to_port = to_port
        self._lines: set[StreamWriter] = set()

    @asynccontextmanager
    async def listening(self, pem: Path | None = None) -> AsyncIterator[int]:
        """Yields its port; with a certificate, TLS is spoken there."""
        context = None
        if pem is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(pem)
        server = await asyncio.start_server(self._pass_on, LOOPBACK, 0, ssl=context)
        async with server:
            yield server.sockets[0].getsockname()[1]
            self.cut()

    def cut(self) -> None:
        for line in self._lines:
            line.transport.abort()

    async def _pass_on(self, reader: StreamReader, writer: StreamWriter) -> None:
        their_reader, their_writer = await asyncio.open_connection(LOOPBACK, self.to_port)
        self._lines |= {writer, their_writer}
        try:
            await asyncio.gather(copied(reader, their_writer), copied(their_reader, writer))
        finally:
            self._lines -= {writer, their_writer}


async def copied(reader: StreamReader, writer: StreamWriter) -> None:
    with suppress(OSError):
        while some := await reader.read(1 << 16):
            writer.write(some)
            await writer.drain()
    writer.close()
