"""Tiles cover the plane and come together as it was."""

import itertools

import pytest
import torch

from nodes.imaging.tiles import Piece, blended, tiles


@pytest.mark.parametrize(
    ("height", "width", "size", "overlap"),
    [(10, 10, 4, 1), (8, 8, 8, 2), (3, 20, 8, 3), (65, 64, 64, 8), (100, 7, 16, 15)],
)
def test_tiles_cover_the_plane_with_at_least_their_overlap(
    height: int, width: int, size: int, overlap: int
) -> None:
    made = tiles(height, width, size, overlap)
    seen = torch.zeros(height, width)
    for tile in made:
        assert tile.bottom - tile.top == min(size, height)
        assert tile.right - tile.left == min(size, width)
        tile.of(seen).add_(1)
    assert seen.min() >= 1
    rows = sorted({(tile.top, tile.bottom) for tile in made})
    for (_, end), (start, _) in itertools.pairwise(rows):
        assert end - start >= overlap


def test_no_more_tiles_than_needed() -> None:
    assert len(tiles(64, 64, 64, 8)) == 1
    assert len(tiles(120, 64, 64, 8)) == 2
    assert len(tiles(121, 64, 64, 8)) == 3


@pytest.mark.parametrize("overlap", [-1, 8, 9])
def test_an_overlap_that_leaves_no_step_is_refused(overlap: int) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        tiles(20, 20, 8, overlap)


@pytest.mark.parametrize("overlap", [0, 1, 3])
def test_pieces_cut_from_a_whole_give_it_back(overlap: int) -> None:
    whole = torch.rand(2, 3, 13, 17)
    pieces = [
        Piece(index, tile, tile.of(whole[index : index + 1]))
        for index in range(2)
        for tile in tiles(13, 17, 6, overlap)
    ]
    assert torch.allclose(blended(pieces, whole.shape, overlap), whole, atol=1e-6)


def test_one_piece_fades_into_the_other() -> None:
    left, right = tiles(1, 10, 6, 2)
    pieces = [Piece(0, left, torch.zeros(1, 1, 1, 6)), Piece(0, right, torch.ones(1, 1, 1, 6))]
    row = blended(pieces, (1, 1, 1, 10), 2)[0, 0, 0]
    assert torch.all(row.diff() >= 0)
    assert torch.allclose(row[4:6], torch.tensor([1 / 3, 2 / 3]))


def test_a_tile_is_scaled_to_another_plane() -> None:
    tile = tiles(10, 10, 4, 1)[-1]
    assert tile.scaled(8).scaled(1, 8) == tile
