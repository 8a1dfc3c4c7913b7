"""Draw pictures of captions with a denoiser in training: Euler's method with guidance."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from training.networks import Autoencoder, ControlNetwork
from training.tokens import encode
from training.unet import Denoiser, signal_shares

Denoise = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
STEPS, GUIDANCE = 20, 3.5
BATCH = 32


@dataclass(frozen=True)
class Steering:
    """A ControlNet at work, with a hint (B, 3, 128, 128) in [0, 1] for each picture."""

    control: ControlNetwork
    hints: torch.Tensor

    def residuals(
        self, x: torch.Tensor, timestep: torch.Tensor, states: torch.Tensor
    ) -> dict[str, Any]:
        """Return what is added within the denoiser, as its arguments; `x` holds two a picture."""
        hints = self.hints.to(x.device).repeat(2, 1, 1, 1)
        down, middle = self.control(x, timestep, states, controlnet_cond=hints, return_dict=False)
        return {"down_block_additional_residuals": down, "mid_block_additional_residual": middle}


def _sigmas(steps: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return noise levels (steps + 1) that end in zero, and their timesteps (steps)."""
    signal = signal_shares()
    every = ((1 - signal) / signal).sqrt()
    timesteps = torch.linspace(len(signal) - 1, 0, steps).round().long()
    return torch.cat([every[timesteps], torch.zeros(1)]), timesteps


def euler(denoise: Denoise, noise: torch.Tensor, steps: int) -> torch.Tensor:
    """Remove noise by Euler's method.

    Args:
        denoise: predicts what is left without noise, of noisy values scaled to unit size, their
            noise level and timestep.
        noise: of unit size.
        steps: how many.
    """
    sigmas, timesteps = _sigmas(steps)
    x = noise * sigmas[0]
    for sigma, following, timestep in zip(sigmas, sigmas[1:], timesteps, strict=False):
        denoised = denoise(x / (sigma**2 + 1).sqrt(), sigma, timestep)
        x = x + (x - denoised) / sigma * (following - sigma)
    return x


def guided(predicted: torch.Tensor) -> torch.Tensor:
    """Return the guided prediction of those with captions and those without, one after another."""
    cond, uncond = predicted.chunk(2)
    return uncond + GUIDANCE * (cond - uncond)


def start(model: Denoiser, captions: list[str], seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return noise (B, C, 16, 16), drawn on the CPU, and texts, those of captions before none."""
    config, device = model.unet.config, model.unet.device
    size = (len(captions), config.in_channels, config.sample_size, config.sample_size)
    noise = torch.randn(size, generator=torch.Generator().manual_seed(seed)).to(device)
    tokens = encode([*captions, *[""] * len(captions)]).to(device)
    return noise, model.text(tokens).last_hidden_state


@torch.no_grad()
def draw_latents(
    model: Denoiser, captions: list[str], seed: int, steering: Steering | None = None
) -> torch.Tensor:
    """Return scaled latents (B, 4, 16, 16) of captions."""
    noise, states = start(model, captions, seed)

    def denoise(x: torch.Tensor, sigma: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
        both = torch.cat([x, x])
        added = steering.residuals(both, timestep, states) if steering else {}
        velocity = guided(model.unet(both, timestep, states, **added).sample)
        return (x - velocity * sigma) / (sigma**2 + 1).sqrt()

    return euler(denoise, noise, STEPS)


@torch.no_grad()
def draw_captions(
    model: Denoiser,
    vae: Autoencoder,
    scale: float,
    captions: list[str],
    seed: int,
    steering: Steering | None = None,
) -> np.ndarray:
    """Return pictures of captions, uint8 (B, H, W, 3)."""
    pictures = []
    for first in range(0, len(captions), BATCH):
        part = slice(first, first + BATCH)
        steered = steering and Steering(steering.control, steering.hints[part])
        latents = draw_latents(model, captions[part], seed + first, steered)
        pictures.append(to_bytes(vae.decode(latents / scale).sample))
    return np.concatenate(pictures)


@torch.no_grad()
def restore(vae: Autoencoder, pixels: np.ndarray) -> np.ndarray:
    """Encode and decode pictures, uint8 (B, H, W, 3)."""
    pictures = []
    for first in range(0, len(pixels), BATCH):
        images = torch.from_numpy(pixels[first : first + BATCH]).to(vae.device)
        scaled = images.permute(0, 3, 1, 2).float() / 127.5 - 1
        pictures.append(to_bytes(vae.decode(vae.encode(scaled).latent_dist.mode()).sample))
    return np.concatenate(pictures)


def to_bytes(decoded: torch.Tensor) -> np.ndarray:
    """Return pictures (B, 3, H, W), in [-1, 1] or beyond, as uint8 (B, H, W, 3)."""
    scaled = (decoded.clamp(-1, 1) + 1) * 127.5
    return scaled.round().byte().permute(0, 2, 3, 1).cpu().numpy()
