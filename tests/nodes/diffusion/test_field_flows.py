"""KSampler gives the latents that the field's own program gives, for transformers made by formula.

`data/flows.json` was recorded by running that program on the networks that `network` makes, with
the same prompts, noise and settings. It holds each latent's first channel.
"""

import json
import math
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import FluxTransformer2DModel, SD3Transformer2DModel
from torch import Tensor

from nodes.diffusion.files.separate_parts import load_denoiser
from nodes.diffusion.latent_space import raw
from nodes.sampling import k_sampler
from nodes.text import flux_guidance
from nodes.types import Cond, Conditioning, Latent, Model
from tests.nodes.diffusion.family_files import write
from tests.nodes.diffusion.test_field_latents import wave
from tests.nodes.diffusion.tiny_models import Config
from tests.nodes.diffusion.transformer_files import original

GOLDEN = json.loads(Path(__file__).with_name("data").joinpath("flows.json").read_text())
TEXT_WIDTH, SUMMARY_WIDTH = 32, 16
FLUX: Config = {
    "num_layers": 1,
    "num_single_layers": 1,
    "num_attention_heads": 1,
    "joint_attention_dim": TEXT_WIDTH,
    "pooled_projection_dim": SUMMARY_WIDTH,
    "guidance_embeds": True,
}
FILL: Config = FLUX | {"in_channels": 384, "out_channels": 64}
CONTROL: Config = FLUX | {"in_channels": 128, "out_channels": 64}
# It has as many heads as layers.
SD3: Config = {
    "num_layers": 2,
    "num_attention_heads": 2,
    "caption_projection_dim": 128,
    "joint_attention_dim": TEXT_WIDTH,
    "pooled_projection_dim": SUMMARY_WIDTH,
    "pos_embed_max_size": 12,
}
NETWORKS: dict[str, tuple[Any, Config]] = {
    "flux": (FluxTransformer2DModel, FLUX),
    "fill": (FluxTransformer2DModel, FILL),
    "control": (FluxTransformer2DModel, CONTROL),
    "sd3": (SD3Transformer2DModel, SD3),
}


def weight(name: str, like: Tensor) -> Tensor:
    """Make one of a network's weights, large enough for every layer to matter."""
    shape = tuple(like.shape)
    if like.ndim == 1:
        return wave(shape, name) * 0.1 + (1 if name.endswith("weight") else 0)
    if name == "pos_embed.pos_embed":
        return wave(shape, name)
    return wave(shape, name) * (1.6 / math.sqrt(like[0].numel()))


def weights(name: str) -> dict[str, Tensor]:
    """Make a network by formula, and name its weights as the original does."""
    kind, config = NETWORKS[name]
    with torch.device("meta"):
        network = kind(**config)
    made = {key: weight(key, like) for key, like in network.state_dict().items()}
    network.load_state_dict(made, assign=True)
    return original(network)


def prompt(name: str) -> Conditioning:
    text = wave((1, 7, TEXT_WIDTH), name)
    return Conditioning((Cond(text, pooled=wave((1, SUMMARY_WIDTH), f"{name} summed up")),))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("flows")

    @cache
    def load(name: str) -> Model:
        path = write(folder / f"{name}.safetensors", weights(name))
        return load_denoiser(path, "float32")

    return load


@pytest.mark.parametrize("name", GOLDEN)
def test_a_flow_ends_where_the_fields_own_ends(name: str, models: Any) -> None:
    case = GOLDEN[name]
    model = models(case["network"])
    sampled = k_sampler(
        model,
        flux_guidance(prompt("whole"), 3.5),
        prompt("nothing"),
        Latent(torch.zeros(1, 16, 8, 8)),
        seed=7,
        steps=case["steps"],
        cfg=2.0,
        sampler_name=case["sampler"],
        scheduler=case["scheduler"],
    )
    channel = raw(sampled.samples, model.latent_format)[0, 0]
    expected = torch.tensor(case["channel"])
    assert float((channel - expected).norm() / expected.norm()) < 1e-3
