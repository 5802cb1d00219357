"""One odd cursor proves nothing; sealed ones, and those of several moderators at the same time, do."""

from __future__ import annotations

from pulse.metrics import Metrics
from pulse.push.rollbacks import WITNESS_SECONDS, WITNESSES, Rollbacks
from tests.push.ears import ADMIN, ANNA, BORIS


def test_one_moderator_proves_nothing_however_often_and_several_do() -> None:
    metrics = Metrics()
    rollbacks = Rollbacks(metrics, lambda: 0.0)
    for who in (ANNA, ANNA, ANNA, BORIS, ANNA):
        rollbacks.note("ahead", who, is_sealed=False)
    assert proofs(metrics) == 0
    rollbacks.note("ahead", ADMIN, is_sealed=False)
    assert proofs(metrics) == 1
    assert WITNESSES == 3


def test_witnesses_of_long_ago_count_no_more() -> None:
    metrics, time = Metrics(), [0.0]
    rollbacks = Rollbacks(metrics, lambda: time[0])
    for who in (ANNA, BORIS, ADMIN):
        rollbacks.note("ahead", who, is_sealed=False)
        time[0] += WITNESS_SECONDS / 2
    assert proofs(metrics) == 0


def test_who_holds_the_apps_secret_is_no_witness_and_a_sealed_cursor_is_a_proof() -> None:
    metrics = Metrics()
    rollbacks = Rollbacks(metrics, lambda: 0.0)
    for _ in range(WITNESSES):
        rollbacks.note("ahead", None, is_sealed=False)
    assert proofs(metrics) == 0
    rollbacks.note("epoch", None, is_sealed=True)
    assert proofs(metrics) == 1


def proofs(metrics: Metrics) -> float | None:
    return metrics.registry.get_sample_value("pulse_push_log_rolled_back_total")
