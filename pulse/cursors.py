"""Cursors: how far a client has heard. `<epoch>.<position>.<part>` for staff; sealed, for one chat, for visitors."""

from __future__ import annotations

import base64
import os
import struct
from typing import NamedTuple
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from pulse.errors import BadInput

EPOCH_DIGITS = 8
WHOLE = 0xFFFF  # all parts of an event
SEALED = struct.Struct(">4sQH")
NONCE = 12
LONGEST = 100


class Cursor(NamedTuple):
    """The place of the last frame that was heard. A snapshot holds the whole event at its position."""

    position: int
    part: int = WHOLE


class NotACursor(BadInput):
    """This is not a cursor of this log."""


class AnotherLog(NotACursor):
    """This is a cursor of another log."""


class Cursors:
    """Writes and reads them. `epoch` is the log's: a log that was made anew has other positions."""

    def __init__(self, epoch: str, key: bytes) -> None:
        self._epoch = epoch[:EPOCH_DIGITS]
        self._cipher = ChaCha20Poly1305(key)

    def write(self, cursor: Cursor) -> str:
        """In the clear: staff see positions anyway."""
        end = "" if cursor.part == WHOLE else f".{cursor.part}"
        return f"{self._epoch}.{cursor.position}{end}"

    def read(self, text: str) -> Cursor:
        """Raises NotACursor (AnotherLog)."""
        epoch, *numbers = text[:LONGEST].split(".")
        if not 1 <= len(numbers) <= 2 or not all(_is_number(number) for number in numbers):
            raise NotACursor
        if epoch != self._epoch:
            raise AnotherLog
        cursor = Cursor(*map(int, numbers))
        if cursor.part > WHOLE:
            raise NotACursor
        return cursor

    def seal(self, cursor: Cursor, chat: UUID) -> str:
        """For the visitor of one chat: they learn nothing from it, and can't make one."""
        nonce = os.urandom(NONCE)
        plain = SEALED.pack(bytes.fromhex(self._epoch), cursor.position, cursor.part)
        return base64.urlsafe_b64encode(nonce + self._cipher.encrypt(nonce, plain, chat.bytes)).decode()

    def unseal(self, text: str, chat: UUID) -> Cursor:
        """Raises NotACursor, also for one of another chat; AnotherLog only for what was sealed here."""
        try:
            sealed = base64.urlsafe_b64decode(text[:LONGEST].encode("ascii"))
            epoch, position, part = SEALED.unpack(self._cipher.decrypt(sealed[:NONCE], sealed[NONCE:], chat.bytes))
        except (InvalidTag, ValueError, struct.error):
            raise NotACursor from None
        if epoch.hex() != self._epoch:
            raise AnotherLog
        return Cursor(position, part)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18
