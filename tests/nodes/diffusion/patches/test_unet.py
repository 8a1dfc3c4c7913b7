"""Patches of a U-Net's way down and up: neutral settings change nothing, others what they say."""

from functools import cache
from typing import Any

import pytest
import torch
from diffusers import UNet2DConditionModel
from diffusers.utils.torch_utils import apply_freeu
from torch import Tensor

from nodes.diffusion.model_sampling import ModelSampling
from nodes.diffusion.patches.patch import Call, patched
from nodes.diffusion.patches.unet import free_u, low_frequencies_scaled
from nodes.patches import free_u as free_u_node
from nodes.patches import free_u_v2, patch_model_add_downscale
from nodes.types import Model
from tests.nodes.diffusion.tiny_sampling import EPSILON, FORMAT


@cache
def unet() -> Any:
    """Make the shape of Stable Diffusion 1's network, with few channels."""
    torch.manual_seed(0)
    network: Any = UNet2DConditionModel(
        block_out_channels=(8, 16, 32, 32),
        layers_per_block=2,
        cross_attention_dim=16,
        attention_head_dim=2,
        norm_num_groups=4,
    )
    return network.requires_grad_(False).eval()


def model() -> Model:
    return Model(unet(), EPSILON, FORMAT, "float32", "unet")


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


X = draw(1, 4, 32, 24)


def ask(given: Model, sigma: float = 5.0, x: Tensor = X) -> Tensor:
    height, width = x.shape[-2:]
    call = Call(ModelSampling.from_betas(), sigma, (height, width), (0,))
    with torch.no_grad(), patched(given, call):
        made: Tensor = given.network(
            x, torch.tensor(500), encoder_hidden_states=draw(1, 7, 16, seed=1)
        ).sample
    return made


def test_the_lowest_frequencies_are_those_of_diffusers() -> None:
    below, beside = draw(2, 8, 8, 8), draw(2, 6, 8, 8, seed=1)
    expected = apply_freeu(0, below.clone(), beside.clone(), s1=0.3, s2=0, b1=1.5, b2=0)[1]
    torch.testing.assert_close(low_frequencies_scaled(beside, 0.3), expected)
    flat = torch.ones(1, 1, 8, 8)
    torch.testing.assert_close(low_frequencies_scaled(flat, 0.3), flat * 0.3)


@pytest.mark.parametrize("by_structure", [False, True])
def test_the_depths_are_strengthened_and_skips_lose_their_coarse_part(by_structure: bool) -> None:
    network = unet()
    # The second layer of the way up at twice the first channels reads 16 and 16 of the skip.
    resnet = network.up_blocks[2].resnets[1]
    seen: list[Tensor] = []
    options: Any = {"backbone": (1.0, 1.4), "skip": (1.0, 0.2), "by_structure": by_structure}
    with free_u(network, Call(EPSILON, 1.0, (8, 8), (0,)), **options):
        hook = resnet.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
        given = draw(1, 32, 8, 6, seed=3)
        with torch.no_grad():
            resnet(given, draw(1, 32, seed=4))
        hook.remove()
    below, beside = given[:, :16], given[:, 16:]
    factor: Tensor | float = 1.4
    if by_structure:
        mean = below.mean(dim=1, keepdim=True)
        factor = 1 + 0.4 * (mean - mean.min()) / (mean.max() - mean.min())
    torch.testing.assert_close(seen[0][:, :8], below[:, :8] * factor)
    torch.testing.assert_close(seen[0][:, 8:16], below[:, 8:])
    torch.testing.assert_close(seen[0][:, 16:], low_frequencies_scaled(beside, 0.2))


def test_freeu_holds_on_two_kinds_of_levels_and_nowhere_else() -> None:
    changed: list[int] = []
    network = unet()
    with free_u(
        network,
        Call(EPSILON, 1.0, (8, 8), (0,)),
        backbone=(1.1, 1.2),
        skip=(0.9, 0.2),
        by_structure=False,
    ):
        for block in network.up_blocks:
            changed += [len(resnet._forward_pre_hooks) for resnet in block.resnets]
    # Below the layers come 32, 32, 32 | 32, 32, 32 | 32, 16, 16 | 16, 8, 8 channels.
    assert changed == [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0]
    assert all(not resnet._forward_pre_hooks for b in network.up_blocks for resnet in b.resnets)


@pytest.mark.parametrize("patch", [free_u_node, free_u_v2])
def test_factors_of_one_are_exactly_without(patch: Any) -> None:
    plain = ask(model())
    assert torch.equal(ask(patch(model(), 1.0, 1.0, 1.0, 1.0)), plain)
    assert not torch.allclose(ask(patch(model())), plain)
    assert torch.equal(ask(model()), plain)


def middle_size(given: Model, sigma: float = 5.0, x: Tensor = X) -> tuple[int, ...]:
    sizes: list[tuple[int, ...]] = []
    hook = (
        unet()
        .mid_block.resnets[0]
        .register_forward_pre_hook(lambda _, args: sizes.append(tuple(args[0].shape[-2:])))
    )
    made = ask(given, sigma, x)
    hook.remove()
    assert made.shape == x.shape
    return sizes[0]


@pytest.mark.parametrize("after_skip", [True, False])
@pytest.mark.parametrize("number", range(1, 12))
def test_all_below_the_place_is_smaller_and_the_result_is_not(
    number: int, after_skip: bool
) -> None:
    shrunk = patch_model_add_downscale(model(), number, 2.0, downscale_after_skip=after_skip)
    assert middle_size(shrunk) == (2, 2)
    assert middle_size(model()) == (4, 3)
    assert torch.equal(ask(model()), ask(model()))


def test_a_skip_keeps_its_size_or_does_not() -> None:
    sizes: dict[bool, list[int]] = {}
    for after in (True, False):
        seen: list[int] = []
        hook = (
            unet()
            .down_blocks[1]
            .register_forward_hook(
                lambda _, __, output, seen=seen: seen.extend(s.shape[-2] for s in output[1])
            )
        )
        ask(patch_model_add_downscale(model(), 4, 2.0, downscale_after_skip=after))
        hook.remove()
        sizes[after] = seen
    # The second level's skips: its two layers, of which the first is place 4, and its halving.
    assert sizes == {True: [16, 8, 4], False: [8, 8, 4]}


def test_shrinking_holds_for_the_first_part_of_the_sampling_only() -> None:
    shrunk = patch_model_add_downscale(model(), 3, 2.0, 0.0, 0.35)
    assert middle_size(shrunk, sigma=14.0) == (2, 2)
    assert torch.equal(ask(shrunk, sigma=1.0), ask(model(), sigma=1.0))


def test_shrinking_by_one_is_exactly_without_and_beyond_the_last_place_too() -> None:
    assert torch.equal(ask(patch_model_add_downscale(model(), 3, 1.0)), ask(model()))
    assert torch.equal(ask(patch_model_add_downscale(model(), 32, 2.0)), ask(model()))


def test_sides_that_do_not_halve_evenly_come_back() -> None:
    odd = draw(1, 4, 30, 22)
    assert middle_size(patch_model_add_downscale(model(), 3, 1.7), x=odd)
