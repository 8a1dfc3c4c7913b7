"""InstructPix2Pix sees the picture to change as it was trained to: behind the latent, unscaled."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from nodes.diffusion.conditions import fit_conditionings
from nodes.diffusion.denoiser import denoise
from nodes.diffusion.files.checkpoint import load_checkpoint
from nodes.diffusion.files.checkpoint_networks import Checkpoint
from nodes.diffusion.inputs.model_inputs import completed
from nodes.guidance import dual_cfg_guider
from nodes.sampling import k_sampler_select, random_noise, sampler_custom_advanced
from nodes.text import clip_text_encode
from nodes.types import Conditioning, Image, Latent, Sigmas
from nodes.vae import EditParts, instruct_pix_to_pix_conditioning
from tests.nodes.diffusion.tiny_models import (
    SD1_TEXT,
    SD1_UNET,
    SD1_VAE,
    make_parts,
    write_checkpoint,
)

SIGMA = 2.0


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    parts = make_parts(SD1_UNET | {"in_channels": 8}, SD1_VAE, SD1_TEXT)
    path: Path = tmp_path_factory.mktemp("edit") / "edit.safetensors"
    return load_checkpoint(write_checkpoint(path, parts, {}), "float32")


def picture() -> Image:
    return Image(torch.rand(1, 3, 37, 64, generator=torch.Generator().manual_seed(0)))


def edited(found: Checkpoint) -> EditParts:
    positive, negative = (clip_text_encode(text, found.clip) for text in ("make it red", ""))
    return instruct_pix_to_pix_conditioning(positive, negative, found.vae, picture())


def by_network(
    found: Checkpoint, x: Tensor, sigma: float, text: Conditioning, shown: Tensor
) -> Tensor:
    network: Any = found.model.network
    scaled = torch.cat([x / (1 + sigma**2) ** 0.5, shown], dim=1)
    time = found.model.sampling.timestep(torch.tensor(sigma))
    noise: Tensor = network(scaled, time, text.parts[0].embeds).sample
    return x - sigma * noise


def raw_latents(found: Checkpoint) -> Tensor:
    """Encode the picture, its sides cut to multiples of 8, without the scale."""
    vae: Any = found.vae.network
    fitted = picture().pixels[:, :, 2:34]
    mode: Tensor = vae.encode(fitted * 2 - 1).latent_dist.mode()
    return mode


def test_the_picture_stands_behind_the_latent_unscaled(found: Checkpoint) -> None:
    made = edited(found)
    assert made.latent.samples.shape == (1, 4, 4, 8)
    assert not made.latent.samples.any()
    x = torch.randn(1, 4, 4, 8, generator=torch.Generator().manual_seed(1))
    plain = clip_text_encode("", found.clip)
    given = completed((made.positive, made.negative, plain), found.model, Latent(x))
    ours = denoise(found.model, x, SIGMA, fit_conditionings(given, found.model.sampling, x, 8))
    shown = raw_latents(found)
    for text, beside, estimate in zip(
        (made.positive, made.negative, plain), (shown, shown, shown * 0), ours, strict=True
    ):
        assert torch.allclose(estimate, by_network(found, x, SIGMA, text, beside), atol=1e-4)


def test_picture_and_wish_are_followed_each_by_its_own_strength(found: Checkpoint) -> None:
    made = edited(found)
    plain = clip_text_encode("", found.clip)
    guider = dual_cfg_guider(found.model, made.positive, made.negative, plain, 5.0, 1.5)
    sigmas = Sigmas(torch.tensor([SIGMA, 0.0]))
    euler = k_sampler_select("euler")
    result = sampler_custom_advanced(random_noise(3), guider, euler, sigmas, made.latent)
    x = SIGMA * torch.randn(1, 4, 4, 8, generator=torch.Generator().manual_seed(3))
    shown = raw_latents(found)
    wish, seen, nothing = (
        by_network(found, x, SIGMA, text, beside)
        for text, beside in ((made.positive, shown), (made.negative, shown), (plain, shown * 0))
    )
    expected = nothing + 1.5 * (seen - nothing) + 5.0 * (wish - seen)
    assert torch.allclose(result.output.samples, expected, atol=1e-3)


def test_the_picture_is_read_in_whatever_scale_its_vae_has(found: Checkpoint) -> None:
    x = torch.randn(1, 4, 4, 8, generator=torch.Generator().manual_seed(1))
    other = replace(found.vae, latent_format=replace(found.vae.latent_format, scaling_factor=3.0))
    text = clip_text_encode("make it red", found.clip)
    estimates = []
    for vae in (found.vae, other):
        made = instruct_pix_to_pix_conditioning(text, text, vae, picture())
        given = completed((made.positive,), found.model, Latent(x))
        prompts = fit_conditionings(given, found.model.sampling, x, 8)
        estimates += denoise(found.model, x, SIGMA, prompts)
    assert torch.allclose(estimates[0], estimates[1], atol=1e-4)
