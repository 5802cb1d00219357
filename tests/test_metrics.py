"""The metrics have the names that docs/running.md and docs/alerts.yaml say, and name nobody."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml
from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.parser import text_string_to_metric_families

from pulse.metrics import Metrics
from pulse.push.encoding import Wire
from pulse.push.gauges import TRANSPORTS, Gauges
from pulse.push.hub import Hub
from pulse.push.outlet import Outlet
from pulse.push.peers import Owner, Peer, Socket
from pulse.push.post import Post
from pulse.push.xhr_session import XhrSession
from pulse.tokens import Visit

DOCS = Path(__file__).parent.parent / "docs"
ALERTS = yaml.safe_load((DOCS / "alerts.yaml").read_text())
RULES: list[dict[str, Any]] = [rule for group in ALERTS["groups"] for rule in group["rules"]]
RUNNING = (DOCS / "running.md").read_text()
# What facts of the field and S2.5 ask for.
ASKED = {
    "active_connections", "subscriptions", "disconnects", "resumes", "replayed_events", "slow_closes",
    "write_buffer_bytes", "fanout_seconds", "stream_lag_seconds", "stream_lag_events", "ws_ping_latency_seconds",
    "auth_seconds", "dispatch_errors", "client_event_rejects",
}  # fmt: skip
THEIRS = {"up"}  # Prometheus' own


def used(metrics: Metrics) -> Metrics:
    """Every one that has labels once, so that it shows."""
    for metric in vars(metrics).values():
        if isinstance(metric, (Counter, Gauge, Histogram)) and metric._labelnames:
            metric.labels(*("x" for _ in metric._labelnames))
    return metrics


def looked_at(hub: Hub, behind: int = 0) -> Metrics:
    """Of a process whose push door has this hub, as wiring puts them together."""
    metrics = Metrics()
    metrics.registry.register(Gauges(hub, lambda: behind))
    return metrics


def a_hub(*peers: Peer) -> Hub:
    """With these connected."""
    hub = Hub()
    hub.peers.update(peers)
    return hub


def families() -> dict[str, Any]:
    text = used(looked_at(a_hub(Outlet(Post())))).text().decode()
    return {family.name: family for family in text_string_to_metric_families(text)}


def samples() -> dict[str, set[str]]:
    """Each sample's name, with the names of its labels."""
    return {sample.name: set(sample.labels) for family in families().values() for sample in family.samples}


def test_all_that_was_asked_for_is_there() -> None:
    assert {f"pulse_push_{name}" for name in ASKED} <= set(families())
    assert {"process_resident_memory_bytes", "process_open_fds", "python_info", "python_gc_objects_collected"} <= set(
        families()
    )


def test_names_have_their_units_and_every_metric_says_what_it_is() -> None:
    ours = {name: family for name, family in families().items() if name.startswith("pulse_")}
    assert len(ours) > len(ASKED)
    for name, family in ours.items():
        assert family.documentation.endswith("."), name
        if family.type == "histogram":
            assert name.endswith(("_seconds", "_events")), name


def test_no_label_is_for_somebody() -> None:
    labels = set().union(*(labels for name, labels in samples().items() if name.startswith("pulse_")))
    assert labels == {
        "check",
        "transport",
        "kind",
        "code",
        "result",
        "reason",
        "of",
        "operation",
        "status",
        "outcome",
        "le",
    }


def test_two_processes_of_one_program_count_apart() -> None:
    one, other = Metrics(), Metrics()
    one.slow_closes.inc()
    assert other.registry.get_sample_value("pulse_push_slow_closes_total") == 0


def test_write_buffers_are_looked_at_when_scraped() -> None:
    hub = a_hub()
    metrics = looked_at(hub)
    assert size(metrics, "max") == size(metrics, "p99") == 0
    for waiting in (*range(100), 5000):
        outlet = Outlet(hub.post)
        outlet.put(b"", [Wire(b"", bytes(waiting))])
        hub.peers.add(outlet)
    assert (size(metrics, "max"), size(metrics, "p99")) == (5000, 99)


def size(metrics: Metrics, of: str) -> float | None:
    return metrics.registry.get_sample_value("pulse_push_write_buffer_bytes", {"of": of})


def test_who_is_connected_and_to_what_is_counted_when_scraped() -> None:
    post, visit = Post(), Visit(uuid4(), uuid4(), "vera", "Vera", None, 0)
    vera, anna, others = Outlet(post, Owner(visit=visit)), Outlet(post, Owner(uuid4())), (Outlet(post), Outlet(post))
    hub = a_hub(vera, anna, *others)
    metrics = looked_at(hub, behind=7)
    for other in others:
        hub.subscribe(other, "news")
    hub.subscribe(others[0], "more-news")
    value = metrics.registry.get_sample_value
    for kind, number in (("visitor", 1), ("staff", 1), ("pusher", 2)):
        assert value("pulse_push_active_connections", {"transport": "http", "kind": kind}) == number
    assert (value("pulse_push_subscriptions"), value("pulse_push_stream_lag_events")) == (3, 7)
    hub.leave(others[0])
    assert value("pulse_push_active_connections", {"transport": "http", "kind": "pusher"}) == 1
    assert value("pulse_push_subscriptions") == 1


def test_nobody_is_a_number_too() -> None:
    metrics = looked_at(a_hub())
    for transport in ("ws", "http"):
        for kind in ("visitor", "staff", "pusher"):
            labels = {"transport": transport, "kind": kind}
            assert metrics.registry.get_sample_value("pulse_push_active_connections", labels) == 0


def test_what_an_alert_waits_for_is_there_before_the_first_time() -> None:
    text = Metrics().text().decode()
    for sample in (
        'webhook_events_dropped_total{reason="queue full"}', 'webhook_events_dropped_total{reason="not taken"}',
        'dispatch_errors_total{reason="poison"}', "log_rolled_back_total",
    ):  # fmt: skip
        assert f"pulse_push_{sample} 0.0" in text


def test_every_kind_of_client_is_counted() -> None:
    assert {Socket.transport, Outlet.transport, XhrSession.transport} == set(TRANSPORTS)


def test_the_runbook_names_every_metric() -> None:
    table = set(re.findall(r"`(pulse_\w+)", RUNNING))
    names = [name for name in samples() if name.startswith("pulse_") and not name.endswith("_created")]
    shown = {re.sub(r"_(bucket|sum|count)$", "", name) for name in names}
    assert shown == table


def test_each_alert_is_a_whole_rule_and_stands_in_the_runbook() -> None:
    names = [rule["alert"] for rule in RULES]
    assert len(names) == len(set(names)) > 10
    assert re.findall(r"^\| `(Pulse\w+)` \|", RUNNING, re.MULTILINE) == names
    for rule in RULES:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}, rule
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"]["summary"].endswith((".", "?"))
        assert re.fullmatch(r"\d+m", rule.get("for", "1m"))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_each_alert_is_about_metrics_that_are_there(rule: dict[str, Any]) -> None:
    found = samples()
    expression = rule["expr"]
    named = re.findall(r"\b((?:pulse|process|python)_\w+|up)(?:\{(.*?)\})?", expression)
    assert named
    assert expression.count("(") == expression.count(")")
    for name, matched in named:
        assert name in set(found) | THEIRS, name
        labels = set(re.findall(r"(\w+)=", matched.replace("=~", "=")))
        assert labels <= found.get(name, set()) | {"job", "instance"}, (name, labels)
