"""Effects: change how pictures look, at the size that they have."""

from typing import Annotated, NamedTuple

import torch

from nodes.api import Choice, Range, Seed, Shape, node
from nodes.diffusion.noise import seeded
from nodes.imaging.batches import as_many
from nodes.imaging.blend import BLENDS
from nodes.imaging.blur import gaussian_blur, sharpened
from nodes.imaging.composite import with_channels
from nodes.imaging.morphology import MORPHOLOGY
from nodes.imaging.quantize import DITHERS, quantized
from nodes.imaging.resize import resize
from nodes.types import Image

GROUP = "image"

Radius = Annotated[int, Range(1, 31, step=1)]
OF_IMAGE = Shape.like("image")
GREY = Shape.like("image", channels=3)


class Yuv(NamedTuple):
    """Brightness and two differences of colour, each as a grey picture."""

    Y: Annotated[Image, GREY]
    U: Annotated[Image, GREY]
    V: Annotated[Image, GREY]


@node("ImageBlur", title="Blur image", aliases=("gaussian", "soften"))
def image_blur(
    image: Image,
    blur_radius: Radius = 1,
    sigma: Annotated[float, Range(0.1, 10, step=0.1)] = 1.0,
) -> Annotated[Image, OF_IMAGE]:
    """Blur pictures.

    Args:
        image: The pictures.
        blur_radius: How many pixels the blur reaches to each side.
        sigma: Its width as a share of the radius.

    Returns:
        The blurred pictures.
    """
    return Image(gaussian_blur(image.pixels, blur_radius, sigma * blur_radius).clamp(0, 1))


@node("ImageSharpen", title="Sharpen image", aliases=("unsharp mask",))
def image_sharpen(
    image: Image,
    sharpen_radius: Radius = 1,
    sigma: Annotated[float, Range(0.1, 10, step=0.01)] = 1.0,
    alpha: Annotated[float, Range(0, 5, step=0.01)] = 1.0,
) -> Annotated[Image, OF_IMAGE]:
    """Sharpen pictures.

    Args:
        image: The pictures.
        sharpen_radius: How many pixels the blur reaches that is taken away.
        sigma: Its width as a share of the radius.
        alpha: How much is added of what it takes away, in tens.

    Returns:
        The sharpened pictures.
    """
    width = sigma * sharpen_radius
    return Image(sharpened(image.pixels, sharpen_radius, width, 10 * alpha).clamp(0, 1))


@node("ImageBlend", title="Blend images", aliases=("mix", "multiply", "screen"))
def image_blend(
    image1: Image,
    image2: Image,
    blend_factor: Annotated[float, Range(0, 1, step=0.01)] = 0.5,
    blend_mode: Annotated[str, Choice(tuple(BLENDS))] = "normal",
) -> Annotated[
    Image,
    Shape.like("image1"),
]:
    """Mix pictures with what they become under others.

    Args:
        image1: The pictures below.
        image2: The pictures above; they are scaled and cut to the size of the others.
        blend_factor: The share of what they become.
        blend_mode: How their colours combine.

    Returns:
        The mixed pictures.
    """
    below = image1.pixels
    above = resize(image2.pixels, below.shape[-1], below.shape[-2], "bicubic", "center")
    above = as_many(with_channels(above, below.shape[1]), len(below))
    return Image(torch.lerp(below, BLENDS[blend_mode](below, above), blend_factor).clamp(0, 1))


@node("ImageQuantize", title="Quantize image", aliases=("palette", "dither", "posterize"))
def image_quantize(
    image: Image,
    colors: Annotated[int, Range(1, 256, step=1)] = 256,
    dither: Annotated[str, Choice(DITHERS)] = "none",
) -> Annotated[Image, GREY]:
    """Reduce pictures to a few colours.

    Args:
        image: The pictures; alpha is left off.
        colors: How many colours each picture has.
        dither: How colours in between are made of dots.

    Returns:
        The pictures in few colours.
    """
    made = [quantized(picture[:3], colors, dither) for picture in image.pixels]
    return Image(torch.stack(made))


@node("ImageAddNoise", title="Add noise to image", aliases=("grain",))
def image_add_noise(
    image: Image,
    seed: Annotated[int, Seed()] = 0,
    strength: Annotated[float, Range(0, 1, step=0.01)] = 0.5,
) -> Annotated[Image, OF_IMAGE]:
    """Add noise to pictures.

    Args:
        image: The pictures.
        seed: Fixes the noise.
        strength: Its standard deviation.

    Returns:
        The noisy pictures.
    """
    batch, channels, height, width = image.pixels.shape
    generator = seeded(seed)
    # Drawn pixel by pixel, as everywhere in the field: a seed gives the same grain.
    noise = torch.randn(batch, height, width, channels, generator=generator).movedim(-1, 1)
    return Image((image.pixels + strength * noise).clamp(0, 1))


@node("Morphology", title="Morphology", aliases=("erode", "dilate", "open", "close"))
def morphology(
    image: Image,
    operation: Annotated[str, Choice(tuple(MORPHOLOGY))] = "erode",
    kernel_size: Annotated[int, Range(3, 999, step=1)] = 3,
) -> Annotated[Image, OF_IMAGE]:
    """Grow, shrink or find what is light in pictures.

    Args:
        image: The pictures.
        operation: Shrink or grow what is light; take small light or dark things away; show edges;
            show the small dark or light things.
        kernel_size: Side of the square around each pixel that is looked at.

    Returns:
        The changed pictures.
    """
    return Image(MORPHOLOGY[operation](image.pixels, kernel_size).clamp(0, 1))


@node("ImageRGBToYUV", title="Image to YUV", aliases=("luma", "chroma", "YCbCr"))
def image_rgb_to_yuv(image: Image) -> Yuv:
    """Part pictures into brightness and colour.

    Args:
        image: The pictures; alpha is left off.

    Returns:
        Y: Brightness.
        U: How much bluer than grey, 1/2 being grey.
        V: How much redder than grey, 1/2 being grey.

    References:
        ITU-R BT.601.
    """
    red, green, blue = image.pixels[:, :3].unbind(dim=1)
    brightness = 0.299 * red + 0.587 * green + 0.114 * blue
    planes = (brightness, (blue - brightness) * 0.564 + 0.5, (red - brightness) * 0.713 + 0.5)
    return Yuv(*(Image(plane.clamp(0, 1).unsqueeze(1).repeat(1, 3, 1, 1)) for plane in planes))


@node("ImageYUVToRGB", title="YUV to image", aliases=("luma", "chroma", "YCbCr"))
def image_yuv_to_rgb(
    Y: Image,  # noqa: N803
    U: Image,  # noqa: N803
    V: Image,  # noqa: N803
) -> Annotated[Image, Shape.like("Y", channels=3)]:
    """Put brightness and colour together to pictures.

    Args:
        Y: Brightness.
        U: How much bluer than grey, 1/2 being grey; brought to the size of Y.
        V: How much redder than grey, 1/2 being grey; brought to the size of Y.

    Returns:
        The pictures.

    References:
        ITU-R BT.601.
    """
    batch, _, height, width = Y.pixels.shape
    brightness, *colours = (each.pixels[:, :3].mean(dim=1) for each in (Y, U, V))
    bluer, redder = (
        as_many(resize(each[:, None], width, height, "bilinear")[:, 0] - 0.5, batch)
        for each in colours
    )
    blue, red = brightness + bluer / 0.564, brightness + redder / 0.713
    green = (brightness - 0.299 * red - 0.114 * blue) / 0.587
    return Image(torch.stack([red, green, blue], dim=1).clamp(0, 1))
