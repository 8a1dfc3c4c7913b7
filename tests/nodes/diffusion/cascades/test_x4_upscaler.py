"""Stable Diffusion's x4 upscaler: its file, its folder, and what diffusers makes of both."""

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.pipelines.stable_diffusion import pipeline_stable_diffusion_upscale
from torch import Tensor

from nodes.diffusion.cascades.noise_field import noise_at
from nodes.diffusion.cascades.super_resolution import UpscalerParts, load_upscaler_parts
from nodes.diffusion.files.checkpoint import load_checkpoint
from nodes.diffusion.files.families import UPSCALER
from nodes.diffusion.noise import initial_noise
from nodes.errors import NodeError
from nodes.imaging.tiles import Tile
from nodes.sampling import k_sampler
from nodes.super_resolution import (
    SMALL_PICTURE_SEED,
    cascade_stage_diffusion,
    load_upscaler,
    sd_4x_upscale_conditioning,
)
from nodes.text import clip_text_encode
from nodes.types import CascadeStage, Image
from nodes.vae import vae_decode
from tests.nodes.diffusion.enlarging_models import (
    drawing,
    write_x4_file,
    write_x4_folder,
    x4_pipeline,
    x4_unet,
    x4_vae,
)
from tests.nodes.diffusion.tiny_sampling import Told, prompt
from tests.nodes.folder_context import FolderContext

SEED, LEVEL, SCALE = 7, 20, 3.0
TEXTS = (prompt(1), prompt(2))
# The scale of the latents makes twelve of what rounding leaves.
CLOSE = 1e-3


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_x4_folder(tmp_path_factory.mktemp("x4") / "upscale_models" / "x4")


@pytest.fixture(scope="module")
def parts(folder: Path) -> UpscalerParts:
    return load_upscaler("x4", ctx=FolderContext(folder.parents[1]))


def picture(height: int, width: int) -> Image:
    return Image(torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(3)))


def by_diffusers(image: Image, latents: Tensor, level: int, texts: Any, steps: int = 4) -> Tensor:
    """What the pipeline makes; four steps fall on whole timesteps in both."""
    positive, negative = (text.parts[0].embeds for text in texts)
    made: Tensor = x4_pipeline()(
        image=image.pixels * 2 - 1,
        noise_level=level,
        num_inference_steps=steps,
        guidance_scale=SCALE,
        prompt_embeds=positive,
        negative_prompt_embeds=negative,
        latents=latents,
        output_type="pt",
    ).images
    return made


def stage(parts: UpscalerParts, **changes: Any) -> Any:
    given: dict[str, Any] = {"positive": TEXTS[0], "negative": TEXTS[1], "cfg": SCALE}
    given |= {"seed": SEED, "steps": 4, "noise_level": LEVEL, "tile_size": 512}
    return cascade_stage_diffusion(parts.diffusion_upscaler, **given | changes)


def run(one: CascadeStage, image: Image, ctx: Any) -> Tensor:
    assert one.run is not None
    return one.run(image=image, ctx=ctx).pixels


def test_the_original_file_is_told_by_its_shapes_and_loads_whole(tmp_path: Path) -> None:
    path = write_x4_file(tmp_path / "x4-upscaler-ema.safetensors")
    found = load_checkpoint(path, "float32")
    assert found.family == UPSCALER
    own, theirs = found.model.network.state_dict(), x4_unet(narrow=False).state_dict()
    assert all(torch.equal(own[name], one) for name, one in theirs.items())
    assert (found.clip.skip, found.clip.normed) == (2, True)
    assert found.vae.latent_format == found.model.latent_format
    x, text = torch.randn(1, 7, 8, 8), torch.randn(1, 5, 1024)
    given = (x, torch.tensor([3.0]), text, torch.tensor([9]))
    expected = x4_unet(narrow=False)(*given, return_dict=False)[0]
    assert torch.allclose(found.model.network(*given, return_dict=False)[0], expected)
    upscaler = load_upscaler_parts(path, "float32").diffusion_upscaler
    assert (upscaler.scale, upscaler.kind, upscaler.most_noise) == (4, "picture", 350)
    assert upscaler.model.sampling.prediction == "v_prediction"
    betas = torch.linspace(0.0001**0.5, 0.02**0.5, 1000, dtype=torch.float64) ** 2
    signal = torch.cumprod(1 - betas, 0)[-1]
    assert upscaler.model.sampling.sigma_max == pytest.approx(float((1 / signal - 1).sqrt()))


