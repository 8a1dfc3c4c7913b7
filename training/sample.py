"""Draw pictures of captions with a denoiser in training: Euler's method with guidance."""

import numpy as np
import torch

from training.networks import Autoencoder
from training.tokens import encode
from training.unet import Denoiser, signal_shares

STEPS, GUIDANCE = 20, 3.5
BATCH = 32


def _sigmas(steps: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return noise levels (steps + 1) that end in zero, and their timesteps (steps)."""
    signal = signal_shares()
    every = ((1 - signal) / signal).sqrt()
    timesteps = torch.linspace(len(signal) - 1, 0, steps).round().long()
    return torch.cat([every[timesteps], torch.zeros(1)]), timesteps


@torch.no_grad()
def draw_latents(
    model: Denoiser, captions: list[str], seed: int, steps: int = STEPS, guidance: float = GUIDANCE
) -> torch.Tensor:
    """Return scaled latents (B, 4, 16, 16) of captions; noise is drawn on the CPU from the seed."""
    sigmas, timesteps = _sigmas(steps)
    device = model.unet.device
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn((len(captions), 4, 16, 16), generator=generator).to(device)
    x = noise * sigmas[0]
    states = model.text(encode([*captions, *[""] * len(captions)]).to(device)).last_hidden_state
    for sigma, following, timestep in zip(sigmas, sigmas[1:], timesteps, strict=False):
        scale = (sigma**2 + 1).sqrt()
        cond, uncond = model.unet(torch.cat([x, x]) / scale, timestep, states).sample.chunk(2)
        velocity = uncond + guidance * (cond - uncond)
        denoised = x / scale**2 - velocity * sigma / scale
        x = x + (x - denoised) / sigma * (following - sigma)
    return x


@torch.no_grad()
def draw_captions(
    model: Denoiser, vae: Autoencoder, scale: float, captions: list[str], seed: int
) -> np.ndarray:
    """Return pictures of captions, uint8 (B, H, W, 3)."""
    pictures = []
    for first in range(0, len(captions), BATCH):
        latents = draw_latents(model, captions[first : first + BATCH], seed + first)
        pictures.append(_bytes(vae.decode(latents / scale).sample))
    return np.concatenate(pictures)


@torch.no_grad()
def restore(vae: Autoencoder, pixels: np.ndarray) -> np.ndarray:
    """Encode and decode pictures, uint8 (B, H, W, 3)."""
    pictures = []
    for first in range(0, len(pixels), BATCH):
        images = torch.from_numpy(pixels[first : first + BATCH]).to(vae.device)
        scaled = images.permute(0, 3, 1, 2).float() / 127.5 - 1
        pictures.append(_bytes(vae.decode(vae.encode(scaled).latent_dist.mode()).sample))
    return np.concatenate(pictures)


def _bytes(decoded: torch.Tensor) -> np.ndarray:
    scaled = (decoded.clamp(-1, 1) + 1) * 127.5
    return scaled.round().byte().permute(0, 2, 3, 1).cpu().numpy()
