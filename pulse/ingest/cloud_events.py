"""Business events out of a signed post: CloudEvents 1.0 (structured, binary, batch), or a plain webhook's body.

Strict: nothing that is missing is made up. https://github.com/cloudevents/spec (HTTP protocol binding, JSON format)
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import unquote_to_bytes

import orjson
from starlette.datastructures import Headers

from pulse.aggregates.feed import CloudEvent
from pulse.channels import NUL
from pulse.contracts import field_at
from pulse.errors import BadInput, TooLarge
from pulse.signatures import Scheme, unbase64
from pulse.values import value

STRUCTURED, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
JSON = re.compile(r"application/json|text/json|[a-z]+/[a-z0-9.+-]+\+json")
CHARSETS = ("", "utf-8", "utf8", "us-ascii")
LARGEST_BATCH = 100
TEXT = 1024
EXTENSIONS = 50
NAME = re.compile(r"[a-z0-9]{1,64}")
ODD = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")  # not in a CloudEvents text
ESCAPES = re.compile(r"%(?![0-9A-Fa-f]{2})")
TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)
OWN = frozenset({"specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema"})
DATA = frozenset({"data", "data_base64"})


class NotAnEvent(BadInput):
    """This is no event that can be read."""


class UnknownMedia(BadInput):
    """Events come as JSON: application/cloudevents+json, application/cloudevents-batch+json or application/json."""

    status = 415


@value
class Post:
    """The events of a post; `batch`: an array of them, as many as it may be."""

    events: list[CloudEvent]
    batch: bool = False


def read_post(headers: Headers, body: bytes, scheme: Scheme, origin: str) -> Post:
    """What a post says. `origin` is the source of an event that names none.

    Raises NotAnEvent, UnknownMedia, TooLarge.
    """
    media_type, charset = _media_type(headers)
    attributes = dict(_header_attributes(headers))
    if charset not in CHARSETS:
        raise UnknownMedia
    if media_type == BATCH:
        return Post(_batch(_json(body)), batch=True)
    if media_type == STRUCTURED:
        return Post([_structured(_json(body))])
    if media_type.startswith("application/cloudevents"):
        raise UnknownMedia
    if attributes:
        return Post([_binary(attributes, headers.get("content-type"), media_type, body)])
    if media_type and not JSON.fullmatch(media_type):
        raise UnknownMedia
    return Post([_plain(headers, _json(body), scheme, origin)])


def challenge_of(scheme: Scheme, body: bytes) -> str | None:
    """What an authentic post wants to hear back before any events come (Slack); None for every other post.

    Raises NotAnEvent. https://api.slack.com/events/url_verification
    """
    parsed = _json(body) if scheme.challenges else None
    if not isinstance(parsed, dict) or parsed.get("type") != "url_verification":
        return None
    return _attribute("challenge", parsed.get("challenge"))


def _media_type(headers: Headers) -> tuple[str, str]:
    """Media type and charset, in small letters; empty where they are not given."""
    media_type, *parameters = headers.get("content-type", "").lower().split(";")
    named = [parameter.strip().removeprefix("charset=") for parameter in parameters if "charset=" in parameter]
    return media_type.strip(), named[0].strip('"') if named else ""


def _batch(parsed: object) -> list[CloudEvent]:
    if not isinstance(parsed, list):
        raise NotAnEvent("A batch is a JSON array of events.")
    if len(parsed) > LARGEST_BATCH:
        raise TooLarge(f"A batch holds at most {LARGEST_BATCH} events.")
    return [_structured(one) for one in parsed]


def _structured(parsed: object) -> CloudEvent:
    """JSON format: attributes and data in one object; null is as good as absent."""
    if not isinstance(parsed, dict):
        raise NotAnEvent("An event is a JSON object.")
    given = {name: found for name, found in parsed.items() if found is not None or name == "data"}
    attributes = {name: _attribute(name, found) for name, found in given.items() if name not in DATA}
    if "data_base64" not in given:
        return _event(attributes, given.get("data"))
    if "data" in given:
        raise NotAnEvent("An event has either data or data_base64.")
    return _event(attributes, _canonical_base64(given["data_base64"]), binary=True)


def _binary(attributes: dict[str, str], content_type: str | None, media_type: str, body: bytes) -> CloudEvent:
    """HTTP binding: attributes in `ce-` headers, the body is the data."""
    if "datacontenttype" in attributes:
        raise NotAnEvent("The media type of data stands in Content-Type.")
    if content_type is not None:
        attributes["datacontenttype"] = _attribute("datacontenttype", content_type)
    if not body:
        return _event(attributes, None)
    if not media_type or JSON.fullmatch(media_type):
        return _event(attributes, _json(body))
    return _event(attributes, base64.b64encode(body).decode(), binary=True)


def _plain(headers: Headers, parsed: object, scheme: Scheme, origin: str) -> CloudEvent:
    """A webhook that is no CloudEvent. Standard Webhooks: `{type, timestamp, data}`; elsewhere all of it is data."""
    if not isinstance(parsed, dict):
        raise NotAnEvent("The body is JSON, but not an object.")
    given = {
        "id": _found(headers, parsed, scheme.id_header, scheme.id_field),
        "type": _found(headers, parsed, scheme.type_header, scheme.type_field),
        "time": parsed.get("timestamp") if scheme.signs_id else None,
    }
    attributes = {name: _attribute(name, found) for name, found in given.items() if found is not None}
    attributes |= {"specversion": "1.0", "source": origin}
    return _event(attributes, parsed.get("data") if scheme.signs_id else parsed)


def _event(attributes: dict[str, str], data: Any, *, binary: bool = False) -> CloudEvent:
    """Raises NotAnEvent when a required attribute is missing or one is wrong."""
    if attributes.get("specversion") != "1.0":
        raise NotAnEvent("specversion must be 1.0.")
    for name in ("id", "source", "type"):
        if name not in attributes:
            raise NotAnEvent(f"{name} is missing.")
    extensions = {name: found for name, found in attributes.items() if name not in OWN}
    if len(extensions) > EXTENSIONS:
        raise NotAnEvent(f"An event has at most {EXTENSIONS} extensions.")
    return CloudEvent(
        attributes["id"], attributes["source"], attributes["type"], attributes.get("subject"),
        _moment(attributes.get("time")), attributes.get("datacontenttype"), attributes.get("dataschema"),
        extensions, data, binary,
    )  # fmt: skip


def _attribute(name: str, found: object) -> str:
    """An attribute as text. Extensions may be booleans and whole numbers. Raises NotAnEvent."""
    if not NAME.fullmatch(name) or name == "data":
        raise NotAnEvent(f"{name[:80]!r} is no name of an attribute: small letters and digits only.")
    if name not in OWN and isinstance(found, bool | int):
        return str(found).lower()
    if not isinstance(found, str) or not 1 <= len(found) <= TEXT or ODD.search(found):
        raise NotAnEvent(f"{name} must be a text of 1 to {TEXT} characters, without control characters.")
    return found


def _header_attributes(headers: Headers) -> Iterator[tuple[str, str]]:
    """The `ce-` headers, unquoted and percent-decoded. Raises NotAnEvent, also for one that is given twice."""
    seen = set()
    for header, found in headers.items():
        name = header.removeprefix("ce-")
        if name == header:
            continue
        if name in seen:
            raise NotAnEvent(f"{header[:80]} is given twice.")
        seen.add(name)
        yield name, _attribute(name, _decoded(header, found))


def _decoded(header: str, found: str) -> str:
    if len(found) > 1 and found[0] == found[-1] == '"':
        found = re.sub(r"\\(.)", r"\1", found[1:-1])
    if not found.isascii() or ESCAPES.search(found):
        raise NotAnEvent(f"{header[:80]} must be ASCII, anything else percent-encoded.")
    try:
        return unquote_to_bytes(found).decode()
    except UnicodeDecodeError:
        raise NotAnEvent(f"{header[:80]} is not UTF-8.") from None


def _found(headers: Mapping[str, str], parsed: Any, header: str | None, field: str | None) -> object:
    """What a scheme's header or field holds."""
    return headers.get(header) if header is not None else field_at(parsed, (field or "").split("."))


