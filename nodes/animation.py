"""Animation: save a batch of pictures as one that moves."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated

from nodes.api import JSON, QUIET, Choice, Context, FileName, Range, node
from nodes.imaging.animated_files import write_animated_png, write_animated_webp
from nodes.types import Image

GROUP = "output"

FramesASecond = Annotated[float, Range(0.01, 1000, step=0.01)]
# How hard the encoder tries.
METHODS = {"default": 4, "fastest": 0, "slowest": 6}


@node("SaveAnimatedWEBP", title="Save animated WebP", aliases=("video", "gif"))
def save_animated_webp(
    images: Image,
    filename_prefix: Annotated[str, FileName()] = "weft",
    fps: FramesASecond = 6.0,
    lossless: bool = True,
    quality: Annotated[int, Range(0, 100)] = 80,
    method: Annotated[str, Choice(tuple(METHODS))] = "default",
    *,
    ctx: Context = QUIET,
) -> None:
    """Save a batch of pictures as one WebP file that moves and carries its workflow.

    Args:
        images: The frames.
        filename_prefix: Start of the file's name; `/` makes folders.
        fps: Frames a second.
        lossless: Keep every pixel as it is.
        quality: How near to the frames, or where nothing is lost, how hard to press.
        method: How much time to take.
    """

    def write(path: Path, texts: Mapping[str, str]) -> None:
        options = {"lossless": lossless, "quality": quality, "method": METHODS[method]}
        write_animated_webp(path, images.pixels, texts, fps, options)

    _save(images, filename_prefix, ".webp", "image/webp", write, ctx)


@node("SaveAnimatedPNG", title="Save animated PNG", aliases=("video", "gif", "APNG"))
def save_animated_png(
    images: Image,
    filename_prefix: Annotated[str, FileName()] = "weft",
    fps: FramesASecond = 6.0,
    compress_level: Annotated[int, Range(0, 9)] = 4,
    *,
    ctx: Context = QUIET,
) -> None:
    """Save a batch of pictures as one PNG file that moves and carries its workflow.

    Args:
        images: The frames.
        filename_prefix: Start of the file's name; `/` makes folders.
        fps: Frames a second.
        compress_level: How hard to press, from 0 to 9; nothing is lost.
    """

    def write(path: Path, texts: Mapping[str, str]) -> None:
        write_animated_png(path, images.pixels, texts, fps, compress_level)

    _save(images, filename_prefix, ".png", "image/png", write, ctx)


def _save(
    images: Image,
    prefix: str,
    suffix: str,
    mime: str,
    write: Callable[[Path, Mapping[str, str]], None],
    ctx: Context,
) -> None:
    height, width = images.pixels.shape[-2:]
    about: dict[str, JSON] = {"kind": "animation", "width": width, "height": height}
    ctx.save(write, prefix=prefix, suffix=suffix, mime=mime, about=about)
