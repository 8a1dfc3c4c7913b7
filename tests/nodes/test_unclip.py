"""Checkpoints of unCLIP draw what is seen in pictures, as the pipeline of diffusers does."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import (
    DDIMScheduler,
    DDPMScheduler,
    StableUnCLIPImg2ImgPipeline,
    UNet2DConditionModel,
)
from diffusers.pipelines.stable_diffusion.stable_unclip_image_normalizer import (
    StableUnCLIPImageNormalizer,
)
from torch import Tensor

from nodes.diffusion.conditions import fit_conditionings
from nodes.diffusion.denoiser import denoise
from nodes.diffusion.files import ldm_keys
from nodes.diffusion.files.model_files import denoiser_weights
from nodes.diffusion.inputs.model_inputs import completed
from nodes.diffusion.inputs.unclip import SummarySpread, summary_spread
from nodes.errors import NodeError
from nodes.sampling import k_sampler
from nodes.types import ClipVisionOutput, Conditioning, Latent, Model
from nodes.unclip import UnclipParts, unclip_checkpoint_loader, unclip_conditioning
from nodes.vision import clip_vision_encode
from tests.nodes.diffusion.adapters.test_control import picture
from tests.nodes.diffusion.family_files import SD2_UNET, vae, write
from tests.nodes.diffusion.tiny_sampling import prompt
from tests.nodes.diffusion.vision_files import image_encoder, open_clip_vision
from tests.nodes.folder_context import FolderContext

SUMMARY = 24


@cache
def unet() -> Any:
    torch.manual_seed(0)
    network: Any = UNet2DConditionModel(
        **SD2_UNET,
        class_embed_type="projection",
        projection_class_embeddings_input_dim=2 * SUMMARY,
    )
    # What is seen must show.
    for parameter in network.class_embedding.parameters():
        parameter.data.normal_(0, 0.2)
    return network.requires_grad_(False).eval()


@cache
def normalizer() -> Any:
    made: Any = StableUnCLIPImageNormalizer(SUMMARY)
    generator = torch.Generator().manual_seed(2)
    made.mean.data = torch.randn(1, SUMMARY, generator=generator)
    made.std.data = torch.rand(1, SUMMARY, generator=generator) + 0.5
    return made.requires_grad_(False)


@pytest.fixture
def host(tmp_path: Path) -> FolderContext:
    weights = ldm_keys.unet_to_ldm(unet().state_dict(), dict(unet().config))
    assert "model.diffusion_model.label_emb.0.0.weight" in weights
    weights |= ldm_keys.vae_to_ldm(vae().state_dict(), dict(vae().config))
    weights |= open_clip_vision(image_encoder(1280), "embedder.model.visual.")
    weights |= {f"noise_augmentor.data_{n}": t for n, t in normalizer().state_dict().items()}
    weights["noise_augmentor.betas"] = torch.zeros(1000)
    (tmp_path / "checkpoints").mkdir()
    file = {name: tensor.contiguous() for name, tensor in weights.items()}
    write(tmp_path / "checkpoints" / "unclip.safetensors", file)
    return FolderContext(tmp_path)


@pytest.fixture
def parts(host: FolderContext) -> UnclipParts:
    return unclip_checkpoint_loader("unclip.safetensors", ctx=host)


def seen(count: int = 1) -> ClipVisionOutput:
    embeds = torch.randn(count, SUMMARY, generator=torch.Generator().manual_seed(9))
    return ClipVisionOutput(embeds, embeds[:, None], embeds[:, None])


def texts() -> tuple[Conditioning, Conditioning]:
    return prompt(1, width=1024), prompt(2, width=1024)


def noise() -> Tensor:
    return torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1))


def estimated(model: Model, *conditionings: Conditioning) -> list[Tensor]:
    """Estimate from the last of the noise levels, as from a latent that keeps its variance."""
    sigma = float(model.sampling.sigma(999))
    x = noise() * (1 + sigma**2) ** 0.5
    given = completed(conditionings, model, Latent(torch.zeros_like(x)))
    return denoise(model, x, sigma, fit_conditionings(given, model.sampling, x, 8))


def by_pipeline(noise_level: int) -> Tensor:
    """Let the pipeline go from pure noise to its estimate of the picture, in one step."""
    schedule: Any = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
    pipeline: Any = StableUnCLIPImg2ImgPipeline(
        feature_extractor=None,
        image_encoder=image_encoder(1280),
        image_normalizer=normalizer(),
        image_noising_scheduler=DDPMScheduler(beta_schedule="squaredcos_cap_v2"),
        tokenizer=None,
        text_encoder=None,
        unet=unet(),
        scheduler=DDIMScheduler(
            **schedule,
            prediction_type="v_prediction",
            clip_sample=False,
            timestep_spacing="trailing",
        ),
        vae=vae(),
    )
    pipeline.set_progress_bar_config(disable=True)
    positive, negative = texts()
    made: Tensor = pipeline(
        prompt_embeds=positive.parts[0].embeds,
        negative_prompt_embeds=negative.parts[0].embeds,
        image_embeds=seen().image_embeds,
        noise_level=noise_level,
        generator=torch.Generator().manual_seed(0),
        latents=noise(),
        num_inference_steps=1,
        guidance_scale=3.0,
        height=64,
        width=64,
        output_type="latent",
    ).images
    return made


def test_a_checkpoint_brings_its_image_encoder(parts: UnclipParts) -> None:
    network: Any = parts.model.network
    assert parts.model.sampling.prediction == "v_prediction"
    own = unet().state_dict()
    assert all(torch.equal(network.state_dict()[name], tensor) for name, tensor in own.items())
    assert network.config.projection_class_embeddings_input_dim == 2 * SUMMARY
    looked = clip_vision_encode(parts.clip_vision, picture())
    assert looked.image_embeds.shape == (1, SUMMARY)
    assert (
        denoiser_weights(parts.model).keys()
        == ldm_keys.unet_to_ldm(own, dict(unet().config)).keys()
    )


@pytest.mark.parametrize("fraction", [0.0, 0.3])
def test_a_picture_is_followed_as_by_the_pipeline(parts: UnclipParts, fraction: float) -> None:
    positive, negative = texts()
    shown = unclip_conditioning(positive, seen(), 1.0, fraction)
    cond, uncond = estimated(parts.model, shown, negative)
    theirs = by_pipeline(round(fraction * 999))
    assert torch.allclose(uncond + 3.0 * (cond - uncond), theirs, atol=2e-4)
    assert not torch.allclose(cond, estimated(parts.model, positive)[0], atol=1e-2)


def test_a_model_without_a_spread_takes_summaries_as_they_are(
    parts: UnclipParts, tmp_path: Path
) -> None:
    plain = replace(parts.model, patches=())
    (spread,) = parts.model.patches
    assert isinstance(spread, SummarySpread)
    same = SummarySpread(torch.zeros(1, SUMMARY), torch.ones(1, SUMMARY))
    shown = unclip_conditioning(texts()[0], seen(), 0.8, 0.5)
    made, as_it_is = (
        estimated(model, shown)[0] for model in (plain, replace(plain, patches=(same,)))
    )
    assert torch.equal(made, as_it_is)
    file = write(tmp_path / "other.safetensors", {"other": torch.zeros(1)})
    assert summary_spread(file) is None
    normalizer().save_pretrained(tmp_path / "model" / "image_normalizer")
    found = summary_spread(tmp_path / "model")
    assert found is not None
    assert torch.equal(found.deviation, normalizer().std)


def labels(model: Model, conditioning: Conditioning) -> Tensor:
    (given,) = completed((conditioning,), model, Latent(torch.zeros(1, 4, 8, 8)))
    told = given.parts[0].extras["class_labels"]
    assert isinstance(told, Tensor)
    return told


def test_several_pictures_are_mixed(parts: UnclipParts) -> None:
    model, text = replace(parts.model, patches=()), texts()[0]
    both = seen(2)
    one, two = (replace(both, image_embeds=both.image_embeds[n : n + 1]) for n in range(2))
    mixed = labels(model, unclip_conditioning(unclip_conditioning(text, one, 0.6), two, 0.4))
    expected = 0.6 * one.image_embeds + 0.4 * two.image_embeds
    likeness = torch.cosine_similarity(mixed[:, :SUMMARY], expected)
    assert float(likeness) > 0.95
    together = labels(model, unclip_conditioning(text, both, 0.5))
    apart = labels(model, unclip_conditioning(unclip_conditioning(text, one, 0.5), two, 0.5))
    assert torch.allclose(together, apart)


def test_a_picture_of_no_strength_changes_nothing(parts: UnclipParts) -> None:
    text = texts()[0]
    assert unclip_conditioning(text, seen(), 0.0) is text
    assert not labels(parts.model, text).any()


def test_a_picture_is_sampled(parts: UnclipParts) -> None:
    positive, negative = texts()
    shown = unclip_conditioning(positive, seen(), 1.0, 0.1)
    empty = Latent(torch.zeros(2, 4, 8, 8))
    made = k_sampler(parts.model, shown, negative, empty, 1, 2, 3.0).samples
    assert made.isfinite().all()
    assert not torch.allclose(made, k_sampler(parts.model, positive, negative, empty, 1, 2).samples)


def test_an_encoder_of_another_model_is_told(parts: UnclipParts) -> None:
    other = replace(seen(), image_embeds=torch.zeros(1, 16))
    shown = unclip_conditioning(texts()[0], other)
    with pytest.raises(NodeError, match="was seen in 16 numbers, and the model reads 24"):
        labels(parts.model, shown)
