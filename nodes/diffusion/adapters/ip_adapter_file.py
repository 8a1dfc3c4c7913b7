"""IP-Adapters on disk: projections of several kinds, and the keys and values of each attention."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import torch
from diffusers.models.embeddings import (
    ImageProjection,
    IPAdapterFullImageProjection,
    IPAdapterPlusImageProjection,
)
from torch import Tensor, nn

from nodes.diffusion.files.checkpoint_file import read_header, read_weights, stamp
from nodes.diffusion.files.checkpoint_networks import filled
from nodes.errors import FileProblem
from nodes.types import IPAdapter

Weights: TypeAlias = Mapping[str, Tensor]

_PROJECTION = "image_proj."
_LAYER = re.compile(r"ip_adapter\.(\d+)\.to_([kv])_ip\.weight")
_HEAD_WIDTH = 64

# Names of a resampler's layers, and those in diffusers.
_RESAMPLER = (
    (r"layers\.(\d+)\.0\.norm1\.", r"layers.\1.ln0."),
    (r"layers\.(\d+)\.0\.norm2\.", r"layers.\1.ln1."),
    (r"layers\.(\d+)\.0\.to_out\.", r"layers.\1.attn.to_out.0."),
    (r"layers\.(\d+)\.0\.to_", r"layers.\1.attn.to_"),
    (r"layers\.(\d+)\.1\.0\.", r"layers.\1.ff.0."),
    (r"layers\.(\d+)\.1\.1\.", r"layers.\1.ff.1.net.0.proj."),
    (r"layers\.(\d+)\.1\.3\.", r"layers.\1.ff.1.net.2."),
)


def load_ip_adapter(path: Path, dtype: str) -> IPAdapter:
    """Load an IP-Adapter of Stable Diffusion 1 or XL: the plain one, plus, or full.

    Raises:
        FileProblem: If the file holds none, or one that reads faces by another network.
    """
    read_header(path)
    weights = read_weights(path, lambda name: name.startswith((_PROJECTION, "ip_adapter.")))
    own = {
        name.removeprefix(_PROJECTION): tensor
        for name, tensor in weights.items()
        if name.startswith(_PROJECTION)
    }
    layers = [match for match in map(_LAYER.fullmatch, weights) if match]
    if not own or not layers:
        raise FileProblem(
            f"{path.name} holds no IP-Adapter.",
            "Choose a file from the ipadapter folder.",
            "ip_adapter.kind",
        )
    if len(layers) != len(weights) - len(own) or _reads_faces(own):
        raise FileProblem(
            f"{path.name} is an IP-Adapter for faces that reads them by another network "
            "(FaceID), and that kind cannot be loaded yet.",
            "Choose a plain, plus or full IP-Adapter.",
            "ip_adapter.kind",
        )
    numbers = sorted({int(match[1]) for match in layers})
    projection, named, width = _projection(own, path)
    projection = filled(projection, named, dtype, "image projection")
    keys, values = (
        _linears([weights[f"ip_adapter.{number}.to_{part}_ip.weight"] for number in numbers], dtype)
        for part in "kv"
    )
    reads_patches = not isinstance(projection, ImageProjection)
    key = f"{stamp(path)}#ip_adapter"
    return IPAdapter(projection, keys, values, reads_patches, width, dtype, key)


def _reads_faces(own: Weights) -> bool:
    return "perceiver_resampler.proj_in.weight" in own or {"proj.0.weight", "norm.weight"} <= (
        own.keys()
    )


def _projection(own: Weights, path: Path) -> tuple[nn.Module, dict[str, Tensor], int]:
    """Give an empty projection, its weights under diffusers' names, and the width that it reads."""
    with torch.device("meta"):
        if "proj.weight" in own:
            out, width = own["proj.weight"].shape
            text = own["norm.weight"].shape[0]
            named = {name.replace("proj.", "image_embeds."): each for name, each in own.items()}
            return ImageProjection(width, text, out // text), named, width
        if "proj.3.weight" in own:
            names = {"proj.0": "ff.net.0.proj", "proj.2": "ff.net.2", "proj.3": "norm"}
            named = {f"{names[n[:6]]}{n[6:]}": each for n, each in own.items() if n[:6] in names}
            width, text = own["proj.0.weight"].shape[1], own["proj.3.weight"].shape[0]
            full: Any = IPAdapterFullImageProjection
            return full(width, text), named, width
        if "latents" in own:
            return _resampler(own)
    raise FileProblem(
        f"{path.name} is an IP-Adapter of a layout that is not known here.",
        "Choose a plain, plus or full IP-Adapter.",
        "ip_adapter.kind",
    )


def _resampler(own: Weights) -> tuple[nn.Module, dict[str, Tensor], int]:
    named: dict[str, Tensor] = {}
    for name, tensor in own.items():
        for theirs, ours in _RESAMPLER:
            name = re.sub(theirs, ours, name)
        if "to_kv" in name:
            both = tensor.chunk(2)
            named |= {name.replace("to_kv", f"to_{p}"): t for p, t in zip("kv", both, strict=True)}
        else:
            named[name] = tensor
    _, queries, hidden = own["latents"].shape
    width = own["proj_in.weight"].shape[1]
    network = IPAdapterPlusImageProjection(
        embed_dims=width,
        output_dims=own["proj_out.weight"].shape[0],
        hidden_dims=hidden,
        depth=len({name.split(".")[1] for name in named if name.startswith("layers.")}),
        heads=named["layers.0.attn.to_q.weight"].shape[0] // _HEAD_WIDTH,
        num_queries=queries,
        ffn_ratio=named["layers.0.ff.1.net.0.proj.weight"].shape[0] / hidden,
    )
    return network, named, width


def _linears(weights: list[Tensor], dtype: str) -> nn.ModuleList:
    with torch.device("meta"):
        made = nn.ModuleList(nn.Linear(w.shape[1], w.shape[0], bias=False) for w in weights)
    named = {f"{index}.weight": weight for index, weight in enumerate(weights)}
    filled(made, named, dtype, "IP-Adapter")
    return made
