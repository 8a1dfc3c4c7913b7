"""Weights kept in 8 bits with a factor beside them, and the marks of such files."""

from collections.abc import Mapping
from typing import TypeVar

import torch
from torch import Tensor

V = TypeVar("V")

_FACTORS = ("scale_weight", "weight_scale")
# The other marks tell how to multiply faster in 8 bits, which is not done here.
_MARKS = frozenset({*_FACTORS, "scale_input", "input_scale", "scaled_fp8", "comfy_quant"})


def without_marks(named: Mapping[str, V]) -> dict[str, V]:
    """Leave the marks out, so that the names are those of the model."""
    return {name: value for name, value in named.items() if not _is_mark(name)}


def multiplied(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Multiply weights that have a factor beside them by it, and leave the marks out.

    The products are bfloat16, whose range is that of float32 and whose precision is above that of 8
    bits; all other weights stay as they are.
    """
    found = without_marks(weights)
    for name in found:
        module = name.removesuffix(".weight")
        factors = (weights.get(f"{module}.{kind}") for kind in _FACTORS)
        factor = next((each for each in factors if each is not None), None)
        if factor is not None and name.endswith(".weight"):
            found[name] = (found[name].float() * factor.float()).to(torch.bfloat16)
    return found


def _is_mark(name: str) -> bool:
    return name.rpartition(".")[2] in _MARKS
