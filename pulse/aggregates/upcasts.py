"""Old event data made new, one version at a time: `(wire name, version) -> dict -> dict` of the next version."""

from collections.abc import Callable

Upcast = Callable[[dict[str, object]], dict[str, object]]

UPCASTS: dict[tuple[str, int], Upcast] = {}
