"""The same on a server that acknowledges before it syncs. Pulse refuses such a server; this shows its own cost."""

from bench.ingest import compare
from bench.report import Report, Size

REACH = 1.7


def main(size: Size) -> Report:
    report = Report("ingest_default", "the same on a server that does not wait for its disk")
    return compare(report, size, REACH, sync_always=False)
