"""Every setting, read once from the environment (`PULSE_*`). Wiring and the CLI read it; lower floors get values."""

from __future__ import annotations

import os
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from pulse.setting_faults import LEVELS, MUST_BE, BadSetting, sentence

Port = Annotated[int, Field(ge=1, le=65535)]

VISIBLE = "^[!-~]*$"
SCHEMES = {
    "public_url": ("http", "https"),
    "nats_url": ("nats", "tls", "ws", "wss"),
    "nats_monitor_url": ("http", "https"),
    "database_url": ("postgresql", "postgres"),
    "blobs_url": ("s3",),
    "blobs_endpoint": ("http", "https"),
    "push_webhook_url": ("http", "https"),
    "telegram_login_url": ("http", "https"),
    "vkid_url": ("http", "https"),
}


class Settings(BaseSettings):
    """Sources, departments and people are data, made by commands; they are never settings."""

    model_config = SettingsConfigDict(env_prefix="PULSE_", env_file=".env", extra="ignore")

    data_dir: Path = Field(default=Path(".pulse"), description="where embedded servers, keys and files live")
    http_host: str = Field(default="127.0.0.1", min_length=1, description="where the HTTP door listens")
    http_port: Port = Field(default=8000, description="webhooks, widget, API")
    push_host: str = Field(default="127.0.0.1", min_length=1, description="where the push door listens")
    push_port: Port = Field(default=8001, description="WebSockets")
    public_url: str = Field(default="", description="the address people and providers reach, when behind a proxy")
    trusted_proxies: str = Field(
        default="",
        description="addresses or networks of proxies that may name their clients (X-Forwarded-For), with commas",
    )
    nats_url: str = Field(default="", description="empty: an embedded nats-server")
    nats_monitor_url: str = Field(
        default="", description="where nats-server can be asked whether it syncs; needed with PULSE_NATS_URL"
    )
    database_url: str = Field(default="", description="empty: an embedded Postgres")
    master_key: str = Field(
        default="", pattern="^([0-9a-fA-F]{64})?$", description="64 hex digits; empty: a key file in the data directory"
    )
    push_key: str = Field(default="pulse", pattern="^[A-Za-z0-9_-]+$", description="the app key of Pusher clients")
    push_app: bool = Field(
        default=True, description="false: Pusher clients and libraries are turned away, /channel/… goes on"
    )
    push_capacity: int = Field(default=20_000, ge=1, le=1_000_000, description="how many sockets one process takes")
    push_origins: str = Field(
        default="",
        description="websites that may open Pusher sockets, such as https://shop.example; commas; empty: any",
    )
    push_subscription_counts: bool = Field(
        default=False, description="true: Pusher clients are told how many subscribe to their channels"
    )
    presence_grace: float = Field(
        default=3.0,
        ge=0,
        le=60,
        description="seconds that whoever leaves stays shown, so that a new page is no leaving",
    )
    push_webhook_url: str = Field(
        default="", repr=False, description="where Pusher's webhooks are posted; empty: nowhere"
    )
    metrics_token: str = Field(
        default="", pattern="^([!-~]{16,256})?$", repr=False,
        description="who may read /metrics, as Authorization: Bearer …; empty: programs of this machine",
    )  # fmt: skip
    secure_cookies: bool = Field(default=False, description="true behind TLS: __Host- cookies, Secure")
    blobs_url: str = Field(
        default="", description="where files lie: s3://bucket/prefix; empty: in the data directory, under blobs"
    )
    blobs_endpoint: str = Field(default="", description="an S3 server of your own, such as MinIO; empty: Amazon's")
    blobs_region: str = Field(default="us-east-1", min_length=1, description="the bucket's region")
    blobs_key: str = Field(default="", description="the bucket's access key")
    blobs_secret: str = Field(default="", repr=False, description="and its secret")
    trusted_hosts: str = Field(
        default="",
        description="host:port inside your network that Pulse may call: Bot API servers, receivers of events; commas",
    )
    telegram_login_client_id: str = Field(
        default="", pattern="^[0-9]{0,20}$", description="sign-in with Telegram (Web Login): the id; empty: off"
    )
    telegram_login_secret: str = Field(default="", pattern=VISIBLE, repr=False, description="and its secret")
    telegram_login_bot_token: str = Field(
        default="",
        pattern="^([0-9]{1,20}:[A-Za-z0-9_-]{1,256})?$",
        repr=False,
        description="the older way, Telegram's login widget: the token of its bot; empty: off",
    )
    telegram_login_url: str = Field(
        default="https://oauth.telegram.org", min_length=1, description="where Telegram signs people in"
    )
    vkid_client_id: str = Field(
        default="", pattern="^[0-9]{0,20}$", description="sign-in with VK ID: the app's id; empty: off"
    )
    vkid_service_token: str = Field(
        default="", pattern=VISIBLE, repr=False, description="and its service token, if the app is confidential"
    )
    vkid_url: str = Field(default="https://id.vk.ru", min_length=1, description="where VK ID signs people in")
    log_level: str = Field(default="info", description="debug, info, warning or error")

    @property
    def key_file(self) -> Path:
        return self.data_dir / "keys" / "master.key"

    @property
    def http_address(self) -> str:
        return f"http://{self.http_host}:{self.http_port}"

    @property
    def push_address(self) -> str:
        return f"ws://{self.push_host}:{self.push_port}"

    @property
    def trusted(self) -> frozenset[str]:
        """`host:port` that may be inside."""
        return frozenset(filter(None, (host.strip().lower() for host in self.trusted_hosts.split(","))))

    @property
    def origins(self) -> frozenset[str]:
        """Of websites that may open Pusher sockets; none: any may."""
        return frozenset(filter(None, (origin.strip() for origin in self.push_origins.split(","))))

    @property
    def proxies(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """Who may name their clients."""
        return tuple(ip_network(network) for network in filter(None, map(str.strip, self.trusted_proxies.split(","))))

    @field_validator("data_dir", mode="before")
    @classmethod
    def _named(cls, path: object) -> object:
        if path == "":
            raise ValueError
        return path

    @field_validator(
        "public_url", "nats_url", "nats_monitor_url", "database_url", "blobs_url", "blobs_endpoint",
        "telegram_login_url", "vkid_url", "push_webhook_url",
    )  # fmt: skip
    @classmethod
    def _url(cls, url: str, info: object) -> str:
        name = str(getattr(info, "field_name", ""))
        if url and not _is_url(url, SCHEMES[name]):
            raise ValueError
        return url if name in ("nats_url", "database_url", "push_webhook_url") else url.removesuffix("/")

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, proxies: str) -> str:
        for network in filter(None, map(str.strip, proxies.split(","))):
            ip_network(network)  # raises ValueError
        return proxies

    @field_validator("push_origins")
    @classmethod
    def _origins(cls, origins: str) -> str:
        for origin in filter(None, map(str.strip, origins.split(","))):
            if not _is_url(origin, ("http", "https")) or origin != origin.rstrip("/"):
                raise ValueError
        return origins

    @field_validator("trusted_hosts")
    @classmethod
    def _hosts(cls, hosts: str) -> str:
        for host in filter(None, map(str.strip, hosts.split(","))):
            if not _is_url(f"http://{host}", ("http",)) or urlsplit(f"//{host}").port is None:
                raise ValueError
        return hosts

    @field_validator("log_level")
    @classmethod
    def _level(cls, level: str) -> str:
        if level.lower() not in LEVELS:
            raise ValueError
        return level.lower()

    @model_validator(mode="after")
    def _monitored(self) -> Self:
        if self.nats_url and not self.nats_monitor_url:
            raise ValueError(
                "PULSE_NATS_URL is set, so PULSE_NATS_MONITOR_URL must be too: there Pulse asks nats-server whether it"
                " syncs. It must be an address such as http://host:8222."
            )
        return self

    @model_validator(mode="after")
    def _with_its_secret(self) -> Self:
        if bool(self.telegram_login_client_id) != bool(self.telegram_login_secret):
            raise ValueError(
                "PULSE_TELEGRAM_LOGIN_CLIENT_ID and PULSE_TELEGRAM_LOGIN_SECRET belong together: BotFather shows both"
                " under Web Login."
            )
        return self

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        parts = urlsplit(self.push_webhook_url)
        if parts.scheme == "http" and f"{parts.hostname}:{parts.port or 80}" not in self.trusted:
            raise ValueError(f"PULSE_PUSH_WEBHOOK_URL can't be used; it must be {MUST_BE['push_webhook_url']}.")
        return self

    @model_validator(mode="after")
    def _two_doors(self) -> Self:
        if self.http_port == self.push_port:
            raise ValueError(f"PULSE_HTTP_PORT and PULSE_PUSH_PORT are both {self.http_port}; they must differ.")
        return self


def read_settings() -> Settings:
    """From the environment and `.env`. Raises BadSetting, which names the variable and what it must be."""
    try:
        settings = Settings()
    except ValidationError as error:
        raise BadSetting(sentence(error)) from None
    _require_directory(settings.data_dir)
    return settings


def _require_directory(path: Path) -> None:
    """Raises BadSetting unless files can be made there, or it can be made."""
    there = next((place for place in (path, *path.absolute().parents) if place.exists()), Path("/"))
    fault = "is a file" if not there.is_dir() else "" if os.access(there, os.W_OK | os.X_OK) else "can't be written to"
    if fault:
        which = "which" if there == path else f"and {there}"
        raise BadSetting(
            f"PULSE_DATA_DIR is {str(path)!r}, {which} {fault}; it must be a directory that Pulse may use."
        )


def _is_url(url: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(url)
        # A database's hosts may be several, or a directory with a socket.
        port_is_well = "," in parts.netloc or parts.port is None or parts.port > 0
    except ValueError:
        return False
    return parts.scheme in schemes and port_is_well and (bool(parts.hostname) or "postgresql" in schemes)
