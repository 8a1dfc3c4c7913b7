"""Pictures, masks and latents."""

from dataclasses import dataclass

from torch import Tensor

from nodes.api import wire
from nodes.types.tensor_file import STORED, stored


@wire("IMAGE", codec=STORED)
@stored
@dataclass(frozen=True, eq=False)
class Image:
    """A batch of pictures.

    Attributes:
        pixels: float32 (B, 3|4, H, W), RGB or RGBA (not premultiplied) in [0, 1], on the CPU.
    """

    pixels: Tensor


@wire("MASK", codec=STORED, usual="LoadImageMask")
@stored
@dataclass(frozen=True, eq=False)
class Mask:
    """A batch of masks.

    Attributes:
        values: float32 (B, 1, H, W) in [0, 1], 1 = to be painted, on the CPU.
    """

    values: Tensor


@stored
@dataclass(frozen=True)
class LatentFormat:
    """The space a VAE encodes to, and how to see it without one.

    Attributes:
        channels: Latent channels.
        scaling_factor: Scaled latents are (raw - shift) * scaling_factor; see also `means`.
        downscale: Pixels per latent cell along each side.
        shift: See scaling_factor.
        rgb: For each latent channel, what it adds to red, green and blue in [-1, 1]; empty if
            not known.
        rgb_bias: Red, green and blue of a zero latent.
        means: For each channel, what is taken off raw latents before they are scaled; 0 if empty.
        deviations: For each channel, what they are then divided by; 1 if empty.
    """

    channels: int
    scaling_factor: float
    downscale: int = 8
    shift: float = 0.0
    rgb: tuple[tuple[float, float, float], ...] = ()
    rgb_bias: tuple[float, float, float] = (0.0, 0.0, 0.0)
    means: tuple[float, ...] = ()
    deviations: tuple[float, ...] = ()


@wire("LATENT", codec=STORED, usual="EmptyLatentImage")
@stored
@dataclass(frozen=True, eq=False)
class Latent:
    """A batch of latents.

    Attributes:
        samples: float32 (B, C, h, w) in a scaled latent space, on the CPU.
        mask: Where to sample, at any resolution; None samples everywhere.
        batch_index: The place of each element in the batch it was cut from, which fixes its noise.
        space: The latent space, as far as it is known; None is that of whoever reads it. A VAE's
            file does not tell its scale, so that a model's may differ; readers convert.
    """

    samples: Tensor
    mask: Mask | None = None
    batch_index: tuple[int, ...] | None = None
    space: LatentFormat | None = None


@wire("BOUNDING_BOX", codec=STORED, usual="PrimitiveBoundingBox")
@stored
@dataclass(frozen=True)
class BoundingBox:
    """A rectangle of a picture, in pixels from its top left corner."""

    x: int
    y: int
    width: int
    height: int
