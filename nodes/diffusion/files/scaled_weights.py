"""Weights kept in 8 bits with a factor beside them, and the marks of such files."""

from collections.abc import Mapping
from typing import TypeVar

import torch
from torch import Tensor

from nodes.diffusion.memory.precision import EIGHT_BITS

V = TypeVar("V")

# What a factor is called beside a `weight`, here and in most files.
FACTOR = "scale_weight"
_FACTORS = (FACTOR, "weight_scale")
# The other marks tell how to multiply faster in 8 bits, which is not done here.
_MARKS = frozenset({*_FACTORS, "scale_input", "input_scale", "scaled_fp8", "comfy_quant"})


def without_marks(named: Mapping[str, V]) -> dict[str, V]:
    """Leave the marks out, so that the names are those of the model."""
    return {name: value for name, value in named.items() if not _is_mark(name)}


def with_factors(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Leave the marks out, but for factors of what is in 8 bits, each named `module.FACTOR`.

    They are one number, or (rows,). All else that has a factor is multiplied by it.
    """
    found = without_marks(weights)
    for name, factor in _factors(weights).items():
        if found[name].dtype in EIGHT_BITS and factor.numel() in (1, len(found[name])):
            one = factor.numel() == 1
            found[f"{name.removesuffix('.weight')}.{FACTOR}"] = factor.reshape(() if one else -1)
        else:
            found[name] = _product(found[name], factor)
    return found


def factors_apart(weights: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Part what `with_factors` gives: the weights by name, and the factors by module."""
    end = f".{FACTOR}"
    factors = {n.removesuffix(end): t for n, t in weights.items() if n.endswith(end)}
    return {name: t for name, t in weights.items() if not name.endswith(end)}, factors


def multiplied(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Multiply weights that have a factor beside them by it, and leave the marks out.

    The products are bfloat16, whose range is that of float32 and whose precision is above that of 8
    bits; all other weights stay as they are.
    """
    found = without_marks(weights)
    products = {name: _product(found[name], f) for name, f in _factors(weights).items()}
    return found | products


def _factors(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Find the factors by the names of what they are for."""
    return {
        f"{name.rpartition('.')[0]}.weight": factor
        for name, factor in weights.items()
        if name.rpartition(".")[2] in _FACTORS and f"{name.rpartition('.')[0]}.weight" in weights
    }


def _product(weight: Tensor, factor: Tensor) -> Tensor:
    rows = factor.float().reshape(-1, *[1] * (weight.ndim - 1))
    return (weight.float() * rows).to(torch.bfloat16)


def _is_mark(name: str) -> bool:
    return name.rpartition(".")[2] in _MARKS
