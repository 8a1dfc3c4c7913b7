"""Output: what runs are for."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated

from torch import Tensor

from nodes.api import QUIET, Context, FileName, node
from nodes.imaging.picture_files import write_png
from nodes.types import Image, Mask


@node("SaveImage", title="Save image")
def save_image(
    images: Image,
    filename_prefix: Annotated[str, FileName()] = "weft",
    *,
    ctx: Context = QUIET,
) -> None:
    """Save pictures as PNG files that carry their workflow.

    Args:
        images: The pictures.
        filename_prefix: Start of the files' names; `/` makes folders. `%width%` and `%height%`
            stand for the size, `%date:yyyy-MM-dd%` for the day, and `%KSampler.seed%` for the
            value of a node's input.
    """
    _save(images.pixels, filename_prefix, temporary=False, ctx=ctx)


@node("PreviewImage", title="Preview image")
def preview_image(images: Image, *, ctx: Context = QUIET) -> None:
    """Show pictures without keeping them.

    Args:
        images: The pictures.
    """
    _save(images.pixels, "preview", temporary=True, ctx=ctx)


@node("MaskPreview", title="Preview mask")
def mask_preview(mask: Mask, *, ctx: Context = QUIET) -> None:
    """Show a mask as a grey picture, without keeping it.

    Args:
        mask: The mask.
    """
    _save(mask.values.repeat(1, 3, 1, 1), "mask", temporary=True, ctx=ctx)


def _save(pixels: Tensor, prefix: str, *, temporary: bool, ctx: Context) -> None:
    height, width = pixels.shape[-2:]
    prefix = prefix.replace("%width%", str(width)).replace("%height%", str(height))
    for picture in ctx.track(pixels, len(pixels)):
        ctx.save(
            partial(_write, picture),
            prefix=prefix,
            suffix=".png",
            mime="image/png",
            temporary=temporary,
            about={"kind": "image", "width": width, "height": height},
        )


def _write(picture: Tensor, path: Path, texts: Mapping[str, str]) -> None:
    write_png(path, picture, texts)
