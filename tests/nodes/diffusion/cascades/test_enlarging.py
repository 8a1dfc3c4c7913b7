"""Enlarged tiles are coded as parts of their whole; `test_cascade` and others run the rest."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from nodes import cascade
from nodes.diffusion.files.checkpoint import load_checkpoint
from nodes.diffusion.model_sampling import ModelSampling
from nodes.diffusion.vae import decode_once, encode_once
from nodes.imaging.tiles import Piece, Tile, blended, tiles
from nodes.super_resolution import cascade_stage_diffusion
from nodes.types import DiffusionUpscaler, Image, Latent, Model, Vae
from tests.nodes.diffusion.tiny_sampling import Told
from tests.nodes.test_cascade import MINIATURE

TILE, OVERLAP = 128, 32


class Doubling(nn.Module):
    """A network whose clean estimate is what it sees beside the latent."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.config = SimpleNamespace(in_channels=8)

    def forward(self, x: Tensor, timestep: Tensor, **_: Any) -> tuple[Tensor]:
        return (x[:, 4:],)


@pytest.fixture(scope="module")
def vae() -> Vae:
    return load_checkpoint(MINIATURE, "float32").vae


@pytest.fixture(scope="module")
def upscaler(vae: Vae) -> DiffusionUpscaler:
    sampling = ModelSampling.from_betas(prediction="sample")
    model = Model(Doubling(), sampling, vae.latent_format, "float32", "doubling")
    return DiffusionUpscaler(model, scale=2, kind="latent", vae=vae)


def picture() -> Image:
    """A picture that is dark at the left, and bright and lively at the right."""
    coarse = torch.rand(1, 3, 6, 6, generator=torch.Generator().manual_seed(3))
    coarse[..., :3] = coarse[..., :3] * 0.2
    return Image(interpolate(coarse, (128, 128), mode="bilinear"))


def doubled(cells: Tensor) -> Tensor:
    return interpolate(cells, scale_factor=2, mode="nearest")


def apart(made: Tensor, whole: Tensor) -> float:
    """Say how far the colours of squares are from those of the whole, in its spread."""
    squares, expected = (avg_pool2d(pixels, TILE // 2) for pixels in (made, whole))
    return float((squares - expected).abs().mean() / whole.std())


@pytest.mark.parametrize("encoded", [True, False])
def test_tiles_do_not_shift_in_colour(upscaler: DiffusionUpscaler, vae: Vae, encoded: bool) -> None:
    small = encode_once(vae, picture().pixels)
    start: dict[str, Any] = {"latent": Latent(small)} if encoded else {"image": picture()}

    def enlarged(tile: int) -> Tensor:
        stage = cascade_stage_diffusion(upscaler, steps=1, tile_size=tile, overlap=OVERLAP)
        made = cascade.run_cascade_stage(stage, **start, ctx=Told())
        assert isinstance(made, Image)
        return made.pixels

    def alone(place: Tile) -> Tensor:
        cells = place.of(small)
        if not encoded:
            cells = encode_once(vae, place.scaled(8).of(picture().pixels))
        return decode_once(vae, doubled(cells))

    whole, tiled = enlarged(4096), enlarged(TILE)
    assert torch.allclose(whole, decode_once(vae, doubled(small)), atol=1e-4)
    places = tiles(16, 16, TILE // 16, OVERLAP // 16)
    pieces = (Piece(0, place.scaled(16), alone(place)) for place in places)
    own = blended(pieces, tuple(whole.shape), OVERLAP)
    assert apart(tiled, whole) < 0.7 * apart(own, whole)


def test_a_picture_of_one_tile_is_coded_with_its_own_statistics(
    upscaler: DiffusionUpscaler, vae: Vae
) -> None:
    small = encode_once(vae, picture().pixels)[..., :8, :8]
    stage = cascade_stage_diffusion(upscaler, steps=1, tile_size=TILE, overlap=OVERLAP)
    made = cascade.run_cascade_stage(stage, latent=Latent(small), ctx=Told())
    assert isinstance(made, Image)
    assert torch.allclose(made.pixels, decode_once(vae, doubled(small)), atol=1e-4)
