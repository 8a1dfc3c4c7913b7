"""Encode drawn pictures once, so that the denoiser's training draws and encodes nothing."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from training.networks import Autoencoder
from training.pictures import Picture, draw, pixels, training_picture
from training.precision import mixed
from training.run import SEED

KINDS = ("plain", "sized", "placed", "pair", "scene")
SHARD = 4096
BATCH = 32


def shard_path(folder: Path, kind: str, index: int) -> Path:
    """Return where a shard of a kind's latents lies."""
    return folder / f"{kind}-{index:03d}.pt"


def shard_pictures(kind: str, index: int, count: int) -> list[Picture]:
    """Describe the pictures of a shard, or its first ones."""
    rng = np.random.default_rng([SEED, 3, KINDS.index(kind), index])
    return [training_picture(kind, rng) for _ in range(count)]


@torch.no_grad()
def encode_shard(vae: Autoencoder, folder: Path, kind: str, index: int, count: int = SHARD) -> None:
    """Draw and encode some pictures of a kind, unless that was done before.

    The file holds `latents`, float16 (N, 4, 16, 16), not scaled, and `captions`.
    """
    path = shard_path(folder, kind, index)
    if path.exists():
        return
    started = time.monotonic()
    pictures = shard_pictures(kind, index, count)
    latents = []
    for first in range(0, count, BATCH):
        images = pixels([draw(picture) for picture in pictures[first : first + BATCH]])
        scaled = (torch.from_numpy(images).float() / 127.5 - 1).to(vae.device)
        with mixed(vae.device.type):
            latents.append(vae.encode(scaled).latent_dist.mode().half().cpu())
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    captions = [picture.caption for picture in pictures]
    torch.save({"latents": torch.cat(latents), "captions": captions}, unfinished)
    os.replace(unfinished, path)
    speed = count / (time.monotonic() - started)
    print(f"latents {path.stem}: {count:,} pictures, {speed:.0f}/s", flush=True)


def scaling_factor(folder: Path) -> float:
    """Return what brings latents to unit size: one over the root mean square of the first shard."""
    latents = torch.load(shard_path(folder, "plain", 0), weights_only=True)["latents"].float()
    return round(float(latents.square().mean().rsqrt()), 5)


@dataclass(frozen=True)
class Pool:
    """All latents of one kind, scaled, with the places of each caption's pictures."""

    latents: torch.Tensor
    captions: list[str]
    alike: dict[str, np.ndarray]

    def draw(self, rng: np.random.Generator) -> tuple[str, tuple[int, int]]:
        """Return a caption and two of its pictures (the same one twice where it has one)."""
        caption = self.captions[int(rng.integers(len(self.captions)))]
        first, second = rng.choice(self.alike[caption], 2)
        return caption, (int(first), int(second))


def load_pool(folder: Path, kind: str, scale: float) -> Pool:
    """Read every shard of a kind that is there."""
    shards = [
        torch.load(path, weights_only=True) for path in sorted(folder.glob(f"{kind}-[0-9]*.pt"))
    ]
    if not shards:
        raise FileNotFoundError(f"No latents of {kind!r} pictures: run the part 'latents' first.")
    captions = [caption for shard in shards for caption in shard["captions"]]
    places: dict[str, list[int]] = {}
    for index, caption in enumerate(captions):
        places.setdefault(caption, []).append(index)
    return Pool(
        latents=torch.cat([shard["latents"] for shard in shards]).float() * scale,
        captions=captions,
        alike={caption: np.array(found) for caption, found in places.items()},
    )
