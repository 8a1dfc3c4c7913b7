"""Output: what runs are for."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

from torch import Tensor, nn

from nodes.api import QUIET, AnyType, Choice, Context, FileName, Shape, node
from nodes.errors import NodeError
from nodes.imaging.picture_files import write_png
from nodes.types import Image, Mask

BITS = {"8-bit": 8, "16-bit": 16}
TEXTS = {
    "txt": "text/plain",
    "csv": "text/csv",
    "md": "text/markdown",
    "json": "application/json",
}
"""Ends of text files, and what a browser is told that they are."""


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


@node("SaveImageAdvanced", title="Save image (advanced)", aliases=("16 bit", "png"), sink=True)
def save_image_advanced(
    images: Image,
    filename_prefix: Annotated[str, FileName()] = "weft",
    format: Annotated[str, Choice(("png",))] = "png",  # noqa: A002 - the field's name
    bit_depth: Annotated[str, Choice(tuple(BITS))] = "8-bit",
    colorspace: Annotated[str, Choice(("sRGB",))] = "sRGB",
    *,
    ctx: Context = QUIET,
) -> Annotated[Image, Shape.like("images")]:
    """Save pictures in a form of your choice, and pass them on.

    Args:
        images: The pictures.
        filename_prefix: Start of the files' names, as of Save image.
        format: The kind of file; it carries its workflow.
        bit_depth: 16-bit keeps what gradients would lose to rounding, in twice the room or more.
        colorspace: What the numbers of the pixels mean.

    Returns:
        image: The same pictures.
    """
    _save(images.pixels, filename_prefix, temporary=False, bits=BITS[bit_depth], ctx=ctx)
    return images


@node("PreviewImage", title="Preview image")
def preview_image(images: Image, *, ctx: Context = QUIET) -> None:
    """Show pictures without keeping them.

    Args:
        images: The pictures.
    """
    _save(images.pixels, "preview", temporary=True, ctx=ctx)


@node("SaveImageWebsocket", title="Send image to the program", aliases=("websocket", "api"))
def save_image_websocket(images: Image, *, ctx: Context = QUIET) -> None:
    """Send pictures to the program that asked for the run, over its WebSocket.

    A client of ComfyUI's API gets each as a binary message, a whole PNG file, while this node
    runs. They are not kept.

    Args:
        images: The pictures.
    """
    _save(images.pixels, "sent", temporary=True, ctx=ctx)


@node("MaskPreview", title="Preview mask")
def mask_preview(mask: Mask, *, ctx: Context = QUIET) -> None:
    """Show a mask as a grey picture, without keeping it.

    Args:
        mask: The mask.
    """
    _save(mask.values.repeat(1, 3, 1, 1), "mask", temporary=True, ctx=ctx)


@node("ImageCompare", title="Compare images", aliases=("before", "after"))
def image_compare(
    image_a: Image | None = None, image_b: Image | None = None, *, ctx: Context = QUIET
) -> None:
    """Show pictures beside each other, without keeping them.

    Args:
        image_a: The first pictures.
        image_b: The second ones.
    """
    given = {"a": image_a, "b": image_b}
    shown = {side: image for side, image in given.items() if image is not None}
    if not shown:
        raise NodeError("There is no picture to compare.", "Wire one.", "image.missing")
    for number, (side, image) in enumerate(shown.items()):
        part = ctx.part(number / len(shown), (number + 1) / len(shown))
        _save(image.pixels, f"compare_{side}", temporary=True, ctx=part)


@node("PreviewAny", title="Preview any", aliases=("print", "show", "text"), sink=True)
def preview_any(source: AnyType, *, ctx: Context = QUIET) -> str:
    """Show any value as text, without keeping it.

    Args:
        source: The value; of pictures and other large things, the kind and the size.

    Returns:
        string: The text that is shown.
    """
    text = _told(source)
    _save_text(text, "text", "txt", temporary=True, ctx=ctx)
    return text


@node("SaveText", title="Save text", aliases=("write", "txt"), sink=True)
def save_text(
    text: str,
    filename_prefix: Annotated[str, FileName()] = "weft",
    format: Annotated[str, Choice(tuple(TEXTS))] = "txt",  # noqa: A002 - the field's name
    *,
    ctx: Context = QUIET,
) -> str:
    """Save a text as a file, as it stands, and pass it on.

    Args:
        text: The text.
        filename_prefix: Start of the file's name; `/` makes folders.
        format: The end of the file's name.

    Returns:
        string: The same text.
    """
    _save_text(text, filename_prefix, format, temporary=False, ctx=ctx)
    return text


def _told(value: object) -> str:
    """Write a value as text; of tensors their sizes, of a sequence each element on a line."""
    if isinstance(value, Tensor):
        return f"{' × '.join(map(str, value.shape))} numbers"
    if is_dataclass(value) and not isinstance(value, type):
        told = (f"{field.name}: {_told(getattr(value, field.name))}" for field in fields(value))
        return f"{type(value).__name__}({', '.join(told)})"
    if isinstance(value, nn.Module):
        return type(value).__name__
    if isinstance(value, list | tuple):
        return "\n".join(_told(item) for item in value)
    return str(value)


def _save(pixels: Tensor, prefix: str, *, temporary: bool, bits: int = 8, ctx: Context) -> None:
    height, width = pixels.shape[-2:]
    prefix = prefix.replace("%width%", str(width)).replace("%height%", str(height))
    for picture in ctx.track(pixels, len(pixels)):
        ctx.save(
            partial(_write, picture, bits),
            prefix=prefix,
            suffix=".png",
            mime="image/png",
            temporary=temporary,
            about={"kind": "image", "width": width, "height": height},
        )


def _write(picture: Tensor, bits: int, path: Path, texts: Mapping[str, str]) -> None:
    write_png(path, picture, texts, bits)


def _save_text(text: str, prefix: str, kind: str, *, temporary: bool, ctx: Context) -> None:
    def write(path: Path, _: Mapping[str, str]) -> None:
        path.write_bytes(text.encode())

    ctx.save(write, prefix=prefix, suffix=f".{kind}", mime=TEXTS[kind], temporary=temporary)
