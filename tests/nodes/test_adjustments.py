"""Tones and colours: what becomes of values, and that alpha stays."""

import pytest
import torch
from torch import Tensor

from nodes import adjustments, effects
from nodes.imaging.colour_transfer import TRANSFERS, from_lab, to_lab
from nodes.types import Image


def noise(seed: int, batch: int = 1, channels: int = 3, low: float = 0.0) -> Image:
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.rand(batch, channels, 12, 16, generator=generator)
    return Image(low + (0.9 - low) * pixels)


def lab(image: Image) -> Tensor:
    return to_lab(image.pixels[:, :3].flatten(2))


def test_tones_are_scaled_from_black_from_grey_and_from_a_mean() -> None:
    image = Image(torch.tensor([0.1, 0.5, 0.8, 0.3]).reshape(1, 4, 1, 1))
    brighter = adjustments.adjust_brightness(image, 1.5).pixels.flatten()
    assert brighter.tolist() == pytest.approx([0.15, 0.75, 1.0, 0.3])
    harder = adjustments.adjust_contrast(image, 1.5).pixels.flatten()
    assert harder.tolist() == pytest.approx([0.0, 0.5, 0.95, 0.3])
    counted = adjustments.normalize_images(image, 0.4, 0.5).pixels.flatten()
    assert counted.tolist() == pytest.approx([0.0, 0.2, 0.8, 0.3])


def test_brightness_and_colour_are_put_together_again() -> None:
    image = noise(1)
    again = effects.image_yuv_to_rgb(*effects.image_rgb_to_yuv(image))
    torch.testing.assert_close(again.pixels, image.pixels, rtol=0, atol=5e-3)


def test_lab_is_that_of_the_standard() -> None:
    # White, and pure red, as tabled for sRGB under D65; L* is less 16.
    colours = torch.tensor([[1.0, 1.0, 1.0], [1.0, 0.0, 0.0]]).mT[None]
    white, red = to_lab(colours)[0].mT
    assert white.tolist() == pytest.approx([116.0, 0.0, 0.0], abs=0.02)
    assert red.tolist() == pytest.approx([53.24 + 16, 80.09, 67.20], abs=0.02)
    pixels = noise(2).pixels.flatten(2)
    torch.testing.assert_close(from_lab(to_lab(pixels)), pixels, rtol=0, atol=1e-5)


def test_mean_and_spread_become_those_of_the_other() -> None:
    made = adjustments.color_transfer(noise(1, channels=4), noise(2, low=0.5))
    given, wanted = lab(made), lab(noise(2, low=0.5))
    torch.testing.assert_close(given.mean(dim=2), wanted.mean(dim=2), rtol=0.02, atol=0.5)
    torch.testing.assert_close(given.std(dim=2), wanted.std(dim=2), rtol=0.1, atol=0.1)
    assert torch.equal(made.pixels[:, 3:], noise(1, channels=4).pixels[:, 3:])


def test_covariance_becomes_that_of_the_other() -> None:
    like = noise(2, low=0.5)
    like.pixels[:, 1] = 0.5 * like.pixels[:, 0] + 0.5 * like.pixels[:, 1]
    made = adjustments.color_transfer(noise(1), like, "mkl_lab")
    torch.testing.assert_close(torch.cov(lab(made)[0]), torch.cov(lab(like)[0]), rtol=0.1, atol=3)


def test_values_occur_as_often_as_in_the_other() -> None:
    like = noise(2, low=0.5)
    made = adjustments.color_transfer(noise(1), like, "histogram")
    for channel in range(3):
        given, wanted = (each.pixels[0, channel].flatten().sort().values for each in (made, like))
        assert torch.equal(given, wanted)


@pytest.mark.parametrize("method", TRANSFERS)
def test_how_far_and_of_what_colours_are_compared(method: str) -> None:
    images, like = noise(1, batch=2), noise(2, low=0.5)
    images.pixels[1] *= 0.5
    transfer = adjustments.color_transfer
    assert torch.equal(transfer(images, like, method, strength=0.0).pixels, images.pixels)
    whole = transfer(images, like, method).pixels
    half = transfer(images, like, method, strength=0.5).pixels
    torch.testing.assert_close(half, (whole + images.pixels) / 2)
    # Each by itself becomes as bright; all of them as one keep that the second is darker.
    apart, together = (
        transfer(images, like, method, stats).pixels.mean(dim=(1, 2, 3))
        for stats in ("per_frame", "uniform")
    )
    assert abs(float(apart[0] - apart[1])) < 0.02
    assert float(together[0] - together[1]) > 0.05
    one = transfer(images, like, method, "target_frame", 0).pixels
    torch.testing.assert_close(one[0], whole[0], rtol=0, atol=1e-4)
    same = transfer(images, like, method, "target_frame", 9).pixels
    torch.testing.assert_close(same[1], whole[1], rtol=0, atol=1e-4)
