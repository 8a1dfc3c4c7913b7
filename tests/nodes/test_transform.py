"""Turning, fitting and stitching pictures, by the pixels that come out."""

import pytest
import torch

from nodes import transform
from nodes.types import Image

PICTURE = Image(torch.arange(2 * 3 * 4 * 6, dtype=torch.float32).reshape(2, 3, 4, 6) / 144)


def flat(value: float, height: int, width: int, channels: int = 3, batch: int = 1) -> Image:
    return Image(torch.full((batch, channels, height, width), value))


def test_flips_and_turns_go_the_way_they_say() -> None:
    pixels = PICTURE.pixels
    assert torch.equal(transform.image_flip(PICTURE).pixels, pixels.flip(2))
    sideways = transform.image_flip(PICTURE, "y-axis: horizontally").pixels
    assert torch.equal(sideways, pixels.flip(3))
    assert torch.equal(transform.image_rotate(PICTURE, "none").pixels, pixels)
    turned = transform.image_rotate(PICTURE, "90 degrees").pixels
    # Clockwise: the left column becomes the top row, from the bottom.
    assert torch.equal(turned[0, 0, 0], pixels[0, 0, :, 0].flip(0))
    back = transform.image_rotate(Image(turned), "270 degrees").pixels
    assert torch.equal(back, pixels)


def test_total_pixels_keep_the_proportions() -> None:
    made = transform.image_scale_to_total_pixels(flat(0.5, 100, 400), "area", 0.25).pixels
    # 512 × 512 pixels at 4:1.
    assert made.shape[-2:] == (256, 1024)
    made = transform.image_scale_to_total_pixels(flat(0.5, 90, 400), "area", 0.25, 32).pixels
    assert made.shape[-2:] == (256, 1088)  # for 243 × 1079


@pytest.mark.parametrize(
    ("size", "expected"), [((100, 50), (64, 32)), ((50, 100), (32, 64)), ((9, 9), (64, 64))]
)
def test_the_longer_side_gets_the_length(size: tuple[int, int], expected: tuple[int, int]) -> None:
    made = transform.image_scale_to_max_dimension(flat(0.5, *size), "bilinear", 64).pixels
    assert made.shape[-2:] == expected


def test_a_length_of_zero_leaves_pictures_as_they_are() -> None:
    assert transform.image_scale_to_max_dimension(PICTURE, "area", 0) is PICTURE


def test_margins_stand_on_both_sides_of_a_fitted_picture() -> None:
    made = transform.resize_and_pad_image(flat(0.25, 10, 20), 8, 8, "white", "area").pixels[0, 0]
    assert torch.equal(made[2:6], torch.full((4, 8), 0.25))
    assert torch.equal(made[:2], torch.ones(2, 8))
    assert torch.equal(made[6:], torch.ones(2, 8))
    black = transform.resize_and_pad_image(flat(0.25, 20, 10, 4), 8, 8, "black").pixels[0]
    assert torch.equal(black[:3, :, :2], torch.zeros(3, 8, 2))
    assert torch.equal(black[3, :, :2], torch.ones(8, 2))


@pytest.mark.parametrize(
    ("direction", "first", "second"),
    [
        ("right", (slice(None), slice(0, 6)), (slice(None), slice(6, None))),
        ("left", (slice(None), slice(8, None)), (slice(None), slice(0, 8))),
    ],
)
def test_pictures_stand_on_the_side_that_is_named(
    direction: str, first: tuple[slice, slice], second: tuple[slice, slice]
) -> None:
    made = transform.image_stitch(flat(0.2, 4, 6), direction, image2=flat(0.7, 2, 4)).pixels
    # The second is scaled to the height of the first: 4 × 8.
    assert made.shape == (1, 3, 4, 14)
    assert made[0, 0][first].unique().tolist() == pytest.approx([0.2])
    assert made[0, 0][second].unique().tolist() == pytest.approx([0.7], abs=1e-5)


@pytest.mark.parametrize("direction", ["up", "down"])
def test_what_is_not_scaled_is_filled_up_with_black(direction: str) -> None:
    made = transform.image_stitch(
        flat(0.2, 4, 6), direction, match_image_size=False, image2=flat(0.7, 2, 2)
    ).pixels[0, 0]
    assert made.shape == (6, 6)
    narrow = made[:2] if direction == "up" else made[4:]
    assert torch.equal(narrow[0], torch.tensor([0, 0, 0.7, 0.7, 0, 0]))


def test_a_strip_of_colour_stands_between() -> None:
    made = transform.image_stitch(
        flat(0.2, 4, 6), "right", True, 2, "red", flat(0.7, 4, 6, channels=4, batch=3)
    ).pixels
    assert made.shape == (3, 4, 4, 14)
    assert made[2, :, 0, 6].tolist() == [1, 0, 0, 1]
    assert made[2, :3, 0, 0].tolist() == pytest.approx([0.2] * 3)


def test_one_picture_alone_stays_as_it_is() -> None:
    assert transform.image_stitch(PICTURE) is PICTURE
