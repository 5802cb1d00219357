"""What is said of a setting that can't be used: its variable, and what it must be."""

from __future__ import annotations

from pydantic import ValidationError

from pulse.errors import BadInput

LEVELS = ("debug", "info", "warning", "error")
MUST_BE = {
    "data_dir": "the path of a directory",
    "http_host": "a host's name or address, such as 127.0.0.1",
    "http_port": "a whole number from 1 to 65535",
    "push_host": "a host's name or address, such as 127.0.0.1",
    "push_port": "a whole number from 1 to 65535",
    "public_url": "an address such as https://chat.example.org",
    "trusted_proxies": "addresses or networks, with commas between them, such as 10.0.0.0/8",
    "nats_url": "an address such as nats://user:password@host:4222",
    "nats_monitor_url": "an address such as http://host:8222",
    "database_url": "an address such as postgresql://user:password@host/database",
    "master_key": "64 hex digits",
    "push_key": "letters, digits, - and _",
    "push_app": "true or false",
    "push_capacity": "a whole number from 1 to 1000000",
    "push_origins": "addresses such as https://shop.example, with commas between them",
    "push_subscription_counts": "true or false",
    "presence_grace": "seconds, from 0 to 60",
    "push_webhook_url": "an https address such as https://example.org/pusher, or one of PULSE_TRUSTED_HOSTS",
    "metrics_token": "16 to 256 letters, digits and signs without spaces",
    "secure_cookies": "true or false",
    "blobs_url": "the address of a bucket, such as s3://bucket/prefix",
    "blobs_endpoint": "an address such as http://minio:9000",
    "blobs_region": "the name of a region, such as us-east-1",
    "blobs_key": "an access key",
    "blobs_secret": "the secret of an access key",
    "trusted_hosts": "hosts with their ports, with commas between them, such as bot-api.internal:8081",
    "telegram_login_client_id": "digits, as BotFather shows them under Web Login",
    "telegram_login_secret": "the secret that BotFather shows under Web Login",
    "telegram_login_bot_token": "a bot's token, such as 123456789:AA…",
    "telegram_login_url": "an address such as https://oauth.telegram.org",
    "vkid_client_id": "the app's id, digits",
    "vkid_service_token": "the app's service token",
    "vkid_url": "an address such as https://id.vk.ru",
    "log_level": f"one of {', '.join(LEVELS)}",
}
UNSEEN = {
    "nats_url",
    "database_url",
    "master_key",
    "blobs_key",
    "blobs_secret",
    "telegram_login_secret",
    "telegram_login_bot_token",
    "vkid_service_token",
    "push_webhook_url",
    "metrics_token",
}  # may hold passwords


class BadSetting(BadInput):
    """A setting can't be used."""


def sentence(error: ValidationError) -> str:
    """Of the first fault; the next one shows when it is mended."""
    fault = error.errors(include_url=False)[0]
    if not fault["loc"]:
        return fault["msg"].removeprefix("Value error, ")
    name = str(fault["loc"][0]).lower().removeprefix("pulse_")
    said = "can't be used" if name in UNSEEN else f"is {str(fault['input'])[:100]!r}"
    return f"PULSE_{name.upper()} {said}; it must be {MUST_BE[name]}."
