"""Layers that bring their weights to the work as they read them.

Weights may be kept narrow, in 8 or 16 bits, or on another device than the one that computes. A
layer converts each of its weights when its `forward` asks for it, and what it was converted to is
gone with the call; `state_dict`, `parameters` and copies see the weights as they are kept.
"""

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn


class _Bringing(nn.Module):
    """Stands before a layer's own class; see `bring`."""

    works_on: torch.device
    works_in: torch.dtype
    weight_factor: Tensor | None = None

    def __getattr__(self, name: str) -> Any:
        value = super().__getattr__(name)
        if not isinstance(value, nn.Parameter):
            return value
        dtype = self.works_in if value.is_floating_point() else value.dtype
        brought = value.to(self.works_on, dtype, non_blocking=True)
        factor = factor_of(self, name, value)
        return brought if factor is None else (brought * factor).to(dtype)


def bring(layer: Any, device: torch.device, dtype: torch.dtype) -> None:
    """Let a layer compute on a device and in a dtype, whatever its weights are kept as.

    Args:
        layer: A module with weights of its own; those of modules within are not looked at.
        device: Where it computes.
        dtype: What it computes in.
    """
    if not isinstance(layer, _Bringing):
        kind: Any = type(layer)
        layer.__class__ = _bringing(kind)
    layer.works_in = dtype
    _work_on(layer, device)


def multiply(layer: Any, factor: Tensor) -> None:
    """Let a layer that brings its weights multiply those that are kept in 8 bits by a factor.

    Args:
        layer: See `bring`.
        factor: One number, or one for each row of the weights.
    """
    rows = (-1, *[1] * (layer._parameters["weight"].ndim - 1)) if factor.ndim else ()
    layer.weight_factor = factor.float().reshape(rows).to(layer.works_on)


def factor_of(layer: nn.Module, name: str, kept: Tensor) -> Tensor | None:
    """Give the factor of a weight, if it has one: what came in its place has none."""
    if isinstance(layer, _Bringing) and name == "weight" and kept.itemsize == 1:
        return layer.weight_factor
    return None


def forget_factor(layer: nn.Module, name: str) -> None:
    """Leave out the factor of a weight whose values are whole again; its layer is a copy."""
    if isinstance(layer, _Bringing) and name == "weight":
        layer.weight_factor = None


def _work_on(layer: _Bringing, device: torch.device) -> None:
    layer.works_on = device
    if layer.weight_factor is not None:
        layer.weight_factor = layer.weight_factor.to(device)


def kept_values(layer: nn.Module, name: str) -> Tensor | None:
    """Give a layer's weight in float32 where it is kept, not where the layer works."""
    kept = dict(layer.named_parameters(recurse=False)).get(name)
    if kept is None:
        return None
    values = kept.detach().float()
    factor = factor_of(layer, name, kept)
    return values if factor is None else values * factor.to(values.device)


def move_work(module: nn.Module, device: torch.device) -> None:
    """Let the layers of a module that bring their weights do so to another device."""
    for layer in module.modules():
        if isinstance(layer, _Bringing):
            _work_on(layer, device)


def work_place(module: nn.Module) -> tuple[torch.device, torch.dtype]:
    """Tell the device on which a module computes, and the dtype."""
    for layer in module.modules():
        if isinstance(layer, _Bringing):
            return layer.works_on, layer.works_in
    first = next(module.parameters())
    return first.device, first.dtype


@cache
def _bringing(kind: type[nn.Module]) -> type[nn.Module]:
    return type(kind.__name__, (_Bringing, kind), {})
