"""Layers whose weights are kept otherwise compute as if they were not."""

import copy
from typing import Any

import torch
from torch import nn
from torch.nn.functional import linear
from transformers import CLIPTextConfig, CLIPTextModel

from nodes.diffusion.memory.by_layer import bring, move_work, work_place
from nodes.diffusion.memory.modules import copy_sharing, module_bytes
from nodes.diffusion.memory.precision import compute_in
from tests.nodes.diffusion.tiny_models import TEXT, tiny_parts

CPU = torch.device("cpu")


def halved(layer: nn.Module) -> nn.Module:
    """Keep a layer's weights in half precision, and let it compute in single."""
    kept = copy.deepcopy(layer).requires_grad_(False).half()
    compute_in(kept, torch.float32)
    return kept


def test_a_layer_computes_with_its_weights_converted() -> None:
    layer = halved(nn.Linear(3, 2))
    x = torch.randn(4, 3)
    weight, bias = (layer.state_dict()[name].float() for name in ("weight", "bias"))
    assert torch.equal(layer(x), linear(x, weight, bias))
    assert isinstance(layer, nn.Linear)


def test_what_is_kept_stays_as_it_is() -> None:
    layer = nn.Linear(3, 2)
    kept = halved(layer)
    kept(torch.randn(4, 3))
    assert {w.dtype for w in kept.parameters()} == {torch.float16}
    assert {w.dtype for w in kept.state_dict().values()} == {torch.float16}
    assert kept.state_dict().keys() == layer.state_dict().keys()
    assert module_bytes(kept) == module_bytes(layer) // 2


def test_whole_networks_equal_those_converted_beforehand() -> None:
    torch.manual_seed(0)
    unet, text = tiny_parts().unet, CLIPTextModel(CLIPTextConfig(**TEXT)).eval()
    given = (torch.randn(1, 4, 8, 8), torch.tensor(7), torch.randn(1, 5, 16))
    before = copy.deepcopy(unet).half().float()
    assert torch.equal(halved(unet)(*given).sample, before(*given).sample)
    ids = torch.tensor([[38, 3, 4, 39]])
    rounded = copy.deepcopy(text).half().float()
    assert torch.equal(halved(text)(ids).last_hidden_state, rounded(ids).last_hidden_state)


def test_weights_that_another_module_reads_are_converted_too() -> None:
    """The attention of torch reads the weights of the layer that it ends with."""
    attention = nn.MultiheadAttention(8, 2, batch_first=True).eval()
    x = torch.randn(1, 3, 8)
    kept: Any = halved(attention)
    before = copy.deepcopy(attention).half().float()
    assert torch.equal(kept(x, x, x)[0], before(x, x, x)[0])


def test_copies_bring_their_weights_as_well() -> None:
    layer = halved(nn.Linear(3, 2))
    x = torch.randn(1, 3)
    for other in (copy.deepcopy(layer), copy_sharing(layer)):
        assert torch.equal(other(x), layer(x))
        assert module_bytes(other) == module_bytes(layer)


def test_a_weight_that_is_replaced_is_kept_as_it_comes() -> None:
    layer: Any = halved(nn.Linear(3, 2))
    layer.weight = nn.Parameter(torch.full((2, 3), 1 / 3), requires_grad=False)
    assert torch.equal(layer.weight, torch.full((2, 3), 1 / 3))
    assert layer.state_dict()["weight"].dtype == torch.float32


def test_the_place_of_work_is_told() -> None:
    plain = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 2))
    assert work_place(plain) == (CPU, torch.float32)
    bring(plain[1], torch.device("meta"), torch.bfloat16)
    assert work_place(plain) == (torch.device("meta"), torch.bfloat16)
    assert plain[1].weight.device.type == "meta"
    move_work(plain, CPU)
    assert work_place(plain) == (CPU, torch.bfloat16)
    assert plain[1].weight.dtype == torch.bfloat16
