"""Telegram updates as the Bot API sends them (about 600 bytes), every one new."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

import orjson

PROOF = "x-telegram-bot-api-secret-token"
FIRST = 100_000_000
ORDER = b" daughter. Order "  # and its number
NUMBER = 987_654_321  # as wide as every number from FIRST on, and so found and replaced in the template
WORDS = "Good morning! My order has not arrived yet, though it was promised for Tuesday. Could you look where it is? "


def template(chat: int, times: int = 2) -> bytes:
    """An update of a chat, the words so many times; to be filled in: update, message, and the text's last word."""
    person = {"id": 5_000_000_000 + chat, "first_name": "Vera", "last_name": f"No. {chat}", "username": f"vera_{chat}"}
    message = {
        "message_id": NUMBER,
        "from": {**person, "is_bot": False, "language_code": "en"},
        "chat": {**person, "type": "private"},
        "date": 1_795_250_000,
        "text": f"{WORDS * times}It was a present for my{ORDER.decode()}{NUMBER}",
    }
    body = orjson.dumps({"update_id": NUMBER, "message": message})
    return body.replace(b"%", b"%%").replace(str(NUMBER).encode(), b"%d")


class Updates:
    """HTTP requests to one webhook: `fresh` ones from chats at random, `opening` ones from each chat once.

    Nothing is said in the first chats that are to be skipped.
    """

    def __init__(
        self, path: str, secret: str, chats: int, first: int = FIRST, *, skip: int = 0, times: int = 2
    ) -> None:  # fmt: skip
        size = len(template(0, times) % (FIRST, FIRST, FIRST))
        self._requests = [self._request(path, secret, template(chat, times)) for chat in range(skip, skip + chats)]
        self._numbers = itertools.count(first)
        self.body_size = size

    def fresh(self) -> Iterator[bytes]:
        order = random.Random(7).choices(self._requests, k=1 << 16)
        for request in itertools.cycle(order):
            number = next(self._numbers)
            yield request % (number, number, number)

    def opening(self) -> Iterator[bytes]:
        for request in self._requests:
            number = next(self._numbers)
            yield request % (number, number, number)

    def _request(self, path: str, secret: str, body: bytes) -> bytes:
        head = (
            f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body % (FIRST, FIRST, FIRST))}\r\n{PROOF}: {secret}\r\n\r\n"
        )
        return head.encode() + body
