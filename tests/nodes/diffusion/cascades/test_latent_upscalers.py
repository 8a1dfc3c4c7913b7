"""Stable Diffusion's x2 upscaler and latent diffusion's x4, as diffusers runs them."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.pipelines.latent_diffusion import pipeline_latent_diffusion_superresolution
from torch import Tensor

from nodes import cascade
from nodes.diffusion.cascades.noise_field import noise_at
from nodes.diffusion.cascades.super_resolution import UpscalerParts, load_upscaler_parts
from nodes.diffusion.files.checkpoint import load_checkpoint
from nodes.imaging.tiles import Tile
from nodes.super_resolution import cascade_stage_diffusion
from nodes.text import clip_text_encode
from nodes.types import CascadeStage, Image, Latent
from nodes.vae import vae_encode
from tests.nodes.diffusion.enlarging_models import (
    drawing,
    ldm_original_pipeline,
    ldm_pipeline,
    write_ldm_file,
    write_ldm_folder,
    write_x2_folder,
    x2_pipeline,
)
from tests.nodes.diffusion.tiny_models import tiny_parts
from tests.nodes.diffusion.tiny_sampling import Told, prompt

SEED, SCALE = 7, 3.0
WORDS = [torch.linspace(-1, 1, 16)[None], torch.linspace(1, 0, 16)[None]]
TEXTS = tuple(prompt(n + 1, pooled=words) for n, words in enumerate(WORDS))


@pytest.fixture(scope="module")
def doubling(tmp_path_factory: pytest.TempPathFactory) -> UpscalerParts:
    return load_upscaler_parts(write_x2_folder(tmp_path_factory.mktemp("x2") / "x2"), "float32")


@pytest.fixture(scope="module")
def latent_diffusion(tmp_path_factory: pytest.TempPathFactory) -> UpscalerParts:
    return load_upscaler_parts(write_ldm_folder(tmp_path_factory.mktemp("ldm") / "x4"), "float32")


def picture(height: int, width: int) -> Image:
    return Image(torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(3)))


def doubled(parts: UpscalerParts, **changes: Any) -> CascadeStage:
    given: dict[str, Any] = {"positive": TEXTS[0], "negative": TEXTS[1], "cfg": SCALE}
    given |= {"seed": SEED, "steps": 4, "tile_size": 512}
    return cascade_stage_diffusion(parts.diffusion_upscaler, **given | changes)


def run(stage: CascadeStage, **start: Any) -> Tensor:
    made = cascade.run_cascade_stage(stage, **start, ctx=Told())
    assert isinstance(made, Image)
    return made.pixels


def test_the_x2_upscaler_makes_what_the_pipeline_of_diffusers_makes(
    doubling: UpscalerParts,
) -> None:
    small = torch.randn(1, 4, 8, 16, generator=torch.Generator().manual_seed(1))
    sigmas = doubling.diffusion_upscaler.model.sampling.sigmas
    # The pipeline begins at sigma, and ours at the root of 1 + sigma^2.
    more = math.sqrt(1 + 1 / float(sigmas[-1]) ** 2)
    pipeline = x2_pipeline()
    made = pipeline(
        image=small,
        num_inference_steps=4,
        guidance_scale=SCALE,
        prompt_embeds=TEXTS[0].parts[0].embeds,
        negative_prompt_embeds=TEXTS[1].parts[0].embeds,
        pooled_prompt_embeds=WORDS[0],
        negative_pooled_prompt_embeds=WORDS[1],
        latents=noise_at(Tile(0, 16, 0, 32), 4, SEED) * more,
        output_type="latent",
    ).images
    expected = tiny_parts().vae.decode(made / 0.5).sample
    stage = doubled(doubling, scheduler="simple")
    ours = run(stage, latent=Latent(small))
    assert stage.scale == 2
    assert ours.shape == (1, 3, 128, 256)
    assert torch.allclose(ours, (expected / 2 + 0.5).clamp(0, 1), atol=1e-3)


def test_a_picture_is_encoded_first(doubling: UpscalerParts) -> None:
    image, vae = picture(24, 40), doubling.diffusion_upscaler.vae
    assert vae is not None
    made = run(doubled(doubling), image=image)
    assert torch.allclose(made, run(doubled(doubling), latent=vae_encode(image, vae)), atol=1e-4)
    assert run(doubled(doubling), image=picture(21, 37)).shape == (1, 3, 42, 74)


def test_tiles_of_latents_meet_at_whole_cells(doubling: UpscalerParts) -> None:
    small = torch.randn(1, 4, 10, 12, generator=torch.Generator().manual_seed(1))
    for start in ({"latent": Latent(small)}, {"image": picture(80, 96)}):
        whole, tiled, other_grain = (
            run(doubled(doubling, **widgets), **start)
            for widgets in (
                {"tile_size": 512},
                {"tile_size": 104, "overlap": 32},
                {"tile_size": 104, "overlap": 32, "seed": 8},
            )
        )
        assert tiled.shape == whole.shape == (1, 3, 160, 192)
        assert (tiled - whole).abs().mean() < (other_grain - whole).abs().mean()


def test_the_x2_upscaler_reads_its_text_before_the_last_normalisation(
    doubling: UpscalerParts,
) -> None:
    said = clip_text_encode("ab", doubling.clip).parts[0]
    row = torch.tensor([[38, 37] + [39] * 75])
    expected = tiny_parts().text_encoder(row, output_hidden_states=True)
    assert torch.allclose(said.embeds, expected.hidden_states[-1], atol=1e-5)
    assert said.pooled is not None
    assert torch.allclose(said.pooled, expected.pooler_output, atol=1e-5)


def test_a_network_of_this_kind_is_known_by_its_configuration(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = write_x2_folder(tmp_path_factory.mktemp("again") / "x2")
    sampling = load_checkpoint(path, "float32").model.sampling
    assert (sampling.prediction, sampling.clock) == ("edm", "log")
    assert float(sampling.timestep(math.e)) == pytest.approx(0.25)


def test_what_tiles_of_both_cost_is_known(
    doubling: UpscalerParts, latent_diffusion: UpscalerParts
) -> None:
    stages = (doubled(doubling), cascade_stage_diffusion(latent_diffusion.diffusion_upscaler))
    for stage in stages:
        assert stage.cost is not None
        # Attention to all cells grows faster than their number.
        assert 3.8 < stage.cost(256).operations / stage.cost(128).operations < 9


def latent_diffusion_of_diffusers(image: Image, pipeline: Any) -> Tensor:
    whole = Tile(0, image.pixels.shape[-2], 0, image.pixels.shape[-1])
    with drawing(pipeline_latent_diffusion_superresolution, [noise_at(whole, 3, SEED)]):
        given = {"num_inference_steps": 4, "eta": 0.0, "output_type": "pt"}
        made: Tensor = pipeline(image.pixels * 2 - 1, **given).images
        return made


def enlarged(parts: UpscalerParts, image: Image) -> Tensor:
    upscaler = parts.diffusion_upscaler
    return run(
        cascade_stage_diffusion(upscaler, seed=SEED, steps=4, scheduler="simple"), image=image
    )


def test_latent_diffusion_makes_what_the_pipeline_of_diffusers_makes(
    latent_diffusion: UpscalerParts,
) -> None:
    image, upscaler = picture(12, 16), latent_diffusion.diffusion_upscaler
    assert (upscaler.scale, upscaler.kind, upscaler.most_noise) == (4, "picture", 0)
    made = enlarged(latent_diffusion, image)
    assert made.shape == (1, 3, 48, 64)
    assert torch.allclose(made, latent_diffusion_of_diffusers(image, ldm_pipeline()), atol=1e-3)


def test_latent_diffusion_s_original_file_makes_the_same(tmp_path: Path) -> None:
    parts = load_upscaler_parts(write_ldm_file(tmp_path / "a.safetensors"), "float32")
    image, pipeline = picture(12, 16), ldm_original_pipeline()
    expected = latent_diffusion_of_diffusers(image, pipeline)
    # A latent between two codes may come to either, by the last bit of a number.
    assert torch.allclose(enlarged(parts, image), expected, atol=1e-2)
    network: Any = parts.diffusion_upscaler.model.network
    assert network.config["attention_head_dim"] == pipeline.unet.config.attention_head_dim
    for name, weight in pipeline.unet.state_dict().items():
        assert torch.equal(network.state_dict()[name], weight), name


def test_latent_diffusion_works_in_tiles(latent_diffusion: UpscalerParts) -> None:
    image, upscaler = picture(24, 32), latent_diffusion.diffusion_upscaler

    def made(size: int, seed: int = SEED) -> Tensor:
        stage = cascade_stage_diffusion(upscaler, seed=seed, steps=2, tile_size=size, overlap=16)
        return run(stage, image=image)

    whole, tiled, other_grain = made(512), made(64), made(64, seed=8)
    assert tiled.shape == (1, 3, 96, 128)
    assert (tiled - whole).abs().mean() < (other_grain - whole).abs().mean()
