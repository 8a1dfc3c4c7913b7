"""A copy on a device computes as the module does, however much of it there is room for.

The first processor by its number stands for an accelerator: copies to it are real, and compute.
"""

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from nodes.diffusion.files.checkpoint_file import read_weights
from nodes.diffusion.memory.missing_part import missing_clip
from nodes.diffusion.memory.modules import module_bytes
from nodes.diffusion.memory.placement import modules_of, place, read_ahead
from nodes.diffusion.memory.precision import kept_in
from nodes.types import Clip, Cond, Conditioning, Control, ControlNet, LatentFormat, Vae
from tests.nodes.diffusion.tiny_models import tiny_parts

DEVICE = torch.device("cpu:0")
UNET: Any = tiny_parts().unet
GIVEN = (torch.randn(1, 4, 8, 8), torch.tensor(7), torch.randn(1, 5, 16))
WHOLE = module_bytes(UNET)


def own_blocks(module: nn.Module) -> set[int]:
    return {weight.data_ptr() for weight in module.parameters()}


@torch.no_grad()
def computed(network: Any) -> torch.Tensor:
    made: torch.Tensor = network(*GIVEN).sample
    return made


def test_what_fits_is_copied_whole() -> None:
    placed = place(UNET, DEVICE, WHOLE)
    assert (placed.nbytes, placed.whole) == (WHOLE, True)
    assert not own_blocks(placed.module) & own_blocks(UNET)
    assert torch.equal(computed(placed.module), computed(UNET))


@pytest.mark.parametrize("share", [0.9, 0.5, 0.3])
def test_what_does_not_fit_stays_within_the_room_and_computes_alike(share: float) -> None:
    room = int(WHOLE * share)
    placed = place(UNET, DEVICE, room)
    assert not placed.whole
    assert placed.nbytes <= room
    shared = own_blocks(placed.module) & own_blocks(UNET)
    there = sum(w.nbytes for w in placed.module.parameters() if w.data_ptr() not in shared)
    # All of the room is used, but for less than a layer.
    assert there < placed.nbytes
    assert room - placed.nbytes < module_bytes(UNET.conv_in) * 40
    assert torch.equal(computed(placed.module), computed(UNET))


def test_without_any_room_every_layer_is_brought() -> None:
    placed = place(UNET, DEVICE, 0)
    assert own_blocks(placed.module) == own_blocks(UNET)
    largest = max(
        sum(weight.nbytes for weight in layer.parameters(recurse=False)) for layer in UNET.modules()
    )
    assert placed.nbytes == largest
    assert torch.equal(computed(placed.module), computed(UNET))


def test_layers_that_are_brought_are_brought_to_the_device() -> None:
    layers = nn.Sequential(nn.Linear(2, 2), nn.Linear(8, 8), nn.Linear(8, 8))
    # Room for the small one, and for a large one at a time.
    placed: Any = place(layers, torch.device("meta"), 24 + 288)
    assert [layer.weight.device.type for layer in placed.module] == ["meta"] * 3
    kept = [weight.device.type for weight in placed.module.parameters()]
    assert kept == ["meta"] * 2 + ["cpu"] * 4


def test_8_bits_are_placed_in_8_bits() -> None:
    kept = kept_in(UNET, torch.float8_e4m3fn)
    for room in (WHOLE, 0):
        placed = place(kept, DEVICE, room)
        assert module_bytes(placed.module) == module_bytes(kept)
        assert torch.equal(computed(placed.module), computed(kept))


def test_weights_in_use_as_they_are_found_are_never_changed() -> None:
    before = {name: weight.clone() for name, weight in UNET.state_dict().items()}
    for room in (0, WHOLE // 2, WHOLE):
        computed(place(UNET, DEVICE, room).module)
    assert all(torch.equal(weight, before[n]) for n, weight in UNET.state_dict().items())


def test_modules_are_found_in_what_flows_on_wires() -> None:
    one, two = nn.Linear(1, 1), nn.Linear(1, 1)
    vae = Vae(one, LatentFormat(4, 1.0), "float32", "key")
    tokens: Any = None
    assert list(modules_of(vae)) == [one]
    assert list(modules_of(Clip(one, tokens, "key", second=two))) == [one, two]
    net = ControlNet(two, "float32", "key")
    cond = Cond(torch.zeros(1, 1, 1), controls=(Control(net, torch.zeros(1, 3, 8, 8)),))
    assert list(modules_of(Conditioning((cond,)))) == [two]
    assert list(modules_of("text")) == []
    assert list(modules_of((missing_clip("file", "key"), vae))) == [one]


def test_weights_of_no_bytes_are_not_read_ahead() -> None:
    layer: Any = nn.Linear(1, 1, bias=False)
    layer.weight = nn.Parameter(torch.empty(0, 4))
    assert read_ahead(layer) == 0


def test_reading_ahead_brings_mapped_weights_into_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save_file({"weight": torch.ones(512, 1024)}, path)
    layer: Any = nn.Linear(1, 1, bias=False)
    layer.weight = nn.Parameter(read_weights(path, lambda _: True)["weight"], requires_grad=False)
    before = resident_kilobytes(path)
    assert read_ahead(layer) == 512 * 1024 * 4
    if sys.platform == "linux":
        assert before < 1024
        assert resident_kilobytes(path) >= 2048


def resident_kilobytes(path: Path) -> int:
    """Count what of a file's mapping is in this process's memory; 0 where nothing tells."""
    maps = Path("/proc/self/smaps")
    found, counting = 0, False
    for line in maps.read_text().splitlines() if maps.exists() else ():
        if "-" in line.split(" ")[0]:
            counting = line.endswith(str(path))
        elif counting and line.startswith("Rss:"):
            found += int(line.split()[1])
    return found
