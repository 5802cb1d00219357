"""Passwords: argon2id, with the parameters OWASP names first (19 MiB, two passes, one lane)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from zxcvbn import zxcvbn

from pulse.errors import BadInput, TryLater

T = TypeVar("T")

WAITING = 64
HASHER = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)

SHORTEST, LONGEST = 8, 1024
GUESSES, COMPARED = 1_000_000, 72


class NotAPassword(BadInput):
    """A password has 8 to 1,024 characters."""


def hash_password(password: str) -> str:
    """Raises NotAPassword."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise NotAPassword
    return HASHER.hash(password)


class TooCommon(BadInput):
    """Others would guess this password soon. Take a longer one, or several words."""


def require_uncommon(password: str, *own: str) -> None:
    """Refuses what is guessed in a million tries: the 30,000 passwords that people use most (ASVS 5.0, 6.2.4), words
    with a digit, rows of keys, and what contains a person's `own` words. Raises TooCommon.
    """
    if zxcvbn(password[:COMPARED], user_inputs=["pulse", *own])["guesses"] < GUESSES:
        raise TooCommon


class TooManySignIns(TryLater):
    """Too many people are signing in at this moment. Try again soon."""


def hash_chosen(password: str, own: tuple[str, ...]) -> str:
    """Of a password that somebody chose. Raises NotAPassword, TooCommon."""
    hashed = hash_password(password)
    require_uncommon(password, *own)
    return hashed


class PasswordCheck:
    """Checks in two threads of its own, so that hashing never holds up the loop. Strangers take as long as friends.

    Each check takes 20 to 40 ms: beyond `waiting` of them, it is kinder to send people away than to let them wait.
    """

    def __init__(self, waiting: int = WAITING) -> None:
        self.waiting = waiting
        self._taken = 0
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="argon2")
        self._nobody = _hash_of_nobody()

    async def matches(self, password_hash: str | None, password: str) -> bool:
        """Raises TooManySignIns."""
        checked = await self._apart(partial(_verify, password_hash or self._nobody, password))
        return checked and password_hash is not None

    async def hash_new(self, password: str, *own: str) -> str:
        """The hash of a password that somebody chose. Raises NotAPassword, TooCommon, TooManySignIns."""
        return await self._apart(partial(hash_chosen, password, own))

    async def _apart(self, work: Callable[[], T]) -> T:
        if self._taken >= self.waiting:
            raise TooManySignIns
        self._taken += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._taken -= 1

    def close(self) -> None:
        self._threads.shutdown(wait=False)


@cache
def _hash_of_nobody() -> str:
    return hash_password("nobody has this password")


def _verify(password_hash: str, password: str) -> bool:
    try:
        return HASHER.verify(password_hash, password)
    except (Argon2Error, InvalidHashError, UnicodeEncodeError):
        return False
