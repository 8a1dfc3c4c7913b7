"""SDXL's base and its refiner share one sampling, as the two pipelines of diffusers do."""

from typing import Any

import diffusers
import pytest
import torch
from torch import Tensor

from nodes.diffusion.files.families import STABLE_DIFFUSION_NOISE
from nodes.diffusion.files.vae_shapes import SDXL_LATENTS
from nodes.diffusion.model_sampling import ModelSampling
from nodes.diffusion.noise import initial_noise
from nodes.diffusion.text.arithmetic import with_extras
from nodes.sampling import k_sampler_advanced, sampler_custom_advanced
from nodes.types import Cond, Conditioning, Guider, Latent, Model, Noise, Sampler, Sigmas
from tests.nodes.diffusion.enlarging_models import euler, quiet
from tests.nodes.diffusion.family_files import unet, vae

SEED, SCALE, STEPS, SPLIT = 7, 3.0, 4, 1
HEIGHT, WIDTH = 64, 96
SHAPE = (1, 4, HEIGHT // 8, WIDTH // 8)


def model(name: str) -> Model:
    return Model(unet(name), ModelSampling.from_betas(), SDXL_LATENTS, "float32", name)


def texts(width: int, **extras: float) -> tuple[Conditioning, Conditioning]:
    generator = torch.Generator().manual_seed(width)

    def one() -> Conditioning:
        embeds = torch.randn(1, 7, width, generator=generator)
        pooled = torch.randn(1, 1280, generator=generator)
        return Conditioning((Cond(embeds, pooled, extras=extras),))

    return one(), one()


BASE, REFINER = texts(2048), texts(1280)


def given(pair: tuple[Conditioning, ...]) -> dict[str, Any]:
    positive, negative = (text.parts[0] for text in pair)
    return {
        "prompt_embeds": positive.embeds,
        "negative_prompt_embeds": negative.embeds,
        "pooled_prompt_embeds": positive.pooled,
        "negative_pooled_prompt_embeds": negative.pooled,
        "num_inference_steps": STEPS,
        "guidance_scale": SCALE,
        "output_type": "latent",
    }


def pipeline(kind: Any, name: str, **more: Any) -> Any:
    schedule = euler("linspace", **STABLE_DIFFUSION_NOISE)
    parts = {"text_encoder": None, "text_encoder_2": None, "tokenizer": None, "tokenizer_2": None}
    made = kind(vae=vae(), unet=unet(name), scheduler=schedule, **parts, **more)
    return quiet(made)


def by_diffusers(**asked: Any) -> Tensor:
    """Sample by the base above timestep 700, and on by the refiner: four steps, one and three."""
    base = pipeline(diffusers.StableDiffusionXLPipeline, "sdxl", add_watermarker=False)
    # Both pipelines begin at sigma, and ours at the root of 1 + sigma^2.
    more = base.scheduler.init_noise_sigma
    noise = initial_noise(SHAPE, SEED) * ((1 + more**2) ** 0.5 / more)
    size = {"height": HEIGHT, "width": WIDTH}
    half = base(**given(BASE), **size, latents=noise, denoising_end=0.3).images
    refiner = pipeline(
        diffusers.StableDiffusionXLImg2ImgPipeline,
        "refiner",
        requires_aesthetics_score=True,
        add_watermarker=False,
    )
    made: Tensor = refiner(**given(REFINER), image=half, denoising_start=0.3, **asked).images
    return made


def ours(pair: tuple[Conditioning, Conditioning] = REFINER) -> Tensor:
    empty = Latent(torch.zeros(SHAPE))
    settings: dict[str, Any] = {"noise_seed": SEED, "steps": STEPS, "cfg": SCALE}
    half = k_sampler_advanced(
        model("sdxl"),
        *BASE,
        empty,
        **settings,
        end_at_step=SPLIT,
        return_with_leftover_noise="enable",
    )
    return k_sampler_advanced(
        model("refiner"), *pair, half, add_noise="disable", **settings, start_at_step=SPLIT
    ).samples


def test_base_and_refiner_make_what_the_pipelines_of_diffusers_make() -> None:
    assert torch.allclose(ours(), by_diffusers(), atol=1e-3)


def test_the_refiner_heeds_the_aesthetic_scores() -> None:
    scored = (
        with_extras(REFINER[0], {"aesthetic_score": 8.0}),
        with_extras(REFINER[1], {"aesthetic_score": 1.0}),
    )
    expected = by_diffusers(aesthetic_score=8.0, negative_aesthetic_score=1.0)
    assert torch.allclose(ours(scored), expected, atol=1e-3)
    assert not torch.allclose(ours(scored), ours(), atol=1e-3)


@pytest.mark.parametrize("split", [1, 2])
def test_noise_levels_that_are_split_are_shared_by_two_models(split: int) -> None:
    sigmas = torch.tensor([14.0, 6.0, 2.0, 0.0])
    base = Guider(model("sdxl"), "cfg", BASE, {"scale": SCALE})
    refiner = Guider(model("refiner"), "cfg", REFINER, {"scale": SCALE})

    def sampled(guider: Guider, levels: Tensor, start: Latent, noise: Noise) -> Latent:
        return sampler_custom_advanced(
            noise, guider, Sampler("euler"), Sigmas(levels), start
        ).output

    half = sampled(base, sigmas[: split + 1], Latent(torch.zeros(SHAPE)), Noise(SEED))
    whole = sampled(refiner, sigmas[split:], half, Noise(None))
    x = half.samples
    for high, low in zip(sigmas[split:-1], sigmas[split + 1 :], strict=True):
        once = sampled(refiner, torch.stack([high, low]), Latent(x), Noise(None))
        x = once.samples
    assert torch.allclose(whole.samples, x, atol=1e-4)
