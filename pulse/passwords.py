"""Passwords: argon2id, with the parameters OWASP names first (19 MiB, two passes, one lane)."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from pulse.errors import BadInput, TryLater

WAITING = 64
HASHER = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)


SHORTEST, LONGEST = 8, 1024


class NotAPassword(BadInput):
    """A password has 8 to 1,024 characters."""


def hash_password(password: str) -> str:
    """Raises NotAPassword."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise NotAPassword
    return HASHER.hash(password)


class TooManySignIns(TryLater):
    """Too many people are signing in at this moment. Try again soon."""


class PasswordCheck:
    """Checks in two threads of its own, so that hashing never holds up the loop. Strangers take as long as friends.

    Each check takes 20 to 40 ms: beyond `waiting` of them, it is kinder to send people away than to let them wait.
    """

    def __init__(self, waiting: int = WAITING) -> None:
        self.waiting = waiting
        self._taken = 0
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="argon2")
        self._nobody = hash_password("nobody has this password")

    async def matches(self, password_hash: str | None, password: str) -> bool:
        """Raises TooManySignIns."""
        if self._taken >= self.waiting:
            raise TooManySignIns
        self._taken += 1
        loop = asyncio.get_running_loop()
        try:
            checked = await loop.run_in_executor(self._threads, _verify, password_hash or self._nobody, password)
        finally:
            self._taken -= 1
        return checked and password_hash is not None

    def close(self) -> None:
        self._threads.shutdown(wait=False)


def _verify(password_hash: str, password: str) -> bool:
    try:
        return HASHER.verify(password_hash, password)
    except (Argon2Error, InvalidHashError, UnicodeEncodeError):
        return False
