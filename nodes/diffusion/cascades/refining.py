"""Refining tile by tile: pictures, or latents, are redone in part as image-to-image does.

What is given is coded with the statistics of a reduced copy of it, what is made with its own.
"""

from collections.abc import Iterator
from functools import lru_cache

from torch import Tensor

from nodes.diffusion.cascades.latent_work import LatentWork
from nodes.diffusion.cascades.tiled_sampling import TilePass, guider_on_tile, in_cells
from nodes.diffusion.latent_space import moved
from nodes.diffusion.vae import decode_once, encode_once
from nodes.diffusion.vae_tiles import with_statistics_of_copy
from nodes.imaging.colour import matched
from nodes.imaging.on_disk import TiledWork
from nodes.imaging.tiles import Tile, tiles
from nodes.types import Vae


def refining(tile_pass: TilePass, vae: Vae, source: Tensor, *, encoded: bool = False) -> LatentWork:
    """Redo pictures in part: encode, add noise, sample, decode.

    Args:
        tile_pass: Its model works in the VAE's latents.
        vae: On the device; its latents may differ in scale from the model's.
        source: (B, 3, H, W) in [0, 1], sides multiples of the VAE's downscale.
        encoded: `source` is latents (B, C, h, w) in the model's space instead.
    """
    form, own = vae.latent_format, tile_pass.guider.model.latent_format
    scale = form.downscale
    height, width = (side * scale if encoded else side for side in source.shape[-2:])
    size, overlap = in_cells(tile_pass, scale)
    cells = tiles(height // scale, width // scale, size, overlap)

    @lru_cache(maxsize=1)
    def settled(index: int) -> Vae:
        if len(cells) == 1:
            return vae
        whole = source[index : index + 1]
        return with_statistics_of_copy(vae, whole, size, own if encoded else None)

    def given(index: int, place: Tile) -> Tensor:
        return (place if encoded else place.scaled(scale)).of(source[index : index + 1])

    def make(index: int, place: Tile) -> Iterator[Tensor | None]:
        latent = given(index, place)
        if not encoded:
            latent = moved(encode_once(settled(index), latent), form, own)
        here = guider_on_tile(tile_pass.guider, place.scaled(scale), height, width)
        return tile_pass.sampled(latent, here, place, index)

    def finished(pixels: Tensor, index: int, place: Tile) -> Tensor:
        like = given(index, place)
        if encoded and tile_pass.colours != "none":
            like = decode_once(settled(index), moved(like, own, form))
        return matched(pixels, like, tile_pass.colours)

    sampled = TiledWork(
        shape=(len(source), own.channels, height // scale, width // scale),
        places=cells,
        overlap=overlap,
        steps=tile_pass.steps,
        make=make,
    )
    return LatentWork(sampled, own, vae, finished)
