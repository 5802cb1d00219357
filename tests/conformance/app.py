"""Pulse as the app of Pusher's libraries: its key, its secrets, and whoever holds them."""

from __future__ import annotations

from base64 import b64encode
from urllib.parse import urlsplit

from pusher import Pusher as Library  # type: ignore[import-untyped]

from pulse.house import House

APP_ID = "1"


def secret_of(house: House) -> str:
    """As `pulse app` shows it: Pusher's libraries take text."""
    return house.vault.derive("push").hex()


def library(house: House) -> Library:
    """The Python server library, as a service of ours would set it up."""
    return _library(house, secret_of(house))


def stranger(house: House) -> Library:
    """The same, without the secret."""
    return _library(house, "0" * 64)


def _library(house: House, secret: str) -> Library:
    where = urlsplit(house.settings.http_address)
    master_key = b64encode(house.vault.derive("push-encryption")).decode()
    return Library(
        APP_ID, house.settings.push_key, secret, ssl=False, host=where.hostname, port=where.port, timeout=10,
        encryption_master_key_base64=master_key,
    )  # fmt: skip
