"""Second factors: the six digits of an authenticator app (TOTP, RFC 6238), and recovery codes for whoever lost it."""

from __future__ import annotations

import hmac
import io
import secrets
from datetime import datetime
from hashlib import sha256

import pyotp
import segno

ISSUER = "Pulse"
STEP_SECONDS = 30
CODES, CODE_LETTERS, PART_LETTERS = 10, 24, 6
# Without l, o, 0 and 1. 24 of them are 120 bits: enough for a plain hash (ASVS 5.0, 6.5.2).
ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"


def new_secret() -> str:
    """160 bits, as base32."""
    return pyotp.random_base32()


def step_of(secret: str, code: str, now: datetime) -> int | None:
    """Which time step a code belongs to: this one, the one before or after; None for any other code."""
    totp = pyotp.TOTP(secret, interval=STEP_SECONDS)
    here = int(now.timestamp()) // STEP_SECONDS
    said = "".join(code.split()).encode("utf-8", "replace")
    for step in (here, here - 1, here + 1):
        if hmac.compare_digest(totp.generate_otp(step).encode(), said):
            return step
    return None


def app_address(secret: str, email: str) -> str:
    """What an authenticator app reads: https://github.com/google/google-authenticator/wiki/Key-Uri-Format"""
    return pyotp.TOTP(secret, interval=STEP_SECONDS).provisioning_uri(name=email, issuer_name=ISSUER)


def picture(address: str) -> str:
    """A QR code as an SVG of its own."""
    drawn = io.BytesIO()
    segno.make(address, error="m", micro=False).save(drawn, kind="svg", xmldecl=False, scale=4)
    return drawn.getvalue().decode().strip()


def new_recovery_codes() -> tuple[str, ...]:
    """Ten, for people: four groups of six letters and digits."""
    return tuple(_new_recovery_code() for _ in range(CODES))


def recovery_hash(code: str) -> str:
    """As it is kept; however it was typed."""
    plain = "".join(letter for letter in code.lower() if letter.isalnum())
    return sha256(plain.encode("utf-8", "replace")).hexdigest()


def _new_recovery_code() -> str:
    letters = "".join(secrets.choice(ALPHABET) for _ in range(CODE_LETTERS))
    return "-".join(letters[first : first + PART_LETTERS] for first in range(0, CODE_LETTERS, PART_LETTERS))
