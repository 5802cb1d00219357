"""The way out leads outside only, whatever address somebody thinks of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from pulse import outside
from pulse.outside import (
    AnswerTooLarge,
    CheckedNetwork,
    ForbiddenAddress,
    NoAnswer,
    download,
    is_host,
    is_out_there,
    outside_client,
    require_permitted,
    resolve_name,
)
from tests.outsiders import OTHER, PUBLIC, Names, Outsider, Wires, a_certificate, an_outsider, ok, status

HOST = "files.example.org"

INSIDE = [
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
    "169.254.169.254", "100.64.0.1", "100.127.255.255", "192.0.0.1", "192.0.0.9", "192.0.2.1", "198.51.100.1",
    "203.0.113.1", "198.18.0.1", "198.19.255.255", "192.88.99.1", "192.31.196.1", "192.52.193.1", "192.175.48.1",
    "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "::8.8.8.8",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b::a00:1", "64:ff9b:1::808:808", "64:ff9b:1:ffff::1",
    "2002:7f00:1::", "2002:a00:1::1", "2002:808:808::1", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:2::1", "2001:10::1", "2001:20::1", "2001:db8::1", "3fff::1", "5f00::1", "100::1", "fc00::1", "fd00::1",
    "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "ff0e::1", "::ffff:0:8.8.8.8", "4000::1", "", "localhost", "8.8.8",
]  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_that_is_not_one_machine_out_there_is_refused(address: str) -> None:
    assert not is_out_there(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", PUBLIC, OTHER, "2a00:1450::1", "::ffff:8.8.8.8", "64:ff9b::808:808", "172.32.0.1"]
)
def test_a_public_address_is_taken(address: str) -> None:
    assert is_out_there(address)


HOSTILE = [
    "http://files.example.org/", "ftp://files.example.org/", "file:///etc/passwd", "gopher://files.example.org/",
    "https://files.example.org:8443/", "https://files.example.org:80/", "https://files.example.org:22/",
    "https://user@files.example.org/", "https://user:pass@files.example.org/", "https://files.example.org@evil.example/",
    "https://evil.example\\@files.example.org/", "https://evil.example#@files.example.org/",
    "https://files.example.org.evil.example/", "https://evilfiles.example.org/", "https://files.example.org./",
    "https://files.example.org%00.evil.example/", "https://files.example.org%2eevil.example/", "https://localhost/",
    "https://127.0.0.1/", "https://127.1/", "https://2130706433/", "https://0x7f000001/", "https://0177.0.0.1/",
    "https://0x7f.0.0.1/", "https://[::1]/", "https://[::ffff:127.0.0.1]/", "https://[fe80::1%25eth0]/",
    "https://169.254.169.254/latest/meta-data/", "https://8.8.8.8/", "https:///path", "https://", "https://.example.org/",
    "https://fіles.example.org/", "https://xn--fles-jwe.example.org/", "https://ｆｉｌｅｓ.ｅｘａｍｐｌｅ.ｏｒｇ.evil.example/",
    "https://①②⑦.⓪.⓪.①/", "https://files.example.org\t.evil.example/", "https://-.example.org/", "//files.example.org/",
]  # fmt: skip


@pytest.mark.parametrize("url", HOSTILE)
async def test_a_hostile_url_gets_nowhere(url: str) -> None:
    wires, names = Wires(1), Names([PUBLIC])
    async with outside_client((HOST,), network=CheckedNetwork(frozenset(), names, wires)) as client:
        with pytest.raises(ForbiddenAddress):
            await download(client, url, nobody, limit=10, seconds=5)
    assert (wires.connected, names.asked) == ([], [])


@pytest.mark.parametrize("url", ["https://files.example.org/x", "https://FILES.example.org:443/x?y"])
def test_a_url_on_the_list_is_taken(url: str) -> None:
    require_permitted(httpx2.URL(url), (HOST,))


def test_without_a_list_any_name_outside_is_taken_and_no_address() -> None:
    for url in ("https://example.org/", "https://пример.рф/", "https://a.b-c.example.museum/"):
        require_permitted(httpx2.URL(url), None)
    for url in (
        "https://127.0.0.1/",
        "https://1.2.3.4/",
        "https://2130706433/",
        "https://intranet/",
        "https://0x7f.1/",
    ):
        with pytest.raises(ForbiddenAddress):
            require_permitted(httpx2.URL(url), None)


@pytest.mark.parametrize(
    ("host", "pattern", "fits"),
    [
        ("a.example.org", "*.example.org", True), ("a.b.example.org", "*.example.org", True),
        ("example.org", "*.example.org", False), ("evilexample.org", "*.example.org", False),
        (".example.org", "*.example.org", False), ("example.org", "example.org", True), ("a.example.org", "example.org", False),
    ],
)  # fmt: skip
def test_a_star_stands_for_subdomains_only(host: str, pattern: str, fits: bool) -> None:
    assert is_host(host, pattern) is fits


async def nobody(_: bytes) -> None:
    pytest.fail("nothing may be taken")


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An authority of the test's own, which clients made in it believe."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    outside._tls.cache_clear()
    yield tmp_path
    outside._tls.cache_clear()


async def fetch(
    network: CheckedNetwork, url: str, *, hosts: tuple[str, ...] | None = (HOST,), limit: int = 100
) -> bytes:
    taken: list[bytes] = []

    async def take(piece: bytes) -> None:
        taken.append(piece)

    async with outside_client(hosts, network=network) as client:
        assert await download(client, url, take, limit=limit, seconds=10) == 200
    return b"".join(taken)


async def test_the_checked_address_is_connected_to_under_the_names_own_certificate(tls: Path) -> None:
    async with an_outsider(lambda _: ok(b"a file"), a_certificate(tls, HOST)) as there:
        wires, names = Wires(there.port), Names([PUBLIC, OTHER], ["127.0.0.1"])
        assert await fetch(CheckedNetwork(frozenset(), names, wires), f"https://{HOST}/a") == b"a file"
    assert wires.connected == [f"{PUBLIC}:443"]
    assert names.asked == [HOST], "asked once: there is no second answer to be fooled by"
    assert f"Host: {HOST}\r\n" in there.heads[0]
    assert "Accept-Encoding: identity\r\n" in there.heads[0]


async def test_another_names_certificate_is_refused(tls: Path) -> None:
    async with an_outsider(lambda _: ok(b"a file"), a_certificate(tls, "evil.example.org")) as there:
        with pytest.raises(NoAnswer):
            await fetch(CheckedNetwork(frozenset(), Names([PUBLIC]), Wires(there.port)), f"https://{HOST}/a")
    assert there.heads == []


@pytest.mark.parametrize("answers", [["127.0.0.1"], [PUBLIC, "10.0.0.1"], ["::1", PUBLIC], [PUBLIC, "64:ff9b::7f00:1"]])
async def test_a_name_with_one_address_inside_is_refused_whole(answers: list[str]) -> None:
    wires = Wires(1)
    with pytest.raises(ForbiddenAddress):
        await fetch(CheckedNetwork(frozenset(), Names(answers), wires), f"https://{HOST}/a")
    assert wires.connected == []


async def test_a_name_that_turns_inside_after_the_first_connection_is_refused(tls: Path) -> None:
    """Rebinding: every connection is judged by the very answer it is made with."""
    async with an_outsider(lambda _: ok(b"a file"), a_certificate(tls, HOST)) as there:
        wires = Wires(there.port)
        network = CheckedNetwork(frozenset(), Names([PUBLIC], ["127.0.0.1"]), wires)
        assert await fetch(network, f"https://{HOST}/a") == b"a file"
        with pytest.raises(ForbiddenAddress):
            await fetch(network, f"https://{HOST}/b")
    assert wires.connected == [f"{PUBLIC}:443"]


async def test_the_next_address_is_tried_when_the_first_is_dead(tls: Path) -> None:
    async with an_outsider(lambda _: ok(b"a file"), a_certificate(tls, HOST)) as there:
        wires = Wires(there.port, dead=(PUBLIC,))
        assert await fetch(CheckedNetwork(frozenset(), Names([PUBLIC, OTHER]), wires), f"https://{HOST}/a") == b"a file"
    assert wires.connected == [f"{PUBLIC}:443", f"{OTHER}:443"]


@pytest.mark.parametrize("spelling", ["127.1", "2130706433", "0x7f000001", "0177.0.0.1", "localhost"])
async def test_every_spelling_of_this_machine_is_judged_after_resolving(spelling: str) -> None:
    """Also where somebody's list of hosts would let it through."""
    network = CheckedNetwork(frozenset(), resolve_name)
    with pytest.raises((ForbiddenAddress, NoAnswer)):
        await network.connect_tcp(spelling, 443)


