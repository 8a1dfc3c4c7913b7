"""Enlarging networks on disk: which one a file holds, told by its keys, and its weights."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from nodes.diffusion.cascades.upscalers import CompactNet, RRDBNet
from nodes.diffusion.files.checkpoint_file import read_header, read_weights, stamp
from nodes.diffusion.files.checkpoint_networks import filled
from nodes.diffusion.files.pickled_file import PICKLED, read_pickled
from nodes.errors import FileProblem
from nodes.types import UpscaleModel

Weights: TypeAlias = Mapping[str, Tensor]

# What trainers put a network's weights under, the averaged ones first.
_WRAPPED = ("params_ema", "params", "state_dict", "model_state_dict")

# Names of ESRGAN's parts in its three layouts: the first release, the original code, and BasicSR's.
_BLOCK = r"(\d+)\.(?:RDB|rdb)([123])\.conv([1-5])(?:\.0)?"
_BLOCKS = re.compile(rf"(?:model\.1\.sub|RRDB_trunk|body)\.{_BLOCK}\.(weight|bias)")
_PARTS = {
    "conv_first": "first",
    "trunk_conv": "trunk_end",
    "conv_body": "trunk_end",
    "HRconv": "fine",
    "conv_hr": "fine",
    "conv_last": "last",
}
_UPS = re.compile(r"(?:upconv|conv_up)(\d)")


def load_upscaler(path: Path, dtype: str) -> UpscaleModel:
    """Load a network that enlarges pictures.

    ESRGAN, Real-ESRGAN and its compact network are read here, in every layout of theirs; other
    networks by the package spandrel, where it is installed.

    Args:
        path: A .safetensors file, or a pickled one of weights alone.
        dtype: What to compute in; bfloat16 has too few digits for pictures, and gives float32.

    Raises:
        FileProblem: If the file holds no such network.
    """
    weights = _read(path)
    dtype = "float32" if dtype == "bfloat16" else dtype
    found = next((made for layout in _LAYOUTS if (made := layout(weights)) is not None), None)
    if found is None:
        return _by_spandrel(path, weights, dtype)
    network, own, scale = found
    network = filled(network, own, dtype, "upscaler")
    return UpscaleModel(network, scale, dtype, f"{stamp(path)}#upscaler")


def _read(path: Path) -> Weights:
    if path.suffix.lower() in PICKLED:
        content = read_pickled(path)
        content = next((content[name] for name in _WRAPPED if name in content), content)
        weights = {name: each for name, each in content.items() if isinstance(each, Tensor)}
    else:
        read_header(path)
        weights = read_weights(path, lambda _: True)
    return {name.removeprefix("module."): tensor for name, tensor in weights.items()}


# A layout gives the empty network, its weights, and its scale.
_Found: TypeAlias = tuple[nn.Module, Weights, int] | None


def _esrgan(weights: Weights) -> _Found:
    named = _esrgan_names(weights)
    if named is None or "trunk.0.blocks.0.convs.0.weight" not in named:
        return None
    first, last = named["first.weight"], named["last.weight"]
    channels = last.shape[0]
    folded = {channels: 1, 4 * channels: 2, 16 * channels: 4}.get(first.shape[1])
    doublings = sum(name.startswith("ups.") for name in named) // 2
    if folded is None or 2**doublings % folded:
        return None
    with torch.device("meta"):
        network = RRDBNet(
            channels,
            features=first.shape[0],
            blocks=1 + max(int(n.split(".")[1]) for n in named if n.startswith("trunk.")),
            growth=named["trunk.0.blocks.0.convs.0.weight"].shape[0],
            doublings=doublings,
            folded=folded,
        )
    # A relative of ESRGAN with parts of its own, such as ESRGAN+, is no ESRGAN.
    if named.keys() != network.state_dict().keys():
        return None
    return network, named, 2**doublings // folded


def _esrgan_names(weights: Weights) -> dict[str, Tensor] | None:
    """Give weights our names; None if they are not in a layout of ESRGAN."""
    if "model.0.weight" in weights:
        outer = _numbered(weights)
    elif "conv_first.weight" in weights:
        outer = _PARTS
    else:
        return None
    named: dict[str, Tensor] = {}
    for name, tensor in weights.items():
        inner = _BLOCKS.fullmatch(name)
        part, _, kind = name.rpartition(".")
        up = _UPS.fullmatch(part)
        if inner is not None:
            block, dense, conv, kind = inner.groups()
            ours = f"trunk.{block}.blocks.{int(dense) - 1}.convs.{int(conv) - 1}"
        elif up is not None:
            ours = f"ups.{int(up[1]) - 1}"
        elif part in outer:
            ours = outer[part]
        else:
            return None
        named[f"{ours}.{kind}"] = tensor
    return named


def _numbered(weights: Weights) -> dict[str, str]:
    """Name the modules of the first release, which stand in one row, by their numbers."""
    found = (re.fullmatch(r"model\.(\d+)\.weight", name) for name in weights)
    row = sorted(int(match[1]) for match in found if match)
    ends = (re.fullmatch(r"model\.1\.sub\.(\d+)\.weight", name) for name in weights)
    names = {f"model.1.sub.{match[1]}": "trunk_end" for match in ends if match}
    first, *ups, fine, last = row if len(row) > 2 else [0, 0, 0]
    names |= {f"model.{first}": "first", f"model.{fine}": "fine", f"model.{last}": "last"}
    return names | {f"model.{number}": f"ups.{index}" for index, number in enumerate(ups)}


def _compact(weights: Weights) -> _Found:
    if not {"body.0.weight", "body.1.weight", "body.2.weight"} <= weights.keys():
        return None
    first, slopes = weights["body.0.weight"], weights["body.1.weight"]
    numbers = {int(name.split(".")[1]) for name in weights if name.startswith("body.")}
    last = weights[f"body.{max(numbers)}.weight"]
    features, channels = first.shape[:2]
    scale = round((last.shape[0] / channels) ** 0.5)
    if slopes.ndim != 1 or scale**2 * channels != last.shape[0]:
        return None
    with torch.device("meta"):
        network = CompactNet(channels, features, max(numbers) // 2 - 1, scale)
    return (network, weights, scale) if weights.keys() == network.state_dict().keys() else None


_LAYOUTS: tuple[Callable[[Weights], _Found], ...] = (_esrgan, _compact)


def _by_spandrel(path: Path, weights: Weights, dtype: str) -> UpscaleModel:
    try:
        import spandrel
    except ImportError as error:
        raise FileProblem(
            f"{path.name} is no ESRGAN and no compact Real-ESRGAN.",
            "Other networks are read by a package that is not installed: pip install spandrel.",
            "upscaler.kind",
        ) from error
    try:
        found: Any = spandrel.ModelLoader().load_from_state_dict(dict(weights))
    except spandrel.UnsupportedModelError as error:
        raise FileProblem(
            f"{path.name} holds no upscaler that is known here.",
            "Choose a file from the upscale_models folder.",
            "upscaler.kind",
        ) from error
    if not isinstance(found, spandrel.ImageModelDescriptor) or found.input_channels != 3:
        raise FileProblem(
            f"{path.name} does not make one picture in colour out of another.",
            "Choose a network that enlarges pictures.",
            "upscaler.kind",
        )
    dtype = dtype if found.supports_half or dtype != "float16" else "float32"
    network = _Described(found).to(getattr(torch, dtype)).requires_grad_(False).eval()
    return UpscaleModel(network, found.scale, dtype, f"{stamp(path)}#upscaler")


class _Described(nn.Module):
    """A network of spandrel's with what spandrel knows of how to call it."""

    def __init__(self, descriptor: Any) -> None:
        super().__init__()
        self.descriptor = descriptor
        # The same module as the descriptor's, here so that its weights are found.
        self.network: nn.Module = descriptor.model

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.descriptor(x)
        return made
