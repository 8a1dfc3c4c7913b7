"""Train a small ESRGAN that enlarges pictures four times, by mean absolute error alone.

Wang et al. 2018, ESRGAN: Enhanced Super-Resolution Generative Adversarial Networks,
arXiv:1809.00219; without its adversary, which would invent what flat drawings do not have.
"""

from pathlib import Path

import numpy as np
import torch
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel

from nodes.diffusion.cascades.upscalers import RRDBNet
from training.networks import placed
from training.pictures import unit_pixels
from training.precision import mixed
from training.reductions import WAYS, draw_crop, reduced
from training.run import SEED, Plan, Run
from training.unet import follow

FEATURES, BLOCKS, GROWTH, DOUBLINGS = 24, 3, 8, 2
SCALE = 2**DOUBLINGS
# Sides of the pictures that crops are cut from: outlines are as sharp in both, but run straighter
# in the large ones.
SIZES = (256, 512)
CROP = 64
REDUCTION_SHARES = (0.5, 0.25, 0.25)
# Pictures whose enlargement is measured for a log line.
CHECK = 8


@torch.no_grad()
def build() -> RRDBNet:
    """Return an untrained network, which repeats each pixel.

    Three channels carry the colours from end to end: only detail is left to learn, where from
    plain chance it takes most of the training to find flat colours again.
    """
    torch.manual_seed(SEED)
    network = RRDBNet(3, FEATURES, BLOCKS, GROWTH, DOUBLINGS, folded=1)
    for layer in (network.first, *network.ups, network.fine, network.last):
        assert isinstance(layer, torch.nn.Conv2d)
        through = torch.nn.init.dirac_(torch.empty_like(layer.weight))
        _set_first(layer, through[:3])
    _set_first(network.trunk_end, torch.zeros(()))
    return network


def _set_first(layer: torch.nn.Conv2d, weight: torch.Tensor) -> None:
    """Set what leads to the first three channels, without a bias."""
    assert layer.bias is not None
    layer.weight[:3] = weight
    layer.bias[:3] = 0


def training_batch(count: int, crop: int, *seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw pictures and their reductions.

    Returns:
        small (B, 3, crop / 4, crop / 4) and large (B, 3, crop, crop), in [0, 1].
    """
    rng = np.random.default_rng([SEED, *seed])
    large = [draw_crop(int(rng.choice(SIZES)), crop, rng) for _ in range(count)]
    ways = rng.choice(WAYS, count, p=REDUCTION_SHARES)
    small = [reduced(image, SCALE, str(how), rng) for image, how in zip(large, ways, strict=True)]
    return unit_pixels(small), unit_pixels(large)


@torch.no_grad()
def signal_to_noise(network: torch.nn.Module, small: torch.Tensor, large: torch.Tensor) -> float:
    """Return the peak signal-to-noise ratio of enlarged pictures in decibels."""
    return float(-10 * torch.log10(functional.mse_loss(network(small).clamp(0, 1), large)))


def train(plan: Plan, path: Path, device: str, crop: int = CROP) -> None:
    """Train, or continue; the checkpoint holds the network and its average."""
    network = placed(build(), device)
    average = AveragedModel(network, multi_avg_fn=follow)
    optimizer = torch.optim.AdamW(network.parameters(), lr=plan.rate, betas=(0.9, 0.99))
    small_check, large_check = (each.to(device) for each in training_batch(CHECK, 2 * crop, 7, 0))

    def loss_of(step: int) -> torch.Tensor:
        small, large = (each.to(device) for each in training_batch(plan.batch, crop, 8, step))
        with mixed(device):
            enlarged = network(small.contiguous(memory_format=torch.channels_last)).float()
        return functional.l1_loss(enlarged, large)

    Run(path, optimizer, {"network": network, "average": average}).train(
        plan,
        loss_of,
        after_step=lambda: average.update_parameters(network),
        remark=lambda: f"{signal_to_noise(average, small_check, large_check):.2f} dB",
    )


def load_average(path: Path) -> RRDBNet:
    """Return the averaged network of a checkpoint."""
    average = AveragedModel(build())
    average.load_state_dict(torch.load(path, map_location="cpu", weights_only=True)["average"])
    network = average.module.eval()
    assert isinstance(network, RRDBNet)
    return network
