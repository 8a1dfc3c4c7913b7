"""Copies on a device stay within a budget; the least recently used go first.

The meta device stands for an accelerator: modules move to it, and it needs none.
"""

import gc
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from nodes.diffusion.memory import (
    ModelMemory,
    compute_dtype,
    copy_sharing,
    default_budget,
    memory_blocks,
    module_bytes,
)
from nodes.types import LatentFormat, Vae

KILO = 1024


def module(bytes_: int = KILO) -> nn.Module:
    return nn.Linear(bytes_ // 4, 1, bias=False)


def test_on_the_cpu_a_model_works_where_it_is() -> None:
    layer = module()
    memory = ModelMemory("cpu")
    with memory.resident(layer) as placed:
        assert placed is layer
    assert memory.used_bytes == 0


def test_a_module_is_copied_to_the_device_and_left_where_it_was() -> None:
    layer = module()
    memory = ModelMemory("meta", 10 * KILO)
    with memory.resident(layer) as placed:
        assert placed is not layer
        assert all(p.device.type == "meta" for p in placed.parameters())
    assert all(p.device.type == "cpu" for p in layer.parameters())
    assert memory.used_bytes == module_bytes(layer) == KILO
    with memory.resident(layer) as again:
        assert again is placed


def test_a_value_on_a_wire_comes_with_its_module_on_the_device() -> None:
    vae = Vae(module(), LatentFormat(4, 1.0), "float32", "key")
    memory = ModelMemory("meta", 10 * KILO)
    with memory.resident(vae) as placed:
        assert next(placed.network.parameters()).device.type == "meta"
        assert (placed.key, placed.latent_format) == (vae.key, vae.latent_format)
    with memory.resident(replace(vae, key="other")):
        assert memory.used_bytes == KILO


def test_the_least_recently_used_leaves_first() -> None:
    first, second, third = module(), module(), module()
    memory = ModelMemory("meta", 2 * KILO)
    with memory.resident(first) as first_copy:
        pass
    with memory.resident(second) as second_copy:
        pass
    with memory.resident(first):
        pass
    with memory.resident(third):
        pass
    assert memory.used_bytes == 2 * KILO
    with memory.resident(first) as again:
        assert again is first_copy
    with memory.resident(second) as again:
        assert again is not second_copy


def test_what_is_in_use_stays_even_over_budget() -> None:
    first, second = module(), module()
    memory = ModelMemory("meta", KILO)
    with memory.resident(first) as copy, memory.resident(second):
        assert memory.used_bytes == 2 * KILO
        with memory.resident(first) as again:
            assert again is copy
    memory.free()
    assert memory.used_bytes == 0


def test_a_model_that_is_gone_takes_its_copy_along() -> None:
    memory = ModelMemory("meta", 10 * KILO)
    layer = module()
    with memory.resident(layer):
        pass
    assert memory.used_bytes == KILO
    del layer
    gc.collect()
    assert memory.used_bytes == 0


def test_a_failure_while_in_use_releases_the_model() -> None:
    memory = ModelMemory("meta", 10 * KILO)
    layer = module()
    with pytest.raises(ZeroDivisionError), memory.resident(layer):
        1 / 0  # noqa: B018
    memory.free()
    assert memory.used_bytes == 0


def test_a_structural_copy_shares_weights_and_nothing_else() -> None:
    layer = nn.Linear(2, 2)
    copy: Any = copy_sharing(layer)
    assert {p.data_ptr() for p in copy.parameters()} == {p.data_ptr() for p in layer.parameters()}
    copy.weight = nn.Parameter(torch.zeros(2, 2))
    assert layer.weight.abs().sum() > 0


def test_memory_that_two_models_share_is_found_once() -> None:
    layer, other = nn.Linear(16, 16, bias=False), nn.Linear(16, 16, bias=False)
    pair = (Vae(layer, LatentFormat(4, 1.0), "float32", "a"), {"x": copy_sharing(layer)})
    assert sum(memory_blocks(pair).values()) == KILO
    assert sum(memory_blocks([pair, other, torch.zeros(256)]).values()) == 3 * KILO
    assert memory_blocks(LatentFormat(4, 1.0)) == {}


def test_the_cpu_computes_in_float32_and_needs_no_budget() -> None:
    assert compute_dtype("cpu") == "float32"
    assert compute_dtype("cuda:0") == "float16"
    assert default_budget("cpu") == 0
