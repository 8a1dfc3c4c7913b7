"""Train the autoencoder: encoder and decoder on crops first, then the decoder on whole pictures."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from training.networks import Autoencoder, make_autoencoder
from training.pictures import SIZE, draw, draw_anything, pixels, training_picture
from training.precision import mixed
from training.run import SEED, Plan, Run

# Four groups: with one channel a group the norm removes the mean colour of a flat picture. No
# attention in the middle: a decoder of convolutions alone is faithful when it works in tiles.
CONFIG: dict[str, Any] = {
    "block_out_channels": (16, 32, 64, 64),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "layers_per_block": 1,
    "latent_channels": 4,
    "norm_num_groups": 4,
    "mid_block_add_attention": False,
    "sample_size": SIZE,
}
CROP = SIZE // 2
# Pictures whose reconstruction is measured for a log line.
CHECK = 16
KL_WEIGHT = 1e-6
KINDS = ("plain", "sized", "placed", "pair", "scene", "anything")
SHARES = (0.2, 0.15, 0.1, 0.2, 0.15, 0.2)


def build() -> Autoencoder:
    """Return an untrained autoencoder."""
    torch.manual_seed(SEED)
    return make_autoencoder(CONFIG)


def training_batch(count: int, side: int, *seed: int) -> torch.Tensor:
    """Draw a batch (B, 3, side, side) in [-1, 1], cut from whole pictures at random places."""
    rng = np.random.default_rng([SEED, *seed])
    images = []
    for _ in range(count):
        kind = KINDS[int(rng.choice(len(KINDS), p=SHARES))]
        whole = draw_anything(rng) if kind == "anything" else draw(training_picture(kind, rng))
        x, y = (int(value) for value in rng.integers(0, SIZE - side + 1, 2))
        images.append(whole.crop((x, y, x + side, y + side)))
    return torch.from_numpy(pixels(images)).float() / 127.5 - 1


@torch.no_grad()
def signal_to_noise(vae: Autoencoder, images: torch.Tensor) -> float:
    """Return the peak signal-to-noise ratio of reconstructions in decibels.

    Args:
        vae: the autoencoder.
        images: (B, 3, H, W) in [-1, 1].
    """
    restored = vae.decode(vae.encode(images).latent_dist.mode()).sample.clamp(-1, 1)
    return float(10 * torch.log10(4 / functional.mse_loss(restored, images)))


def restoration_loss(restored: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    """Return the mean absolute plus the mean squared error: sharp edges and right colours."""
    return functional.l1_loss(restored, images) + functional.mse_loss(restored, images)


def train(plan: Plan, path: Path, device: str, side: int = CROP) -> Autoencoder:
    """Train encoder and decoder together, or continue; return the autoencoder."""
    vae = build().to(device)
    optimizer = torch.optim.AdamW(vae.parameters(), lr=plan.rate, betas=(0.9, 0.99))
    check = training_batch(CHECK, SIZE, 0, 0).to(device)

    def loss_of(step: int) -> torch.Tensor:
        images = training_batch(plan.batch, side, 1, step).to(device)
        with mixed(device):
            posterior = vae.encode(images).latent_dist
            restored = vae.decode(posterior.sample()).sample.float()
        spread: torch.Tensor = KL_WEIGHT * posterior.kl().float().mean()
        return restoration_loss(restored, images) + spread

    Run(path, optimizer, {"vae": vae}).train(
        plan, loss_of, remark=lambda: f"{signal_to_noise(vae, check):.2f} dB"
    )
    return vae
