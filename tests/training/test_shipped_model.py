"""The checkpoint that this repository ships: it is small, and draws what is asked."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from nodes.diffusion.files.checkpoint import load_checkpoint
from nodes.sampling import k_sampler
from nodes.text import clip_text_encode
from nodes.types import Latent
from nodes.vae import vae_decode
from training.export import LARGEST_FILE, load
from training.sample import GUIDANCE, STEPS, draw_captions
from training.score import Score, measure, questions

FILE = Path(__file__).parents[2] / "models" / "checkpoints" / "weft-mini.safetensors"
CAPTIONS = 24


@pytest.fixture(scope="module")
def plain() -> Score:
    """Judge a first few held-out captions of one large thing."""
    torch.set_num_threads(1)
    model, autoencoder, scale = load(FILE)
    return measure(
        lambda captions, seed: draw_captions(model, autoencoder, scale, captions, seed),
        "plain",
        CAPTIONS,
        seeds=1,
    )


def test_the_file_is_small_and_says_its_licence() -> None:
    assert FILE.stat().st_size <= LARGEST_FILE
    with safe_open(FILE, framework="pt") as file:
        assert file.metadata()["modelspec.license"] == "Apache-2.0"


def test_held_out_captions_are_drawn_with_their_background_colour_and_shape(plain: Score) -> None:
    assert plain.pictures == CAPTIONS
    assert plain.share("background") >= 0.95
    assert plain.share("colour") >= 0.9
    assert plain.share("shape") >= 0.8


def test_the_nodes_draw_the_same_picture_as_the_training_does() -> None:
    torch.set_num_threads(1)
    caption = "a red star on a blue background"
    checkpoint = load_checkpoint(FILE, "float32")
    clip, vae = checkpoint.clip, checkpoint.vae
    assert clip is not None
    assert vae is not None
    positive, negative = (clip_text_encode(text, clip) for text in (caption, ""))
    empty = Latent(torch.zeros(1, 4, 16, 16))
    latent = k_sampler(
        checkpoint.model, positive, negative, empty, seed=5, steps=STEPS, cfg=GUIDANCE
    )
    drawn = vae_decode(latent, vae).pixels[0].permute(1, 2, 0).numpy()
    expected = draw_captions(*load(FILE), [caption], seed=5)[0]
    assert np.abs(drawn * 255 - expected).max() < 2


def test_the_card_names_every_kind_that_is_judged() -> None:
    card = FILE.with_suffix(".md").read_text(encoding="utf-8")
    for kind in ("plain", "sized", "placed", "pair", "scene"):
        assert questions(kind, 1)
        assert f"| {kind} |" in card
