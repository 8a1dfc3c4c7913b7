"""Train a denoiser of 64-pixel pictures without an autoencoder: the first stage of a cascade.

Pixels are folded into channels, four by four, so that the network works on the same 16 by 16 places
as the miniature's denoiser, of whose weights it starts; only its first and last convolution are
new. The text encoder is the miniature's, and stays as it is.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel

from training import unet
from training.networks import DenoisingNetwork, make_denoiser, placed
from training.pictures import draw, training_picture, unit_pixels
from training.precision import mixed
from training.run import SEED, Plan, Run
from training.sample import BATCH, STEPS, euler, guided, start, to_bytes
from training.tokens import encode
from training.unet import (
    EMPTY_SHARE,
    Denoiser,
    Stage,
    follow,
    noised,
    plain_attention,
    shares_at,
    signal_shares,
)

SIDE, FOLD = 64, 4
FOLDED = 3 * FOLD**2
CONFIG: dict[str, Any] = unet.CONFIG | {"in_channels": FOLDED, "out_channels": FOLDED}
# Neighbouring pixels are alike: their mean shows through noise that hides each of them. Weaker
# pixels let the noise that hides a latent hide them, too (Chen 2023, On the Importance of Noise
# Scheduling for Diffusion Models, arXiv:2301.10972).
SCALING_FACTOR = 0.25
# Of the last little noise, where the pixels are as good as known.
MOST_WEIGHT = 10.0
# The pixels are predicted, and kept between black and white (`draw_captions` says why).
SCHEDULER = unet.SCHEDULER | {"prediction_type": "sample", "clip_sample": True}
# What is new, or nearly so, to weights that know latents.
NEW = ("conv_in.", "conv_out.")
STAGES = (
    Stage(0, {"plain": 1.0}),
    Stage(20_000, {"plain": 0.5, "sized": 0.15, "placed": 0.1, "pair": 0.1, "scene": 0.15}),
)


def fold(images: torch.Tensor) -> torch.Tensor:
    """Fold pictures (B, 3, 64, 64) in [0, 1] into (B, 48, 16, 16)."""
    return SCALING_FACTOR * functional.pixel_unshuffle(2 * images - 1, FOLD)


def unfold(x: torch.Tensor) -> torch.Tensor:
    """Return the pictures of `fold`'s result in [-1, 1]."""
    return functional.pixel_shuffle(x, FOLD) / SCALING_FACTOR


def build(denoiser: Denoiser, device: str) -> tuple[DenoisingNetwork, AveragedModel]:
    """Return a network that starts as the miniature's denoiser, and its running average."""
    torch.manual_seed(SEED)
    network = make_denoiser(CONFIG)
    known = denoiser.unet.state_dict()
    kept = {name: weight for name, weight in known.items() if not name.startswith(NEW)}
    missing, _ = network.load_state_dict(kept, strict=False)
    assert all(name.startswith(NEW) for name in missing)
    network = placed(network, device)
    return network, AveragedModel(network, multi_avg_fn=follow)


@dataclass(frozen=True)
class Batch:
    """One step's pictures: folded (B, 48, 16, 16), and tokens (B, 77)."""

    folded: torch.Tensor
    tokens: torch.Tensor


def training_batch(count: int, step: int) -> Batch:
    """Draw pictures of the stage that the training is in; some lose their caption."""
    rng = np.random.default_rng([SEED, 12, step])
    shares = shares_at(step * count, STAGES)
    kinds = rng.choice(list(shares), count, p=list(shares.values()))
    pictures = [training_picture(str(kind), rng) for kind in kinds]
    kept = rng.random(count) >= EMPTY_SHARE
    captions = [each.caption if has else "" for each, has in zip(pictures, kept, strict=True)]
    return Batch(fold(unit_pixels([draw(each, SIDE) for each in pictures])), encode(captions))


def pixel_loss(
    network: DenoisingNetwork, text: torch.nn.Module, batch: Batch, signal: torch.Tensor
) -> torch.Tensor:
    """Return the mean squared error of the predicted pixels, weighted like that of a velocity.

    It is the pixels that are predicted, as in `training.super_resolution`.
    """
    asked, device = noised(batch.folded, signal), batch.folded.device.type
    with mixed(device), plain_attention(device):
        with torch.no_grad():
            states = text(batch.tokens).last_hidden_state
        predicted = network(asked.noisy, asked.timesteps, states).sample
    errors = (predicted.float() - batch.folded).square().flatten(1).mean(1)
    weights = (1 / (1 - signal[asked.timesteps])).clamp(max=MOST_WEIGHT)
    loss: torch.Tensor = (errors * weights).mean()
    return loss


def train(plan: Plan, path: Path, denoiser: Denoiser, device: str) -> None:
    """Train, or continue; the checkpoint holds the network and its average.

    Args:
        plan: how long.
        path: the checkpoint.
        denoiser: the miniature's, to start from, with its text encoder.
        device: torch device name.
    """
    text = placed(denoiser, device).text.requires_grad_(False)
    network, average = build(denoiser, device)
    optimizer = torch.optim.AdamW(network.parameters(), lr=plan.rate, weight_decay=0.01)
    signal = signal_shares().to(device)

    def loss_of(step: int) -> torch.Tensor:
        drawn = training_batch(plan.batch, step)
        batch = Batch(drawn.folded.to(device), drawn.tokens.to(device))
        return pixel_loss(network, text, batch, signal)

    Run(path, optimizer, {"network": network, "average": average}).train(
        plan, loss_of, after_step=lambda: average.update_parameters(network)
    )


def load_average(path: Path, denoiser: Denoiser) -> Denoiser:
    """Return the averaged network of a checkpoint, with the miniature's text encoder."""
    _, average = build(denoiser, "cpu")
    average.load_state_dict(torch.load(path, map_location="cpu", weights_only=True)["average"])
    model = Denoiser(denoiser.text)
    model.unet = average.module
    return model.eval()


@torch.no_grad()
def draw_captions(model: Denoiser, captions: list[str], seed: int) -> np.ndarray:
    """Return pictures of captions, uint8 (B, 64, 64, 3)."""
    firsts = range(0, len(captions), BATCH)
    return np.concatenate(
        [_draw(model, captions[first : first + BATCH], seed + first) for first in firsts]
    )


def _draw(model: Denoiser, captions: list[str], seed: int) -> np.ndarray:
    noise, states = start(model, captions, seed)

    def denoise(x: torch.Tensor, sigma: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
        predicted = guided(model.unet(torch.cat([x, x]), timestep, states).sample)
        # Guidance leads beyond black and white, and each step would go on from there.
        return predicted.clamp(-SCALING_FACTOR, SCALING_FACTOR)

    return to_bytes(unfold(euler(denoise, noise, STEPS)))
