"""Merged models have the weights that the words say, and leave the models that they are made of."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
import torch
from diffusers import UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel

from nodes.block_merging import (
    model_merge_flux1,
    model_merge_sd1,
    model_merge_sd3_2b,
    model_merge_sd35_large,
)
from nodes.diffusion.adapters.merging import by_original_parts, merged_models
from nodes.diffusion.memory.by_layer import bring
from nodes.diffusion.memory.modules import copy_sharing
from nodes.diffusion.text.tokenizer import clip_vocabulary
from nodes.errors import NodeError
from nodes.merging import (
    clip_merge_add,
    clip_merge_simple,
    clip_merge_subtract,
    model_merge_add,
    model_merge_blocks,
    model_merge_simple,
    model_merge_subtract,
)
from nodes.types import Clip, Model
from tests.nodes.diffusion.tiny_models import TEXT, UNET, tiny_parts
from tests.nodes.diffusion.tiny_sampling import EPSILON, FORMAT, tiniest_model, tiny_model
from tests.nodes.diffusion.transformer_files import transformer


def other_model() -> Model:
    torch.manual_seed(7)
    network: Any = UNet2DConditionModel(**UNET)
    return Model(network.requires_grad_(False).eval(), EPSILON, FORMAT, "float32", "other")


def clip(network: nn.Module, key: str) -> Clip:
    return Clip(network, clip_vocabulary(), key)


def other_encoder() -> nn.Module:
    torch.manual_seed(7)
    encoder: Any = CLIPTextModel(CLIPTextConfig(**TEXT))
    made: nn.Module = encoder.requires_grad_(False).eval()
    return made


MERGES: list[tuple[Callable[[Model, Model], Model], float, float]] = [
    (lambda a, b: model_merge_simple(a, b, 0.3), 0.3, 0.7),
    (lambda a, b: model_merge_simple(a, b, 0.0), 0.0, 1.0),
    (model_merge_add, 1.0, 1.0),
    (lambda a, b: model_merge_subtract(a, b, 0.5), 0.5, -0.5),
]


@pytest.mark.parametrize(("merge", "one", "two"), MERGES)
def test_every_weight_is_the_sum_that_is_asked_for(
    merge: Callable[[Model, Model], Model], one: float, two: float
) -> None:
    first, second = tiny_model(), other_model()
    before = {name: tensor.clone() for name, tensor in first.network.state_dict().items()}
    others = second.network.state_dict()
    made = merge(first, second)
    for name, tensor in made.network.state_dict().items():
        assert torch.allclose(tensor, one * before[name] + two * others[name], atol=1e-6), name
        assert torch.equal(first.network.state_dict()[name], before[name])
    assert made.key not in (first.key, second.key)
    assert made.sampling is first.sampling


def test_the_whole_share_of_the_first_is_the_first_and_shares_its_weights() -> None:
    first = tiny_model()
    made = model_merge_simple(first, other_model(), 1.0)
    for name, tensor in made.network.state_dict().items():
        assert tensor.data_ptr() == first.network.state_dict()[name].data_ptr()


def test_a_difference_added_to_where_it_was_taken_from_gives_the_other() -> None:
    base, tuned = tiny_model(), other_model()
    made = model_merge_add(base, model_merge_subtract(tuned, base))
    for name, tensor in made.network.state_dict().items():
        assert torch.allclose(tensor, tuned.network.state_dict()[name], atol=1e-6)


def test_each_part_of_the_unet_has_its_own_share() -> None:
    first, second = tiny_model(), other_model()
    made = model_merge_blocks(first, second, 1.0, 0.5, 0.0).network.state_dict()
    ones, twos = first.network.state_dict(), second.network.state_dict()
    parts: set[str] = set()
    for name, tensor in made.items():
        part = name.partition(".")[0]
        parts.add(part)
        expected: Tensor = ones[name]
        if part in ("up_blocks", "conv_out", "conv_norm_out"):
            expected = twos[name]
        elif part == "mid_block":
            expected = (ones[name] + twos[name]) / 2
        assert torch.allclose(tensor, expected, atol=1e-6), name
    assert {"conv_in", "down_blocks", "mid_block", "up_blocks", "time_embedding"} <= parts


def test_text_encoders_are_averaged_too() -> None:
    one, two = clip(tiny_parts().text_encoder, "one"), clip(other_encoder(), "two")
    made = clip_merge_simple(one, two, 0.25)
    for name, tensor in made.encoder.state_dict().items():
        expected = 0.25 * one.encoder.state_dict()[name] + 0.75 * two.encoder.state_dict()[name]
        assert torch.allclose(tensor, expected, atol=1e-6)
    assert made.second is None


def test_a_difference_of_text_encoders_added_gives_the_other() -> None:
    base, tuned = clip(tiny_parts().text_encoder, "one"), clip(other_encoder(), "two")
    made = clip_merge_add(base, clip_merge_subtract(tuned, base))
    for name, tensor in made.encoder.state_dict().items():
        assert torch.allclose(tensor, tuned.encoder.state_dict()[name], atol=1e-6)


def test_weights_of_8_bits_are_averaged_in_what_they_compute_in() -> None:
    first, second = tiny_model(), other_model()
    network: Any = copy_sharing(first.network)
    layer = network.conv_in
    layer.weight = nn.Parameter(layer.weight.to(torch.float8_e4m3fn), requires_grad=False)
    bring(layer, torch.device("cpu"), torch.float32)
    kept = layer.weight
    made: Any = model_merge_simple(replace(first, network=network), second, 0.9).network
    other: Any = second.network
    assert torch.allclose(made.conv_in.weight, 0.9 * kept + 0.1 * other.conv_in.weight, atol=1e-6)


def test_models_of_other_kinds_are_told() -> None:
    with pytest.raises(NodeError, match="not of the same kind"):
        model_merge_simple(tiny_model(), tiniest_model(), 0.5)
    torch.manual_seed(0)
    wide: Any = UNet2DConditionModel(**{**UNET, "in_channels": 9})
    nine = Model(wide, EPSILON, FORMAT, "float32", "nine")
    with pytest.raises(NodeError, match=r"conv_in\.weight"):
        model_merge_add(tiny_model(), nine)
    one = clip(tiny_parts().text_encoder, "one")
    pair = replace(one, second=other_encoder(), second_tokenizer=clip_vocabulary())
    with pytest.raises(NodeError, match="second is not in all of them"):
        clip_merge_simple(one, pair, 0.5)


def test_parts_are_named_as_in_original_files() -> None:
    first, second = tiny_model(), other_model()
    shares = {"input_blocks.0.": 0.0, "middle_block.1.": 0.25, "out.": 0.5, "time_embed.": 0.75}
    made = model_merge_sd1(first, second, **shares).network.state_dict()
    ones, twos = first.network.state_dict(), second.network.state_dict()
    expected = {
        "conv_in.weight": 0.0,
        "conv_in.bias": 0.0,
        "down_blocks.0.resnets.0.conv1.weight": 1.0,
        "mid_block.resnets.0.conv1.weight": 1.0,
        "mid_block.attentions.0.proj_in.bias": 0.25,
        "conv_norm_out.weight": 0.5,
        "conv_out.weight": 0.5,
        "time_embedding.linear_2.bias": 0.75,
    }
    for name, share in expected.items():
        assert torch.allclose(made[name], share * ones[name] + (1 - share) * twos[name], atol=1e-6)


def test_weights_of_no_named_part_follow_the_first_part() -> None:
    first, second = tiny_model(), other_model()
    made = merged_models((first, second), by_original_parts(first.network, {"out.": 0.5}), "half")
    ones, twos = first.network.state_dict(), second.network.state_dict()
    for name, tensor in made.network.state_dict().items():
        assert torch.allclose(tensor, (ones[name] + twos[name]) / 2, atol=1e-6), name


@pytest.mark.parametrize(
    ("family", "merge", "part", "begins"),
    [
        ("sd3", model_merge_sd3_2b, "joint_blocks.0.", "transformer_blocks.0."),
        ("sd35", model_merge_sd35_large, "final_layer.", ("proj_out.", "norm_out.")),
        ("flux", model_merge_flux1, "single_blocks.0.", "single_transformer_blocks.0."),
        ("flux", model_merge_flux1, "guidance_in", "time_text_embed.guidance_embedder."),
    ],
)
def test_parts_of_transformers_are_named_as_in_original_files(
    family: str, merge: Callable[..., Model], part: str, begins: str | tuple[str, ...]
) -> None:
    one, two = transformer(family), deepcopy(transformer(family))
    with torch.no_grad():
        for weight in two.parameters():
            weight.add_(1)
    first, second = (Model(network, EPSILON, FORMAT, "float32", "") for network in (one, two))
    made = dict(merge(first, second, **{part: 0.25}).network.named_parameters())
    parted = {name for name in made if name.startswith(begins)}
    assert 0 < len(parted) < len(made)
    for name, weight in one.named_parameters():
        assert torch.allclose(made[name], weight + 0.75 * (name in parted), atol=1e-6), name
