"""What brings pictures into the space of Stable Cascade's stage C, and shows what is there.

EfficientNetV2 makes cells of squares of 32 pixels; a previewer, trained to show such cells, makes
squares of 8 pixels of them, which are enlarged to the 32. Names are those of the published files.
"""

from collections.abc import Mapping
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from nodes.diffusion.cascades.efficientnet import efficientnet, told_by
from nodes.diffusion.files.checkpoint_networks import configured, filled
from nodes.diffusion.files.weight_shapes import Config
from nodes.diffusion.pixel_space import COLOURS, as_encoded
from nodes.errors import FileProblem
from nodes.types import LatentFormat, Vae

# Pixels of a side that the encoder makes one cell of.
REDUCTION = 32
_LATENTS = LatentFormat(16, 1.0, downscale=REDUCTION)
# Means and deviations of the colours that EfficientNet was trained on; some files have them too.
_MEANS, _DEVIATIONS = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_COLOURS_TOLD = ("encoder.mean", "encoder.std")


class Encoder(nn.Module):
    """EfficientNetV2, brought to a few channels of mean 0 and variance 1.

    Args:
        shapes: Of its weights.
    """

    def __init__(self, shapes: Config) -> None:
        super().__init__()
        start = "backbone."
        self.backbone = efficientnet(
            *told_by({n.removeprefix(start): s for n, s in shapes.items() if n.startswith(start)})
        )
        channels, wide, *_ = shapes["mapper.0.weight"]
        norm = nn.BatchNorm2d(channels, affine=False)
        self.mapper = nn.Sequential(nn.Conv2d(wide, channels, 1, bias=False), norm)

    def forward(self, pictures: Tensor) -> Tensor:
        """Encode pictures (B, 3, H, W) in [0, 1]."""
        mean, deviation = (
            torch.tensor(values).to(pictures)[:, None, None] for values in (_MEANS, _DEVIATIONS)
        )
        latents: Tensor = self.mapper(self.backbone((pictures - mean) / deviation))
        return latents


class Previewer(nn.Module):
    """Convolutions that double the sides three times.

    Args:
        shapes: Of its weights.
    """

    def __init__(self, shapes: Config) -> None:
        super().__init__()
        wide, channels, *_ = shapes["blocks.0.weight"]
        parts: list[nn.Module] = [nn.Conv2d(channels, wide, 1), *_active(wide)]
        parts += [nn.Conv2d(wide, wide, 3, padding=1), *_active(wide)]
        for before, after in pairwise((wide, wide // 2, wide // 4, wide // 4)):
            parts += [nn.ConvTranspose2d(before, after, 2, stride=2), *_active(after)]
            parts += [nn.Conv2d(after, after, 3, padding=1), *_active(after)]
        self.blocks = nn.Sequential(*parts, nn.Conv2d(wide // 4, COLOURS, 1))

    def forward(self, latents: Tensor) -> Tensor:
        """Make pictures (B, 3, 8 * h, 8 * w) in [0, 1] of latents (B, C, h, w)."""
        pictures: Tensor = self.blocks(latents)
        return pictures


class StageCCoder(nn.Module):
    """Takes a VAE's place for stage C.

    Args:
        file: What it comes from.
        encoder: What reduces pictures, if the file has it.
        previewer: What shows them, likewise.
    """

    def __init__(self, file: str, encoder: nn.Module | None, previewer: nn.Module | None) -> None:
        super().__init__()
        self.file, self.encoder, self.previewer = file, encoder, previewer

    def encode(self, pictures: Tensor) -> Any:
        """Encode pictures (B, 3, H, W) in [-1, 1], sides multiples of 32.

        Raises:
            FileProblem: If the file has only what shows them.
        """
        if self.encoder is None:
            raise self._lacks("encodes pictures", "effnet_encoder.safetensors")
        return as_encoded(self.encoder(pictures / 2 + 0.5))

    def decode(self, latents: Tensor) -> Any:
        """Show latents (B, C, h, w) as blurred pictures (B, 3, 32 * h, 32 * w) in [-1, 1].

        Raises:
            FileProblem: If the file has only what reduces pictures.
        """
        if self.previewer is None:
            raise self._lacks("shows its latents", "previewer.safetensors")
        sides = [side * REDUCTION for side in latents.shape[-2:]]
        pictures = interpolate(self.previewer(latents), sides, mode="bilinear")
        return SimpleNamespace(sample=pictures * 2 - 1)

    def _lacks(self, what: str, where: str) -> FileProblem:
        return FileProblem(
            f"{self.file} lacks the part of Stable Cascade's stage C that {what}.",
            f"Load {where}, or the VAE of a whole checkpoint of stage C.",
            "checkpoint.parts",
        )


def make_stage_c_coder(weights: Mapping[str, Tensor], file: str, key: str) -> Vae:
    """Build what codes for stage C, as far as a file has it.

    Args:
        weights: Of both parts, or of one alone, with `encoder.` or `previewer.` before the names.
        file: Its name.
        key: Names the weights.

    Raises:
        FileProblem: If shapes and weights do not agree.
    """
    parts: dict[str, nn.Module | None] = {}
    for part, make in (("encoder", Encoder), ("previewer", Previewer)):
        start = part + "."
        own = {
            name.removeprefix(start): weight
            for name, weight in weights.items()
            if name.startswith(start) and name not in _COLOURS_TOLD
        }
        parts[part] = _part(part, make, own) if own else None
    return Vae(StageCCoder(file, **parts), _LATENTS, "float32", f"{key}#vae")


def _part(part: str, make: type[nn.Module], weights: Mapping[str, Tensor]) -> nn.Module:
    with torch.device("meta"):
        network = configured(part, make, {n: tuple(w.shape) for n, w in weights.items()})
    return filled(network, weights, "float32", part)


def _active(channels: int) -> list[nn.Module]:
    return [nn.GELU(), nn.BatchNorm2d(channels)]
