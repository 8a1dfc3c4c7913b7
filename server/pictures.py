"""Pictures from outside: told by their content, measured before they are decoded, made small.

The rule: nothing is decoded before its header has been held against the limits. Every function
here takes long and belongs in a thread.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps, PngImagePlugin, UnidentifiedImageError

from nodes.errors import FileProblem, NodeError
from server.disk import is_full

MOST_PIXELS = 200_000_000
"""Pixels of one picture where nothing else is said; they take 800 MB while they are decoded."""

FORMATS = {
    "PNG": ("image/png", (".png",)),
    "JPEG": ("image/jpeg", (".jpg", ".jpeg")),
    "WEBP": ("image/webp", (".webp",)),
    "GIF": ("image/gif", (".gif",)),
    "BMP": ("image/bmp", (".bmp",)),
    "TIFF": ("image/tiff", (".tif", ".tiff")),
}
"""What is read, by Pillow's name, with its type and its file name endings."""

_ORIENTATION = 0x0112
_TURNED = (5, 6, 7, 8)

# Pictures that carry a large workflow have text chunks over Pillow's default of 1 MiB.
PngImagePlugin.MAX_TEXT_CHUNK = 16 * 2**20
# The limit here is ours, checked in `opened`; Pillow's own only warns.
Image.MAX_IMAGE_PIXELS = None


@dataclass(frozen=True)
class Picture:
    """What the header of a picture says.

    Attributes:
        format: Pillow's name, one of `FORMATS`.
        width: In pixels, as it is shown.
        height: In pixels, as it is shown.
    """

    format: str
    width: int
    height: int

    @property
    def mime(self) -> str:
        """Return the media type."""
        return FORMATS[self.format][0]

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Return the file name endings that fit, the usual one first."""
        return FORMATS[self.format][1]


@contextmanager
def opened(source: Path, most_pixels: int = MOST_PIXELS) -> Iterator[Image.Image]:
    """Open a picture within the limits, not yet decoded.

    Raises:
        FileProblem: `picture.format`, `picture.broken` or `picture.size`, also for what goes wrong
            while the picture is used inside the `with`.
    """
    try:
        with Image.open(source, formats=tuple(FORMATS)) as image:
            if image.width * image.height > most_pixels:
                raise FileProblem(
                    f"The picture has {image.width} × {image.height} pixels; "
                    f"{most_pixels:,} are the most that are read here.",
                    hint="Make it smaller.",
                    code="picture.size",
                )
            yield image
    except UnidentifiedImageError as problem:
        raise FileProblem(
            "The file is not a picture that can be read here.",
            hint="PNG, JPEG, WebP, GIF, BMP and TIFF are read.",
            code="picture.format",
        ) from problem
    except (NodeError, FileNotFoundError):
        raise
    except Exception as problem:
        # A border: hostile bytes make the decoders raise nearly anything.
        if is_full(problem):
            raise
        raise FileProblem(
            "The picture is broken or cut off.",
            hint="Export or copy it again.",
            code="picture.broken",
        ) from problem


def measure(source: Path, most_pixels: int = MOST_PIXELS) -> Picture:
    """Read format and size from a picture's header.

    Raises:
        FileProblem: as `opened` does.
    """
    with opened(source, most_pixels) as image:
        width, height = image.size
        if image.getexif().get(_ORIENTATION, 1) in _TURNED:
            width, height = height, width
        return Picture(str(image.format), width, height)


def check(source: Path, most_pixels: int = MOST_PIXELS) -> Picture:
    """Measure a picture and decode it once, so that what is kept can be read.

    Raises:
        FileProblem: as `opened` does.
    """
    picture = measure(source, most_pixels)
    with opened(source, most_pixels) as image:
        image.load()
    return picture


def small(source: Path, size: int, most_pixels: int = MOST_PIXELS) -> bytes:
    """Return a picture as WebP that fits into a square.

    Args:
        source: The picture's file.
        size: The square's side in pixels.
        most_pixels: A larger picture is refused.

    Raises:
        FileProblem: as `opened` does.
        FileNotFoundError: when there is no such file.
    """
    with opened(source, most_pixels) as image:
        # JPEG decodes at an eighth of its size when that suffices.
        image.draft("RGB", (2 * size, 2 * size))
        shrunk = in_bytes(image)
        shrunk.thumbnail((size, size), Image.Resampling.LANCZOS, reducing_gap=2.0)
        turned = ImageOps.exif_transpose(shrunk)
        made = io.BytesIO()
        turned.save(made, "WEBP", quality=82, method=2)
        return made.getvalue()


def in_bytes(image: Image.Image) -> Image.Image:
    """Return a picture in 8 bits a channel: RGB, or RGBA where something is transparent."""
    grey = image if not image.mode.startswith("I") else image.point(_to_byte, "L")
    transparent = "A" in grey.getbands() or "transparency" in grey.info
    return grey.convert("RGBA" if transparent else "RGB")


def with_mask(original: Path, mask: Path, target: Path, most_pixels: int = MOST_PIXELS) -> Picture:
    """Write a picture as PNG with the alpha of another, keeping its text.

    Args:
        original: The picture whose colours are kept.
        mask: The picture, of the same size, whose alpha is taken; where it has none, its
            brightness stands for what is *not* to be painted.
        target: The file to write.
        most_pixels: A larger picture is refused.

    Raises:
        FileProblem: as `opened` does, and `picture.mask` when the sizes differ.
    """
    with opened(mask, most_pixels) as image:
        alpha = image.getchannel("A") if "A" in image.getbands() else image.convert("L")
        alpha.load()
    with opened(original, most_pixels) as image:
        text = PngImagePlugin.PngInfo()
        for key, value in getattr(image, "text", {}).items():
            text.add_text(key, value)
        coloured = ImageOps.exif_transpose(image).convert("RGB")
    if coloured.size != alpha.size:
        raise FileProblem(
            f"The mask has {alpha.width} × {alpha.height} pixels, "
            f"the picture {coloured.width} × {coloured.height}.",
            hint="Paint the mask at the picture's own size.",
            code="picture.mask",
        )
    coloured.putalpha(alpha)
    coloured.save(target, "PNG", pnginfo=text, compress_level=4)
    return Picture("PNG", *coloured.size)


def _to_byte(value: float) -> float:
    """Bring 16-bit grey to 8 bits."""
    return value * (1 / 256)
