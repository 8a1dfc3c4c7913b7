"""Images: load, make, resize, cut, combine."""

from math import floor
from typing import Annotated, NamedTuple

import torch

from nodes.api import QUIET, Choice, Colour, Context, File, Range, Shape, node
from nodes.imaging.composite import with_channels
from nodes.imaging.masks import outpaint_edge
from nodes.imaging.picture_files import read_picture
from nodes.imaging.resize import METHODS, fitting, resize
from nodes.types import Image, Mask

Side = Annotated[int, Range(1, 16384, step=1)]
SideOrKept = Annotated[int, Range(0, 16384, step=1)]
Place = Annotated[int, Range(0, 16384, step=1)]
Margin = Annotated[int, Range(0, 16384, step=8)]
Method = Annotated[str, Choice(METHODS)]

OF_IMAGE = Shape.like("image")
PADDED_HEIGHT = ("+", "image.height", ("+", "top", "bottom"))
PADDED_WIDTH = ("+", "image.width", ("+", "left", "right"))


class ImageAndMask(NamedTuple):
    """A picture and what of it is masked."""

    image: Image
    mask: Mask


class ImageSize(NamedTuple):
    """The measures of a batch of pictures."""

    width: int
    height: int
    batch_size: int


class PaddedImage(NamedTuple):
    """A picture with more room, and where the room is."""

    image: Annotated[
        Image,
        Shape(batch="image.batch", channels=3, height=PADDED_HEIGHT, width=PADDED_WIDTH),
    ]
    mask: Annotated[Mask, Shape(batch=1, channels=1, height=PADDED_HEIGHT, width=PADDED_WIDTH)]


@node("LoadImage", title="Load image", io=True)
def load_image(
    image: Annotated[str, File("input", upload=True)], *, ctx: Context = QUIET
) -> ImageAndMask:
    """Load a picture; an animated one is a batch of its frames.

    It is turned upright if the camera says so.

    Args:
        image: A file in the input folder.

    Returns:
        image: Its colours.
        mask: What is transparent; nothing if the file has no alpha.
    """
    pixels, alpha = read_picture(ctx.files.path("input", image))
    return ImageAndMask(Image(pixels), Mask(1 - alpha))


@node("LoadImageOutput", title="Load image (from outputs)", io=True)
def load_image_output(
    image: Annotated[str, File("input")], *, ctx: Context = QUIET
) -> ImageAndMask:
    """Load a picture that a run has made, such as `weft_00001_.png [output]`.

    Args:
        image: Its name, and `[output]` behind it.

    Returns:
        image: Its colours.
        mask: What is transparent; nothing if the file has no alpha.
    """
    return load_image(image, ctx=ctx)


@node("EmptyImage", title="Empty image")
def empty_image(
    width: Side = 512,
    height: Side = 512,
    batch_size: Annotated[int, Range(1, 4096)] = 1,
    color: Annotated[int, Colour()] = 0,
) -> Annotated[Image, Shape(batch="batch_size", channels=3, height="height", width="width")]:
    """Make pictures of one colour.

    Args:
        width: Width in pixels.
        height: Height in pixels.
        batch_size: How many.
        color: The colour as a number, red * 65536 + green * 256 + blue.

    Returns:
        The pictures.
    """
    channels = [color >> shift & 0xFF for shift in (16, 8, 0)]
    colour = torch.tensor(channels, dtype=torch.float32).reshape(1, 3, 1, 1) / 255
    return Image(colour.repeat(batch_size, 1, height, width))


@node("ImageScale", title="Scale image", aliases=("resize", "upscale"))
def image_scale(
    image: Image,
    upscale_method: Method = "nearest-exact",
    width: SideOrKept = 512,
    height: SideOrKept = 512,
    crop: Annotated[str, Choice(("disabled", "center"))] = "disabled",
) -> Annotated[Image, Shape(batch="image.batch", channels="image.channels")]:
    """Scale pictures to a size.

    Args:
        image: The pictures.
        upscale_method: How pixels are computed; area and lanczos are the ones to shrink with.
        width: New width; 0 keeps the proportions.
        height: New height; 0 keeps the proportions.
        crop: Whether to cut the sides that do not fit the new proportions, or to distort.

    Returns:
        The scaled pictures.
    """
    rows, columns = image.pixels.shape[-2:]
    width, height = fitting(width, height, (columns, rows))
    return Image(resize(image.pixels, width, height, upscale_method, crop))


