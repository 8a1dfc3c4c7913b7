"""Tiles of a VAE come together as the whole."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from nodes.diffusion import vae as coding
from nodes.diffusion.vae_tiles import (
    decode_tiles,
    encode_tiles,
    reduced,
    steps,
    tile_sizes,
    with_statistics_of,
)
from nodes.imaging.tiles import blended
from nodes.types import LatentFormat, Vae
from tests.nodes.diffusion.tiny_models import tiny_parts


def vae() -> Vae:
    return Vae(tiny_parts().vae, LatentFormat(4, 0.5), "float32", "tiny")


def random(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(3))


def decoded(samples: Tensor, size: int, overlap: int, by: Vae | None = None) -> Tensor:
    made = list(decode_tiles(by or vae(), samples, size, overlap))
    batch, _, height, width = samples.shape
    assert len(made) == steps(batch, height, width, size, overlap)
    pieces = (piece for piece in made if piece is not None)
    return blended(pieces, (batch, 3, height * 8, width * 8), overlap * 8)


def encoded(pixels: Tensor, size: int, overlap: int) -> Tensor:
    made = encode_tiles(vae(), pixels, size, overlap)
    shape = (len(pixels), 4, pixels.shape[-2] // 8, pixels.shape[-1] // 8)
    return blended((piece for piece in made if piece is not None), shape, overlap)


def without_norms() -> Vae:
    """A VAE in which each cell sees its neighbours only."""
    network: Any = tiny_parts().vae.__class__(**dict(tiny_parts().vae.config))
    network.load_state_dict(tiny_parts().vae.state_dict())

    def strip(module: torch.nn.Module) -> None:
        for name, child in module.named_children():
            if isinstance(child, torch.nn.GroupNorm):
                setattr(module, name, torch.nn.Identity())
            else:
                strip(child)

    strip(network)
    return replace(vae(), network=network)


def test_one_tile_is_the_whole_exactly() -> None:
    samples = random(2, 4, 6, 8)
    whole = [next(coding.decode(vae(), sample)) for sample in samples.split(1)]
    assert torch.equal(decoded(samples, 8, 2), torch.cat(whole))
    pixels = random(2, 3, 48, 64)
    whole = [next(coding.encode(vae(), picture)) for picture in pixels.split(1)]
    assert torch.equal(encoded(pixels, 8, 2), torch.cat(whole))


def test_away_from_seams_tiles_are_the_whole_where_nothing_is_normalised() -> None:
    samples = random(1, 4, 24, 24)
    plain = without_norms()
    whole = next(coding.decode(plain, samples))
    tiled = decoded(samples, 16, 4, plain)
    assert torch.allclose(tiled[..., :32, :32], whole[..., :32, :32], atol=1e-5)


def test_statistics_of_the_whole_bring_tiles_nearer_to_it() -> None:
    samples = random(1, 4, 24, 24) * 2 - 1
    samples[..., 12:] = 0.7
    whole = next(coding.decode(vae(), samples))
    alone = [
        replace(piece, plane=next(coding.decode(vae(), piece.tile.scaled(1, 8).of(samples))))
        for piece in decode_tiles(vae(), samples, 16, 4)
        if piece is not None
    ]
    apart = (blended(alone, (1, 3, 192, 192), 32) - whole).abs().mean()
    together = (decoded(samples, 16, 4) - whole).abs().mean()
    assert together < 0.8 * apart


def test_attention_in_the_middle_is_normalised_by_the_whole_too() -> None:
    torch.manual_seed(0)
    make: Any = tiny_parts().vae.__class__
    network = make(**{**tiny_parts().vae.config, "mid_block_add_attention": True}).eval()
    attentive = replace(vae(), network=network.requires_grad_(False))
    samples = random(1, 4, 24, 24)
    whole = next(coding.decode(attentive, samples))
    tiled = decoded(samples, 16, 4, attentive)
    assert (tiled - whole).abs().mean() < 0.25 * whole.std()


def test_fixed_statistics_are_those_of_the_work_whatever_comes() -> None:
    samples = random(1, 4, 12, 12)
    settled = with_statistics_of(vae(), lambda one: next(coding.decode(one, samples)))
    whole = next(coding.decode(vae(), samples))
    assert torch.allclose(next(coding.decode(settled, samples)), whole, atol=1e-5)
    other = torch.full((1, 4, 12, 12), 0.9)
    apart = next(coding.decode(settled, other)) - next(coding.decode(vae(), other))
    assert apart.abs().max() > 0.01


def test_each_picture_of_a_batch_has_its_own_statistics() -> None:
    samples = torch.cat([random(1, 4, 12, 12), torch.full((1, 4, 12, 12), 0.9)])
    both = decoded(samples, 8, 2)
    assert torch.allclose(both[:1], decoded(samples[:1], 8, 2), atol=1e-5)
    assert torch.allclose(both[1:], decoded(samples[1:], 8, 2), atol=1e-5)


def test_the_network_itself_is_left_as_it_was() -> None:
    kinds = [type(module) for module in tiny_parts().vae.modules()]
    decoded(random(1, 4, 12, 12), 8, 2)
    assert [type(module) for module in tiny_parts().vae.modules()] == kinds


def test_sizes_in_pixels_become_cells_with_an_overlap_that_fits() -> None:
    assert tile_sizes(512, 64, 8) == (64, 8)
    assert tile_sizes(64, 4096, 8) == (8, 2)
    assert tile_sizes(64, 32, 8) == (8, 2)


def test_steps_count_both_rounds() -> None:
    assert steps(3, 8, 8, 8, 2) == 3
    assert steps(3, 9, 8, 8, 2) == 3 * 2 * 2


@pytest.mark.parametrize(
    ("height", "width", "side", "multiple", "wanted"),
    [
        (512, 1024, 256, 8, (128, 256)),
        (1024, 328, 256, 8, (256, 80)),
        (1000, 8, 64, 8, (64, 8)),
        (24, 48, 16, 1, (8, 16)),
    ],
)
def test_sides_of_a_reduced_copy_are_multiples(
    height: int, width: int, side: int, multiple: int, wanted: tuple[int, int]
) -> None:
    planes = torch.rand(1, 3, height, width)
    made = reduced(planes, side, multiple)
    assert made.shape == (1, 3, *wanted)
    assert torch.allclose(made.mean(), planes.mean(), atol=0.02)


def test_what_is_small_enough_stays() -> None:
    planes = torch.rand(1, 3, 64, 48)
    assert reduced(planes, 64, 8) is planes
