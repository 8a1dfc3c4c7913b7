"""Between pictures and latents, by a variational autoencoder."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, interpolate

from nodes.diffusion.latent_space import raw, scaled
from nodes.diffusion.memory.by_layer import work_place
from nodes.diffusion.memory.compiling import compiled_calls
from nodes.errors import NodeError
from nodes.types import LatentFormat, Vae

# Pictures that go through at once hold at most this many pixels together.
_PIXELS_AT_ONCE = 1 << 20

# How many smooth latents are decoded to find the colours of channels: with 9 free values in each, 4
# determine the 17 unknowns of 16 channels twice, and full-size decoders take a second or two.
_FITTED = 4


def fitted(pixels: Tensor, downscale: int) -> Tensor:
    """Cut the sides of pictures (B, C, H, W), about the middle, to multiples of `downscale`.

    Raises:
        NodeError: If they are smaller than one cell of a latent.
    """
    height, width = pixels.shape[-2:]
    if min(height, width) < downscale:
        raise NodeError(
            f"A picture of {width}×{height} is smaller than one cell of this VAE's latents.",
            f"Scale it to at least {downscale} pixels a side.",
            "image.small",
        )
    rows, columns = height % downscale, width % downscale
    top, left = rows // 2, columns // 2
    return pixels[..., top : top + height - rows, left : left + width - columns]


def calls(batch: int, pixels: int) -> int:
    """Count the parts that `encode` and `decode` give for a batch of pictures of so many pixels."""
    return -(-batch // _at_once(pixels))


def encode(vae: Vae, pixels: Tensor) -> Iterator[Tensor]:
    """Encode pictures, a few at a time; the most likely latent is taken, not a random one.

    Args:
        vae: On the device to compute on.
        pixels: (B, 3|4, H, W) in [0, 1], sides multiples of the downscale; alpha is passed over.

    Yields:
        Scaled latents (b, C, h, w), float32 on the CPU; together they are the batch in order.
    """
    for part in torch.split(pixels, _at_once(pixels.shape[-2] * pixels.shape[-1])):
        yield encode_once(vae, part)


def decode(vae: Vae, samples: Tensor) -> Iterator[Tensor]:
    """Decode scaled latents (B, C, h, w), a few at a time.

    Yields:
        Pictures (b, 3, H, W) in [0, 1], float32 on the CPU.
    """
    cells = samples.shape[-2] * samples.shape[-1]
    for part in torch.split(samples, _at_once(cells * vae.latent_format.downscale**2)):
        yield decode_once(vae, part)


@torch.no_grad()
def fit_rgb(network: Any, latent_format: LatentFormat) -> LatentFormat:
    """Find the linear map from latent channels to colours that comes nearest to decoding.

    Args:
        network: The AutoencoderKL that the format belongs to.
        latent_format: Its format; channels, scaling and downscale are used.

    Returns:
        The format with `rgb` and `rgb_bias`, fitted to smooth latents of unit variance.
    """
    cells, channels = 8, latent_format.channels
    generator = torch.Generator().manual_seed(0)
    coarse = torch.randn(_FITTED, channels, 3, 3, generator=generator)
    samples = interpolate(coarse, (cells, cells), mode="bicubic", align_corners=False)
    samples = samples / samples.std()
    _, dtype = work_place(network)
    latents = raw(samples, latent_format).to(dtype)
    colours = network.decode(latents).sample.float()
    colours = adaptive_avg_pool2d(colours, cells).clamp(-1, 1)
    known = samples.movedim(1, -1).reshape(-1, channels)
    known = torch.cat([known, torch.ones(len(known), 1)], dim=1)
    wanted = colours.movedim(1, -1).reshape(-1, 3)
    found = torch.linalg.lstsq(known, wanted).solution.tolist()
    return replace(
        latent_format,
        rgb=tuple((red, green, blue) for red, green, blue in found[:-1]),
        rgb_bias=(found[-1][0], found[-1][1], found[-1][2]),
    )


@torch.no_grad()
def encode_once(vae: Vae, pixels: Tensor) -> Tensor:
    """Encode pictures (B, 3|4, H, W) in [0, 1], all at once; see `encode`."""
    network: Any = vae.network
    x = (pixels[:, :3] * 2 - 1).to(*work_place(network))
    with _as_compiled(vae, "encoder"):
        latents: Tensor = network.encode(x).latent_dist.mode()
    return scaled(latents.float().cpu(), vae.latent_format)


@torch.no_grad()
def decode_once(vae: Vae, samples: Tensor) -> Tensor:
    """Decode scaled latents (B, C, h, w), all at once; see `decode`.

    Raises:
        NodeError: If they have other channels than the VAE's.
    """
    if samples.shape[1] != vae.latent_format.channels:
        raise NodeError(
            f"The latent has {samples.shape[1]} channels, but the VAE reads"
            f" {vae.latent_format.channels}.",
            "Use the VAE of the model that made it.",
            "latent.channels",
        )
    network: Any = vae.network
    latents = raw(samples, vae.latent_format).to(*work_place(network))
    with _as_compiled(vae, "decoder"):
        pixels: Tensor = network.decode(latents).sample
    return (pixels.float().cpu() / 2 + 0.5).clamp(0, 1)


def _as_compiled(vae: Vae, part: str) -> AbstractContextManager[None]:
    if not vae.compiled_by:
        return nullcontext()
    return compiled_calls(vae.network.get_submodule(part), vae.compiled_by)


def _at_once(pixels: int) -> int:
    return max(1, _PIXELS_AT_ONCE // max(1, pixels))