async def test_a_name_that_does_not_exist_is_no_answer() -> None:
    with pytest.raises(NoAnswer):
        await resolve_name("does-not-exist.invalid", 443)


# Redirects


async def follow(there: Outsider, tls: Path, *answers: list[str], hosts: tuple[str, ...] | None = (HOST,)) -> Wires:
    wires = Wires(there.port)
    try:
        await fetch(
            CheckedNetwork(frozenset(), Names(*(answers or ([PUBLIC],))), wires), f"https://{HOST}/0", hosts=hosts
        )
    finally:
        assert len(wires.connected) == len(there.heads)
    return wires


async def test_three_redirects_on_the_list_are_followed(tls: Path) -> None:
    def answers(target: str) -> bytes:
        hop = int(target[1:])
        return ok(b"there") if hop == 3 else status(302, f"Location: /{hop + 1}")

    async with an_outsider(answers, a_certificate(tls, HOST)) as there:
        assert len((await follow(there, tls)).connected) == 4


async def test_a_fourth_redirect_is_one_too_many(tls: Path) -> None:
    async with an_outsider(lambda target: status(302, f"Location: {target}1"), a_certificate(tls, HOST)) as there:
        with pytest.raises(ForbiddenAddress):
            await follow(there, tls)
    assert len(there.heads) == 4


