"""A CPU computes in bfloat16 only if it has the instructions for it."""

import pytest
import torch

from training.precision import mixed


@pytest.mark.parametrize(
    ("capability", "dtype"),
    [("DEFAULT", torch.float32), ("AVX2", torch.float32), ("AVX512", torch.bfloat16)],
)
def test_products_are_halves_where_the_cpu_multiplies_them(
    monkeypatch: pytest.MonkeyPatch, capability: str, dtype: torch.dtype
) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    with mixed("cpu"):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == dtype