def _moment(text: str | None) -> datetime | None:
    """RFC 3339. Raises NotAnEvent."""
    if text is None:
        return None
    try:
        if TIME.fullmatch(text):
            return datetime.fromisoformat(text.upper())
    except ValueError:  # the 30th of February
        pass
    raise NotAnEvent("time must be as in 2026-11-21T09:30:00Z.")


def _canonical_base64(found: object) -> str:
    try:
        if isinstance(found, str):
            return base64.b64encode(unbase64(found)).decode()
    except ValueError:
        pass
    raise NotAnEvent("data_base64 must be base64.")


def _json(body: bytes) -> Any:
    """JSON, strictly: no NaN, no lone surrogates, no NUL, not too deep. Raises NotAnEvent."""
    try:
        parsed = orjson.loads(body)
        orjson.dumps([[[[parsed]]]])  # it reads 1,024 levels, but writes only 254, and in the log this lies in others
    except orjson.JSONDecodeError as error:
        raise NotAnEvent(f"The body is not JSON: {error}.") from None
    except orjson.JSONEncodeError:
        raise NotAnEvent("The body is nested too deep.") from None
    if (b"u0000" in body or b"\0" in body) and NUL.search(body):
        raise NotAnEvent("The body holds a NUL character.")
    return parsed
