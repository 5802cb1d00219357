"""Every setting, read once from the environment (`PULSE_*`). Wiring and the CLI read it; lower floors get values."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Sources, departments and people are data, made by commands; they are never settings."""

    model_config = SettingsConfigDict(env_prefix="PULSE_", env_file=".env", extra="ignore")

    data_dir: Path = Field(default=Path(".pulse"), description="where embedded servers, keys and files live")
    http_host: str = Field(default="127.0.0.1", description="where the HTTP door listens")
    http_port: int = Field(default=8000, description="webhooks, widget, API")
    push_host: str = Field(default="127.0.0.1", description="where the push door listens")
    push_port: int = Field(default=8001, description="WebSockets")
    public_url: str = Field(default="", description="the address people and providers reach, when behind a proxy")
    trusted_proxies: str = Field(
        default="",
        description="addresses or networks of proxies that may name their clients (X-Forwarded-For), with commas",
    )
    nats_url: str = Field(default="", description="empty: an embedded nats-server")
    nats_monitor_url: str = Field(default="", description="where nats-server can be asked whether it syncs")
    database_url: str = Field(default="", description="empty: an embedded Postgres")
    master_key: str = Field(default="", description="64 hex digits; empty: a key file in the data directory")
    push_key: str = Field(default="pulse", description="the app key of Pusher clients")
    secure_cookies: bool = Field(default=False, description="true behind TLS: __Host- cookies, Secure")
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
