"""EfficientNetV2 without its classifier, under the names of torchvision, told by shapes.

Tan and Le 2021, EfficientNetV2: Smaller Models and Faster Training, arXiv:2104.00298.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from nodes.diffusion.files.weight_shapes import Shapes, count

# Of the groups of the small network: the first block's, which leaves no trace in shapes.
_STRIDES = (1, 2, 2, 2, 1, 2)
# What the paper's networks add to variances.
_EPSILON = 1e-3
# The convolutions of a block with squeeze and excitation: widen, look around, weigh, narrow.
_PARTS_WEIGHED = 4


@dataclass(frozen=True)
class Group:
    """Blocks of one width, one after another.

    Attributes:
        channels: What each block gives.
        expansion: How many times wider a block is than what it is given.
        layers: How many blocks there are.
        stride: Of the first one.
        weighed: Whether it convolves each channel for itself and then weighs channels; else it
            convolves all of them together.
    """

    channels: int
    expansion: int
    layers: int
    stride: int
    weighed: bool


def efficientnet(first: int, groups: Sequence[Group], last: int) -> nn.Sequential:
    """Build the network, which makes a cell of 32 pixels a side.

    Args:
        first: Channels of the first convolution.
        groups: What follows.
        last: Channels of the last convolution.
    """
    parts, channels = [_convolution(3, first, 3, stride=2)], first
    for group in groups:
        blocks = []
        for layer in range(group.layers):
            blocks.append(Block(channels, group, 1 if layer else group.stride))
            channels = group.channels
        parts.append(nn.Sequential(*blocks))
    return nn.Sequential(*parts, _convolution(channels, last, 1))


def told_by(shapes: Shapes) -> tuple[int, tuple[Group, ...], int]:
    """Tell what `efficientnet` is given from the shapes of its weights.

    Raises:
        KeyError: If a weight is missing.
        ValueError: If there are more or fewer groups than in the small network.
    """
    first = channels = shapes["0.0.weight"][0]
    groups: list[Group] = []
    for number, stride in zip(range(1, count(shapes, "") - 1), _STRIDES, strict=True):
        block = f"{number}.0.block."
        parts = count(shapes, block)
        expansion = 1 if parts == 1 else shapes[block + "0.0.weight"][0] // channels
        channels = shapes[f"{block}{parts - 1}.0.weight"][0]
        weighed = parts == _PARTS_WEIGHED
        groups.append(Group(channels, expansion, count(shapes, f"{number}."), stride, weighed))
    return first, tuple(groups), shapes[f"{len(groups) + 1}.0.weight"][0]


class Block(nn.Module):
    """Widens, convolves and narrows; what keeps its shape is added to what was given.

    Args:
        given: Channels that it is given.
        group: Says the rest.
        stride: Of the convolution.
    """

    def __init__(self, given: int, group: Group, stride: int) -> None:
        super().__init__()
        wide, made = given * group.expansion, group.channels
        narrow = _convolution(wide, made, 1, active=False)
        if group.weighed:
            around = _convolution(wide, wide, 3, stride=stride, groups=wide)
            weigh = SqueezeExcitation(wide, max(1, given // 4))
            self.block = nn.Sequential(_convolution(given, wide, 1), around, weigh, narrow)
        elif group.expansion > 1:
            self.block = nn.Sequential(_convolution(given, wide, 3, stride=stride), narrow)
        else:
            self.block = nn.Sequential(_convolution(given, made, 3, stride=stride))
        self.adds = stride == 1 and given == made

    def forward(self, x: Tensor) -> Tensor:
        """Compute (B, made, h, w) from (B, given, H, W)."""
        made: Tensor = self.block(x)
        return made + x if self.adds else made


class SqueezeExcitation(nn.Module):
    """Weighs channels by what their means say: Hu et al. 2018, arXiv:1709.01507.

    Args:
        channels: In and out.
        squeezed: Between the two layers.
    """

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, squeezed, 1)
        self.fc2 = nn.Conv2d(squeezed, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Weigh (B, channels, H, W)."""
        weights = torch.sigmoid(self.fc2(silu(self.fc1(x.mean((2, 3), keepdim=True)))))
        return x * weights


def _convolution(
    given: int, made: int, kernel: int, *, stride: int = 1, groups: int = 1, active: bool = True
) -> nn.Sequential:
    convolution = nn.Conv2d(given, made, kernel, stride, kernel // 2, groups=groups, bias=False)
    norm = nn.BatchNorm2d(made, eps=_EPSILON)
    return nn.Sequential(convolution, norm, *([nn.SiLU()] if active else []))
