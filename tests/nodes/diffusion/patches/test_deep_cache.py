"""DeepCache computes the depths of a U-Net at some estimates, and reuses them exactly."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from diffusers import ControlNetModel
from torch import Tensor

from nodes.diffusion.conditions import fit_conditionings
from nodes.diffusion.denoiser import denoise
from nodes.diffusion.patches.deep_cache import down_layers, up_layers
from nodes.diffusion.patches.patch import remembering
from nodes.errors import NodeError
from nodes.patches import free_u, patch_model_add_downscale
from nodes.speed import deep_cache
from nodes.types import Conditioning, Control, ControlNet, Model
from tests.nodes.diffusion.patches.test_unet import model
from tests.nodes.diffusion.tiny_sampling import prompt, reader

X = torch.randn(2, 4, 32, 24, generator=torch.Generator().manual_seed(1))
TEXTS = (prompt(1), prompt(2))


def estimator(given: Model, texts: tuple[Conditioning, ...] = TEXTS) -> Callable[..., list[Tensor]]:
    """Begin a sampling: estimates of one remember one another."""
    begun = remembering(given)
    prompts = fit_conditionings(texts, begun.sampling, X, 8)
    return lambda x=X, sigma=5.0, ask=prompts: denoise(begun, x, sigma, ask)


def same(one: list[Tensor], other: list[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


class Count:
    """Counts how many resnets a network runs."""

    def __init__(self, network: Any) -> None:
        self.count = 0
        resnets = [m for m in network.modules() if type(m).__name__ == "ResnetBlock2D"]
        self._hooks = [resnet.conv1.register_forward_hook(self._add) for resnet in resnets]

    def _add(self, *_: Any) -> None:
        self.count += 1

    def taken(self) -> int:
        count, self.count = self.count, 0
        return count


def test_each_layer_of_one_way_meets_one_of_the_other() -> None:
    network = model().network
    assert len(down_layers(network)) == len(up_layers(network)) == 12


def test_an_interval_of_one_is_exactly_the_plain_estimate() -> None:
    plain, cached = estimator(model()), estimator(deep_cache(model(), 1))
    for step in range(3):
        x = X + 0.1 * step
        assert same(cached(x), plain(x))


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 5, 7, 11, 12])
def test_with_the_same_input_what_is_kept_is_what_would_be_computed(depth: int) -> None:
    plain, cached = estimator(model())(), estimator(deep_cache(model(), 3, depth))
    for _ in range(4):
        assert same(cached(), plain)


@pytest.mark.parametrize(("depth", "layers"), [(1, 1), (2, 3), (3, 5), (5, 8)])
def test_between_whole_estimates_only_shallow_layers_run(depth: int, layers: int) -> None:
    cached = estimator(deep_cache(model(), 3, depth))
    count = Count(model().network)
    runs = []
    for step in range(7):
        cached(X + 0.1 * step)
        runs.append(count.taken())
    assert runs == [22, layers, layers, 22, layers, layers, 22]


def test_estimates_between_are_near_and_depths_make_them_nearer() -> None:
    plain = estimator(model())
    moved = X + 0.05 * torch.randn(X.shape, generator=torch.Generator().manual_seed(2))
    wanted = torch.cat(plain(moved))
    errors = []
    for depth in (1, 4, 8):
        cached = estimator(deep_cache(model(), 2, depth))
        cached()
        errors.append(float((torch.cat(cached(moved)) - wanted).abs().mean()))
    still = float((torch.cat(plain()) - wanted).abs().mean())
    assert still > errors[0] > errors[1] > errors[2] > 0


def test_another_sampling_and_other_prompts_begin_anew() -> None:
    given = deep_cache(model(), 3)
    count = Count(model().network)
    first = estimator(given)
    first()
    assert count.taken() == 22
    estimator(given)()
    assert count.taken() == 22
    prompts = fit_conditionings((prompt(3), prompt(4)), given.sampling, X, 8)
    first(ask=prompts)
    assert count.taken() == 22
    first()
    assert count.taken() < 22


def test_it_holds_within_its_part_of_the_sampling() -> None:
    given = deep_cache(model(), 3, start_percent=0.5)
    cached = estimator(given)
    count = Count(model().network)
    for sigma in (14.0, 13.0, 0.5, 0.4):
        cached(X, sigma)
    assert count.taken() == 3 * 22 + 3


@pytest.mark.parametrize("before", [True, False])
def test_other_patches_hold_beside_it(before: bool) -> None:
    freed = free_u(model())
    both = deep_cache(freed, 3) if before else free_u(deep_cache(model(), 3))
    plain, cached = estimator(freed)(), estimator(both)
    for _ in range(3):
        assert same(cached(), plain)


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("after_skip", [True, False])
@pytest.mark.parametrize(("place", "depth"), [(1, 3), (1, 1), (3, 3), (3, 5), (5, 2)])
def test_deep_shrink_above_and_below_the_kept_depth_holds_beside_it(
    before: bool, after_skip: bool, place: int, depth: int
) -> None:
    def shrunk(given: Model) -> Model:
        return patch_model_add_downscale(
            given, place, 2.0, end_percent=0.5, downscale_after_skip=after_skip
        )

    both = deep_cache(shrunk(model()), 3, depth)
    cached = estimator(both if before else shrunk(deep_cache(model(), 3, depth)))
    plain = estimator(shrunk(model()))
    for _ in range(3):
        assert same(cached(), plain())
    # What was made of small depths is no use where nothing is made small.
    for _ in range(3):
        assert same(cached(sigma=0.3), plain(sigma=0.3))


def test_what_a_controlnet_added_is_kept_too() -> None:
    torch.manual_seed(0)
    net: Any = ControlNetModel.from_unet(model().network, conditioning_channels=3)
    for weight in net.parameters():
        weight.data.add_(0.01 * torch.randn(weight.shape))
    hint = torch.rand(1, 3, 256, 192)
    control = Control(ControlNet(net.eval(), "float32", "net"), hint, both=True)
    parts = (replace(text.parts[0], controls=(control,)) for text in TEXTS)
    texts = tuple(Conditioning((part,)) for part in parts)
    plain, cached = estimator(model(), texts)(), estimator(deep_cache(model(), 3), texts)
    assert not same(plain, estimator(model())())
    for _ in range(3):
        assert same(cached(), plain)


def test_nothing_of_it_is_left_on_the_network() -> None:
    network: Any = model().network
    cached = estimator(deep_cache(model(), 2))
    cached()
    cached()
    for module in network.modules():
        assert "_compiled_call_impl" not in vars(module)
    assert "forward" not in vars(network)


def test_a_network_without_depths_is_refused() -> None:
    with pytest.raises(NodeError, match="DeepCache works on U-Nets"):
        deep_cache(reader()[0])
