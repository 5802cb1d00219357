"""The ways to sign in that are set up here, and where people come back to."""

from __future__ import annotations

from collections.abc import Sequence

from pulse.ways import ProviderOff, Way


class Ways:
    """`site` is the address that people reach this Pulse at; providers know exactly this one."""

    def __init__(self, ways: Sequence[Way], site: str) -> None:
        self._ways = ways
        self._site = site.rstrip("/")

    @property
    def offered(self) -> list[str]:
        """The providers that one can sign in with here."""
        return list(dict.fromkeys(way.name for way in self._ways))

    def find(self, provider: str, method: str = "") -> Way:
        """The first of a provider's ways, or the one that is named. Raises ProviderOff."""
        for way in self._ways:
            if way.name == provider and method in ("", way.method):
                return way
        raise ProviderOff

    def back(self, way: Way) -> str:
        """The address that its people come back to."""
        return f"{self._site}/auth/{way.name}/callback"
