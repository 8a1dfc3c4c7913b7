"""Pictures are parted into tiles and put together again without a trace."""

import pytest
import torch

from nodes.errors import NodeError
from nodes.imaging.tiles import strided_tiles
from nodes.tiling import merge_tiles, split_to_tiles
from nodes.types import Image

PICTURES = Image(torch.rand(2, 3, 150, 200, generator=torch.Generator().manual_seed(0)))


@pytest.mark.parametrize(
    ("length", "size", "overlap", "starts"),
    [
        (200, 64, 16, [0, 48, 96, 136]),
        (128, 64, 0, [0, 64]),
        (130, 64, 0, [0, 64, 66]),
        (256, 128, 64, [0, 64, 128]),
        (96, 64, 60, [0, 16, 32]),
        (96, 64, 100, [0, 16, 32]),
        (50, 64, 16, [0]),
    ],
)
def test_tiles_begin_where_the_fields_do(
    length: int, size: int, overlap: int, starts: list[int]
) -> None:
    places = strided_tiles(length, 8, size, 8, overlap)
    assert [place.top for place in places] == starts
    assert {place.bottom - place.top for place in places} == {min(size, length)}


@pytest.mark.parametrize(
    ("wide", "tall", "overlap"),
    [(64, 64, 16), (64, 64, 0), (64, 64, 1), (64, 64, 60), (100, 64, 100), (512, 512, 128)],
)
def test_what_was_parted_becomes_whole_again(wide: int, tall: int, overlap: int) -> None:
    parts = split_to_tiles(PICTURES, wide, tall, overlap)
    whole = merge_tiles(list(parts), 200, 150, overlap)
    assert torch.allclose(whole.pixels, PICTURES.pixels, atol=1e-6)


def test_tiles_fade_as_the_fields_do() -> None:
    """Of a white tile among black ones: levels of 8 bits, recorded of the field's own program."""
    tiles = [Image(torch.full((1, 3, 64, 64), float(index == 0))) for index in range(4)]
    levels = (merge_tiles(tiles, 160, 64, 32).pixels[0, 0, 32] * 255).tolist()
    assert levels[:32] == [255] * 32
    recorded = [254, 242, 231, 221, 211, 202, 194, 186, 178, 171, 164, 157, 150, 143, 137, 130]
    assert levels[32:48] == pytest.approx(recorded, abs=1)
    assert levels[64:] == [0] * 96


def test_tiles_that_make_no_picture_are_told() -> None:
    parts = list(split_to_tiles(PICTURES, 64, 64, 16))
    with pytest.raises(NodeError, match="12 tiles of 64 × 64, and 11 came"):
        merge_tiles(parts[1:], 200, 150, 16)
    with pytest.raises(NodeError, match="differ"):
        merge_tiles([*parts[1:], PICTURES], 200, 150, 16)
    with pytest.raises(NodeError, match="no tiles"):
        merge_tiles([], 200, 150, 16)
