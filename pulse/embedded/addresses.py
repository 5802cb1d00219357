"""Where the servers answer."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the servers answer, passwords included. Empty for a server nobody asked for."""

    nats_url: str = ""
    nats_monitor_url: str = ""
    database_url: str = ""
