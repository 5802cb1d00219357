"""What a process counts and measures, for Prometheus: every metric by name, made once per process, passed on by hand.

No label ever holds the id of a chat, of a person or of a channel. Names and thresholds: docs/running.md,
docs/alerts.yaml.
"""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

MEDIA_TYPE = CONTENT_TYPE_PLAIN_0_0_4
FAST = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3)
SLOW = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30)
COUNTS = (0, 1, 3, 10, 30, 100, 300, 1000, 3000, 10_000)


class Metrics:
    """One process'. `text` is what a scrape is answered with."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        self.ready = self._gauge("pulse_ready", "1 where a check of /healthz is good, else 0.", "check")
        self._make_connections()
        self._make_relay()
        self._make_apps()

    def text(self) -> bytes:
        """Everything, in Prometheus' text format."""
        return generate_latest(self.registry)

    def _make_connections(self) -> None:
        """Who is connected, how they come and go."""
        self.disconnects = self._counter("pulse_push_disconnects", "Clients that left, by close code.", "code")
        self.slow_closes = self._counter("pulse_push_slow_closes", "Clients cut because they did not keep up.")
        self.resumes = self._counter(
            "pulse_push_resumes", "Clients that came back with a cursor, and what they were told.", "result", "reason"
        )
        self.rollbacks = self._counter(
            "pulse_push_log_rolled_back", "Proofs that the log does not hold what clients were told."
        )
        self.replayed_events = self._histogram(
            "pulse_push_replayed_events", "Events that one resume brought.", buckets=COUNTS
        )
        self.ws_ping_latency = self._histogram(
            "pulse_push_ws_ping_latency_seconds", "From a ping to its pong.", buckets=SLOW
        )
        self.auth = self._histogram(
            "pulse_push_auth_seconds", "What admitting a client or signing a subscription took.", buckets=FAST
        )
        self.client_event_rejects = self._counter(
            "pulse_push_client_event_rejects", "Client events that were refused.", "reason"
        )
        begin_at_zero(self.client_event_rejects, "rate", "malformed", "rights")

    def _make_relay(self) -> None:
        """From the log to the sockets."""
        self.fanout = self._histogram("pulse_push_fanout_seconds", "One frame to all who hear it.", buckets=FAST)
        self.stream_lag = self._histogram(
            "pulse_push_stream_lag_seconds", "From an event's time until it is told.", buckets=SLOW
        )
        self.dispatch_errors = self._counter(
            "pulse_push_dispatch_errors", "Events or frames that could not be told.", "reason"
        )
        begin_at_zero(self.dispatch_errors, "poison")

    def _make_apps(self) -> None:
        """What other programs ask over HTTP, and what they are told."""
        self.app_requests = self._counter(
            "pulse_push_app_requests", "Requests to the signed HTTP API.", "operation", "status"
        )
        self.hook_posts = self._counter("pulse_push_webhook_posts", "Posts to PULSE_PUSH_WEBHOOK_URL.", "outcome")
        self.hooks_dropped = self._counter(
            "pulse_push_webhook_events_dropped", "Webhook events that nobody will get.", "reason"
        )
        begin_at_zero(self.hooks_dropped, "queue full", "not taken")

    def _gauge(self, name: str, says: str, *labels: str) -> Gauge:
        return Gauge(name, says, labels, registry=self.registry)

    def _counter(self, name: str, says: str, *labels: str) -> Counter:
        """Its samples are called `<name>_total`."""
        return Counter(name, says, labels, registry=self.registry)

    def _histogram(self, name: str, says: str, buckets: Sequence[float]) -> Histogram:
        return Histogram(name, says, registry=self.registry, buckets=buckets)


def begin_at_zero(counter: Counter, *labels: str) -> None:
    """An alert on what a counter grew by would miss the first time, if the counter came to be by it."""
    for label in labels:
        counter.labels(label)
