"""Copies that share weights, and what models take of memory."""

from typing import Any

import torch
from torch import nn

from nodes.diffusion.memory.missing_part import missing_clip, missing_vae
from nodes.diffusion.memory.modules import copy_sharing, memory_blocks, module_bytes
from nodes.types import LatentFormat, Vae

KILO = 1024


def test_a_structural_copy_shares_weights_and_nothing_else() -> None:
    layer = nn.Linear(2, 2)
    copy: Any = copy_sharing(layer)
    assert {p.data_ptr() for p in copy.parameters()} == {p.data_ptr() for p in layer.parameters()}
    copy.weight = nn.Parameter(torch.zeros(2, 2))
    assert layer.weight.abs().sum() > 0


def test_a_copy_for_a_device_has_weights_of_its_own() -> None:
    layer: Any = nn.Linear(2, 2)
    copy: Any = copy_sharing(layer, torch.device("cpu:0"), {id(layer.bias)})
    assert torch.equal(copy.weight, layer.weight)
    assert copy.weight.data_ptr() != layer.weight.data_ptr()
    assert copy.bias.data_ptr() == layer.bias.data_ptr()


def test_weights_of_convolutions_may_lie_with_channels_last() -> None:
    pair: Any = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Linear(2, 2))
    last = torch.channels_last
    copy: Any = copy_sharing(pair, torch.device("cpu:0"), planes=last)
    assert copy[0].weight.is_contiguous(memory_format=last)
    assert not pair[0].weight.is_contiguous(memory_format=last)
    x = torch.randn(1, 3, 8, 8)
    torch.testing.assert_close(copy[0](x), pair[0](x))
    assert torch.equal(copy[1].weight, pair[1].weight)


def test_bytes_are_those_of_weights_and_buffers() -> None:
    assert module_bytes(nn.Linear(3, 2)) == 4 * (3 * 2 + 2)
    assert module_bytes(nn.BatchNorm1d(3)) == 4 * 4 * 3 + 8


def test_memory_that_two_models_share_is_found_once() -> None:
    layer, other = nn.Linear(16, 16, bias=False), nn.Linear(16, 16, bias=False)
    pair = (Vae(layer, LatentFormat(4, 1.0), "float32", "a"), {"x": copy_sharing(layer)})
    assert sum(memory_blocks(pair).values()) == KILO
    assert sum(memory_blocks([pair, other, torch.zeros(256)]).values()) == 3 * KILO
    assert memory_blocks(LatentFormat(4, 1.0)) == {}


def test_a_part_that_a_file_lacks_takes_no_memory_and_is_no_problem() -> None:
    assert sum(memory_blocks([missing_clip("file", "key"), torch.zeros(256)]).values()) == KILO
    assert sum(memory_blocks(missing_vae("file", LatentFormat(4, 1.0), "key")).values()) == 0
