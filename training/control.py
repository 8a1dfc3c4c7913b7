"""Train a ControlNet that reads edges, beside the finished denoiser, which stays as it is.

Zhang et al. 2023, Adding Conditional Control to Text-to-Image Diffusion Models, arXiv:2302.05543.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel

from nodes.imaging.canny import canny
from training import unet
from training.latents import KINDS, load_pool, shard_pictures
from training.networks import ControlNetwork, make_control, placed
from training.pictures import draw, pixels, training_picture
from training.precision import mixed
from training.run import SEED, Plan, Run
from training.tokens import encode
from training.unet import Denoiser, follow, noised, plain_attention, signal_shares

# The first half of the denoiser, and convolutions that bring a hint from pixels to latents (x8).
CONFIG: dict[str, Any] = {
    name: value
    for name, value in unet.CONFIG.items()
    if name not in ("sample_size", "up_block_types")
} | {"conditioning_embedding_out_channels": (8, 16, 32, 64)}
# The defaults of the Canny node. Two thirds of the drawn pictures have edges by these.
THRESHOLDS = (0.4, 0.8)
# By these nearly all have some, of fainter steps: more to learn from.
FAINT = (0.1, 0.2)
# Half of the pictures lose their caption, so that the edges decide what is drawn.
EMPTY_SHARE = 0.5
# Pictures at a time: Canny follows edges in all of them until the longest has ended.
BATCH = 8
# Pictures whose edges set the scale of the hint's convolutions, and the spread they are brought to:
# that of the latents that they are added to.
SCALING_PICTURES, HINT_SPREAD = 32, 0.5


def edges_of(images: np.ndarray, thresholds: tuple[float, float] = THRESHOLDS) -> torch.Tensor:
    """Find edges as the Canny node does.

    Args:
        images: uint8 (B, 3, H, W).
        thresholds: from where an edge goes on, and from where it begins.

    Returns:
        bool (B, 1, H, W).
    """
    parts = torch.split(torch.from_numpy(images), BATCH)
    return torch.cat([canny(part.float() / 255, *thresholds) > 0 for part in parts])


@dataclass(frozen=True)
class Hinted:
    """Pictures and edges of theirs.

    Attributes:
        latents: of every picture, scaled (N, 4, 16, 16).
        captions: of every picture.
        edges: by either thresholds, eight pixels a byte, uint8 (M, 1, 128, 16).
        sources: the picture of each edges (M,); those without any are not there.
    """

    latents: torch.Tensor
    captions: list[str]
    edges: np.ndarray
    sources: np.ndarray

    def hint(self, indices: np.ndarray) -> torch.Tensor:
        """Return edges as a ControlNet reads them: (B, 3, 128, 128), 0 or 1."""
        lines = torch.from_numpy(np.unpackbits(self.edges[indices], axis=-1)).float()
        return lines.expand(-1, 3, -1, -1)


def load_hinted(folder: Path, scale: float) -> Hinted:
    """Read the latents of every kind, draw their pictures again, and find the edges.

    Args:
        folder: where `training.latents` left its shards; only the first of each kind is read.
        scale: the autoencoder's scaling factor.
    """
    pools = {kind: load_pool(folder, kind, scale) for kind in KINDS}
    images = np.concatenate(
        [
            pixels([draw(picture) for picture in shard_pictures(kind, 0, len(pool.captions))])
            for kind, pool in pools.items()
        ]
    )
    edges = torch.cat([edges_of(images, thresholds) for thresholds in (THRESHOLDS, FAINT)])
    some = edges.flatten(1).any(1).numpy()
    return Hinted(
        latents=torch.cat([pool.latents for pool in pools.values()]),
        captions=[caption for pool in pools.values() for caption in pool.captions],
        edges=np.packbits(edges.numpy()[some], axis=-1),
        sources=np.tile(np.arange(len(images)), 2)[some],
    )


@dataclass(frozen=True)
class Batch:
    """One step's pictures: latents (B, 4, 16, 16), hints (B, 3, 128, 128), tokens, rows of them."""

    latents: torch.Tensor
    hints: torch.Tensor
    tokens: torch.Tensor
    rows: torch.Tensor


