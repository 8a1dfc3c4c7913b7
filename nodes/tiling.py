"""Tiling: part a picture into tiles, and put it together again."""

from typing import Annotated

from nodes.api import All, Each, Range, node
from nodes.errors import NodeError
from nodes.imaging.tiles import Piece, blended, sine_fade, strided_tiles
from nodes.types import Image

GROUP = "image"

Overlap = Annotated[int, Range(0, 4096)]


@node("SplitImageToTileList", title="Split into tiles", aliases=("grid", "cut", "for each"))
def split_to_tiles(
    image: Image,
    tile_width: Annotated[int, Range(64, 16_384)] = 1024,
    tile_height: Annotated[int, Range(64, 16_384)] = 1024,
    overlap: Overlap = 128,
) -> Each[Image]:
    """Part pictures into tiles that overlap: what takes a picture runs once for each.

    Args:
        image: The pictures; each tile is cut out of all of them.
        tile_width: Of a tile, in pixels; of the whole picture, where that is less.
        tile_height: Likewise.
        overlap: How many pixels neighbours share; at the right and at the bottom it may be more.

    Returns:
        image: The tiles, row by row.
    """
    height, width = image.pixels.shape[-2:]
    places = strided_tiles(height, width, tile_height, tile_width, overlap)
    return [Image(place.of(image.pixels)) for place in places]


@node("ImageMergeTileList", title="Merge tiles", aliases=("join", "stitch"))
def merge_tiles(
    image_list: All[Image],
    final_width: Annotated[int, Range(64, 32_768)] = 1024,
    final_height: Annotated[int, Range(64, 32_768)] = 1024,
    overlap: Overlap = 128,
) -> Image:
    """Put tiles together to the picture that they were parted from, fading one into the other.

    Args:
        image_list: The tiles, in the order of Split into tiles; all of one size.
        final_width: Of the picture, in pixels.
        final_height: Of the picture, in pixels.
        overlap: How many pixels neighbours share; where tiles were scaled, as many times more.

    Returns:
        image: The picture.
    """
    tiles = [image.pixels for image in image_list]
    if not tiles:
        raise NodeError("There are no tiles.", "Wire Split into tiles.", "tiles.count")
    count, channels, tall, wide = tiles[0].shape
    if any(tile.shape != tiles[0].shape for tile in tiles):
        raise NodeError(
            "The tiles differ in their size.", "Scale all of them in the same way.", "tiles.size"
        )
    places = strided_tiles(final_height, final_width, tall, wide, overlap)
    if len(places) != len(tiles):
        raise NodeError(
            f"A picture of {final_width} × {final_height} has {len(places)} tiles of"
            f" {wide} × {tall}, and {len(tiles)} came.",
            "Give the size and the overlap that it was parted with, times what tiles were scaled.",
            "tiles.count",
        )
    pieces = (
        Piece(index, place, tile[index : index + 1])
        for place, tile in zip(places, tiles, strict=True)
        for index in range(count)
    )
    shape = (count, channels, final_height, final_width)
    return Image(blended(pieces, shape, min(overlap, wide, tall), fade=sine_fade).clamp(0, 1))
