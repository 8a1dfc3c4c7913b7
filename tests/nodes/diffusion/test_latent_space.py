"""A VAE in a file of its own fits a model of another scale: latents say which space they are in."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from nodes.diffusion.files.vae_shapes import FLUX_LATENTS, SD3_LATENTS, SD_LATENTS, SDXL_LATENTS
from nodes.diffusion.latent_space import in_space, moved
from nodes.sampling import k_sampler
from nodes.types import STORED, Image, Latent, LatentFormat, Mask, Model, Vae
from nodes.vae import (
    inpaint_model_conditioning,
    vae_decode,
    vae_decode_tiled,
    vae_encode,
    vae_encode_for_inpaint,
    vae_encode_tiled,
)
from tests.nodes.diffusion.tiny_models import tiny_parts
from tests.nodes.diffusion.tiny_sampling import prompt, tiny_model


def vae(space: LatentFormat) -> Vae:
    return Vae(tiny_parts().vae, space, "float32", "tiny")


def model(space: LatentFormat) -> Model:
    return replace(tiny_model(), latent_format=space)


def picture() -> Image:
    return Image(torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0)))


def sampled(space: LatentFormat, latent: Latent, denoise: float = 0.5) -> Latent:
    return k_sampler(model(space), prompt(1), prompt(2), latent, 1, 2, 2.0, denoise=denoise)


def close(one: Tensor, two: Tensor) -> bool:
    return torch.allclose(one, two, atol=1e-5)


def test_latents_move_by_scale_and_shift() -> None:
    raw = torch.randn(1, 16, 2, 2, generator=torch.Generator().manual_seed(0))
    flux, sd3 = (raw - 0.1159) * 0.3611, (raw - 0.0609) * 1.5305
    assert close(moved(flux, FLUX_LATENTS, SD3_LATENTS), sd3)
    assert moved(flux, FLUX_LATENTS, replace(FLUX_LATENTS, rgb=((0.0, 0.0, 0.0),) * 16)) is flux
    assert in_space(Latent(flux), SD3_LATENTS) is flux


@pytest.mark.parametrize("encode", [vae_encode, vae_encode_tiled])
def test_a_vae_that_takes_another_scale_serves_a_model_as_its_own(encode: object) -> None:
    results = []
    for space in (SDXL_LATENTS, SD_LATENTS):
        latent = encode(picture(), vae(space))  # type: ignore[operator]
        made = sampled(SDXL_LATENTS, latent)
        results.append((made.samples, vae_decode(made, vae(space)).pixels))
    (own, shown), (other, shown_by_other) = results
    assert close(own, other)
    assert close(shown, shown_by_other)
    tiled = vae_decode_tiled(made, vae(SD_LATENTS)).pixels
    assert close(shown, tiled)


def test_a_latent_of_unknown_space_is_taken_as_the_readers() -> None:
    latent = vae_encode(picture(), vae(SD_LATENTS))
    assert latent.space == SD_LATENTS
    bare = Latent(latent.samples)
    assert not close(sampled(SDXL_LATENTS, bare).samples, sampled(SDXL_LATENTS, latent).samples)
    assert close(sampled(SD_LATENTS, bare).samples, sampled(SD_LATENTS, latent).samples)


def test_masked_latents_keep_their_space() -> None:
    hole = Mask(torch.ones(1, 1, 32, 32))
    masked = vae_encode_for_inpaint(picture(), vae(SD_LATENTS), hole)
    assert masked.space == SD_LATENTS
    made = inpaint_model_conditioning(prompt(1), prompt(2), vae(SD_LATENTS), picture(), hole)
    assert made.latent.space == SD_LATENTS
    assert made.latent.mask is not None


def test_a_latent_on_disk_keeps_its_space(tmp_path: Path) -> None:
    latent = Latent(torch.ones(1, 4, 2, 2), space=SD_LATENTS)
    STORED.dump(latent, tmp_path / "latent")
    assert STORED.load(tmp_path / "latent").space == SD_LATENTS
