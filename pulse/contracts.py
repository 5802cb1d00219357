"""A contract: what the data of one type of business event must satisfy, and the subscription channel it names. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice
from typing import Any

import jsonschema_rs

from pulse.errors import BadInput
from pulse.values import value

FAULTS = 10
SMALL = 1000  # parts of data
TOO_LARGE_TO_SAY = f"It is not as the schema says. Where, is told of data of at most {SMALL} parts."
MESSAGE = 300
PLACE = re.compile(r"\{data((?:\.[A-Za-z0-9_-]{1,100})+)\}")
# Pusher clients treat encrypted and cache channels in ways of their own.
TEMPLATE = re.compile(
    rf"(?:private|presence)-(?!encrypted-|cache-)[a-z0-9][a-z0-9_-]{{0,63}}\.(?:[A-Za-z0-9_=@,.;-]|{PLACE.pattern})+"
)
CHANNEL_ID = re.compile(r"[A-Za-z0-9_\-=@,.;]{1,100}")
PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class NotAContract(BadInput):
    """This is no JSON Schema, or no template of a subscription channel."""


class BreaksContract(BadInput):
    """The event is not as its producer's configuration says it must be. Nothing was stored."""

    status = 422


@value
class Fault:
    """What is wrong, and where: a JSON path, such as `$.data.budget`."""

    path: str
    message: str


class Contract:
    """A compiled JSON Schema (2020-12, or what its `$schema` says) and a channel's template. Raises NotAContract."""

    def __init__(self, schema: dict[str, Any], channel: str) -> None:
        if not TEMPLATE.fullmatch(channel):
            raise NotAContract(f"{channel!r} is no channel like private-campaign.{{data.campaign_id}}.")
        self.channel = channel
        try:
            # A reference must lie in the schema itself: anybody else's address would be asked by us. The simple
            # patterns take linear time, whatever is sent; and no message repeats a value that was sent, only the names
            # of fields that may not be there.
            self._schema = jsonschema_rs.validator_for(
                schema, validate_formats=True, offline=True, pattern_options=jsonschema_rs.RegexOptions(),
                mask="the value",
            )  # fmt: skip
        except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
            raise NotAContract(f"This is no JSON Schema that can be used: {_first_line(error)}") from None

    def faults(self, data: Any, at: str = "$") -> list[Fault]:
        """What is wrong with an event's data, ten faults at most; `at` is where the event lies in the body.

        Of large data only that it is wrong: the library finds all faults before it tells one.
        """
        if not is_small(data):
            return [] if self._schema.is_valid(data) else [Fault(json_path(at, ["data"]), TOO_LARGE_TO_SAY)]
        found = islice(self._schema.iter_errors(data), FAULTS)
        return [Fault(json_path(at, ["data", *one.instance_path]), one.message[:MESSAGE]) for one in found]

    def channel_of(self, data: Any, at: str = "$") -> str:
        """The channel that the data names. Raises BreaksContract when it names none."""

        def fill(place: re.Match[str]) -> str:
            steps = place[1][1:].split(".")
            found = _text_at(data, steps)
            if found is None or not CHANNEL_ID.fullmatch(found):
                wanted = "A channel is named after this: a whole number, or 1 to 100 letters, digits and _-=@,.;"
                raise broken([Fault(json_path(at, ["data", *steps]), wanted)])
            return found

        return PLACE.sub(fill, self.channel)


def broken(faults: Iterable[Fault]) -> BreaksContract:
    """The refusal that names them."""
    return BreaksContract(errors=[{"field": fault.path, "message": fault.message} for fault in faults])


def is_small(data: Any) -> bool:
    """Has it at most SMALL parts? Looks at no more of them."""
    waiting, seen = [data], 0
    while waiting and seen <= SMALL:
        found = waiting.pop()
        seen += 1
        if isinstance(found, dict | list):
            waiting.extend(islice(found.values() if isinstance(found, dict) else found, SMALL))
    return seen <= SMALL


def json_path(at: str, steps: Iterable[str | int]) -> str:
    """`$.data.items[2]['odd name']` (RFC 9535)."""
    return at + "".join(map(_step, steps))


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    if PLAIN_NAME.fullmatch(step):
        return f".{step}"
    quoted = step[:MESSAGE].replace("\\", "\\\\").replace("'", "\\'")
    return f"['{quoted}']"


def field_at(data: Any, steps: Iterable[str]) -> Any:
    """What lies at a path of names; None where nothing does."""
    for step in steps:
        data = data.get(step) if isinstance(data, dict) else None
    return data


def _text_at(data: Any, steps: Iterable[str]) -> str | None:
    """A text, or a whole number as text."""
    found = field_at(data, steps)
    if isinstance(found, int) and not isinstance(found, bool):
        return str(found)
    return found if isinstance(found, str) else None


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:MESSAGE]
