"""V12 Secure communication and V13 Configuration: the way out, what stands behind, and its secrets."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import psycopg
import pytest

from pulse.embedded.files import passwords_of
from pulse.outside import CheckedNetwork, ForbiddenAddress, outside_client
from tests.conftest import Pulse
from tests.outsiders import PUBLIC, Names, Wires, a_certificate, an_outsider, ok, status
from tests.world import a_name, connect, rows, since

HOST = "files.example.org"
NOBODYS = ("", "pulse", "postgres", "nats", "password")


async def test_v12_3_2_who_can_not_prove_their_name_is_told_nothing(tmp_path: Path) -> None:
    """Calls out believe public authorities only: to a certificate that somebody made for themselves nothing is sent."""
    async with an_outsider(lambda _: ok(b"a file"), a_certificate(tmp_path, HOST)) as there:
        network = CheckedNetwork(frozenset(), Names([PUBLIC]), Wires(there.port))
        async with outside_client((HOST,), network=network) as client:
            with pytest.raises(httpx2.ConnectError, match=r"(?i)certificate"):
                await client.get(f"https://{HOST}/a", headers={"Authorization": "Bearer secret"})
    assert there.heads == []


async def test_v13_2_1_nats_and_postgres_let_nobody_in_without_a_password(shared: Pulse) -> None:
    """Pulse's own servers ask everybody, also on this machine: no password, or a wrong one, and the door stays shut."""
    addresses = shared.house.addresses
    nats = urlsplit(addresses.nats_url)
    for said in ("{}", '{"user": "pulse", "pass": "guess"}'):
        reader, writer = await asyncio.open_connection(nats.hostname, nats.port)
        assert b'"auth_required":true' in await reader.readline()
        writer.write(f"CONNECT {said}\r\nPING\r\n".encode())
        assert b"Authorization Violation" in await asyncio.wait_for(reader.readline(), 5)
        writer.close()
    postgres = urlsplit(addresses.database_url)
    for password in NOBODYS:
        url = addresses.database_url.replace(f":{postgres.password}@", f":{password}@")
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(url)


async def test_v13_2_2_pulse_is_no_superuser_of_postgres(shared: Pulse) -> None:
    """Its role may make databases and nothing else: no other roles, no files of the server, nobody's passwords."""
    rights = "select rolsuper, rolcreaterole, rolreplication, rolbypassrls from pg_roles where rolname = current_user"
    assert set((await rows(shared, rights))[0].values()) == {False}
    for beyond in (
        "select rolpassword from pg_authid",
        "select pg_read_file('pg_hba.conf')",
        "create role thief superuser",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await rows(shared, beyond)


def test_v13_2_3_every_installation_makes_its_own_passwords(tmp_path: Path) -> None:
    """192 random bits for each server, in a file for our own eyes; none is the same elsewhere."""
    here, there = tmp_path / "here", tmp_path / "there"
    found = []
    for place in (here, there):
        place.mkdir()
        found += passwords_of(place).values()
        assert (place / "secrets.json").stat().st_mode & 0o077 == 0
    assert len(set(found)) == len(found) == 6
    assert all(len(bytes.fromhex(password)) == 24 for password in found)


@pytest.mark.parametrize(
    "url", [f"https://evil.example/{HOST}", f"https://{HOST}.evil.example/", "https://example.org/"]
)
async def test_v13_2_4_a_channels_calls_go_to_its_own_hosts_only(url: str) -> None:
    """Where a channel's or a provider's hosts are known, they are a list: another name is not even resolved."""
    wires, names = Wires(1), Names([PUBLIC])
    async with outside_client((HOST,), network=CheckedNetwork(frozenset(), names, wires)) as client:
        with pytest.raises(ForbiddenAddress):
            await client.get(url)
    assert (names.asked, wires.connected) == ([], [])


async def test_v13_3_1_secrets_lie_sealed_and_their_key_apart(shared: Pulse) -> None:
    """In the log only what the vault sealed; the key in a file of its own that nobody else reads."""
    before = await shared.house.log.last_position()
    token = f"7000000009:AA{a_name('very-secret-token')}"
    await connect(shared, "telegram", "7000000009", secrets={"token": token, "secret": "planted-secret"})
    stored = b"".join(one.body for one in await shared.house.log.read_all(">", before + 1))
    assert len(await since(shared, before)) == 1
    for secret in (token, token.partition(":")[2], "planted-secret"):
        assert secret.encode() not in stored
    key = shared.house.settings.key_file
    assert key.stat().st_mode & 0o077 == 0
    assert key.read_text().strip().encode() not in stored


async def test_v15_3_2_no_redirect_is_followed_unasked() -> None:
    """A call that is sent elsewhere ends there; downloads, which may be, are judged anew at every step (1.3.6)."""
    async with an_outsider(lambda _: status(302, "Location: /elsewhere")) as there:
        here = f"127.0.0.1:{there.port}"
        async with outside_client(None, allow_private=frozenset({here})) as client:
            answer = await client.post(f"http://{here}/first", content=b"secret")
    assert answer.status_code == 302
    assert len(there.heads) == 1
