"""DeepFloyd IF: pixels by a text, then larger pixels, as diffusers makes them."""

from typing import Any

import pytest
import torch
from diffusers.pipelines.deepfloyd_if import pipeline_if, pipeline_if_superresolution
from torch import Tensor

from nodes.diffusion.cascades.noise_field import noise_at
from nodes.diffusion.cascades.small_pictures import VIEWS
from nodes.diffusion.cascades.super_resolution import UpscalerParts, load_upscaler_parts
from nodes.diffusion.files.checkpoint import load_checkpoint
from nodes.diffusion.files.checkpoint_networks import Checkpoint
from nodes.diffusion.noise import initial_noise
from nodes.errors import FileProblem
from nodes.imaging.tiles import Tile
from nodes.latent import empty_latent_image
from nodes.sampling import k_sampler
from nodes.super_resolution import cascade_stage_diffusion
from nodes.text import clip_text_encode
from nodes.types import Image
from nodes.vae import vae_decode
from tests.nodes.diffusion.enlarging_models import drawing, if_pipeline, if_t5, write_if_folder
from tests.nodes.diffusion.t5_files import NUMBER
from tests.nodes.diffusion.tiny_sampling import Told, prompt

SEED, SCALE, LEVEL = 7, 4.0, 250
# diffusers computes noise levels with half the digits, and the highest of them is 20 000.
CLOSE = 3e-3
TEXTS = (prompt(1, width=32), prompt(2, width=32))


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return load_checkpoint(write_if_folder(tmp_path_factory.mktemp("if") / "one", False), "float32")


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> UpscalerParts:
    return load_upscaler_parts(
        write_if_folder(tmp_path_factory.mktemp("if") / "two", True), "float32"
    )


def asked(**more: Any) -> dict[str, Any]:
    positive, negative = (text.parts[0].embeds for text in TEXTS)
    texts = {"prompt_embeds": positive, "negative_prompt_embeds": negative}
    return {"num_inference_steps": 3, "guidance_scale": SCALE, "output_type": "pt", **texts, **more}


def test_the_first_stage_makes_what_the_pipeline_of_diffusers_makes(first: Checkpoint) -> None:
    noise = initial_noise((1, 3, 16, 24), SEED)
    with drawing(pipeline_if, [noise]):
        expected = if_pipeline(False)(**asked(height=16, width=24)).images
    steps: dict[str, Any] = {"steps": 3, "cfg": SCALE, "scheduler": "sgm_uniform"}
    empty = empty_latent_image(24, 16)
    made = vae_decode(k_sampler(first.model, *TEXTS, empty, SEED, **steps), first.vae).pixels
    assert torch.allclose(made, (expected / 2 + 0.5).clamp(0, 1), atol=CLOSE)


def test_t5_is_read_in_small_letters_and_without_its_padding(first: Checkpoint) -> None:
    said = clip_text_encode("A Red cat", first.clip).parts[0].embeds
    ids = [NUMBER[word] for word in ("▁a", "▁red", "▁cat", "</s>")] + [NUMBER["<pad>"]] * 73
    given = torch.tensor([ids])
    expected = if_t5()(given, attention_mask=given != 0).last_hidden_state
    assert said.shape == (1, 77, 32)
    assert torch.allclose(said, expected, atol=1e-5)


def picture(height: int, width: int) -> Image:
    return Image(torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(3)))


def enlarged(parts: UpscalerParts, image: Image, **changes: Any) -> Tensor:
    given: dict[str, Any] = {"positive": TEXTS[0], "negative": TEXTS[1], "cfg": SCALE, "steps": 3}
    given |= {"seed": SEED, "noise_level": LEVEL, "scheduler": "sgm_uniform", "tile_size": 512}
    stage = cascade_stage_diffusion(parts.diffusion_upscaler, **given | changes)
    assert stage.run is not None
    return stage.run(image=image, ctx=Told()).pixels


def test_a_later_stage_makes_what_the_pipeline_of_diffusers_makes(second: UpscalerParts) -> None:
    image, whole = picture(6, 8), Tile(0, 24, 0, 32)
    with drawing(
        pipeline_if_superresolution, [noise_at(whole, 3, SEED), noise_at(whole, 3, SEED + 1)]
    ):
        pipeline = if_pipeline(True)
        given = asked(image=image.pixels * 2 - 1, noise_level=LEVEL, height=24, width=32)
        expected = pipeline(**given).images
    made = enlarged(second, image)
    assert torch.allclose(made, (expected / 2 + 0.5).clamp(0, 1), atol=CLOSE)


def test_tiles_see_their_part_of_the_stretched_picture(second: UpscalerParts) -> None:
    upscaler, small = second.diffusion_upscaler, picture(12, 16).pixels
    size = torch.Size((48, 64))
    whole = torch.nn.functional.interpolate(
        small * 2 - 1, size, mode="bilinear", align_corners=True
    )
    for place in (Tile(0, 48, 0, 64), Tile(8, 24, 32, 64)):
        seen = VIEWS["stretched"].seen(upscaler, small, place)
        assert torch.allclose(seen, place.of(whole), atol=1e-5)


def test_tiles_come_near_to_the_whole(second: UpscalerParts) -> None:
    image = picture(20, 24)
    whole = enlarged(second, image)
    tiled = enlarged(second, image, tile_size=64, overlap=16)
    other_grain = enlarged(second, image, seed=8)
    assert (tiled - whole).abs().mean() < 0.7 * (other_grain - whole).abs().mean()


def test_a_text_encoder_that_a_stage_lacks_is_missed_where_it_is_used(
    second: UpscalerParts,
) -> None:
    with pytest.raises(FileProblem, match="no text encoder"):
        clip_text_encode("a cat", second.clip)
