"""Lets a crowd in a few at a time, so that whoever is there already hears what is told meanwhile."""

from __future__ import annotations

import asyncio
from collections import deque

IN_A_TURN = 20


class Turnstile:
    """So many get through in each turn of the loop, in the order in which they came."""

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._passed = 0
        self._turns = False

    async def through(self) -> None:
        """Returns at once unless there is a crowd."""
        if not self._turns:
            self._turns = True
            asyncio.get_running_loop().call_soon(self._turn)
        if self._passed < IN_A_TURN and not self._waiting:
            self._passed += 1
        else:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            await turn

    def _turn(self) -> None:
        self._passed = 0
        while self._waiting and self._passed < IN_A_TURN:
            turn = self._waiting.popleft()
            if not turn.done():  # who waited may have gone
                turn.set_result(None)
                self._passed += 1
        self._turns = self._passed > 0
        if self._turns:
            asyncio.get_running_loop().call_soon(self._turn)