@pytest.mark.parametrize(
    "location",
    ["https://evil.example.org/", "http://files.example.org/", "https://127.0.0.1/", "https://files.example.org:8443/",
     "https://u:p@files.example.org/", "//evil.example.org/", "file:///etc/passwd", "https://[::1/"],
)  # fmt: skip
async def test_a_redirect_off_the_list_is_not_followed(tls: Path, location: str) -> None:
    async with an_outsider(lambda _: status(302, f"Location: {location}"), a_certificate(tls, HOST)) as there:
        with pytest.raises((ForbiddenAddress, NoAnswer)):
            await follow(there, tls)
    assert len(there.heads) == 1


async def test_a_redirect_to_a_name_that_lies_inside_is_not_followed(tls: Path) -> None:
    def answers(_: str) -> bytes:
        return status(302, "Location: https://files.example.org/1")

    async with an_outsider(answers, a_certificate(tls, HOST)) as there:
        with pytest.raises(ForbiddenAddress):
            await follow(there, tls, [PUBLIC], ["169.254.169.254"])
    assert len(there.heads) == 1


# Limits


@pytest.mark.parametrize("answer", [ok(b"x" * 101), b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"x" * 101])
async def test_what_is_larger_than_the_limit_is_dropped(tls: Path, answer: bytes) -> None:
    async with an_outsider(lambda _: answer, a_certificate(tls, HOST)) as there:
        with pytest.raises(AnswerTooLarge):
            await fetch(CheckedNetwork(frozenset(), Names([PUBLIC]), Wires(there.port)), f"https://{HOST}/a")


async def test_who_says_nothing_is_given_up(tls: Path) -> None:
    async with an_outsider(lambda _: b"", a_certificate(tls, HOST)) as there:
        network = CheckedNetwork(frozenset(), Names([PUBLIC]), Wires(there.port))
        async with outside_client((HOST,), network=network) as client:
            with pytest.raises(NoAnswer):
                await download(client, f"https://{HOST}/a", nobody, limit=10, seconds=0.05)


async def test_an_answer_that_breaks_off_is_no_answer(tls: Path) -> None:
    async with an_outsider(
        lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf", a_certificate(tls, HOST)
    ) as there:
        with pytest.raises(NoAnswer) as gone:
            await fetch(
                CheckedNetwork(frozenset(), Names([PUBLIC]), Wires(there.port)), f"https://{HOST}/bot1:SECRET/a"
            )
    assert "SECRET" not in repr(gone.value)
    assert gone.value.__cause__ is None


# Trusted hosts


async def test_a_trusted_host_may_be_inside_and_without_tls() -> None:
    async with an_outsider(lambda _: ok(b"inside")) as there:
        here = f"127.0.0.1:{there.port}"
        taken: list[bytes] = []

        async def take(piece: bytes) -> None:
            taken.append(piece)

        async with outside_client(("127.0.0.1",), allow_private=frozenset({here})) as client:
            assert await download(client, f"http://{here}/a", take, limit=100, seconds=10) == 200
        assert taken == [b"inside"]


@pytest.mark.parametrize("trusted", ["127.0.0.1:1", "localhost:{port}", "127.0.0.1"])
async def test_a_trusted_host_is_that_host_at_that_port_only(trusted: str) -> None:
    async with an_outsider(lambda _: ok(b"inside")) as there:
        near = frozenset({trusted.format(port=there.port)})
        async with outside_client(None, allow_private=near) as client:
            with pytest.raises(ForbiddenAddress):
                await download(client, f"http://127.0.0.1:{there.port}/a", nobody, limit=100, seconds=10)
    assert there.heads == []


async def test_no_proxy_of_the_environment_is_used(tls: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with an_outsider(lambda _: ok(b"a file"), a_certificate(tls, HOST)) as there:
        network = CheckedNetwork(frozenset(), Names([PUBLIC]), Wires(there.port))
        assert await fetch(network, f"https://{HOST}/a") == b"a file"
