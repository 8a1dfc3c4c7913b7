"""What prompts ask for, cut to tiles."""

import torch

from nodes.diffusion.cascades.tile_conditions import model_on_tile, on_tile
from nodes.diffusion.patches.patch import NetworkPatch, with_patch
from nodes.diffusion.patches.unet import free_u
from nodes.imaging.tiles import Tile
from nodes.types import Area, Cond, Conditioning, Control, ControlNet, Mask
from tests.nodes.diffusion.patches.test_unet import model

TEXT = torch.zeros(1, 2, 3)


def one(part: Cond, tile: Tile) -> tuple[Cond, ...]:
    return on_tile([Conditioning((part,))], tile, 100, 200)[0].parts


def test_an_area_is_told_in_the_tiles_pixels() -> None:
    part = Cond(TEXT, area=Area(width=100, height=50, x=80, y=20))
    (cut,) = one(part, Tile(10, 60, 100, 200))
    assert cut.area == Area(width=80, height=40, x=0, y=10)


def test_a_share_of_the_picture_becomes_pixels() -> None:
    part = Cond(TEXT, area=Area(width=0.5, height=1, x=0.5, y=0, relative=True))
    (cut,) = one(part, Tile(0, 50, 50, 150))
    assert cut.area == Area(width=50, height=50, x=50, y=0)


def test_parts_that_lie_elsewhere_say_nothing() -> None:
    left = Cond(TEXT, area=Area(width=50, height=100), strength=0.5)
    everywhere = Cond(TEXT)
    cut = on_tile([Conditioning((left, everywhere))], Tile(0, 100, 100, 200), 100, 200)
    assert [part.strength for part in cut[0].parts] == [1.0]


def test_where_no_part_lies_all_hold() -> None:
    left = Cond(TEXT, area=Area(width=50, height=100))
    (cut,) = one(left, Tile(0, 100, 100, 200))
    assert cut.area is None


def test_masks_and_hints_are_cut_at_their_own_resolution() -> None:
    mask = torch.zeros(1, 1, 50, 100)
    mask[..., 50:] = 1
    net = ControlNet(torch.nn.Identity(), "float32", "net")
    control = Control(net, torch.arange(400.0).expand(1, 3, 200, 400))
    part = Cond(TEXT, mask=Mask(mask), controls=(control,))
    cut = on_tile([Conditioning((part,)), Conditioning((part,))], Tile(20, 60, 80, 120), 100, 200)
    (first,), (second,) = cut[0].parts, cut[1].parts
    assert first.mask is not None
    assert first.mask.values.shape == (1, 1, 20, 20)
    assert first.mask.values[0, 0, 0].tolist() == [0.0] * 10 + [1.0] * 10
    assert first.controls[0].hint.shape == (1, 3, 80, 80)
    assert first.controls[0].hint[0, 0, 0, 0] == 160
    assert first.controls[0] is second.controls[0]


def test_a_mask_without_anything_here_is_left_out() -> None:
    mask = torch.zeros(1, 1, 100, 200)
    mask[..., :10] = 1
    cut = on_tile(
        [Conditioning((Cond(TEXT, mask=Mask(mask)), Cond(TEXT, strength=2)))],
        Tile(0, 100, 100, 200),
        100,
        200,
    )
    assert [part.strength for part in cut[0].parts] == [2]


def test_the_masks_of_patches_are_cut_to_the_tile() -> None:
    left = torch.zeros(1, 1, 50, 100)
    left[..., :50] = 1
    masked = NetworkPatch(free_u, {"mask": Mask(left), "weight": 0.5})
    plain = NetworkPatch(free_u, {"weight": 0.5, "mask": None})
    given = with_patch(model(), masked, plain)
    first, second = model_on_tile(given, Tile(0, 100, 80, 120), 100, 200).patches
    assert isinstance(first, NetworkPatch)
    assert first.options["mask"].values.shape == (1, 1, 50, 20)
    assert first.options["mask"].values[0, 0, 0].tolist() == [1] * 10 + [0] * 10
    assert first.options["weight"] == 0.5
    assert second is plain
    assert given.patches == (masked, plain)
