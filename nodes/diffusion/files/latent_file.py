"""Latents in files of the field's `.latent` format: safetensors with `latent_tensor`.

A file with the key `latent_format_version_0` holds a latent as the VAE gave it; an older one
without that key holds it times the scaling factor of Stable Diffusion 1. Mask and places of a batch
stand beside it under names of our own.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from nodes.diffusion.latent_space import in_space
from nodes.errors import FileProblem
from nodes.types import Latent, LatentFormat, Mask

_TENSOR, _RAW, _MASK, _PLACES = "latent_tensor", "latent_format_version_0", "mask", "batch_index"
# The scale of Stable Diffusion 1, of files that do not say theirs.
_OLD_SCALE = 0.18215


def write_latent(path: Path, latent: Latent, texts: Mapping[str, str]) -> None:
    """Write a latent: as the VAE gave it, if its space is known, or else as it is.

    Args:
        path: Where to.
        latent: Its mask and its places go along.
        texts: Metadata.
    """
    tensors: dict[str, Tensor] = {_TENSOR: latent.samples}
    if latent.space is not None:
        tensors[_TENSOR] = in_space(latent, _raw(latent.space.channels))
        tensors[_RAW] = torch.zeros(0)
    if latent.mask is not None:
        tensors[_MASK] = latent.mask.values
    if latent.batch_index is not None:
        tensors[_PLACES] = torch.tensor(latent.batch_index)
    kept = {name: tensor.contiguous() for name, tensor in tensors.items()}
    save_file(kept, path, metadata=dict(texts))


def read_latent(path: Path) -> Latent:
    """Read a latent.

    Raises:
        FileProblem: If it is none.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise FileProblem(
            f"{path.name} is no latent, or is damaged.", "Save it again.", "latent.read"
        ) from error
    samples = tensors.get(_TENSOR)
    if samples is None or samples.ndim != 4:
        raise FileProblem(f"{path.name} holds no latent of pictures.", code="latent.read")
    space = _raw(samples.shape[1])
    if _RAW not in tensors:
        space = replace(space, scaling_factor=_OLD_SCALE)
    mask, places = tensors.get(_MASK), tensors.get(_PLACES)
    return Latent(
        samples.float(),
        None if mask is None else Mask(mask.float()),
        None if places is None else tuple(int(place) for place in places),
        space,
    )


def _raw(channels: int) -> LatentFormat:
    return LatentFormat(channels, scaling_factor=1.0)
