"""Upscaling nodes give the whole from tiles, and tell what they do."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from nodes.api import NodeSpec
from nodes.diffusion.cascades.upscalers import OVERLAP, TILE_RESULT, CompactNet, tile_side
from nodes.imaging.tiles import tiles
from nodes.types import Image, UpscaleModel
from nodes.upscale import image_upscale_with_model, upscale_model_loader
from tests.nodes.diffusion.cascades.test_upscalers import basic_sr, esrgan
from tests.nodes.folder_context import FolderContext


def small() -> UpscaleModel:
    """A network that looks three pixels far."""
    torch.manual_seed(0)
    network: nn.Module = CompactNet(3, 4, 1, 4).requires_grad_(False).eval()
    return UpscaleModel(network, 4, "float32", "small")


def picture(height: int, width: int, channels: int = 3) -> Tensor:
    return torch.rand(1, channels, height, width, generator=torch.Generator().manual_seed(1))


def test_a_picture_of_one_tile_is_enlarged_whole(tmp_path: Path) -> None:
    (tmp_path / "upscale_models").mkdir()
    weights = basic_sr(2)
    save_file(weights, tmp_path / "upscale_models" / "a.safetensors")
    model = upscale_model_loader("a.safetensors", ctx=FolderContext(tmp_path))
    made = image_upscale_with_model(model, Image(picture(20, 30)))
    expected = esrgan(weights, picture(20, 30)).clamp(0, 1)
    assert torch.allclose(made.pixels, expected, atol=1e-5)


def test_tiles_come_together_to_the_whole_picture(tmp_path: Path) -> None:
    host = FolderContext(tmp_path)
    given = picture(300, 400)
    made = image_upscale_with_model(small(), Image(given), ctx=host).pixels
    whole = small().network(given).clamp(0, 1)
    assert len(tiles(300, 400, tile_side(4), OVERLAP)) == 4
    assert host.counted == [(4, 4)]
    # Only at the sides of tiles, where one weighs almost nothing, may anything differ.
    assert (made - whole).abs().mean() < 1e-4
    assert torch.allclose(made[..., :176, :576], whole[..., :176, :576], atol=1e-5)


def test_smaller_tiles_stand_by_for_want_of_memory(tmp_path: Path) -> None:
    spec: NodeSpec = vars(image_upscale_with_model)["__node__"]
    given = Image(picture(100, 200))
    whole = small().network(given.pixels).clamp(0, 1)
    counts = []
    for thriftier in spec.thriftier:
        host = FolderContext(tmp_path)
        made = thriftier(small(), given, ctx=host)
        assert (made.pixels - whole).abs().mean() < 1e-3
        counts.append(host.counted[0][0])
    assert counts == [2, 18]


def test_the_need_for_memory_does_not_grow_with_the_picture() -> None:
    seen: list[torch.Size] = []

    class Watched(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(1))

        def forward(self, x: Tensor) -> Tensor:
            seen.append(x.shape)
            return x.repeat_interleave(2, -1).repeat_interleave(2, -2)

    model = UpscaleModel(Watched(), 2, "float32", "watched")
    given = Image(picture(700, 1300).repeat(2, 1, 1, 1))
    made = image_upscale_with_model(model, given)
    assert torch.allclose(made.pixels[..., ::2, ::2], given.pixels, atol=1e-6)
    assert {shape[0] for shape in seen} == {1}
    assert max(side for shape in seen for side in shape[2:]) == 512
    assert len(seen) == 12


@pytest.mark.parametrize("scale", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("divisor", [1, 2, 4])
def test_tiles_are_always_larger_than_what_they_share(scale: int, divisor: int) -> None:
    assert tile_side(scale, TILE_RESULT // divisor) >= 2 * OVERLAP


def test_alpha_is_enlarged_beside_the_colours() -> None:
    given = picture(16, 24, 4)
    given[:, 3] = 0.25
    made: Any = image_upscale_with_model(small(), Image(given)).pixels
    assert made.shape == (1, 4, 64, 96)
    assert torch.allclose(made[:, 3], torch.tensor(0.25), atol=1e-5)
    colours = image_upscale_with_model(small(), Image(given[:, :3])).pixels
    assert torch.equal(made[:, :3], colours)


def test_a_network_that_gives_no_numbers_is_told(tmp_path: Path) -> None:
    broken = small()
    network: Any = broken.network
    network.body[0].weight.fill_(float("nan"))
    host = FolderContext(tmp_path)
    image_upscale_with_model(broken, Image(picture(8, 8)), ctx=host)
    assert host.warnings == ["The upscaler gave values that are not numbers."]
