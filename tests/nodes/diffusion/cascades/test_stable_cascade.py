"""Stable Cascade's stages, as diffusers runs them."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from diffusers.models.unets.unet_stable_cascade import StableCascadeUNet
from diffusers.schedulers import scheduling_ddpm_wuerstchen
from torch import Tensor

from nodes.diffusion.cascades.stable_cascade import StageA
from nodes.diffusion.files.checkpoint import load_checkpoint
from nodes.diffusion.files.checkpoint_networks import Checkpoint
from nodes.diffusion.files.families import TextUse
from nodes.diffusion.noise import initial_noise, step_noise
from nodes.diffusion.text.encoders import TextPart, make_clip
from nodes.diffusion.text.tokenizer import vocabulary
from nodes.errors import FileProblem, NodeError
from nodes.model import model_sampling_stable_cascade
from nodes.sampling import k_sampler, sampler_custom
from nodes.stable_cascade import (
    stable_cascade_empty_latent_image,
    stable_cascade_stage_b_conditioning,
)
from nodes.text import clip_text_encode
from nodes.types import Conditioning, Latent, Sampler, Sigmas
from nodes.vae import vae_decode, vae_encode
from tests.nodes.diffusion.enlarging_models import drawing, made, quiet, write_config, write_parts
from tests.nodes.diffusion.stable_cascade_files import STAGE_A, STAGE_B, STAGE_C
from tests.nodes.diffusion.tiny_models import TEXT, Config, tiny_parts, tiny_vocabulary
from tests.nodes.diffusion.tiny_sampling import prompt
from tests.nodes.test_cascade import picture

SEED, SCALE, STEPS = 7, 3.0, 3
# A folder tells its configuration, so that texts may be as narrow as those of the tests.
PRIOR: Config = STAGE_C | {"clip_text_in_channels": 32, "clip_text_pooled_in_channels": 32}
DECODER: Config = STAGE_B | {"clip_text_pooled_in_channels": 32}
TEXTS = tuple(
    prompt(n, 5, 32, pooled=torch.randn(1, 32, generator=torch.Generator().manual_seed(n)))
    for n in (1, 2)
)


@cache
def network(part: str) -> Any:
    config = PRIOR if part == "prior" else DECODER
    return made(StableCascadeUNet, config)


@cache
def vqgan() -> Any:
    return made(StageA, STAGE_A)


def write(folder: Path, part: str) -> Path:
    kind = "StableCascadePriorPipeline" if part == "prior" else "StableCascadeDecoderPipeline"
    parts = {part: network(part)} | ({"vqgan": vqgan()} if part == "decoder" else {})
    write_parts(folder, parts, {"_class_name": kind, "text_encoder": [None, None]})
    write_config(folder / "scheduler" / "scheduler_config.json", {"s": 0.008, "scaler": 1.0})
    return folder


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Checkpoint]:
    folder = tmp_path_factory.mktemp("cascade")
    return {
        part: load_checkpoint(write(folder / part, part), "float32")
        for part in ("prior", "decoder")
    }


def noises(shape: tuple[int, ...]) -> list[Tensor]:
    """Draw what both are given: for each step, and none for the last."""
    draw = step_noise(torch.zeros(shape), SEED)
    return [draw(1.0, 0.5) for _ in range(STEPS - 1)] + [torch.zeros(shape)]


def given(**more: Any) -> dict[str, Any]:
    positive, negative = (text.parts[0] for text in TEXTS)
    assert positive.pooled is not None
    assert negative.pooled is not None
    return {
        "prompt_embeds": positive.embeds,
        "prompt_embeds_pooled": positive.pooled[None],
        "negative_prompt_embeds": negative.embeds,
        "negative_prompt_embeds_pooled": negative.pooled[None],
        "num_inference_steps": STEPS,
        "guidance_scale": SCALE,
        **more,
    }


def sampled(stage: Checkpoint, texts: tuple[Conditioning, ...], latent: Latent) -> Latent:
    """Sample through the times that the pipelines take: 1, 2/3, 1/3 and 0."""
    times = torch.linspace(1, 0, STEPS + 1, dtype=torch.float64)[:-1]
    levels = torch.cat([stage.model.sampling.sigma(times), torch.zeros(1)])
    positive, negative = texts
    return sampler_custom(
        stage.model,
        positive,
        negative,
        Sampler("ddpm"),
        Sigmas(levels),
        latent,
        noise_seed=SEED,
        cfg=SCALE,
    ).output


def pipeline(kind: Any, **parts: Any) -> Any:
    schedule: Any = diffusers.DDPMWuerstchenScheduler
    # It asks the text encoder for its dtype, and no more.
    text = tiny_parts().text_encoder
    return quiet(kind(tokenizer=None, text_encoder=text, scheduler=schedule(), **parts))


def test_stage_c_makes_what_the_pipeline_of_diffusers_makes(
    stages: dict[str, Checkpoint],
) -> None:
    empty = stable_cascade_empty_latent_image(256, 384).stage_c
    shape = tuple(empty.samples.shape)
    assert shape == (1, 16, 9, 6)
    prior = pipeline(
        diffusers.StableCascadePriorPipeline,
        prior=network("prior"),
        feature_extractor=None,
        image_encoder=None,
        resolution_multiple=42.67,
    )
    with drawing(scheduling_ddpm_wuerstchen, noises(shape)):
        asked = given(latents=initial_noise(shape, SEED), height=384, width=256)
        expected = prior(**asked, output_type="pt").image_embeddings
    # The pipeline does not shift the noise levels, as the makers of the model do.
    plain = model_sampling_stable_cascade(stages["prior"].model, 1.0)
    ours = sampled(replace(stages["prior"], model=plain), TEXTS, empty).samples
    assert torch.allclose(ours, expected, atol=2e-3 * float(expected.std()))


def test_stage_b_makes_what_the_pipeline_of_diffusers_makes(
    stages: dict[str, Checkpoint],
) -> None:
    reduced = torch.randn(1, 16, 3, 4, generator=torch.Generator().manual_seed(1))
    shape = (1, 4, 32, 42)
    decoder = pipeline(
        diffusers.StableCascadeDecoderPipeline, decoder=network("decoder"), vqgan=vqgan()
    )
    with drawing(scheduling_ddpm_wuerstchen, noises(shape)):
        asked = given(latents=initial_noise(shape, SEED), output_type="latent")
        expected = decoder(image_embeddings=reduced, **asked).images
    shown = stable_cascade_stage_b_conditioning(TEXTS[0], Latent(reduced))
    stage = stages["decoder"]
    ours = sampled(stage, (shown, TEXTS[1]), Latent(torch.zeros(shape)))
    assert torch.allclose(ours.samples, expected, atol=2e-3 * float(expected.std()))
    pixels = super(StageA, vqgan()).decode(0.3764 * ours.samples).sample.clamp(0, 1)
    assert torch.allclose(vae_decode(ours, stage.vae).pixels, pixels, atol=1e-5)


def test_stage_a_encodes_to_the_space_that_it_decodes(stages: dict[str, Checkpoint]) -> None:
    image, vae = picture(32, 48), stages["decoder"].vae
    latent = vae_encode(image, vae)
    own = super(StageA, vqgan()).encode(image.pixels).latents / 0.3764
    assert latent.samples.shape == (1, 4, 8, 12)
    assert torch.allclose(latent.samples, own, atol=1e-4)


def test_clip_is_read_without_its_padding() -> None:
    own, encoder = tiny_vocabulary(), tiny_parts().text_encoder
    words = vocabulary(own["vocab"], [tuple(pair) for pair in own["merges"]])
    weights = {n.removeprefix("text_model."): w for n, w in encoder.state_dict().items()}
    part = TextPart(TEXT, weights, words)
    clip = make_clip([part], TextUse(normed=False), "float32", "tiny", "stable cascade")
    said = clip_text_encode("ab", clip).parts[0]
    mask = torch.tensor([[1] * 3 + [0] * 74])
    ids = torch.tensor([[38, 37] + [39] * 75])
    expected = encoder(ids, attention_mask=mask, output_hidden_states=True)
    assert torch.allclose(said.embeds, expected.hidden_states[-1], atol=1e-5)
    assert said.pooled is not None
    assert torch.allclose(said.pooled, expected.pooler_output, atol=1e-5)


def test_a_prompt_without_a_summary_is_told(stages: dict[str, Checkpoint]) -> None:
    empty = stable_cascade_empty_latent_image(256, 256)
    bare = prompt(1, 5, 32)
    with pytest.raises(NodeError, match="summary"):
        k_sampler(stages["prior"].model, bare, bare, empty.stage_c, steps=1)
    with pytest.raises(FileProblem, match="no VAE"):
        vae_decode(empty.stage_c, stages["prior"].vae)
    with pytest.raises(FileProblem, match="no text encoder"):
        clip_text_encode("a cat", stages["prior"].clip)


def test_times_and_noise_levels_are_each_other_s_inverse(stages: dict[str, Checkpoint]) -> None:
    sampling = stages["decoder"].model.sampling
    times = torch.linspace(0.05, 0.95, 10, dtype=torch.float64)
    assert torch.allclose(sampling.timestep(sampling.sigma(times)), times)
    assert float(sampling.timestep(sampling.sigma_max)) == 1
    # Stage C's levels are higher at each time, but not what it is told of them.
    shifted = stages["prior"].model.sampling
    assert torch.allclose(shifted.sigma(times), 2 * sampling.sigma(times))
    assert torch.equal(
        shifted.timestep(sampling.sigma(times)), sampling.timestep(sampling.sigma(times))
    )
