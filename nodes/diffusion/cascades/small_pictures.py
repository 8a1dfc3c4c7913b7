"""How diffusion upscalers see the small picture, and what becomes of what they make.

Each kind sees something of the small picture beside what it denoises, at every step. Noise that was
added to it first, whose level the network is told as its class, hides what should not be kept: Ho
et al. 2021, Cascaded Diffusion Models, arXiv:2106.15282. What is denoised is the usual
`x = x0 + sigma * noise` for all of them; what they see is not scaled with it.

| Kind | Sees | Its noise | Makes |
|---|---|---|---|
| detail | its pixels, one a cell | small + sigma * noise | what bicubic enlarging misses, folded |
| picture | its pixels, one a cell | keeps the variance | a latent: Stable Diffusion x4, LDM |
| stretched | its pixels, stretched | keeps the variance | the pixels: DeepFloyd IF |
| latent | its latent, each cell doubled | none | a latent: Stable Diffusion x2 |

Folding: Shi et al. 2016, arXiv:1609.05158; the difference from bicubic enlarging: Li et al. 2021,
SRDiff, arXiv:2104.14951; Rombach et al. 2022, arXiv:2112.10752, 4.4; the x2 upscaler is Katherine
Crowson's.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate, pixel_shuffle

from nodes.diffusion.latent_space import moved
from nodes.diffusion.vae import decode_once, encode_once
from nodes.imaging.tiles import Tile
from nodes.types import (
    Cond,
    Conditioning,
    DiffusionUpscaler,
    ModelSampling,
    Plain,
    UpscalerKind,
    Vae,
)


@dataclass(frozen=True)
class View:
    """What one kind of upscaler does with pictures.

    Attributes:
        seen: Takes the upscaler, small pictures (1, 3, h, w) in [0, 1], and the place of a tile in
            what is made; gives what the network sees there, (1, C, h', w') in its cells.
        made: Takes the upscaler, what was denoised, and what was seen; gives pictures in [0, 1].
        unit: Gives how many pixels of what is made the sides of tiles are multiples of.
    """

    seen: Callable[[DiffusionUpscaler, Tensor, Tile], Tensor]
    made: Callable[[DiffusionUpscaler, Tensor, Tensor], Tensor]
    unit: Callable[[DiffusionUpscaler], int]


def with_noise(upscaler: DiffusionUpscaler, seen: Tensor, noise: Tensor, level: int) -> Tensor:
    """Add noise to what an upscaler sees.

    Args:
        upscaler: Its schedule says how much a level is.
        seen: (B, 3, h, w) in [-1, 1].
        noise: Like it, of unit variance.
        level: A timestep of the schedule. Upscalers of detail know 0 as none.
    """
    if upscaler.noising is None or (level == 0 and upscaler.kind == "detail"):
        return seen
    if upscaler.kind == "detail":
        return seen + float(upscaler.noising.sigma(float(level))) * noise
    return diffused(upscaler.noising, seen, noise, level)


def diffused(noising: ModelSampling, picture: Tensor, noise: Tensor, level: int) -> Tensor:
    """Add the noise of a timestep to a picture, whose variance stays what it was."""
    sigma = float(noising.sigma(float(level)))
    return (picture + sigma * noise) / math.sqrt(1 + sigma**2)


def shown(
    upscaler: DiffusionUpscaler, conditioning: Conditioning, seen: Tensor, level: int
) -> Conditioning:
    """Give every part of a conditioning what an upscaler sees, and the level of its noise."""
    config: Any = upscaler.model.network.config
    told: dict[str, Tensor | Plain] = {"small_picture": seen}
    if getattr(config, "class_embed_type", None) or getattr(config, "num_class_embeds", None):
        told["noise_level"] = level
    return Conditioning(
        tuple(replace(part, extras={**part.extras, **told}) for part in conditioning.parts)
    )


def small_unit(upscaler: DiffusionUpscaler) -> int:
    """Give how many pixels of a small picture its sides must be multiples of."""
    return VIEWS[upscaler.kind].unit(upscaler) // upscaler.scale


def unconditioned() -> Conditioning:
    """Give the conditioning of a network that reads no text."""
    return Conditioning((Cond(torch.zeros(1, 1, 1)),))


def enlarged_by(upscaler: DiffusionUpscaler, samples: Tensor, seen: Tensor) -> Tensor:
    """Make pictures of what was denoised.

    Args:
        upscaler: On the device; says what it was.
        samples: (B, C, h, w).
        seen: (B, C', h, w), as the network saw it.

    Returns:
        (B, 3, H, W) in [0, 1], on the CPU.
    """
    return VIEWS[upscaler.kind].made(upscaler, samples, seen)


def _of_pixels(upscaler: DiffusionUpscaler, small: Tensor, place: Tile) -> Tensor:
    return place.scaled(1, upscaler.scale).of(small) * 2 - 1


def _stretched(upscaler: DiffusionUpscaler, small: Tensor, place: Tile) -> Tensor:
    """Enlarge bilinearly, the outermost pixels staying where they are."""
    height, width = small.shape[-2:]
    rows, down = _between(place.top, place.bottom, height, height * upscaler.scale)
    columns, across = _between(place.left, place.right, width, width * upscaler.scale)
    upper, lower = (small[..., (rows + n).clamp(max=height - 1), :] for n in (0, 1))
    both = torch.lerp(upper, lower, down[:, None])
    left, right = (both[..., (columns + n).clamp(max=width - 1)] for n in (0, 1))
    return torch.lerp(left, right, across) * 2 - 1


def _between(start: int, end: int, length: int, longer: int) -> tuple[Tensor, Tensor]:
    """Say between which cells of a line those of a longer one lie, and how far on."""
    places = torch.arange(start, end, dtype=torch.float64) * ((length - 1) / max(longer - 1, 1))
    low = places.floor()
    return low.long(), (places - low).float()


def _of_latent(upscaler: DiffusionUpscaler, small: Tensor, place: Tile) -> Tensor:
    vae, own = _vae(upscaler), upscaler.model.latent_format
    latent = moved(
        encode_once(vae, place.scaled(1, upscaler.scale).of(small)), vae.latent_format, own
    )
    return doubled(upscaler, latent)


def doubled(upscaler: DiffusionUpscaler, latent: Tensor) -> Tensor:
    """Repeat each cell of a small picture's latent (B, C, h, w) as often as it is enlarged."""
    return interpolate(latent, scale_factor=upscaler.scale, mode="nearest")


def _unfolded(upscaler: DiffusionUpscaler, samples: Tensor, seen: Tensor) -> Tensor:
    size = [side * upscaler.scale for side in seen.shape[-2:]]
    base = interpolate(seen, size, mode="bicubic", align_corners=False)
    return _unit_range(base + pixel_shuffle(samples, upscaler.scale) / upscaler.detail)


def _decoded(upscaler: DiffusionUpscaler, samples: Tensor, seen: Tensor) -> Tensor:
    return decoded(upscaler, samples)


def decoded(upscaler: DiffusionUpscaler, samples: Tensor) -> Tensor:
    """Decode latents (B, C, h, w) of the model's space."""
    vae = _vae(upscaler)
    return decode_once(vae, moved(samples, upscaler.model.latent_format, vae.latent_format))


def _as_pixels(upscaler: DiffusionUpscaler, samples: Tensor, seen: Tensor) -> Tensor:
    return _unit_range(samples)


def _unit_range(pixels: Tensor) -> Tensor:
    return (pixels / 2 + 0.5).clamp(0, 1)


def _vae(upscaler: DiffusionUpscaler) -> Vae:
    if upscaler.vae is None:
        raise ValueError(f"an upscaler of kind {upscaler.kind!r} needs a VAE")
    return upscaler.vae


def _one_pixel(upscaler: DiffusionUpscaler) -> int:
    return upscaler.scale


def _one_cell(upscaler: DiffusionUpscaler) -> int:
    return upscaler.scale * upscaler.model.latent_format.downscale


VIEWS: Mapping[UpscalerKind, View] = MappingProxyType(
    {
        "detail": View(_of_pixels, _unfolded, _one_pixel),
        "picture": View(_of_pixels, _decoded, _one_pixel),
        "stretched": View(_stretched, _as_pixels, _one_pixel),
        "latent": View(_of_latent, _decoded, _one_cell),
    }
)
