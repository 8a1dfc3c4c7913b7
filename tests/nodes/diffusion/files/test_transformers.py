"""Stable Diffusion 3 and Flux are told by their weights, which get the names of diffusers."""

from typing import Any

import pytest
import torch
from diffusers import FluxTransformer2DModel, SD3Transformer2DModel
from diffusers.loaders.single_file_utils import (
    convert_flux_transformer_checkpoint_to_diffusers,
    convert_sd3_transformer_checkpoint_to_diffusers,
)
from torch import Tensor

from nodes.diffusion.files.ldm_keys import UnknownKeysError
from nodes.diffusion.files.transformer_keys import FLUX, SD3, from_original
from nodes.diffusion.files.transformers import find_transformer
from nodes.errors import FileProblem
from tests.nodes.diffusion.transformer_files import original, transformer

NAMES = ("sd3", "sd35", "flux", "schnell")


def shapes(weights: dict[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in weights.items()}


def equal(one: dict[str, Tensor], two: dict[str, Tensor]) -> bool:
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize("layout", ["checkpoint", "alone", "diffusers"])
@pytest.mark.parametrize("name", NAMES)
def test_a_transformer_is_found_in_every_layout(name: str, layout: str) -> None:
    network = transformer(name)
    prefix = "model.diffusion_model." if layout == "checkpoint" else ""
    file = network.state_dict() if layout == "diffusers" else original(network, prefix)
    found = find_transformer(shapes(file))
    assert found is not None
    assert found.network == type(network).__name__
    assert found.prefix == prefix
    own = dict(network.config)
    assert {key: found.config[key] for key in found.config} == {
        key: own["in_channels"] if key == "out_channels" else own[key] for key in found.config
    }
    beside = {"vae.decoder.conv_in.weight": torch.zeros(1)} if prefix else {}
    assert equal(found.weights(file | beside), network.state_dict())


@pytest.mark.parametrize("name", ["sd3", "sd35"])
def test_stable_diffusion_3_gets_the_names_that_diffusers_gives(name: str) -> None:
    file = original(transformer(name), "")
    theirs = convert_sd3_transformer_checkpoint_to_diffusers(dict(file))
    assert equal(from_original(file, SD3), theirs)


def test_flux_gets_the_names_that_diffusers_gives() -> None:
    # Their converter knows the published width alone; one column of each weight is enough.
    network: Any
    with torch.device("meta"):
        network = FluxTransformer2DModel(num_layers=1, num_single_layers=1, guidance_embeds=True)
    generator = torch.Generator().manual_seed(0)
    file = {
        name: torch.randn(tensor.shape[0], generator=generator)
        for name, tensor in original(network, "").items()
    }
    theirs = convert_flux_transformer_checkpoint_to_diffusers(dict(file))
    assert equal(from_original(file, FLUX), theirs)


@pytest.mark.parametrize(
    ("network", "config"),
    [
        (SD3Transformer2DModel, {"num_layers": 24, "num_attention_heads": 24, "patch_size": 2}),
        (
            SD3Transformer2DModel,
            {
                "num_layers": 38,
                "num_attention_heads": 38,
                "caption_projection_dim": 2432,
                "qk_norm": "rms_norm",
                "pos_embed_max_size": 192,
            },
        ),
        (FluxTransformer2DModel, {"guidance_embeds": True}),
        (FluxTransformer2DModel, {"in_channels": 384, "out_channels": 64}),
    ],
    ids=["sd3-medium", "sd3.5-large", "flux-dev", "flux-fill"],
)
def test_the_published_sizes_are_told_from_their_shapes(network: Any, config: Any) -> None:
    with torch.device("meta"):
        made = network(**config)
    weights = shapes(original(made))
    found = find_transformer(weights)
    assert found is not None
    with torch.device("meta"):
        again = network(**found.config)
    assert shapes(again.state_dict()) == shapes(made.state_dict())


def test_pieces_of_a_fused_weight_stay_in_its_memory() -> None:
    file = original(transformer("flux"), "")
    made = from_original(file, FLUX)
    fused = file["single_blocks.0.linear1.weight"]
    inside = range(fused.data_ptr(), fused.data_ptr() + fused.nbytes)
    pieces = ("attn.to_q", "attn.to_k", "attn.to_v", "proj_mlp")
    for piece in pieces:
        assert made[f"single_transformer_blocks.0.{piece}.weight"].data_ptr() in inside


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("nerf_blocks.0.param_generator.weight", "a Chroma Radiance model"),
        ("double_stream_modulation_img.lin.weight", "a Flux 2 model"),
        ("controlnet_blocks.0.weight", "a ControlNet of a transformer"),
    ],
)
def test_relatives_of_flux_are_named(name: str, what: str) -> None:
    file = shapes(original(transformer("flux"), "")) | {name: (1, 1)}
    with pytest.raises(FileProblem, match=what):
        find_transformer(file)


def test_heads_of_another_width_are_no_flux() -> None:
    network: Any = FluxTransformer2DModel(
        num_layers=1,
        num_single_layers=1,
        num_attention_heads=1,
        attention_head_dim=32,
        axes_dims_rope=(8, 12, 12),
    )
    with pytest.raises(FileProblem, match="heads of 32"):
        find_transformer(shapes(network.state_dict()))


def test_a_weight_that_does_not_belong_is_named() -> None:
    file = original(transformer("sd3"), "") | {"joint_blocks.1.stray.weight": torch.zeros(1)}
    with pytest.raises(UnknownKeysError, match=r"joint_blocks\.1\.stray\.weight"):
        from_original(file, SD3)


def test_other_files_hold_no_transformer() -> None:
    assert find_transformer({"input_blocks.0.0.weight": (4, 4, 3, 3)}) is None
