"""Effects on pictures, by the values that they give."""

import numpy as np
import pytest
import torch
from PIL import Image as Pillow
from PIL import ImageChops

from nodes import effects
from nodes.imaging.picture_files import eight_bits
from nodes.imaging.quantize import DITHERS, bayer
from nodes.types import Image


def picture(seed: int = 0, height: int = 6, width: int = 9) -> Image:
    generator = torch.Generator().manual_seed(seed)
    return Image(torch.rand(1, 3, height, width, generator=generator))


def point(size: int = 7) -> Image:
    pixels = torch.zeros(1, 3, size, size)
    pixels[..., size // 2, size // 2] = 1
    return Image(pixels)


def test_a_blurred_point_is_a_gaussian_as_wide_as_its_radius_says() -> None:
    made = effects.image_blur(point(), 2, 0.5).pixels[0, 0]
    places = torch.arange(-2.0, 3.0)
    # A sigma of half the radius is one pixel.
    weights = torch.exp(-(places**2) / 2)
    expected = weights[:, None] * weights[None] / weights.sum() ** 2
    torch.testing.assert_close(made[1:6, 1:6], expected)
    assert made.sum().item() == pytest.approx(1)


def test_blurring_one_colour_changes_nothing_even_at_the_edges() -> None:
    flat = Image(torch.full((1, 3, 5, 5), 0.3))
    for radius in (1, 4, 31):
        torch.testing.assert_close(effects.image_blur(flat, radius, 3.0).pixels, flat.pixels)


def test_sharpening_adds_what_blurring_takes_away() -> None:
    given = Image(picture().pixels * 0.2 + 0.4)
    blurred = effects.image_blur(given, 1, 1.0).pixels
    made = effects.image_sharpen(given, 1, 1.0, 0.1).pixels
    torch.testing.assert_close(made, (2 * given.pixels - blurred).clamp(0, 1))
    assert torch.equal(effects.image_sharpen(given, 1, 1.0, 0.0).pixels, given.pixels)


@pytest.mark.parametrize(
    ("mode", "reference"),
    [
        ("multiply", ImageChops.multiply),
        ("screen", ImageChops.screen),
        ("overlay", ImageChops.overlay),
        ("difference", ImageChops.subtract),
    ],
)
def test_blend_modes_are_those_of_pillow(mode: str, reference: object) -> None:
    below, above = picture(1), picture(2)
    made = effects.image_blend(below, above, 1.0, mode).pixels[0]
    one, other = (Pillow.fromarray(eight_bits(p.pixels[0])) for p in (below, above))
    assert callable(reference)
    expected = torch.from_numpy(np.array(reference(one, other))).movedim(-1, 0) / 255
    torch.testing.assert_close(made, expected, rtol=0, atol=0.02)


def test_soft_light_with_middle_grey_changes_nothing() -> None:
    below = picture(1)
    grey = Image(torch.full_like(below.pixels, 0.5))
    torch.testing.assert_close(
        effects.image_blend(below, grey, 1.0, "soft_light").pixels, below.pixels
    )
    white = Image(torch.ones_like(below.pixels))
    made = effects.image_blend(Image(torch.full((1, 3, 1, 1), 0.25)), white, 1.0, "soft_light")
    assert made.pixels[0, 0, 0, 0].item() == pytest.approx(0.5)


def test_the_factor_is_the_share_of_what_pictures_become() -> None:
    below, above = picture(1), picture(2)
    made = effects.image_blend(below, above, 0.25, "normal").pixels
    torch.testing.assert_close(made, below.pixels * 0.75 + above.pixels * 0.25)


@pytest.mark.parametrize("dither", DITHERS)
def test_quantized_pictures_have_no_more_colours_than_asked_for(dither: str) -> None:
    made = effects.image_quantize(picture(height=16, width=16), 5, dither).pixels[0]
    colours = {tuple(colour) for colour in made.flatten(1).T.tolist()}
    assert 1 < len(colours) <= 5


def test_errors_that_are_passed_on_keep_the_mean_of_a_ramp() -> None:
    ramp = torch.linspace(0.2, 0.8, 32).expand(1, 3, 32, 32)
    errors = {
        dither: (effects.image_quantize(Image(ramp), 2, dither).pixels - ramp).mean(2).abs().mean()
        for dither in ("none", "floyd-steinberg")
    }
    assert errors["floyd-steinberg"] < errors["none"]


@pytest.mark.parametrize("side", [2, 4, 8, 16])
def test_ordered_dots_repeat_and_each_threshold_stands_once(side: int) -> None:
    pattern = bayer(side)
    assert len(pattern.unique()) == side**2
    assert float(pattern.mean()) == pytest.approx(0, abs=1e-6)
    assert float(pattern.max() - pattern.min()) == pytest.approx(1 - 1 / side**2)
    ramp = torch.linspace(0.2, 0.8, 32).expand(1, 3, 32, 32)
    made = effects.image_quantize(Image(ramp), 2, f"bayer-{side}").pixels
    assert torch.equal(made[..., :16, :], made[..., 16:, :])
    # In the middle of the ramp both colours stand in one column.
    assert len(made[0, 0, :, 16].unique()) == 2
    assert len(effects.image_quantize(Image(ramp), 2, "none").pixels[0, 0, :, 16].unique()) == 1


def test_noise_is_drawn_pixel_by_pixel_from_the_seed() -> None:
    grey = Image(torch.full((2, 3, 4, 5), 0.5))
    made = effects.image_add_noise(grey, 7, 0.1).pixels
    noise = torch.randn(2, 4, 5, 3, generator=torch.Generator().manual_seed(7))
    torch.testing.assert_close(made, (0.5 + 0.1 * noise.permute(0, 3, 1, 2)).clamp(0, 1))
    assert torch.equal(effects.image_add_noise(grey, 7, 0.0).pixels, grey.pixels)


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        # Of ridges, a point, and holes one and two wide, along one row.
        ("erode", "000000000011000111"),
        ("dilate", "011110111111111111"),
        ("open", "000000000111101111"),
        ("close", "001100011111111111"),
    ],
)
def test_morphology_is_extremes_within_a_square(operation: str, expected: str) -> None:
    row = "001100010111101111"
    pixels = torch.tensor([float(digit) for digit in row]).expand(1, 3, 5, len(row))
    made = effects.morphology(Image(pixels), operation, 3).pixels[0, 0, 2]
    assert "".join(str(int(value)) for value in made) == expected


def test_what_morphology_finds_is_the_difference() -> None:
    given = picture()
    grown, shrunk, opened, closed = (
        effects.morphology(given, name, 4).pixels for name in ("dilate", "erode", "open", "close")
    )
    for name, expected in (
        ("gradient", grown - shrunk),
        ("top_hat", given.pixels - opened),
        ("bottom_hat", closed - given.pixels),
    ):
        torch.testing.assert_close(effects.morphology(given, name, 4).pixels, expected)


def test_brightness_and_colour_come_apart() -> None:
    red = Image(torch.tensor([1.0, 0.0, 0.0]).reshape(1, 3, 1, 1))
    brightness, bluer, redder = effects.image_rgb_to_yuv(red)
    assert brightness.pixels.unique().tolist() == pytest.approx([0.299])
    assert bluer.pixels.unique().tolist() == pytest.approx([0.5 - 0.299 * 0.564])
    assert redder.pixels.unique().tolist() == pytest.approx([0.5 + 0.701 * 0.713])
    grey = effects.image_rgb_to_yuv(Image(torch.full((1, 3, 1, 1), 0.4)))
    assert [part.pixels[0, 0, 0, 0].item() for part in grey] == pytest.approx([0.4, 0.5, 0.5])
