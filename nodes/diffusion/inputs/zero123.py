"""Views of a thing from other sides: Zero-1-to-3, and Stable Zero123 after it.

Liu et al. 2023, Zero-1-to-3: Zero-shot One Image to 3D Object, arXiv:2303.11328, section 3.2: in
place of a text stands what CLIP sees in the picture, and how the camera moves; both go through a
projection that the checkpoint brings.
"""

from dataclasses import dataclass, replace
from math import cos, radians, sin
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import linear

from nodes.diffusion.files.checkpoint_file import read_weights
from nodes.types import Cond, Model

_PROJECTION = "cc_projection."


@dataclass(frozen=True, eq=False)
class CameraProjection:
    """From a summary and a camera to a word: (C, P + 4) and (C,), as a value among patches."""

    weight: Tensor
    bias: Tensor


def camera_projection(path: Path) -> CameraProjection | None:
    """Read the projection of a checkpoint; None if it is of another kind.

    Args:
        path: A .safetensors file.
    """
    found = read_weights(path, lambda name: name.startswith(_PROJECTION)) if path.is_file() else {}
    if len(found) < 2:
        return None
    return CameraProjection(*(found[_PROJECTION + kind].float() for kind in ("weight", "bias")))


def seen_from(summary: Tensor, elevation: float, azimuth: float) -> Tensor:
    """Put behind a summary how the camera moves.

    Args:
        summary: (1, P), of a picture that was taken at the height of the thing.
        elevation: How far the camera rises, in degrees.
        azimuth: How far it goes around the thing, in degrees.

    Returns:
        (1, 1, P + 4): angles from above, as in training: the change, and that of the picture.
    """
    around, above = radians(azimuth), radians(90)
    camera = torch.tensor([[-radians(elevation), sin(around), cos(around), above]])
    return torch.cat([summary, camera.to(summary)], dim=1)[:, None]


def projected(part: Cond, model: Model) -> Cond:
    """Turn what `seen_from` gives into the word that the model reads; others stay as they are."""
    for patch in model.patches:
        if isinstance(patch, CameraProjection) and part.embeds.shape[-1] == patch.weight.shape[1]:
            return replace(part, embeds=linear(part.embeds, patch.weight, patch.bias))
    return part
