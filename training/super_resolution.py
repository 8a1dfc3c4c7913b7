"""Train a diffusion model that enlarges pictures four times, told how noisy they are.

It follows the four-times upscaler of Stable Diffusion (Rombach et al. 2022, High-Resolution Image
Synthesis with Latent Diffusion Models, arXiv:2112.10752): at every step the small picture stands
beside what is denoised, and the noise that was added to it is the class label (Ho et al. 2021,
Cascaded Diffusion Models, arXiv:2106.15282). In place of an autoencoder, the pixels of the large
picture are folded into channels (Shi et al. 2016, arXiv:1609.05158), less what bicubic enlarging
finds anyway (Li et al. 2021, SRDiff, arXiv:2104.14951). All of it is convolutions, so that it works
on pictures of any size, and in tiles.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel

from training import unet
from training.networks import DenoisingNetwork, make_pixel_denoiser, placed
from training.pictures import unit_pixels
from training.precision import mixed
from training.reductions import LIKE_DRAWN, draw_crop, reduced
from training.run import SEED, Plan, Run
from training.sample import euler
from training.unet import follow, noised, signal_shares

SCALE = 4
FOLDED = 3 * SCALE**2
CONFIG: dict[str, Any] = {
    "in_channels": FOLDED + 3,
    "out_channels": FOLDED,
    "block_out_channels": (64, 64),
    "layers_per_block": 2,
    "down_block_types": ("DownBlock2D",) * 2,
    "up_block_types": ("UpBlock2D",) * 2,
    "norm_num_groups": 16,
    "class_embed_type": "timestep",
    "add_attention": False,
}
# Brings what bicubic enlarging misses, which is little, near unit size.
DETAIL = 8.0
# The timestep of the scheduler whose noise, relative to the signal, is the most that is added to
# small pictures; a good part of them get none.
MOST_NOISE, CLEAN_SHARE = 40, 0.5
# Sides of the pictures that crops are cut from.
SIZES = (256, 512)
CROP = 64
REDUCTIONS = {"area": 0.35, "bicubic": 0.15, "worn": 0.2, LIKE_DRAWN: 0.3}
STEPS = 8
SCHEDULER: dict[str, Any] = unet.SCHEDULER | {"prediction_type": "sample"}


def enlarged(small: torch.Tensor) -> torch.Tensor:
    """Enlarge (B, 3, H, W) by bicubic interpolation."""
    size = [SCALE * side for side in small.shape[-2:]]
    return functional.interpolate(small, size, mode="bicubic", align_corners=False)


def fold(large: torch.Tensor, small: torch.Tensor) -> torch.Tensor:
    """Fold what bicubic enlarging misses.

    Args:
        large: (B, 3, 4H, 4W) in [-1, 1].
        small: (B, 3, H, W) in [-1, 1].

    Returns:
        (B, 48, H, W), of about unit size.
    """
    return functional.pixel_unshuffle(DETAIL * (large - enlarged(small)), SCALE)


def unfold(x: torch.Tensor, small: torch.Tensor) -> torch.Tensor:
    """Return the large picture (B, 3, 4H, 4W) of `fold`'s result and the small picture."""
    return enlarged(small) + functional.pixel_shuffle(x, SCALE) / DETAIL


def relative_noise(signal: torch.Tensor) -> torch.Tensor:
    """Return the noise that each timestep adds to a signal of unit size."""
    return ((1 - signal) / signal).sqrt()


def build(device: str) -> tuple[DenoisingNetwork, AveragedModel]:
    """Return the untrained network, which adds nothing yet, and its running average."""
    torch.manual_seed(SEED)
    network = placed(make_pixel_denoiser(CONFIG), device)
    torch.nn.init.zeros_(network.conv_out.weight)
    torch.nn.init.zeros_(network.conv_out.bias)
    return network, AveragedModel(network, multi_avg_fn=follow)


@dataclass(frozen=True)
class Batch:
    """Pictures in [-1, 1]: small (B, 3, H, W), noisy by `levels` (B,), and large."""

    small: torch.Tensor
    levels: torch.Tensor
    large: torch.Tensor