def test_a_folder_tells_its_schedules_and_brings_its_text_encoder(parts: UpscalerParts) -> None:
    upscaler = parts.diffusion_upscaler
    assert (upscaler.scale, upscaler.kind, upscaler.most_noise) == (4, "picture", 300)
    assert upscaler.vae is not None
    own, theirs = upscaler.vae.network.state_dict(), x4_vae().state_dict()
    assert all(torch.equal(own[name], one) for name, one in theirs.items())
    assert clip_text_encode("ab", parts.clip).parts[0].embeds.shape == (1, 77, 16)


def test_a_stage_makes_what_the_pipeline_of_diffusers_makes(parts: UpscalerParts) -> None:
    image = picture(12, 16)
    whole = Tile(0, 12, 0, 16)
    with drawing(pipeline_stable_diffusion_upscale, [noise_at(whole, 3, SEED + 1)]):
        expected = by_diffusers(image, noise_at(whole, 4, SEED), LEVEL, TEXTS)
    made = run(stage(parts), image, Told())
    assert made.shape == (1, 3, 48, 64)
    assert torch.allclose(made, expected, atol=CLOSE)


def test_plain_nodes_make_what_the_pipeline_of_diffusers_makes(parts: UpscalerParts) -> None:
    image, upscaler = picture(12, 16), parts.diffusion_upscaler
    positive, negative, latent = sd_4x_upscale_conditioning(image, *TEXTS, 4.0, 20 / 350)
    sampled = k_sampler(upscaler.model, positive, negative, latent, seed=SEED, steps=4, cfg=SCALE)
    assert upscaler.vae is not None
    made = vae_decode(sampled, upscaler.vae).pixels
    noise = initial_noise((1, 3, 12, 16), SMALL_PICTURE_SEED)
    with drawing(pipeline_stable_diffusion_upscale, [noise]):
        expected = by_diffusers(image, initial_noise((1, 4, 12, 16), SEED), LEVEL, TEXTS)
    assert torch.allclose(made, expected, atol=CLOSE)


def test_the_pictures_are_resized_first_where_the_ratio_is_another() -> None:
    small = sd_4x_upscale_conditioning(picture(12, 16), *TEXTS, scale_ratio=2.0)
    assert small.latent.samples.shape == (1, 4, 6, 8)
    shown = small.positive.parts[0].extras["small_picture"]
    assert isinstance(shown, Tensor)
    assert shown.shape == (1, 3, 6, 8)


def test_tiles_come_near_to_the_whole(parts: UpscalerParts) -> None:
    image = picture(24, 32)
    whole = run(stage(parts, tile_size=512), image, Told())
    tiled = run(stage(parts, tile_size=64, overlap=16), image, Told())
    other_grain = run(stage(parts, seed=8), image, Told())
    assert tiled.shape == whole.shape
    assert (tiled - whole).abs().mean() < 0.7 * (other_grain - whole).abs().mean()


def test_the_cost_of_a_tile_counts_the_decoder(parts: UpscalerParts) -> None:
    one = stage(parts)
    small, large = one.cost(64), one.cost(128)
    assert 3.9 < large.operations / small.operations < 4.2


def test_a_prompt_is_asked_for(parts: UpscalerParts) -> None:
    with pytest.raises(NodeError, match="reads a prompt"):
        stage(parts, positive=None)
    with pytest.raises(NodeError, match="up to 300"):
        stage(parts, noise_level=301)
