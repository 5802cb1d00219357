"""Foreign judges: clients, server libraries and test suites that others wrote, against a whole Pulse."""

from pathlib import Path

import pytest

from tests.conformance.node import installed
from tests.push.conftest import pulse

__all__ = ["pulse"]

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker("conformance")


@pytest.fixture(scope="session")
def cache_dir() -> Path:
    """Survives test runs; git does not see it."""
    return HERE.parents[1] / ".cache"


@pytest.fixture(scope="session")
def node_place(cache_dir: Path) -> Path:
    """Where node finds the judges' packages and our scripts; skipped where that can't be."""
    return installed(cache_dir / "node")
