"""Picture files that move: frames written as animated PNG or WebP, with their texts."""

from collections.abc import Mapping
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo
from torch import Tensor

from nodes.imaging.picture_files import eight_bits

# EXIF tags that hold texts in pictures of the field: "prompt" in the first, others before it.
_FIRST_TAG, _OTHER_TAGS = 0x0110, 0x010F


def write_animated_png(
    path: Path, pixels: Tensor, texts: Mapping[str, str], fps: float, level: int
) -> None:
    """Write frames as one animated PNG.

    Args:
        path: Where to.
        pixels: (B, 3|4, H, W) in [0, 1].
        texts: Text chunks, by keyword.
        fps: Frames a second.
        level: How hard zlib tries, from 0 to 9.
    """
    chunks = PngInfo()
    for keyword, text in texts.items():
        chunks.add_text(keyword, text)
    first, *rest = _frames(pixels)
    first.save(
        path,
        format="PNG",
        save_all=True,
        append_images=rest,
        duration=1000 / fps,
        compress_level=level,
        pnginfo=chunks,
    )


def write_animated_webp(
    path: Path,
    pixels: Tensor,
    texts: Mapping[str, str],
    fps: float,
    options: Mapping[str, int | bool],
) -> None:
    """Write frames as one animated WebP, its texts as EXIF fields `keyword:text`.

    Args:
        path: Where to.
        pixels: (B, 3|4, H, W) in [0, 1].
        texts: What to embed, by keyword.
        fps: Frames a second.
        options: Of Pillow's encoder: lossless, quality, method.
    """
    first, *rest = _frames(pixels)
    exif = first.getexif()
    others = [keyword for keyword in texts if keyword != "prompt"]
    tags = {"prompt": _FIRST_TAG} | {word: _OTHER_TAGS - i for i, word in enumerate(others)}
    for keyword, text in texts.items():
        exif[tags[keyword]] = f"{keyword}:{text}"
    first.save(
        path,
        format="WEBP",
        save_all=True,
        append_images=rest,
        duration=round(1000 / fps),
        exif=exif,
        **options,
    )


def _frames(pixels: Tensor) -> list[Image.Image]:
    return [Image.fromarray(eight_bits(frame)) for frame in pixels]
