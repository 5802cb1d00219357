"""Passwords: argon2id, with the parameters OWASP names first (19 MiB, two passes, one lane)."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

HASHER = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)


def hash_password(password: str) -> str:
    return HASHER.hash(password)


class PasswordCheck:
    """Checks in two threads of its own, so that hashing never holds up the loop. Strangers take as long as friends."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="argon2")
        self._nobody = hash_password("nobody has this password")

    async def matches(self, password_hash: str | None, password: str) -> bool:
        loop = asyncio.get_running_loop()
        checked = await loop.run_in_executor(self._threads, _verify, password_hash or self._nobody, password)
        return checked and password_hash is not None

    def close(self) -> None:
        self._threads.shutdown(wait=False)


def _verify(password_hash: str, password: str) -> bool:
    try:
        return HASHER.verify(password_hash, password)
    except (Argon2Error, InvalidHashError, UnicodeEncodeError):
        return False
