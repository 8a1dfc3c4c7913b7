"""SigLIP's image encoder loads by its shapes, and sees what transformers shows it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Picture
from safetensors.torch import save_file
from torch import Tensor
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

from nodes.diffusion.adapters.clip_vision import load_clip_vision, prepared
from nodes.types import Image
from nodes.vision import clip_vision_encode
from tests.nodes.diffusion.adapters.test_clip_vision import pixels
from tests.nodes.diffusion.vision_files import siglip, siglip_file


@pytest.mark.parametrize("head", [True, False])
def test_an_encoder_says_what_transformers_has_it_say(tmp_path: Path, head: bool) -> None:
    encoder = siglip(head)
    save_file(siglip_file(encoder), tmp_path / "siglip.safetensors")
    vision = load_clip_vision(tmp_path / "siglip.safetensors", "float32")
    assert (vision.size, vision.colours) == (28, "siglip")
    made = clip_vision_encode(vision, Image(pixels()), "none")
    shown = prepared(pixels(), 28, False, "siglip")
    expected = encoder(shown, output_hidden_states=True)
    summary: Tensor = expected.pooler_output if head else expected.last_hidden_state.mean(1)
    assert torch.allclose(made.last_hidden_state, expected.last_hidden_state, atol=1e-5)
    assert torch.allclose(made.image_embeds, summary, atol=1e-5)
    assert made.last_hidden_state.shape == (2, 4, 1152)


def test_pictures_are_prepared_as_for_it() -> None:
    (given,) = pixels(1, 61, 90)
    picture = Picture.fromarray((given * 255).byte().movedim(0, -1).numpy().astype(np.uint8))
    processor = SiglipImageProcessorPil(size={"height": 56, "width": 56})
    theirs = processor(picture, return_tensors="pt")["pixel_values"]
    step = 1 / 255 / 0.5
    assert (prepared(given[None], 56, False, "siglip") - theirs).abs().max() < 1.01 * step
