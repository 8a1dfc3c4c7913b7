"""The order of the tests: browsers last, since Playwright leaves an event loop running."""

from __future__ import annotations

from pathlib import Path

import pytest

BROWSER = Path(__file__).resolve().parent / "browser"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what drives a browser behind all that runs an event loop of its own."""
    items.sort(key=lambda item: item.path.is_relative_to(BROWSER))
