"""The ESRGAN starts as nearest pixels, learns detail, and is written in the usual layout."""

from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch.nn import functional

from nodes.diffusion.cascades.upscaler_file import load_upscaler
from nodes.diffusion.cascades.upscalers import RRDBNet
from training import upscaler
from training.export import LARGEST_COMPANION, export_upscaler
from training.run import Plan, Run


@pytest.fixture
def untrained() -> RRDBNet:
    torch.set_num_threads(1)
    return upscaler.build().requires_grad_(False)


def test_an_untrained_network_repeats_each_pixel(untrained: RRDBNet) -> None:
    small = torch.rand(2, 3, 9, 7)
    assert torch.allclose(untrained(small), functional.interpolate(small, scale_factor=4))


def test_every_weight_that_is_not_at_its_goal_can_learn(untrained: RRDBNet) -> None:
    untrained.requires_grad_(True)
    torch.nn.init.normal_(untrained.last.weight, std=0.01)
    functional.l1_loss(untrained(torch.rand(1, 3, 8, 8)), torch.rand(1, 3, 32, 32)).backward()
    gradients = {name: weight.grad for name, weight in untrained.named_parameters()}
    assert all(gradient is not None and gradient.any() for gradient in gradients.values())


def test_crops_are_four_times_their_reductions() -> None:
    small, large = upscaler.training_batch(6, 32, 1)
    assert small.shape == (6, 3, 8, 8)
    assert large.shape == (6, 3, 32, 32)
    assert large.min() >= 0
    assert large.max() <= 1
    assert float((functional.avg_pool2d(large, 4) - small).abs().mean()) < 0.05


def test_a_hundred_steps_learn_detail(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    small, large = upscaler.training_batch(2, 32, 2)
    network = upscaler.build()
    before = upscaler.signal_to_noise(network, small, large)
    Run(tmp_path / "few.pt", torch.optim.AdamW(network.parameters()), {"network": network}).train(
        Plan(images=200, batch=2, rate=1e-3, warm_up=20),
        lambda step: functional.l1_loss(network(small), large),
    )
    assert upscaler.signal_to_noise(network, small, large) > before + 1


def test_the_file_bears_the_usual_names_and_is_read_back_by_the_node(
    untrained: RRDBNet, tmp_path: Path
) -> None:
    path = tmp_path / "x4.safetensors"
    export_upscaler(untrained, path)
    assert path.stat().st_size <= LARGEST_COMPANION
    with safe_open(path, framework="pt") as file:
        names = set(file.keys())
    assert {"conv_first.weight", "body.0.rdb1.conv1.weight", "body.2.rdb3.conv5.bias"} < names
    assert {"conv_body.bias", "conv_up2.weight", "conv_hr.weight", "conv_last.bias"} < names
    found = load_upscaler(path, "float32")
    assert found.scale == upscaler.SCALE
    weights = found.network.state_dict()
    assert all(
        torch.equal(weights[name], weight.half().float())
        for name, weight in untrained.state_dict().items()
    )
