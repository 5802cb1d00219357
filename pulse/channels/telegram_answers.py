"""Telegram: what an answer of the Bot API means. Pure.

An error is told by its code and parameters; where Telegram has only words for it, by how they begin.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from pulse.channels.calls import BadPiece, CallFailed, MaybeSent, NeverDelivered, NotNow, PeerMoved, SourceInTrouble
from pulse.values import value

LONGEST_PAUSE = 86_400
TOO_BIG = "Telegram gives bots no files over 20 MB."

# How the words of a 400 begin, after "Bad Request: ". None: as good as done. Any other is about the piece itself: can't
# parse entities, message is too long, wrong file identifier, failed to get HTTP URL content.
BAD_REQUESTS: dict[str, type[CallFailed] | None] = {
    "message is not modified": None,
    "query is too old": None,
    "chat not found": NeverDelivered,
    "peer_id_invalid": NeverDelivered,
    "file is too big": NeverDelivered,
    "group chat was upgraded": NeverDelivered,  # without its new id, which comes as a parameter
}


@value
class Answer:
    status: int
    retry_after: str
    body: bytes


def result_of(answer: Answer) -> Any:
    """Bot API, Making requests: `ok` with a `result`, or an error. Raises what `channels/calls.py` knows.

    A proxy on the way may have answered instead, with anything.
    """
    said = object_in(answer.body)
    if said.get("ok") is True and "result" in said:
        return said["result"]
    code, words = whole(said.get("error_code")), said.get("description")
    if said.get("ok") is not False or code is None or not isinstance(words, str):
        raise failure_without_words(answer)
    parameters = said["parameters"] if isinstance(said.get("parameters"), dict) else {}
    # The words go into an event, and Postgres can't store NUL.
    failure = failure_of(code, words[:300].replace("\0", ""), parameters, answer.retry_after)
    if failure is not None:
        raise failure
    return True


def object_in(body: bytes) -> dict[str, Any]:
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return said if isinstance(said, dict) else {}


def failure_without_words(answer: Answer) -> CallFailed:
    """Two statuses prove by themselves that nothing was taken; a proxy in front of Telegram may have given them."""
    code = str(answer.status)
    if answer.status == 429:
        return NotNow("Telegram is busy.", code, after=pause(None, answer.retry_after))
    if answer.status == 413:
        return NeverDelivered("Telegram calls this too large.", code)
    return MaybeSent("Telegram's answer makes no sense.", code)


def failure_of(code: int, words: str, parameters: Mapping[str, Any], retry_after: str) -> CallFailed | None:
    """What an error of Telegram's means; None where what was wanted is so already."""
    reason = f"Telegram says: {words}"
    match code:
        case 400:
            return bad_request(words, reason, parameters)
        case 401 | 404 | 409:
            return SourceInTrouble(reason, str(code))
        case 403:
            return NeverDelivered(reason, str(code), unreachable=True)
        case 429:
            return NotNow(reason, str(code), after=pause(parameters.get("retry_after"), retry_after))
        case _ if 400 <= code < 500:
            return NeverDelivered(reason, str(code))
        case _:
            return MaybeSent(reason, str(code))


def bad_request(words: str, reason: str, parameters: Mapping[str, Any]) -> CallFailed | None:
    moved = whole(parameters.get("migrate_to_chat_id"))
    if moved is not None:
        return PeerMoved(reason, str(moved), "400")
    said = words.casefold().removeprefix("bad request: ")
    failure = next((known for start, known in BAD_REQUESTS.items() if said.startswith(start)), BadPiece)
    if failure is None:
        return None
    return failure(TOO_BIG if said.startswith("file is too big") else reason, "400")


def pause(asked: object, header: str) -> float | None:
    """Bot API, ResponseParameters: `retry_after` in whole seconds; the header of that name says the same."""
    seconds = whole(asked)
    if seconds is None and header.isascii() and header.isdecimal():
        seconds = int(header[:9])
    return None if seconds is None or seconds < 0 else float(min(seconds, LONGEST_PAUSE))


def whole(number: object) -> int | None:
    return number if isinstance(number, int) and not isinstance(number, bool) else None
