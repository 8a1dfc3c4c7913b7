"""Networks that enlarge pictures, and their work on pictures of any size, tile by tile.

Wang et al. 2018, ESRGAN, arXiv:1809.00219, and Wang et al. 2021, Real-ESRGAN: Training Real-World
Blind Super-Resolution with Pure Synthetic Data, arXiv:2107.10833.
"""

from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from nodes.diffusion.memory.by_layer import work_place
from nodes.imaging.on_disk import TiledWork
from nodes.imaging.resize import padded_to_multiple
from nodes.imaging.tiles import Tile, tiles
from nodes.types import UpscaleModel

# A tile's result has at most this side in pixels: with 64 features in float32 a plane of it takes
# 256 MiB, and a few such planes are the whole need.
TILE_RESULT = 1024
# What neighbouring tiles share, in pixels of the picture: about as far as these networks look.
OVERLAP = 32
# How much of the residual is added, everywhere in ESRGAN.
_RESIDUAL_SCALE = 0.2
# Convolutions of a dense block.
_DENSE = 5


class DenseBlock(nn.Module):
    """Five convolutions, each of which sees all before it.

    Args:
        features: Channels in and out.
        growth: Channels that each convolution but the last adds.
    """

    def __init__(self, features: int, growth: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            nn.Conv2d(
                features + index * growth, growth if index < _DENSE - 1 else features, 3, padding=1
            )
            for index in range(_DENSE)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Compute (B, features, H, W) from the same shape."""
        seen = x
        for conv in self.convs[:-1]:
            seen = torch.cat([seen, _leaky(conv(seen))], dim=1)
        last: Tensor = self.convs[-1](seen)
        return x + _RESIDUAL_SCALE * last


class RRDB(nn.Module):
    """A residual in residual dense block: three dense blocks, and a way past them."""

    def __init__(self, features: int, growth: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(DenseBlock(features, growth) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        """Compute (B, features, H, W) from the same shape."""
        made = x
        for block in self.blocks:
            made = block(made)
        return x + _RESIDUAL_SCALE * made


class RRDBNet(nn.Module):
    """The generator of ESRGAN and Real-ESRGAN.

    Args:
        channels: Of pictures, in and out.
        features: Channels within.
        blocks: How many RRDBs.
        growth: See DenseBlock.
        doublings: How often the sides are doubled at the end.
        folded: How many pixels a side are folded into channels at the beginning; Real-ESRGAN's
            networks for ×2 and ×1 fold 2 and 4, and then enlarge by 4.
    """

    def __init__(
        self, channels: int, features: int, blocks: int, growth: int, doublings: int, folded: int
    ) -> None:
        super().__init__()
        self.folded = folded
        self.first = nn.Conv2d(channels * folded**2, features, 3, padding=1)
        self.trunk = nn.ModuleList(RRDB(features, growth) for _ in range(blocks))
        self.trunk_end = nn.Conv2d(features, features, 3, padding=1)
        self.ups = nn.ModuleList(
            nn.Conv2d(features, features, 3, padding=1) for _ in range(doublings)
        )
        self.fine = nn.Conv2d(features, features, 3, padding=1)
        self.last = nn.Conv2d(features, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Enlarge (B, channels, H, W) in [0, 1]."""
        height, width = x.shape[-2:]
        whole = padded_to_multiple(x, self.folded)
        shallow: Tensor = self.first(functional.pixel_unshuffle(whole, self.folded))
        deep = shallow
        for block in self.trunk:
            deep = block(deep)
        features = shallow + self.trunk_end(deep)
        for up in self.ups:
            doubled = functional.interpolate(features, scale_factor=2, mode="nearest")
            features = _leaky(up(doubled))
        made: Tensor = self.last(_leaky(self.fine(features)))
        scale = 2 ** len(self.ups) // self.folded
        return made[..., : height * scale, : width * scale]


class CompactNet(nn.Module):
    """Real-ESRGAN's small network: convolutions in a row, added to the nearest pixels.

    Args:
        channels: Of pictures, in and out.
        features: Channels within.
        convolutions: Between the first and the last.
        scale: Factor on the sides.
    """

    def __init__(self, channels: int, features: int, convolutions: int, scale: int) -> None:
        super().__init__()
        self.scale = scale
        widths = [channels, *[features] * (convolutions + 1)]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Conv2d(before, after, 3, padding=1), nn.PReLU(after)]
        layers.append(nn.Conv2d(features, channels * scale**2, 3, padding=1))
        self.body = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Enlarge (B, channels, H, W) in [0, 1]."""
        detail = functional.pixel_shuffle(self.body(x), self.scale)
        return detail + functional.interpolate(x, scale_factor=self.scale, mode="nearest")


def tile_side(scale: int, result: int = TILE_RESULT) -> int:
    """Give the side of a tile in pixels of the picture, from the side that its result may have."""
    return max(2 * OVERLAP, result // scale)


def upscaling(model: UpscaleModel, pixels: Tensor, size: int) -> TiledWork:
    """Enlarge pictures tile by tile, in the memory of one tile.

    Args:
        model: On the device to compute on.
        pixels: (B, 3, H, W) in [0, 1].
        size: Side of a tile in pixels, above OVERLAP.

    Returns:
        Work whose result is in [0, 1].
    """
    batch, channels, height, width = pixels.shape
    scale = model.scale

    def make(index: int, place: Tile) -> Iterator[Tensor | None]:
        yield upscale_once(model, place.scaled(1, scale).of(pixels[index : index + 1]))

    return TiledWork(
        shape=(batch, channels, height * scale, width * scale),
        places=[place.scaled(scale) for place in tiles(height, width, size, OVERLAP)],
        overlap=OVERLAP * scale,
        steps=0,
        make=make,
    )


@torch.no_grad()
def upscale_once(model: UpscaleModel, pixels: Tensor) -> Tensor:
    """Enlarge pictures (B, 3, H, W) in [0, 1] all at once; float32 on the CPU."""
    made: Tensor = model.network(pixels.to(*work_place(model.network)))
    return made.float().cpu().clamp(0, 1)


def _leaky(x: Tensor) -> Tensor:
    return functional.leaky_relu(x, 0.2)
