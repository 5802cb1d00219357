"""The same with a millisecond more in every fsync: what a cloud disk does."""

from bench.ingest import compare
from bench.report import Report, Size

REACH = 6.0
SLOWER_US = 1000


def main(size: Size) -> Report:
    report = Report("ingest_slow_disk", "the same where every fsync takes 1 ms longer")
    return compare(report, size, REACH, slower_us=SLOWER_US)
