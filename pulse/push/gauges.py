"""What of push is counted when somebody asks, and not before: who is connected, to what, how much waits for them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import product

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from pulse.push.hub import Hub
from pulse.push.peers import Peer

TRANSPORTS = ("ws", "http")
KINDS = ("visitor", "staff", "pusher")


class Gauges(Collector):
    """`behind` says how many events of the log were not told yet."""

    def __init__(self, hub: Hub, behind: Callable[[], int]) -> None:
        self.hub = hub
        self.behind = behind

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield self._connections()
        yield _single("pulse_push_subscriptions", "Subscriptions to channels now.", self._subscriptions())
        yield self._buffers()
        yield _single("pulse_push_stream_lag_events", "Events of the log not told yet.", self.behind())

    def _connections(self) -> GaugeMetricFamily:
        labels = ["transport", "kind"]
        found = GaugeMetricFamily("pulse_push_active_connections", "Clients that are connected now.", labels=labels)
        there = Counter((peer.transport, kind_of(peer)) for peer in self.hub.peers)
        for transport, kind in product(TRANSPORTS, KINDS):
            found.add_metric([transport, kind], there[transport, kind])  # also 0: nobody is not unknown
        return found

    def _subscriptions(self) -> int:
        return sum(map(len, self.hub.channels.values()))

    def _buffers(self) -> GaugeMetricFamily:
        """The largest, and what 99 of a hundred stay below."""
        sizes = sorted(peer.waiting for peer in self.hub.peers) or [0]
        found = GaugeMetricFamily("pulse_push_write_buffer_bytes", "Bytes that wait for one client.", labels=["of"])
        found.add_metric(["max"], sizes[-1])
        found.add_metric(["p99"], sizes[math.ceil(len(sizes) * 0.99) - 1])
        return found


def kind_of(peer: Peer) -> str:
    """Whose it is: a visitor's or a moderator's window, or a client of Pusher's protocol."""
    if peer.visit is not None:
        return "visitor"
    return "staff" if peer.person_id is not None else "pusher"


def _single(name: str, says: str, value: int) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, says, value=value)
