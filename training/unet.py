"""Train the denoiser and the text encoder on cached latents, large single things first."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.optim.swa_utils import AveragedModel
from transformers import CLIPTextModel

from training.clip import WIDTH, text_config
from training.latents import Pool, load_pool
from training.networks import make_denoiser
from training.precision import mixed
from training.run import SEED, Plan, Run
from training.tokens import encode

CONFIG: dict[str, Any] = {
    "sample_size": 16,
    "block_out_channels": (64, 128),
    "layers_per_block": 1,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
    "attention_head_dim": 4,
    "cross_attention_dim": WIDTH,
    "norm_num_groups": 16,
}
# The end value makes the last step's signal so small (sigma about 63) that noise alone can become
# a flat bright or dark picture, which Stable Diffusion's own 0.012 does not allow.
SCHEDULER: dict[str, Any] = {
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.020,
    "num_train_timesteps": 1000,
    "prediction_type": "v_prediction",
}
TEXT_RATE = 0.3
EMPTY_SHARE = 0.1
AVERAGE = 0.999


@dataclass(frozen=True)
class Stage:
    """From how many pictures on which kinds are shown, by share."""

    start: int
    shares: Mapping[str, float]


Stages: TypeAlias = Sequence[Stage]


# Small and scattered things teach nothing before large ones are known.
STAGES: Stages = (
    Stage(0, {"plain": 1.0}),
    Stage(90_000, {"plain": 0.55, "sized": 0.1, "placed": 0.1, "pair": 0.15, "scene": 0.1}),
    Stage(180_000, {"plain": 0.5, "sized": 0.1, "placed": 0.15, "pair": 0.2, "scene": 0.05}),
)
# What a trained model, whose large things are right, learns on.
FURTHER: Stages = (
    Stage(0, {"plain": 0.2, "sized": 0.2, "placed": 0.3, "pair": 0.25, "scene": 0.05}),
)


class Denoiser(torch.nn.Module):
    """The denoiser and its text encoder, which are trained and averaged as one."""

    def __init__(self, text: CLIPTextModel) -> None:
        super().__init__()
        self.unet = make_denoiser(CONFIG)
        self.text = text


def signal_shares() -> torch.Tensor:
    """Return the signal's share of the variance (alpha bar) at each of the 1000 timesteps."""
    start, end = SCHEDULER["beta_start"] ** 0.5, SCHEDULER["beta_end"] ** 0.5
    betas = torch.linspace(start, end, SCHEDULER["num_train_timesteps"], dtype=torch.float64) ** 2
    return torch.cumprod(1 - betas, 0).float()


@dataclass(frozen=True)
class Batch:
    """One step's pictures: scaled latents (B, 4, 16, 16), tokens (T, 77), a row of them each."""

    latents: torch.Tensor
    tokens: torch.Tensor
    rows: torch.Tensor


def shares_at(images: int, stages: Stages = STAGES) -> Mapping[str, float]:
    """Return the shares of kinds when so many pictures have been seen."""
    return [stage for stage in stages if stage.start <= images][-1].shares


