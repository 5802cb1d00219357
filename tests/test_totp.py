"""Second factors: RFC 6238's own vectors, the step before and after, recovery codes, and the picture."""

from __future__ import annotations

import base64
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from pulse import totp

# RFC 6238, appendix B, for SHA-1; the last six of its eight digits.
SECRET = base64.b32encode(b"12345678901234567890").decode()
VECTORS = [
    (59, "287082"),
    (1111111109, "081804"),
    (1111111111, "050471"),
    (1234567890, "005924"),
    (2000000000, "279037"),
    (20000000000, "353130"),
]


@pytest.mark.parametrize(("second", "code"), VECTORS)
def test_a_code_is_the_one_of_the_rfc(second: int, code: str) -> None:
    now = datetime.fromtimestamp(second, UTC)
    assert totp.step_of(SECRET, code, now) == second // 30
    assert totp.step_of(SECRET, f" {code[:3]} {code[3:]} ", now) == second // 30


def test_a_clock_may_be_one_step_off_and_no_more() -> None:
    now = datetime.fromtimestamp(1234567890, UTC)
    told = [totp.step_of(SECRET, "005924", now + timedelta(seconds=30 * off)) for off in (-2, -1, 0, 1, 2)]
    assert told == [None, 41152263, 41152263, 41152263, None]


@pytest.mark.parametrize("code", ["", "5924", "0005924", "00592x", "\uff10\uff10\uff15\uff19\uff12\uff14", "\ud800"])
def test_anything_else_is_no_code(code: str) -> None:
    assert totp.step_of(SECRET, code, datetime.fromtimestamp(1234567890, UTC)) is None


def test_secrets_and_recovery_codes_are_never_the_same() -> None:
    assert len({totp.new_secret() for _ in range(50)}) == 50
    assert len(base64.b32decode(totp.new_secret())) == 20
    codes = totp.new_recovery_codes()
    assert len(set(codes)) == 10
    assert all(len(code.replace("-", "")) == 24 for code in codes)


def test_a_recovery_code_is_the_same_however_it_is_typed() -> None:
    assert totp.recovery_hash(" ABCdef GHIjkm-") == totp.recovery_hash("abcdef-ghijkm") != totp.recovery_hash("abcdef")


def test_an_app_reads_the_address_and_a_browser_shows_the_picture() -> None:
    address = totp.app_address(SECRET, "anna@pulse.example")
    parts = urlsplit(address)
    assert (parts.scheme, parts.netloc, parts.path) == ("otpauth", "totp", "/Pulse:anna%40pulse.example")
    assert parse_qs(parts.query) == {"secret": [SECRET], "issuer": ["Pulse"]}
    drawn = totp.picture(address)
    assert ET.fromstring(drawn).tag == "{http://www.w3.org/2000/svg}svg"
    assert "script" not in drawn
    assert drawn != totp.picture(address + "x")
