"""Copies on a device stay within a budget; the least recently used go first.

The first processor by its number stands for an accelerator: copies to it are real, and compute.
"""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
import torch
from torch import nn

from nodes.diffusion.memory.device_memory import InPlace, ModelMemory
from nodes.diffusion.memory.modules import module_bytes
from nodes.types import LatentFormat, Vae

KILO = 1024
DEVICE = "cpu:0"
X = torch.ones(1, KILO // 4)


def module(bytes_: int = KILO) -> nn.Module:
    return nn.Linear(bytes_ // 4, 1, bias=False)


def use(memory: ModelMemory, *modules: nn.Module) -> list[nn.Module]:
    """Use modules one after another, and give their copies."""
    copies = []
    for each in modules:
        with memory.resident(each) as copied:
            copies.append(copied)
    return copies


def expect(memory: ModelMemory | InPlace, *models: object) -> None:
    """Expect models, and wait until what can be copied is."""
    thread = memory.expect(models)
    assert isinstance(thread, threading.Thread)
    thread.join()


def test_a_module_is_copied_to_the_device_and_left_where_it_was() -> None:
    layer = module()
    memory = ModelMemory(DEVICE, 10 * KILO)
    with memory.resident(layer) as copied:
        assert copied is not layer
        assert torch.equal(copied(X), layer(X))
        (kept,), (own,) = layer.parameters(), copied.parameters()
        assert kept.data_ptr() != own.data_ptr()
    assert memory.used_bytes == module_bytes(layer) == KILO
    assert use(memory, layer) == [copied]


def test_a_value_on_a_wire_comes_with_its_module_on_the_device() -> None:
    vae = Vae(module(), LatentFormat(4, 1.0), "float32", "key")
    memory = ModelMemory(DEVICE, 10 * KILO)
    with memory.resident(vae) as placed:
        assert placed.network is not vae.network
        assert (placed.key, placed.latent_format) == (vae.key, vae.latent_format)
    with memory.resident(replace(vae, key="other")):
        assert memory.used_bytes == KILO


def test_the_least_recently_used_leaves_first() -> None:
    first, second, third = module(), module(), module()
    memory = ModelMemory(DEVICE, 2 * KILO)
    first_copy, second_copy, _ = use(memory, first, second, first)
    use(memory, third)
    assert memory.used_bytes == 2 * KILO
    assert use(memory, first) == [first_copy]
    assert use(memory, second) != [second_copy]


def test_what_is_in_use_stays_and_what_comes_then_is_brought_by_layers() -> None:
    first, second = module(), nn.Sequential(module(), module())
    memory = ModelMemory(DEVICE, 2 * KILO)
    with memory.resident(first) as copied, memory.resident(second) as brought:
        # One layer at a time has room beside the first.
        assert memory.used_bytes == 2 * KILO
        assert torch.equal(brought[0](X), second[0](X))
        with memory.resident(first) as again:
            assert again is copied
    memory.free()
    assert memory.used_bytes == 0


def test_a_copy_in_part_is_made_whole_once_there_is_room() -> None:
    first, second = module(2 * KILO), nn.Sequential(module(), module())
    memory = ModelMemory(DEVICE, 3 * KILO)
    with memory.resident(first):
        (in_part,) = use(memory, second)
        assert use(memory, second) == [in_part]
        assert memory.used_bytes == 3 * KILO
    (whole,) = use(memory, second)
    assert whole is not in_part
    kept = {weight.data_ptr() for weight in second.parameters()}
    assert not kept & {weight.data_ptr() for weight in whole.parameters()}


def test_a_model_that_is_gone_takes_its_copy_along() -> None:
    memory = ModelMemory(DEVICE, 10 * KILO)
    layer = module()
    use(memory, layer)
    assert memory.used_bytes == KILO
    del layer
    gc.collect()
    assert memory.used_bytes == 0


def test_a_failure_while_in_use_releases_the_model() -> None:
    memory = ModelMemory(DEVICE, 10 * KILO)
    layer = module()
    with pytest.raises(ZeroDivisionError), memory.resident(layer):
        1 / 0  # noqa: B018
    memory.free()
    assert memory.used_bytes == 0


def test_what_is_expected_is_there_before_it_is_used() -> None:
    working, following = module(), module()
    memory = ModelMemory(DEVICE, 2 * KILO)
    with memory.resident(working):
        expect(memory, following, "no model")
        assert memory.used_bytes == 2 * KILO
    assert memory.used_bytes == 2 * KILO


def test_models_are_fetched_in_the_order_of_need_and_within_the_budget() -> None:
    working, second, third, fourth = (module() for _ in range(4))
    memory = ModelMemory(DEVICE, 3 * KILO)
    with memory.resident(working):
        expect(memory, second, third, fourth)
        assert memory.used_bytes == 3 * KILO
        with held(memory, second, third):
            assert memory.used_bytes == 3 * KILO


def test_fetching_drops_what_is_idle_but_not_what_is_used_or_expected() -> None:
    idle, working, second, third = (module() for _ in range(4))
    memory = ModelMemory(DEVICE, 3 * KILO)
    use(memory, idle)
    with memory.resident(working) as copied:
        expect(memory, second, third)
        assert memory.used_bytes == 3 * KILO
        with held(memory, second, third):
            assert memory.used_bytes == 3 * KILO
        assert use(memory, working) == [copied]


def test_what_is_too_large_is_not_fetched() -> None:
    working, large = module(), module(2 * KILO)
    memory = ModelMemory(DEVICE, 2 * KILO)
    with memory.resident(working):
        expect(memory, large)
        assert memory.used_bytes == KILO


def test_what_is_needed_soonest_leaves_last() -> None:
    soon, later, new = module(), module(), module()
    memory = ModelMemory(DEVICE, 2 * KILO)
    soon_copy, later_copy = use(memory, soon, later)
    assert memory.expect([soon, later]) is None
    use(memory, new)
    assert use(memory, soon) == [soon_copy]
    assert use(memory, later) != [later_copy]


def test_a_copy_ahead_of_time_that_finds_no_room_is_left_to_who_asks() -> None:
    class Full(nn.Linear):
        def __deepcopy__(self, memo: object) -> nn.Module:
            raise torch.OutOfMemoryError("full")

    memory = ModelMemory(DEVICE, 2 * KILO)
    layer = Full(KILO // 4, 1, bias=False)
    expect(memory, layer)
    assert memory.used_bytes == 0
    with pytest.raises(torch.OutOfMemoryError), memory.resident(layer):
        pass


def test_on_a_processor_models_work_where_they_are_and_are_read_ahead() -> None:
    layer, large = module(), module(2 * KILO)
    memory = InPlace(KILO)
    with memory.resident(layer) as placed:
        assert placed is layer
    expect(memory, large)
    assert memory.expect([]) is None
    expect(memory, layer)
    assert memory.expect([layer]) is None


@contextmanager
def held(memory: ModelMemory, *modules: nn.Module) -> Iterator[None]:
    """Use modules at once."""
    with memory.resident(modules[0]):
        if len(modules) > 1:
            with held(memory, *modules[1:]):
                yield
        else:
            yield