def training_batch(count: int, crop: int, step: int) -> Batch:
    """Draw pictures, make them small, and add noise to some of the small ones."""
    rng = np.random.default_rng([SEED, 11, step])
    images = [draw_crop(int(rng.choice(SIZES)), crop, rng) for _ in range(count)]
    ways = rng.choice(list(REDUCTIONS), count, p=list(REDUCTIONS.values()))
    pairs = zip(images, ways, strict=True)
    small = 2 * unit_pixels([reduced(image, SCALE, str(how), rng) for image, how in pairs]) - 1
    levels = rng.integers(1, MOST_NOISE + 1, count) * (rng.random(count) >= CLEAN_SHARE)
    noisy = torch.from_numpy(levels)
    return Batch(with_noise(small, noisy), noisy, 2 * unit_pixels(images) - 1)


def with_noise(
    small: torch.Tensor, levels: torch.Tensor, generator: torch.Generator | None = None
) -> torch.Tensor:
    """Add noise of levels (B,), 0 for none, to pictures (B, 3, H, W) in [-1, 1]."""
    spread = relative_noise(signal_shares())[levels] * (levels > 0)
    noise = torch.randn(small.shape, generator=generator)
    return small + spread.reshape(-1, 1, 1, 1) * noise


def detail_loss(network: DenoisingNetwork, batch: Batch, signal: torch.Tensor) -> torch.Tensor:
    """Return the mean squared error of the predicted detail.

    It is the detail that is predicted, since the noise of 48 channels, and so a velocity, does not
    go through as few as these (Li and He 2025, Back to Basics: Let Denoising Generative Models
    Denoise, arXiv:2511.13720).
    """
    detail = fold(batch.large, batch.small)
    asked = noised(detail, signal)
    shown = torch.cat([asked.noisy, batch.small], 1).contiguous(memory_format=torch.channels_last)
    with mixed(batch.small.device.type):
        predicted = network(shown, asked.timesteps, class_labels=batch.levels).sample
    return functional.mse_loss(predicted.float(), detail)


@torch.no_grad()
def enlarge(
    network: DenoisingNetwork,
    small: torch.Tensor,
    level: int = 0,
    steps: int = STEPS,
    seed: int = 0,
) -> torch.Tensor:
    """Enlarge pictures by Euler's method.

    Args:
        network: what was trained.
        small: (B, 3, H, W) in [0, 1].
        level: of the noise to add first, up to `MOST_NOISE`; it hides what should not be kept.
        steps: of the sampling.
        seed: of all noise.

    Returns:
        (B, 3, 4H, 4W) in [0, 1].
    """
    generator = torch.Generator().manual_seed(seed)
    levels = torch.full((len(small),), level)
    device = small.device
    shown = with_noise(2 * small.cpu() - 1, levels, generator).to(device)
    size = (len(small), FOLDED, *small.shape[-2:])
    noise = torch.randn(size, generator=generator).to(device)
    told = levels.to(device)

    def denoise(x: torch.Tensor, sigma: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
        detail: torch.Tensor = network(torch.cat([x, shown], 1), timestep, class_labels=told).sample
        return detail

    return (unfold(euler(denoise, noise, steps), shown).clamp(-1, 1) + 1) / 2


def train(plan: Plan, path: Path, device: str, crop: int = CROP) -> None:
    """Train, or continue; the checkpoint holds the network and its average."""
    network, average = build(device)
    optimizer = torch.optim.AdamW(network.parameters(), lr=plan.rate, weight_decay=0.01)
    signal = signal_shares().to(device)

    def loss_of(step: int) -> torch.Tensor:
        drawn = training_batch(plan.batch, crop, step)
        batch = Batch(*(tensor.to(device) for tensor in vars(drawn).values()))
        return detail_loss(network, batch, signal)

    Run(path, optimizer, {"network": network, "average": average}).train(
        plan, loss_of, after_step=lambda: average.update_parameters(network)
    )


def load_average(path: Path) -> DenoisingNetwork:
    """Return the averaged network of a checkpoint."""
    average = AveragedModel(make_pixel_denoiser(CONFIG))
    average.load_state_dict(torch.load(path, map_location="cpu", weights_only=True)["average"])
    return average.module.eval()
