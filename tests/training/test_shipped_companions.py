"""The companions that this repository ships do what their cards say, through the nodes."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from nodes.cascade import run_cascade_stage
from nodes.control import canny_edges, control_net_apply_advanced, control_net_loader
from nodes.diffusion.cascades.upscaler_file import load_upscaler
from nodes.diffusion.files.checkpoint import load_checkpoint
from nodes.diffusion.files.checkpoint_networks import Checkpoint
from nodes.latent import empty_latent_image
from nodes.sampling import k_sampler
from nodes.super_resolution import cascade_stage_diffusion
from nodes.super_resolution import load_upscaler as load_upscaler_node
from nodes.text import clip_text_encode
from nodes.types import ControlNet, Image, Latent
from nodes.vae import vae_decode
from tests.nodes.folder_context import FolderContext
from training.companions import FILES, MODELS, NOISE_LEVEL
from training.control import edges_of
from training.export import LARGEST_BASE, LARGEST_COMPANION, load_super_resolution
from training.judge_edges import agreement
from training.judge_enlarged import decibels, held_out_pairs, lanczos, measure_enlarged
from training.pictures import draw, unit_pixels
from training.pixel_base import SIDE
from training.sample import GUIDANCE, STEPS
from training.score import measure, questions
from training.super_resolution import SCALE, enlarge, with_noise

ROOT = Path(__file__).parents[2]
SHIPPED = [path for path in FILES.values() if (ROOT / path).exists()]
# Pictures of a kind that are drawn along their edges.
PICTURES = 3
SMALL_PICTURES = 10


@pytest.fixture(scope="module")
def miniature() -> Checkpoint:
    torch.set_num_threads(1)
    return load_checkpoint(ROOT / MODELS / "checkpoints" / "weft-mini.safetensors", "float32")


@pytest.fixture(scope="module")
def control() -> ControlNet:
    return control_net_loader(FILES["control"].name, ctx=FolderContext(ROOT / MODELS))


def _drawn(miniature: Checkpoint, caption: str, steering: tuple[ControlNet, Image, float]) -> Image:
    clip, vae = miniature.clip, miniature.vae
    assert clip is not None
    assert vae is not None
    net, hint, strength = steering
    positive, negative = control_net_apply_advanced(
        clip_text_encode(caption, clip), clip_text_encode("", clip), net, hint, strength=strength
    )
    empty = Latent(torch.zeros(1, 4, 16, 16))
    latent = k_sampler(
        miniature.model, positive, negative, empty, seed=11, steps=STEPS, cfg=GUIDANCE
    )
    return vae_decode(latent, vae)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_companion_is_small_says_its_licence_and_has_a_card(path: Path) -> None:
    largest = LARGEST_BASE if path == FILES["pixel-base"] else LARGEST_COMPANION
    assert (ROOT / path).stat().st_size <= largest
    with safe_open(ROOT / path, framework="pt") as file:
        assert file.metadata()["modelspec.license"] == "Apache-2.0"
    card = (ROOT / path).with_suffix(".md").read_text(encoding="utf-8")
    assert "python -m training judge-" in card


def _with_edges(kind: str) -> list[tuple[str, Image]]:
    """Return captions and edges of the first held-out pictures of a kind that have edges."""
    asked = questions(kind, 4 * PICTURES)
    hints = [canny_edges(Image(unit_pixels([draw(each)]))) for each in asked]
    pairs = zip(asked, hints, strict=True)
    return [(each.caption, hint) for each, hint in pairs if hint.pixels.any()][:PICTURES]


def test_pictures_follow_the_edges_that_they_are_given(
    miniature: Checkpoint, control: ControlNet
) -> None:
    agreements = []
    for caption, hint in [*_with_edges("placed"), *_with_edges("scene")]:
        drawn = _drawn(miniature, caption, (control, hint, 1.0)).pixels
        made = edges_of((255 * drawn).round().byte().numpy())
        agreements.append(agreement(made[0], hint.pixels[0, :1] > 0))
    assert len(agreements) == 2 * PICTURES
    assert np.mean(agreements) >= 0.7


def test_no_strength_draws_the_very_picture_without_a_control(
    miniature: Checkpoint, control: ControlNet
) -> None:
    caption = "a red star on a white background"
    hint = canny_edges(Image(unit_pixels([draw(questions("scene", 1)[0])])))
    clip, vae = miniature.clip, miniature.vae
    assert clip is not None
    assert vae is not None
    plain = k_sampler(
        miniature.model,
        clip_text_encode(caption, clip),
        clip_text_encode("", clip),
        Latent(torch.zeros(1, 4, 16, 16)),
        seed=11,
        steps=STEPS,
        cfg=GUIDANCE,
    )
    without = vae_decode(plain, vae).pixels
    assert torch.equal(_drawn(miniature, caption, (control, hint, 0.0)).pixels, without)
    assert not torch.equal(_drawn(miniature, caption, (control, hint, 1.0)).pixels, without)


def test_small_pictures_are_what_was_asked_for_through_the_nodes() -> None:
    torch.set_num_threads(1)
    pixels = load_checkpoint(ROOT / FILES["pixel-base"], "float32")

    def draw_small(captions: list[str], seed: int) -> np.ndarray:
        drawn = []
        for caption in captions:
            positive, negative = (clip_text_encode(text, pixels.clip) for text in (caption, ""))
            canvas = empty_latent_image(SIDE, SIDE)
            latent = k_sampler(
                pixels.model, positive, negative, canvas, seed=seed, steps=STEPS, cfg=GUIDANCE
            )
            drawn.append(vae_decode(latent, pixels.vae).pixels[0].permute(1, 2, 0).numpy())
        small: np.ndarray = np.rint(np.stack(drawn) * 255).astype(np.uint8)
        return small.repeat(2, 1).repeat(2, 2)

    score = measure(draw_small, "plain", SMALL_PICTURES, seeds=1)
    assert score.share("all") >= 0.8


def test_the_upscaler_beats_lanczos_by_two_decibels() -> None:
    torch.set_num_threads(1)
    network = load_upscaler(ROOT / FILES["upscaler"], "float32").network
    made, plain = measure_enlarged(network, 256, SCALE, "area", 2)
    assert made >= plain + 2


def test_diffusion_beats_lanczos_by_two_decibels_as_a_stage_and_in_training(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    ctx = FolderContext(ROOT / MODELS)
    upscaler = load_upscaler_node(FILES["super-resolution"].name, ctx=ctx).diffusion_upscaler
    stage = cascade_stage_diffusion(upscaler, seed=3)
    small, large = held_out_pairs(256, SCALE, "area", 1)
    plain = decibels(lanczos(small, SCALE), large)
    staged = run_cascade_stage(stage, Image(small[:1]), ctx=FolderContext(tmp_path))
    assert isinstance(staged, Image)
    assert decibels(staged.pixels[:, :3], large[:1])[0] >= plain[0] + 2
    network = load_super_resolution(ROOT / FILES["super-resolution"])
    assert decibels(enlarge(network, small), large).mean() >= plain.mean() + 2


def test_diffusion_removes_the_noise_that_it_adds() -> None:
    torch.set_num_threads(1)
    network = load_super_resolution(ROOT / FILES["super-resolution"])
    small, large = held_out_pairs(256, SCALE, "area", 1)
    noisy = (with_noise(2 * small - 1, torch.full((len(small),), NOISE_LEVEL)) + 1) / 2
    made = decibels(enlarge(network, small, level=NOISE_LEVEL), large).mean()
    assert made > decibels(lanczos(noisy, SCALE), large).mean() + 2
