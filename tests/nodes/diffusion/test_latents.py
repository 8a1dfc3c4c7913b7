"""Geometry of latents: identities, places, masks that follow."""

import pytest
import torch
from torch import Tensor

from nodes.diffusion import latents
from nodes.diffusion.preview import latent_to_rgb, preview_jpeg
from nodes.types import Latent, LatentFormat, Mask


def draw(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def masked(batch: int = 1, height: int = 6, width: int = 8) -> Latent:
    mask = torch.zeros(batch, 1, height * 8, width * 8)
    mask[..., : height * 4, : width * 4] = 1
    return Latent(draw(batch, 4, height, width), Mask(mask))


@pytest.mark.parametrize("method", latents.METHODS)
def test_resizing_to_the_same_size_changes_nothing(method: str) -> None:
    samples = draw(2, 4, 6, 8)
    torch.testing.assert_close(latents.resize(samples, 6, 8, method), samples)


@pytest.mark.parametrize("method", latents.METHODS)
def test_resizing_keeps_what_is_constant(method: str) -> None:
    samples = torch.full((1, 4, 5, 5), 2.5)
    torch.testing.assert_close(
        latents.resize(samples, 9, 7, method), torch.full((1, 4, 9, 7), 2.5), rtol=1e-5, atol=1e-5
    )


def test_bislerp_keeps_the_strength_of_noise_where_bilinear_loses_it() -> None:
    samples = draw(1, 4, 64, 64)
    arcs = latents.resize(samples, 160, 160, "bislerp").std()
    lines = latents.resize(samples, 160, 160, "bilinear").std()
    assert abs(float(arcs) - 1) < 0.08
    assert float(lines) < 0.8


def test_bislerp_of_zeros_is_zeros() -> None:
    assert latents.resize(torch.zeros(1, 4, 3, 3), 7, 7, "bislerp").abs().max() == 0


def test_a_side_of_nothing_keeps_the_proportions() -> None:
    latent = Latent(draw(1, 4, 16, 32))
    assert latents.resized_to(latent, 512, 0, "bilinear", False).samples.shape[-2:] == (32, 64)
    assert latents.resized_to(latent, 0, 256, "bilinear", False).samples.shape[-2:] == (32, 64)
    assert latents.resized_to(latent, 0, 0, "bilinear", False) is latent


def test_cropping_to_the_proportions_takes_the_middle() -> None:
    columns = torch.arange(16.0).expand(1, 4, 8, 16)
    square = latents.resized_to(Latent(columns), 64, 64, "nearest-exact", True)
    assert square.samples[0, 0, 0].tolist() == list(range(4, 12))


def test_four_quarters_and_two_flips_are_nothing() -> None:
    latent = masked()
    turned = latent
    for _ in range(4):
        turned = latents.rotated(turned, 1)
    assert torch.equal(turned.samples, latent.samples)
    assert turned.mask is not None
    assert latent.mask is not None
    assert torch.equal(turned.mask.values, latent.mask.values)
    twice = latents.flipped(latents.flipped(latent, True), True)
    assert torch.equal(twice.samples, latent.samples)


def test_a_quarter_turn_is_clockwise() -> None:
    samples = torch.zeros(1, 1, 2, 3)
    samples[0, 0, 0, 0] = 1
    assert latents.rotated(Latent(samples), 1).samples[0, 0, 0, 1] == 1


def test_a_crop_takes_its_mask_with_it() -> None:
    latent = masked(height=16, width=16)
    cut = latents.cropped(latent, 64, 64, 64, 0)
    assert torch.equal(cut.samples, latent.samples[..., :8, 8:16])
    assert cut.mask is not None
    assert cut.mask.values.max() < 0.6
    beyond = latents.cropped(latent, 64, 64, 96, 5000)
    assert beyond.samples.shape[-2:] == (1, 4)


def test_a_composite_lies_where_it_is_put() -> None:
    below, above = Latent(torch.zeros(1, 4, 8, 8)), Latent(torch.ones(1, 4, 4, 4))
    laid = latents.composite(below, above, x=16, y=48, feather=0)
    expected = torch.zeros(8, 8)
    expected[6:, 2:6] = 1
    assert torch.equal(laid.samples[0, 0], expected)
    assert below.samples.abs().max() == 0


@pytest.mark.parametrize("pixels", [1, 4, 42])
def test_places_and_sizes_are_pixels_whatever_a_cell_is(pixels: int) -> None:
    space = LatentFormat(4, 1.0, downscale=pixels)
    below, above = (Latent(torch.full((1, 4, 6, 8), n), space=space) for n in (0.0, 1.0))
    made = latents.composite(below, above, 2 * pixels, 3 * pixels, 0).samples
    assert made[..., 3:, 2:].eq(1).all()
    assert not made[..., :3, :].any()
    assert not made[..., :2].any()
    cut = latents.cropped(below, 4 * pixels, 3 * pixels, pixels, 0)
    assert cut.samples.shape == (1, 4, 3, 4)
    larger = latents.resized_to(below, 128 * pixels, 96 * pixels, "bilinear", crop=False)
    assert larger.samples.shape == (1, 4, 96, 128)


def test_a_feather_fades_at_inner_edges_only() -> None:
    below, above = Latent(torch.zeros(1, 4, 8, 8)), Latent(torch.ones(1, 4, 8, 4))
    laid = latents.composite(below, above, x=0, y=0, feather=16)
    assert laid.samples[0, 0, 3].tolist() == [1, 1, 1, 0.5, 0, 0, 0, 0]


def test_a_repeated_batch_has_places_of_its_own() -> None:
    latent = Latent(draw(2, 4, 2, 2), None, (3, 4))
    thrice = latents.repeated(latent, 3)
    assert thrice.samples.shape[0] == 6
    assert thrice.batch_index == (3, 4, 5, 6, 7, 8)
    assert torch.equal(thrice.samples[4:], latent.samples)


def test_joining_fits_the_second_to_the_first() -> None:
    first, second = Latent(draw(1, 4, 8, 8)), masked(2, 16, 8)
    both = latents.joined(first, second)
    assert both.samples.shape == (3, 4, 8, 8)
    assert both.mask is not None
    assert both.mask.values.shape == (3, 1, 8, 8)
    assert both.mask.values[0].min() == 1


def test_what_is_taken_from_a_batch_remembers_its_places() -> None:
    latent = Latent(draw(4, 4, 2, 2))
    taken = latents.taken(latent, 2, 9)
    assert taken.batch_index == (2, 3)
    assert latents.taken(taken, 1, 1).batch_index == (3,)
    assert latents.taken(latent, 63, 1).batch_index == (3,)


def test_a_preview_is_a_small_jpeg_of_the_first_latent() -> None:
    form = LatentFormat(
        4, 1.0, rgb=((1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 0, 0)), rgb_bias=(0, 0, 1)
    )
    latent = torch.zeros(4, 2, 3)
    latent[0] = 1
    rgb = latent_to_rgb(latent, form)
    assert rgb[:, 0, 0].tolist() == [1.0, 0.5, 1.0]
    jpeg = preview_jpeg(latent[None], form)
    assert jpeg.startswith(b"\xff\xd8")
    assert len(preview_jpeg(draw(1, 4, 128, 96), form)) < 30_000
