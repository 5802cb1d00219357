"""Webhook to durable event, on this machine's own disk."""

from bench.ingest import compare
from bench.report import Report, Size

REACH = 2.0


def main(size: Size) -> Report:
    report = Report("ingest_always", "an authentic webhook, decided on and on disk before its 200")
    return compare(report, size, REACH)
