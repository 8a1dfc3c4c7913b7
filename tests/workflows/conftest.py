"""One server with the real nodes for all files here: its worker loads torch once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.server.running import Server, serving


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    flags = ("--node-package", "nodes", "--threads", "1")
    with serving(tmp_path_factory.mktemp("data"), *flags) as server:
        yield server
