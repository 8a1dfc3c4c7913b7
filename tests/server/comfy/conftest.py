"""One server with the real nodes, and some toys, for the tests of ComfyUI's interface."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.server.running import Server, serving


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    data = tmp_path_factory.mktemp("comfy") / "data"
    with serving(data, "--node-package", "nodes") as started:
        yield started
