"""Make drawn pictures small: plainly, or as those found in the world may have been."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from training.pictures import draw, draw_anything, training_picture

WAYS = ("area", "bicubic", "worn")
# As small pictures are that a model has drawn: soft, ringing beside outlines, and grainy.
LIKE_DRAWN = "like drawn"


@dataclass(frozen=True)
class Flaws:
    """What a small picture suffers, each between two bounds.

    Attributes:
        blur: in pixels of the small picture.
        ringing: percent by which outlines are overdone again.
        noise: its spread in bytes.
    """

    blur: tuple[float, float]
    ringing: tuple[float, float]
    noise: tuple[float, float]


FLAWS = {
    "worn": Flaws((0.2, 0.6), (0.0, 0.0), (0.0, 5.0)),
    LIKE_DRAWN: Flaws((0.4, 1.1), (0.0, 120.0), (0.0, 8.0)),
}
RING = 2.0
KINDS = ("plain", "sized", "placed", "pair", "scene", "anything")
SHARES = (0.1, 0.15, 0.15, 0.15, 0.25, 0.2)
# Most of a picture is flat: of so many crops, the one that varies most is kept.
CHOICES = 3


def reduced(image: Image.Image, scale: int, how: str, rng: np.random.Generator) -> Image.Image:
    """Reduce a picture, whose sides `scale` divides, in one of `WAYS` or `LIKE_DRAWN`."""
    size = (image.width // scale, image.height // scale)
    if how == "area":
        return image.reduce(scale)
    if how == "bicubic":
        return image.resize(size, Image.Resampling.BICUBIC)
    flaws = FLAWS[how]
    blurred = image.filter(ImageFilter.GaussianBlur(scale * float(rng.uniform(*flaws.blur))))
    reduced_picture = blurred.reduce(scale)
    if flaws.ringing[1]:
        overdone = ImageFilter.UnsharpMask(RING, int(rng.uniform(*flaws.ringing)), threshold=0)
        reduced_picture = reduced_picture.filter(overdone)
    small = np.asarray(reduced_picture, dtype=np.float64)
    noisy = small + rng.normal(0, rng.uniform(*flaws.noise), small.shape)
    return Image.fromarray(noisy.round().clip(0, 255).astype(np.uint8))


def draw_crop(size: int, crop: int, rng: np.random.Generator) -> Image.Image:
    """Draw a training picture, `size` pixels a side, and cut a square where it varies."""
    kind = KINDS[int(rng.choice(len(KINDS), p=SHARES))]
    if kind == "anything":
        whole = draw_anything(rng, size)
    else:
        whole = draw(training_picture(kind, rng), size)
    corners = rng.integers(0, size - crop + 1, (CHOICES, 2))
    crops = [whole.crop((x, y, x + crop, y + crop)) for x, y in corners.tolist()]
    return max(crops, key=lambda each: float(np.asarray(each).std()))
