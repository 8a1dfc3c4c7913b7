"""Layers that bring their weights to the work as they read them.

Weights may be kept small, in 8 bits, or on another device than the one that computes. A layer
converts each of its weights when its `forward` asks for it, and what it was converted to is gone
with the call; `state_dict`, `parameters` and copies see the weights as they are kept.
"""

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn


class _Bringing(nn.Module):
    """Stands before a layer's own class; see `bring`."""

    works_on: torch.device
    works_in: torch.dtype
    weight_factor: float = 1.0

    def __getattr__(self, name: str) -> Any:
        value = super().__getattr__(name)
        if not isinstance(value, nn.Parameter):
            return value
        dtype = self.works_in if value.is_floating_point() else value.dtype
        brought = value.to(self.works_on, dtype, non_blocking=True)
        return brought * self.weight_factor if _has_factor(self, name, value) else brought


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
    layer.works_on, layer.works_in = device, dtype


def multiply(layer: Any, factor: float) -> None:
    """Let a layer that brings its weights multiply those that are kept in 8 bits by a factor."""
    layer.weight_factor = factor


def kept_values(layer: nn.Module, name: str) -> Tensor | None:
    """Give a layer's weight in float32 where it is kept, not where the layer works."""
    kept = dict(layer.named_parameters(recurse=False)).get(name)
    if kept is None:
        return None
    values = kept.detach().float()
    if isinstance(layer, _Bringing) and _has_factor(layer, name, kept):
        return values * layer.weight_factor
    return values


def move_work(module: nn.Module, device: torch.device) -> None:
    """Let the layers of a module that bring their weights do so to another device."""
    for layer in module.modules():
        if isinstance(layer, _Bringing):
            layer.works_on = device


def work_place(module: nn.Module) -> tuple[torch.device, torch.dtype]:
    """Tell the device on which a module computes, and the dtype."""
    for layer in module.modules():
        if isinstance(layer, _Bringing):
            return layer.works_on, layer.works_in
    first = next(module.parameters())
    return first.device, first.dtype


def _has_factor(layer: _Bringing, name: str, kept: Tensor) -> bool:
    """Say whether a factor is for a weight: what came in the place of the file's own has none."""
    return name == "weight" and kept.itemsize == 1 and layer.weight_factor != 1.0


@cache
def _bringing(kind: type[nn.Module]) -> type[nn.Module]:
    return type(kind.__name__, (_Bringing, kind), {})
