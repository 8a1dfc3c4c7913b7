"""How the tests run: on one core each, the longest file first, browsers last.

Threads that share a busy machine wait for one another at every small tensor, a hundred times longer
than the work takes. Where files run side by side, a long one at the end would run alone. Playwright
leaves an event loop running.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Before torch is imported, which reads it once.
os.environ.setdefault("OMP_NUM_THREADS", "1")

TESTS = Path(__file__).resolve().parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the workflows on real models first, and what drives a browser last."""
    items.sort(key=lambda item: _turn(item.path))


def _turn(path: Path) -> int:
    if path.is_relative_to(TESTS / "browser"):
        return 2
    return 0 if path.is_relative_to(TESTS / "workflows") else 1
