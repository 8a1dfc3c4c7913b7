"""LoRA files out of differences between models: the best changes of a rank.

Eckart and Young 1936, The approximation of one matrix by another of lower rank, Psychometrika 1(3):
of all matrices of a rank, the first singular vectors make the nearest one. Files are named as
kohya's trainer names them, and those of transformers as peft does.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from nodes.diffusion.memory.by_layer import kept_values
from nodes.diffusion.network_calls import is_joint
from nodes.diffusion.text.encoding import towers
from nodes.types import Clip, Model

Changes = dict[str, Tensor]


def model_layers(model: Model) -> Iterator[tuple[str, nn.Module]]:
    """List the layers of a difference of denoisers, each with its name in a file."""
    joint = is_joint(model.network)
    for name, layer in _layers(model.network):
        yield f"transformer.{name}" if joint else _kohya("lora_unet", name), layer


def clip_layers(clip: Clip) -> Iterator[tuple[str, nn.Module]]:
    """List the layers of a difference of CLIPs, each with its name in a file."""
    clips = [tower for tower in towers(clip) if tower.role != "t5"]
    for number, tower in enumerate(clips, 1):
        start = "lora_te" if len(clips) == 1 else f"lora_te{number}"
        for name, layer in _layers(tower.network):
            yield _kohya(start, f"text_model.{name.removeprefix('text_model.')}"), layer


def _layers(network: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    for name, layer in network.named_modules():
        if any(True for _ in layer.parameters(recurse=False)):
            yield name, layer


def _kohya(start: str, name: str) -> str:
    return f"{start}_{name.replace('.', '_')}"


@torch.no_grad()
def change_of(name: str, layer: nn.Module, rank: int | None, biases: bool, device: str) -> Changes:
    """Give what a file says of the change of a layer; nothing where nothing changes.

    Args:
        name: Of the layer in the file.
        layer: Its weight and its bias are differences.
        rank: Of the change of its weight; None keeps it whole, as vectors are always kept.
        biases: Whether the bias is kept too.
        device: Where to compute.
    """
    made: Changes = {}
    weight = kept_values(layer, "weight")
    if weight is not None and weight.any():
        if rank is None or weight.ndim < 2:
            made[f"{name}.diff"] = weight
        else:
            made |= _low_rank(name, weight.to(device), rank)
    bias = kept_values(layer, "bias")
    if biases and bias is not None and bias.any():
        made[f"{name}.diff_b"] = bias
    return {key: tensor.half().cpu() for key, tensor in made.items()}


def _low_rank(name: str, weight: Tensor, rank: int) -> Changes:
    """Part a weight (out, in, ...) into one (rank, in, ...) and one (out, rank, 1, ...)."""
    left, singular, right = torch.linalg.svd(weight.flatten(1), full_matrices=False)
    rank = min(rank, len(singular))
    root = singular[:rank].sqrt()
    ones: list[Any] = [1] * (weight.ndim - 2)
    peft = name.startswith("transformer.")
    down, up = ("lora_A", "lora_B") if peft else ("lora_down", "lora_up")
    made = {
        f"{name}.{down}.weight": (root[:, None] * right[:rank]).reshape(rank, *weight.shape[1:]),
        f"{name}.{up}.weight": (left[:, :rank] * root).reshape(len(weight), rank, *ones),
    }
    return made if peft else made | {f"{name}.alpha": torch.tensor(float(rank))}
