"""What of the machine's memory is for models."""

import os

import pytest

from nodes.diffusion.memory.precision import WIDENING
from server.platform import memory_of_machine, physical_memory
from server.settings import Settings
from server.workers.child import environment_of
from server.workers.worker import limit_widening, share_of_memory


def test_a_share_is_of_memory_that_is_there_without_swapping() -> None:
    total, _ = physical_memory()
    assert share_of_memory(0.5) <= total // 2
    assert share_of_memory(1.0) <= memory_of_machine()


def test_a_worker_lets_no_network_grow_over_a_quarter_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(WIDENING, "most_bytes", 0)
    limit_widening()
    assert WIDENING.most_bytes == share_of_memory(0.25)


def test_a_worker_asks_for_large_pages_unless_its_user_has_said_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("GLIBC_TUNABLES", raising=False)
    assert environment_of("cpu", Settings())["GLIBC_TUNABLES"] == "glibc.malloc.hugetlb=1"
    assert "GLIBC_TUNABLES" not in os.environ
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.check=1")
    assert environment_of("cpu", Settings())["GLIBC_TUNABLES"] == "glibc.malloc.check=1"
