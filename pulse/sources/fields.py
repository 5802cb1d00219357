"""What a source may have: which settings and secrets its channel knows, and how they are spelled. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

import httpx2

from pulse.channels import Channel
from pulse.channels.simulator import TROUBLES
from pulse.channels.table import CHANNELS
from pulse.errors import BadInput
from pulse.message import LARGEST_FILE
from pulse.outside import ForbiddenAddress, require_permitted

FOR_ALL = ("file_limit_mb",)  # settings of every channel
TEXT_LIMIT = 4000
LARGEST_MB = LARGEST_FILE // 2**20
MEDIA_TYPE = re.compile(r"[a-z0-9.+-]+/([a-z0-9.+-]+|\*)")
API_URL = re.compile(r"https?://[^\s?#@]+")
BEHAVIOUR = re.compile(rf"({'|'.join(TROUBLES)}|slow)( \d+(\.\d+)?)?")
ORIGIN = re.compile(r"https?://[^\s/?#@]+")
# What the providers take: Bot API, setWebhook (secret_token); VK's callback settings. Of those that we alone ask for,
# none may be guessed; VK's may be older than its source here.
TAKEN = {
    "telegram": (
        re.compile(r"[A-Za-z0-9_-]{8,256}"),
        "Telegram takes secrets of letters, digits, - and _, up to 256 of them; choose 8 or more.",
    ),
    "simulator": (re.compile(r".{8,}"), "Choose a secret of 8 characters or more."),
    "vk": (re.compile(r".{1,50}"), "VK takes secrets of 1 to 50 characters."),
}


class UnknownChannel(BadInput):
    """There is no such channel."""


class NotASecret(BadInput):
    """The provider would not take this secret."""


class NotItsField(BadInput):
    """A source of this channel has no such field."""


def channel_named(name: str) -> type[Channel]:
    """Raises UnknownChannel."""
    if name not in CHANNELS:
        raise UnknownChannel(f"There is no channel {name[:100]!r}. Channels are: {', '.join(CHANNELS)}.")
    return CHANNELS[name]


def require_fields(channel: str, *, settings: Iterable[str] = (), secrets: Mapping[str, str]) -> None:
    """Raises NotItsField, NotASecret."""
    driver = CHANNELS.get(channel)  # None for a channel that only a newer Pulse knows
    seen, hidden = (driver.setting_names, driver.secret_names) if driver else ((), ())
    for names, known in ((settings, (*seen, *FOR_ALL)), (secrets, hidden)):
        for name in names:
            if name not in known:
                raise NotItsField(f"A {channel} source has no {name[:100].replace('_', ' ')}; nothing was changed.")
    for name, secret in secrets.items():
        require_secret_text(channel, name, secret)


def require_secret_text(channel: str, name: str, secret: str) -> None:
    """Raises NotASecret."""
    if not secret or len(secret) > TEXT_LIMIT or not secret.isprintable():
        raise NotASecret(f"The {name.replace('_', ' ')} is empty, too long, or holds characters that nobody can type.")
    rule, sentence = TAKEN.get(channel, (None, ""))
    if rule is not None and name in {"secret", "next_secret"} and not rule.fullmatch(secret):
        raise NotASecret(sentence)


def spelled(settings: Mapping[str, str], inside: frozenset[str] | None = None) -> dict[str, str]:
    """Settings as they are kept; an empty one is as good as none. Raises BadInput, ForbiddenAddress.

    `inside` are the `host:port` that an `api_url` may name though private; None where any may be named.
    """
    found = {name: text.strip() for name, text in settings.items()}
    for name, text in found.items():
        if len(text) > TEXT_LIMIT or not text.isprintable():
            raise BadInput(f"The {name[:100].replace('_', ' ')} is too long, or holds characters that nobody can type.")
        if text and name in SPELLINGS:
            found[name] = SPELLINGS[name](text)
    if inside is not None and found.get("api_url"):
        require_outside(found["api_url"], inside)
    return found


def require_outside(url: str, inside: frozenset[str]) -> None:
    """Raises ForbiddenAddress."""
    try:
        require_permitted(httpx2.URL(url), None, inside)
    except (ForbiddenAddress, httpx2.InvalidURL):
        raise ForbiddenAddress(
            "An api_url is an https address with a name and the usual port. PULSE_TRUSTED_HOSTS names others."
        ) from None


def api_url(text: str) -> str:
    if not API_URL.fullmatch(text):
        raise BadInput(f"{text!r} is no address such as https://api.example/; nothing was changed.")
    return text


def behaviour(text: str) -> str:
    if not BEHAVIOUR.fullmatch(text):
        raise BadInput(f"A simulator can be told: {', '.join([*TROUBLES, 'slow SECONDS'])}; nothing was changed.")
    return text


def origins(text: str) -> str:
    return " ".join(origin(one) for one in text.split())


def origin(text: str) -> str:
    """As browsers send it."""
    spelling = text.lower().removesuffix("/")
    if not ORIGIN.fullmatch(spelling):
        raise BadInput(
            f"{text!r} is no origin: that is a page's address without its path, such as https://shop.example."
        )
    return spelling


def file_types(text: str) -> str:
    return " ".join(media_type(one) for one in text.split())


def media_type(text: str) -> str:
    spelling = text.lower()
    if not MEDIA_TYPE.fullmatch(spelling):
        raise BadInput(f"{text!r} is no media type, such as application/pdf or image/*.")
    return spelling


def file_limit(text: str) -> str:
    """In MB; 0 is what the channel takes."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 3 and int(text) <= LARGEST_MB):
        raise BadInput(f"A file limit is a whole number of MB up to {LARGEST_MB}; 0 is what the channel takes.")
    return "" if int(text) == 0 else str(int(text))


SPELLINGS: dict[str, Callable[[str], str]] = {
    "api_url": api_url,
    "behaviour": behaviour,
    "origins": origins,
    "file_types": file_types,
    "file_limit_mb": file_limit,
}
