"""How the tests run: on one core each, and browsers last.

Threads that share a busy machine wait for one another at every small tensor, a hundred times longer
than the work takes. Playwright leaves an event loop running.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Before torch is imported, which reads it once.
os.environ.setdefault("OMP_NUM_THREADS", "1")

BROWSER = Path(__file__).resolve().parent / "browser"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what drives a browser behind all that runs an event loop of its own."""
    items.sort(key=lambda item: item.path.is_relative_to(BROWSER))