def draw_batch(pictures: Hinted, count: int, rng: np.random.Generator) -> Batch:
    """Choose pictures, of which about half lose their caption."""
    chosen = rng.integers(len(pictures.sources), size=count)
    sources = pictures.sources[chosen]
    kept = rng.random(count) >= EMPTY_SHARE
    captions = [pictures.captions[index] for index in sources[kept]]
    rows = np.where(kept, np.cumsum(kept) - 1, len(captions))
    return Batch(
        latents=pictures.latents[sources],
        hints=pictures.hint(chosen),
        tokens=encode([*captions, ""]),
        rows=torch.from_numpy(rows),
    )


def build(denoiser: Denoiser, device: str) -> tuple[ControlNetwork, AveragedModel]:
    """Return a ControlNet that does nothing yet, and its running average.

    It starts as the first half of the denoiser, and the convolutions that lead out of it as zeros.
    """
    torch.manual_seed(SEED)
    control = make_control(CONFIG)
    missing, _ = control.load_state_dict(denoiser.unet.state_dict(), strict=False)
    assert all(name.startswith("controlnet_") for name in missing)
    _spread_hints(control.controlnet_cond_embedding)
    control = placed(control, device)
    return control, AveragedModel(control, multi_avg_fn=follow)


@torch.no_grad()
def _spread_hints(embedding: Any) -> None:
    """Scale the hint's convolutions one after another, so that edges come through all of them.

    As they are made, eight layers leave a ten-thousandth of edges as thin as these, and nothing
    is learned in any number of steps that one would wait for. Mishkin and Matas 2016, All You Need
    is a Good Init, arXiv:1511.06422.
    """
    rng = np.random.default_rng([SEED, 10])
    shown = [training_picture("scene", rng) for _ in range(SCALING_PICTURES)]
    x = edges_of(pixels([draw(picture) for picture in shown])).float().expand(-1, 3, -1, -1)
    for layer in (embedding.conv_in, *embedding.blocks, embedding.conv_out):
        torch.nn.init.kaiming_normal_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
        layer.weight /= layer(x).std()
        x = functional.silu(layer(x))
    embedding.conv_out.weight *= HINT_SPREAD


def control_loss(
    control: ControlNetwork, denoiser: Denoiser, batch: Batch, signal: torch.Tensor
) -> torch.Tensor:
    """Return the mean squared error of the velocity that the steered denoiser predicts.

    Args:
        control: what is trained.
        denoiser: what it steers.
        batch: pictures, hints and captions.
        signal: `signal_shares`.
    """
    asked, device = noised(batch.latents, signal), batch.latents.device.type
    with mixed(device), plain_attention(device):
        with torch.no_grad():
            states = denoiser.text(batch.tokens).last_hidden_state[batch.rows]
        down, middle = control(
            asked.noisy, asked.timesteps, states, controlnet_cond=batch.hints, return_dict=False
        )
        predicted = denoiser.unet(
            asked.noisy,
            asked.timesteps,
            states,
            down_block_additional_residuals=down,
            mid_block_additional_residual=middle,
        ).sample
    return functional.mse_loss(predicted.float(), asked.velocity)


def train(
    plan: Plan, path: Path, denoiser: Denoiser, scale: float, folder: Path, device: str
) -> None:
    """Train, or continue; the checkpoint holds the ControlNet and its average.

    Args:
        plan: how long.
        path: the checkpoint.
        denoiser: what it is to steer.
        scale: the autoencoder's scaling factor.
        folder: where the cached latents lie.
        device: torch device name.
    """
    denoiser = placed(denoiser, device).requires_grad_(False)
    control, average = build(denoiser, device)
    optimizer = torch.optim.AdamW(control.parameters(), lr=plan.rate, weight_decay=0.01)
    pictures, signal = load_hinted(folder, scale), signal_shares().to(device)

    def loss_of(step: int) -> torch.Tensor:
        drawn = draw_batch(pictures, plan.batch, np.random.default_rng([SEED, 6, step]))
        batch = Batch(*(tensor.to(device) for tensor in vars(drawn).values()))
        return control_loss(control, denoiser, batch, signal)

    Run(path, optimizer, {"control": control, "average": average}).train(
        plan, loss_of, after_step=lambda: average.update_parameters(control)
    )


def load_average(path: Path) -> ControlNetwork:
    """Return the averaged ControlNet of a checkpoint."""
    average = AveragedModel(make_control(CONFIG))
    average.load_state_dict(torch.load(path, map_location="cpu", weights_only=True)["average"])
    return average.module.eval()
