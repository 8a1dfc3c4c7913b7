"""EfficientNetV2 as torchvision has it, told by the shapes of its weights."""

import pytest
import torch
from torch import nn

from nodes.diffusion.cascades.efficientnet import Group, efficientnet, told_by
from tests.nodes.diffusion.stable_cascade_files import EFFICIENTNET

# The paper's small network, as torchvision builds it.
SMALL = (
    24,
    (
        Group(24, 1, 2, 1, weighed=False),
        Group(48, 4, 4, 2, weighed=False),
        Group(64, 4, 4, 2, weighed=False),
        Group(128, 4, 6, 2, weighed=True),
        Group(160, 6, 9, 1, weighed=True),
        Group(256, 6, 15, 2, weighed=True),
    ),
    1280,
)


def waved(network: nn.Module) -> nn.Module:
    """Give every weight the values of a sine, variances above zero."""
    weights = network.state_dict()
    for number, (name, tensor) in enumerate(weights.items()):
        if tensor.is_floating_point():
            wave = torch.sin(torch.arange(tensor.numel()) + number).reshape(tensor.shape)
            tensor.copy_(0.3 * wave + ("var" in name))
    return network.requires_grad_(False).eval()


def shapes(network: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}


def test_it_computes_what_torchvision_computes() -> None:
    network = waved(efficientnet(*EFFICIENTNET))
    x = torch.cos(torch.arange(3 * 64 * 96) / 50).reshape(1, 3, 64, 96)
    made = network(x)
    assert made.shape == (1, 24, 2, 3)
    # By torchvision 0.29 with the same weights.
    expected = torch.tensor([0.03042, 0.17573, 0.14182, 0.31471, 0.0676, -0.12855])
    assert torch.allclose(made[0, :6, 0, 1], expected, atol=1e-5)


@pytest.mark.parametrize("told", [EFFICIENTNET, SMALL], ids=["narrow", "small"])
def test_its_shapes_tell_it(told: tuple[int, tuple[Group, ...], int]) -> None:
    with torch.device("meta"):
        network = efficientnet(*told)
    assert told_by(shapes(network)) == told


def test_the_small_network_has_the_published_parameters() -> None:
    with torch.device("meta"):
        count = sum(weight.numel() for weight in efficientnet(*SMALL).parameters())
    # Less the 1000 classes that torchvision's count of 21,458,488 has too.
    assert count == 21_458_488 - 1281 * 1000


def test_another_network_of_the_kind_is_not_taken_for_it() -> None:
    with torch.device("meta"):
        longer = shapes(efficientnet(8, (*EFFICIENTNET[1], EFFICIENTNET[1][-1]), 24))
    with pytest.raises(ValueError, match="shorter"):
        told_by(longer)