def draw_batch(
    pool_of: Callable[[str], Pool],
    count: int,
    shares: Mapping[str, float],
    rng: np.random.Generator,
) -> Batch:
    """Draw two pictures a caption, which halves the text encoder's work; some lose it."""
    kinds = rng.choice(list(shares), count // 2, p=list(shares.values()))
    drawn = [(pool_of(kind), *pool_of(kind).draw(rng)) for kind in kinds]
    latents = [pool.latents[index] for pool, _, indices in drawn for index in indices]
    rows = np.repeat(np.arange(count // 2), 2)
    rows[rng.random(count) < EMPTY_SHARE] = count // 2
    return Batch(
        latents=torch.stack(latents),
        tokens=encode([caption for _, caption, _ in drawn] + [""]),
        rows=torch.from_numpy(rows),
    )


@dataclass(frozen=True)
class Noised:
    """Latents with noise (B, C, H, W), at timesteps (B,), and the velocity that leads to them."""

    noisy: torch.Tensor
    timesteps: torch.Tensor
    velocity: torch.Tensor


def noised(latents: torch.Tensor, signal: torch.Tensor) -> Noised:
    """Add noise of every strength.

    Salimans and Ho 2022, Progressive Distillation, arXiv:2202.00512.

    Args:
        latents: scaled (B, C, H, W).
        signal: `signal_shares`.
    """
    count, device = len(latents), latents.device
    # One timestep from each of as many equal spans: uniform, and steadier than free draws.
    spread = (torch.randperm(count) + torch.rand(count)) / count
    timesteps = (spread * len(signal)).long().clamp(max=len(signal) - 1).to(device)
    noise = torch.randn(latents.shape).to(device)
    share = signal[timesteps].reshape(-1, 1, 1, 1)
    return Noised(
        noisy=share.sqrt() * latents + (1 - share).sqrt() * noise,
        timesteps=timesteps,
        velocity=share.sqrt() * noise - (1 - share).sqrt() * latents,
    )


def plain_attention(device: str) -> AbstractContextManager[None]:
    """Return a context in which a CPU computes attention as plain products.

    The backward pass of the fused kind is slow there: plain products train a quarter faster.
    """
    kind = SDPBackend.MATH if device == "cpu" else SDPBackend.EFFICIENT_ATTENTION
    context: AbstractContextManager[None] = sdpa_kernel(kind)
    return context


def velocity_loss(model: Denoiser, batch: Batch, signal: torch.Tensor) -> torch.Tensor:
    """Return the mean squared error of the predicted velocity.

    Args:
        model: what is trained.
        batch: pictures and captions.
        signal: `signal_shares`.
    """
    asked, device = noised(batch.latents, signal), batch.latents.device.type
    with mixed(device), plain_attention(device):
        states = model.text(batch.tokens).last_hidden_state[batch.rows]
        predicted = model.unet(asked.noisy, asked.timesteps, states).sample
    return functional.mse_loss(predicted.float(), asked.velocity)


Tensors = list[torch.Tensor] | tuple[torch.Tensor, ...]


def follow(average: Tensors, current: Tensors, updates: torch.Tensor | int) -> None:
    """Move the average to the weights: fast at first, when those of the start mean nothing."""
    seen = int(updates)
    torch._foreach_lerp_(average, current, 1 - min(AVERAGE, (1 + seen) / (10 + seen)))


def build(text: CLIPTextModel) -> Denoiser:
    """Return the untrained model, around a text encoder."""
    torch.manual_seed(SEED)
    return Denoiser(text)


def followed(model: Denoiser, device: str) -> tuple[Denoiser, AveragedModel]:
    """Return a model on a device, ready to be trained, and its running average."""
    model = model.to(device).train().requires_grad_(True)
    return model, AveragedModel(model, multi_avg_fn=follow)


@dataclass(frozen=True)
class Latents:
    """Cached latents: where they lie, and what brings them to unit size."""

    folder: Path
    scale: float


def train(
    plan: Plan,
    path: Path,
    start: Denoiser,
    latents: Latents,
    device: str,
    stages: Stages = STAGES,
) -> None:
    """Train, or continue; the checkpoint holds the model and its average.

    Args:
        plan: how long.
        path: the checkpoint.
        start: what is trained, where there is no checkpoint yet.
        latents: what it learns on.
        device: torch device name.
        stages: which kinds it learns on, and when.
    """
    model, average = followed(start, device)
    optimizer = torch.optim.AdamW(
        [
            {"params": list(model.unet.parameters()), "share": 1.0},
            {"params": list(model.text.parameters()), "share": TEXT_RATE},
        ],
        lr=plan.rate,
        weight_decay=0.01,
    )
    signal = signal_shares().to(device)
    # Read when first needed: the first stage can run while later ones are still being encoded.
    pool_of = cache(partial(load_pool, latents.folder, scale=latents.scale))

    def loss_of(step: int) -> torch.Tensor:
        rng = np.random.default_rng([SEED, 4, step])
        drawn = draw_batch(pool_of, plan.batch, shares_at(step * plan.batch, stages), rng)
        batch = Batch(*(tensor.to(device) for tensor in vars(drawn).values()))
        return velocity_loss(model, batch, signal)

    Run(path, optimizer, {"model": model, "average": average}).train(
        plan, loss_of, after_step=lambda: average.update_parameters(model)
    )


def load_average(path: Path) -> Denoiser:
    """Return the averaged model of a checkpoint."""
    _, average = followed(build(CLIPTextModel(text_config())), "cpu")
    average.load_state_dict(torch.load(path, map_location="cpu", weights_only=True)["average"])
    averaged = average.module.eval()
    assert isinstance(averaged, Denoiser)
    return averaged
