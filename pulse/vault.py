"""Keys: seals what must not lie readable in the log (bot tokens, webhook secrets) and derives the signing keys.

One master key per installation: `PULSE_MASTER_KEY` (64 hex digits), or a file made at the first start.
Losing it makes sealed secrets unreadable for ever, so it belongs in the backup, apart from the data.
"""

from __future__ import annotations

import base64
import contextlib
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from pulse.errors import Trouble

KEY_BYTES = 32
NONCE_BYTES = 12


class WrongKey(Trouble):
    """A sealed secret can't be opened with this installation's master key."""


class Vault:
    """Seals and opens with AES-256-GCM; `purpose` is bound in, so a sealed value can't be moved elsewhere."""

    def __init__(self, master_key: bytes) -> None:
        if len(master_key) != KEY_BYTES:
            raise WrongKey(f"The master key must be {KEY_BYTES} bytes ({2 * KEY_BYTES} hex digits).")
        self._master = master_key
        self._cipher = AESGCM(self.derive("seal"))

    @classmethod
    def open(cls, master_key_hex: str, key_file: Path) -> Vault:
        """From the setting if there is one, else from the file, which is made (0600) when missing."""
        if master_key_hex:
            return cls(_key_of(master_key_hex))
        if not key_file.exists():
            _make_key(key_file)
        return cls(_key_of(key_file.read_text()))

    def derive(self, purpose: str) -> bytes:
        """A key of its own for each use."""
        return HKDF(SHA256(), KEY_BYTES, salt=None, info=f"pulse:{purpose}".encode()).derive(self._master)

    def derive_text(self, purpose: str) -> str:
        """The same, for programs whose secrets are text: 64 hex digits."""
        return self.derive(purpose).hex()

    def seal(self, plain: bytes, purpose: str) -> str:
        nonce = secrets.token_bytes(NONCE_BYTES)
        return base64.b64encode(nonce + self._cipher.encrypt(nonce, plain, purpose.encode())).decode()

    def unseal(self, sealed: str, purpose: str) -> bytes:
        """Raises WrongKey."""
        try:
            blob = base64.b64decode(sealed)
            return self._cipher.decrypt(blob[:NONCE_BYTES], blob[NONCE_BYTES:], purpose.encode())
        except (InvalidTag, ValueError):
            raise WrongKey from None


def _make_key(key_file: Path) -> None:
    """Writes a new key beside the place and links it there: of processes that start together, one key wins whole."""
    key_file.parent.mkdir(parents=True, exist_ok=True)
    own = key_file.with_name(f"{key_file.name}.{secrets.token_hex(8)}")
    handle = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(KEY_BYTES))
            file.flush()
            os.fsync(handle)
        with contextlib.suppress(FileExistsError):
            os.link(own, key_file)
    finally:
        own.unlink()


def _key_of(digits: str) -> bytes:
    try:
        return bytes.fromhex(digits)
    except ValueError:
        return b""  # of a wrong length, as the vault will say
