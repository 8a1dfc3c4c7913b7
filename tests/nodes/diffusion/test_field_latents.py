"""KSampler gives the latents that the field's own program gives, for a network made by formula.

`data/latents.json` was recorded by running that program on the checkpoint that `write_wavy` writes,
with the same prompts, noise and settings. It holds each latent's first channel.
"""

import json
import math
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from nodes.diffusion.files.checkpoint import load_checkpoint
from nodes.sampling import k_sampler
from nodes.types import Cond, Conditioning, Latent, Mask, Model
from tests.nodes.diffusion.tiny_models import (
    SCHEDULER,
    TEXT,
    VAE,
    Config,
    make_parts,
    tiny_vocabulary,
)

GOLDEN = json.loads(Path(__file__).with_name("data").joinpath("latents.json").read_text())
PREFIX = "model.diffusion_model."

# As narrow as the usual 32 groups of GroupNorm allow.
UNET: Config = {
    "sample_size": 16,
    "block_out_channels": (32, 64),
    "layers_per_block": 1,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
    "attention_head_dim": 4,
    "cross_attention_dim": 32,
}


def wave(shape: tuple[int, ...], name: str) -> Tensor:
    """Fill a tensor with numbers in [-1, 1] that follow from its name."""
    places = torch.arange(1, math.prod(shape) + 1, dtype=torch.float64)
    phase = crc32(name.encode()) % 10_007
    return torch.sin(places * places * 0.618 + phase).reshape(shape).float()


def weight(name: str, like: Tensor) -> Tensor:
    """Make one of the network's weights, large enough for every layer to matter."""
    shape = tuple(like.shape)
    if like.ndim == 1:
        return wave(shape, name) * 0.1 + (1 if name.endswith("weight") else 0)
    return wave(shape, name) * (1.6 / math.sqrt(like[0].numel()))


def write_wavy(path: Path) -> None:
    """Write a checkpoint in the layout of Stable Diffusion 1 that tells its configuration."""
    made = make_parts(UNET, VAE, TEXT).ldm()
    made |= {name: weight(name, w) for name, w in made.items() if name.startswith(PREFIX)}
    config = {
        "unet": UNET,
        "vae": VAE,
        "text_encoder": TEXT,
        "tokenizer": tiny_vocabulary(),
        "scheduler": {**SCHEDULER, "beta_end": 0.012, "prediction_type": "epsilon"},
    }
    save_file(made, path, {"weft.config": json.dumps(config)})


def prompt(name: str) -> Conditioning:
    return Conditioning((Cond(wave((1, 7, 32), name)),))


def picture() -> Tensor:
    return wave((1, 4, 16, 16), "picture")


def mask() -> Mask:
    values = torch.zeros(1, 1, 16, 16)
    values[..., 4:12, 6:14] = 1
    return Mask(values)


def latent(case: dict[str, Any]) -> Latent:
    samples = picture() if "denoise" in case else torch.zeros(1, 4, 16, 16)
    return Latent(samples, mask() if case.get("masked") else None)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    path = tmp_path_factory.mktemp("wavy") / "wavy.safetensors"
    write_wavy(path)
    return load_checkpoint(path, "float32").model


@pytest.mark.parametrize("name", GOLDEN)
def test_a_sampling_ends_where_the_fields_own_ends(name: str, model: Model) -> None:
    case = GOLDEN[name]
    sampled = k_sampler(
        model,
        prompt("whole"),
        prompt("nothing"),
        latent(case),
        seed=7,
        steps=case["steps"],
        cfg=5.0,
        sampler_name=case["sampler"],
        scheduler=case["scheduler"],
        denoise=case.get("denoise", 1.0),
    )
    expected = torch.tensor(case["channel"])
    error = (sampled.samples[0, 0] - expected).norm() / expected.norm()
    assert float(error) < 1e-3
