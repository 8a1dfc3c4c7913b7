"""Pictures that Stable Diffusion unCLIP follows, as what an image encoder says of them.

Ramesh et al. 2022, Hierarchical Text-Conditional Image Generation with CLIP Latents,
arXiv:2204.06125; Stability AI 2023, Stable unCLIP 2.1: the encoder's summary is covered with noise,
the level of noise is told beside it, and both are read where other models read a class.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from diffusers.models.embeddings import get_timestep_embedding
from torch import Tensor, nn

from nodes.diffusion.files.checkpoint_file import read_weights
from nodes.diffusion.files.checkpoint_folder import read_part
from nodes.diffusion.model_sampling import ModelSampling
from nodes.errors import NodeError
from nodes.types import ClipVisionOutput, Cond, Conditioning, Model, Plain

# Noise of the summaries: a cosine of so many levels.
LEVELS = 1000
# How much noise, as a fraction of the levels, covers the sum of several summaries.
_OF_SUMS = 0.05


@dataclass(frozen=True, eq=False)
class SummarySpread:
    """The mean and the deviation (1, P) of an encoder's summaries, as a value among patches."""

    mean: Tensor
    deviation: Tensor


def summary_spread(path: Path) -> SummarySpread | None:
    """Read the spread of summaries that a checkpoint brings; some models were trained without.

    Args:
        path: A .safetensors file in the original layout, or a diffusers folder.
    """
    normalizer = path / "image_normalizer"
    if normalizer.is_dir():
        found = read_part(normalizer)
    elif path.is_file():
        start = "noise_augmentor.data_"
        own = read_weights(path, lambda name: name.startswith(start))
        found = {name.removeprefix(start): tensor for name, tensor in own.items()}
    else:
        found = {}
    if not {"mean", "std"} <= found.keys():
        return None
    return SummarySpread(*(found[name].float().reshape(1, -1) for name in ("mean", "std")))


def with_picture(
    conditioning: Conditioning, seen: ClipVisionOutput, strength: float, noise: float
) -> Conditioning:
    """Show pictures to every part, beside those that it is shown already.

    Args:
        conditioning: What is asked for.
        seen: What the encoder says of the pictures; each counts by itself.
        strength: Factor on what they say.
        noise: Fraction of the noise levels that covers it.
    """
    count = len(seen.image_embeds)
    level = round((LEVELS - 1) * noise)

    def shown(part: Cond) -> Mapping[str, Tensor | Plain]:
        before = part.extras.get("unclip_pictures")
        rows = [before] if isinstance(before, Tensor) else []
        told = torch.tensor([[strength, level]]).expand(count, -1)
        more = torch.cat([told, seen.image_embeds], dim=1)
        return {**part.extras, "unclip_pictures": torch.cat([*rows, more])}

    return Conditioning(tuple(replace(p, extras=shown(p)) for p in conditioning.parts))


def reads_pictures(network: nn.Module) -> bool:
    """Say whether a network is one of unCLIP's."""
    config: Any = getattr(network, "config", None)
    return getattr(config, "class_embed_type", None) == "projection"


def told_pictures(part: Cond, model: Model) -> Cond:
    """Give a part what a model of unCLIP reads of its pictures: `class_labels` (1, 2 * P).

    They are zeros where it is shown none. The noise is that of seed 0, so that a prompt always says
    the same.

    Raises:
        NodeError: If the pictures were seen by another encoder than the model's.
    """
    config: Any = model.network.config
    width = config.projection_class_embeddings_input_dim
    extras = {name: value for name, value in part.extras.items() if name != "unclip_pictures"}
    shown = part.extras.get("unclip_pictures")
    if not isinstance(shown, Tensor):
        return replace(part, extras=extras | {"class_labels": torch.zeros(1, width)})
    pictures = shown[:, 2:]
    if 2 * pictures.shape[1] != width:
        raise NodeError(
            f"The picture was seen in {pictures.shape[1]} numbers, and the model reads "
            f"{width // 2}.",
            "Use the image encoder that comes with the checkpoint.",
            "conditioning.width",
        )
    spread = next((p for p in model.patches if isinstance(p, SummarySpread)), None)
    generator = torch.Generator().manual_seed(0)
    labels = [
        strength * _noised(picture[None], int(level), spread, generator)
        for picture, (strength, level) in zip(pictures, shown[:, :2].tolist(), strict=True)
    ]
    if len(labels) > 1:
        summed = torch.stack(labels).sum(0)[:, : width // 2]
        labels = [_noised(summed, round((LEVELS - 1) * _OF_SUMS), spread, generator)]
    return replace(part, extras=extras | {"class_labels": labels[0]})


def _noised(
    picture: Tensor, level: int, spread: SummarySpread | None, generator: torch.Generator
) -> Tensor:
    """Cover a summary (1, P) with noise, in its own spread, and put the level behind it."""
    if spread is not None:
        picture = (picture - spread.mean) / spread.deviation
    sigma = _SIGMAS[level].float()
    noise = torch.randn(picture.shape, generator=generator)
    covered = (picture + sigma * noise) / (1 + sigma**2).sqrt()
    if spread is not None:
        covered = covered * spread.deviation + spread.mean
    width = picture.shape[1]
    told = get_timestep_embedding(torch.tensor([level]), width, True, 0)
    return torch.cat([covered, told], dim=1)


_SIGMAS = ModelSampling.from_betas("squaredcos_cap_v2", steps=LEVELS).sigmas