@node("ImageScaleBy", title="Scale image by", aliases=("resize", "upscale"))
def image_scale_by(
    image: Image,
    upscale_method: Method = "nearest-exact",
    scale_by: Annotated[float, Range(0.01, 8.0, step=0.01)] = 1.0,
) -> Annotated[
    Image,
    Shape(
        batch="image.batch",
        channels="image.channels",
        height=("max", 1, ("round", ("*", "image.height", "scale_by"))),
        width=("max", 1, ("round", ("*", "image.width", "scale_by"))),
    ),
]:
    """Scale pictures by a factor.

    Args:
        image: The pictures.
        upscale_method: How pixels are computed; area and lanczos are the ones to shrink with.
        scale_by: How many times as wide and as high.

    Returns:
        The scaled pictures.
    """
    # Halves go up, as in the shape rule, which an editor works out too.
    height, width = (max(1, floor(side * scale_by + 0.5)) for side in image.pixels.shape[-2:])
    return Image(resize(image.pixels, width, height, upscale_method))


@node("ImageInvert", title="Invert image")
def image_invert(image: Image) -> Annotated[Image, OF_IMAGE]:
    """Turn every colour into its opposite; alpha stays.

    Args:
        image: The pictures.

    Returns:
        Their negatives.
    """
    return Image(torch.cat([1 - image.pixels[:, :3], image.pixels[:, 3:]], dim=1))


@node("ImageBatch", title="Batch images")
def image_batch(
    image1: Image, image2: Image
) -> Annotated[
    Image,
    Shape(
        batch=("+", "image1.batch", "image2.batch"),
        channels=("max", "image1.channels", "image2.channels"),
        height="image1.height",
        width="image1.width",
    ),
]:
    """Put pictures together into one batch.

    Args:
        image1: The first pictures.
        image2: Those that follow; they are scaled and cut to the size of the first.

    Returns:
        All of them.
    """
    first, second = image1.pixels, image2.pixels
    channels = max(first.shape[1], second.shape[1])
    second = resize(second, first.shape[-1], first.shape[-2], "bilinear", "center")
    return Image(torch.cat([with_channels(first, channels), with_channels(second, channels)]))


@node("ImageCrop", title="Crop image")
def image_crop(
    image: Image, width: Side = 512, height: Side = 512, x: Place = 0, y: Place = 0
) -> Annotated[
    Image,
    Shape(
        batch="image.batch",
        channels="image.channels",
        height=("min", "height", ("max", 1, ("-", "image.height", "y"))),
        width=("min", "width", ("max", 1, ("-", "image.width", "x"))),
    ),
]:
    """Cut a rectangle out of pictures; what lies outside of them is left off.

    Args:
        image: The pictures.
        width: Width of the rectangle.
        height: Height of the rectangle.
        x: Its left side.
        y: Its top.

    Returns:
        The rectangle.
    """
    left, top = min(x, image.pixels.shape[-1] - 1), min(y, image.pixels.shape[-2] - 1)
    return Image(image.pixels[..., top : top + height, left : left + width])


@node("ImagePadForOutpaint", title="Pad image for outpainting", aliases=("outpaint",))
def image_pad_for_outpaint(
    image: Image,
    left: Margin = 0,
    top: Margin = 0,
    right: Margin = 0,
    bottom: Margin = 0,
    feathering: Place = 40,
) -> PaddedImage:
    """Give pictures more room, and mask it to be painted.

    Args:
        image: The pictures; alpha is left off.
        left: Pixels to add on the left.
        top: Pixels to add above.
        right: Pixels to add on the right.
        bottom: Pixels to add below.
        feathering: Over how many pixels the mask fades into the picture.

    Returns:
        image: The pictures with grey margins.
        mask: White in the margins.
    """
    batch, _, rows, columns = image.pixels.shape
    size = (rows + top + bottom, columns + left + right)
    inside = (..., slice(top, top + rows), slice(left, left + columns))
    padded = torch.full((batch, 3, *size), 0.5)
    padded[inside] = image.pixels[:, :3]
    mask = torch.ones(1, 1, *size)
    mask[inside] = outpaint_edge(rows, columns, (left, top, right, bottom), feathering)
    return PaddedImage(Image(padded), Mask(mask))


@node("GetImageSize", title="Get image size")
def get_image_size(image: Image) -> ImageSize:
    """Tell how large pictures are, and how many.

    Args:
        image: The pictures.

    Returns:
        width: Their width.
        height: Their height.
        batch_size: How many.
    """
    batch, _, height, width = image.pixels.shape
    return ImageSize(width, height, batch)
