"""Image encoders load in every layout, and see what transformers' own preparation shows them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image as Picture
from safetensors.torch import save_file
from torch import Tensor
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from nodes.diffusion.adapters.clip_vision import load_clip_vision, prepared
from nodes.errors import FileProblem
from nodes.types import STORED, ClipVision, Image
from nodes.vision import clip_vision_encode, clip_vision_loader
from tests.nodes.diffusion.vision_files import TINY, image_encoder, open_clip_vision
from tests.nodes.folder_context import FolderContext


def pixels(batch: int = 2, height: int = 61, width: int = 90) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(batch, 3, 7, 9, generator=generator)
    fine = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic").clamp(0, 1)
    return (fine * 255).round() / 255


def as_file(encoder: Any, layout: str) -> dict[str, Tensor]:
    if layout.endswith("."):
        return open_clip_vision(encoder, layout) | {"logit_scale": torch.zeros(1)}
    weights = {name: tensor.contiguous() for name, tensor in encoder.state_dict().items()}
    if layout == "whole clip":
        weights |= {"text_model.final_layer_norm.weight": torch.zeros(3)}
        weights |= {"vision_model.embeddings.position_ids": torch.arange(5)[None]}
    return weights


@pytest.mark.parametrize("width", [1024, 1280])
@pytest.mark.parametrize(
    "layout",
    ["transformers", "whole clip", "visual.", "conditioner.embedders.0.open_clip.model.visual."],
)
def test_every_layout_is_the_same_encoder_told_by_its_shapes(
    tmp_path: Path, width: int, layout: str
) -> None:
    encoder = image_encoder(width)
    save_file(as_file(encoder, layout), tmp_path / "a.safetensors")
    vision = load_clip_vision(tmp_path / "a.safetensors", "float32")
    assert vision.size == 28
    made = clip_vision_encode(vision, Image(pixels()))
    expected = encoder(prepared(pixels(), 28, True), output_hidden_states=True)
    for ours, theirs in (
        (made.image_embeds, expected.image_embeds),
        (made.last_hidden_state, expected.last_hidden_state),
        (made.penultimate_hidden_states, expected.hidden_states[-2]),
    ):
        assert torch.allclose(ours, theirs, atol=1e-5)
    assert made.image_embeds.shape == (2, 24)
    assert made.last_hidden_state.shape == (2, 5, width)


def test_a_folder_of_transformers_is_read(tmp_path: Path) -> None:
    image_encoder().save_pretrained(tmp_path / "clip_vision" / "tiny")
    vision = clip_vision_loader("tiny", ctx=FolderContext(tmp_path))
    settings: Any = vision.network.config
    assert settings.num_attention_heads == 2
    for name, tensor in image_encoder().state_dict().items():
        assert torch.equal(vision.network.state_dict()[name], tensor)


def test_a_file_with_its_own_configuration_loads_by_the_node(tmp_path: Path) -> None:
    (tmp_path / "clip_vision").mkdir()
    save_file(
        dict(image_encoder().state_dict()),
        tmp_path / "clip_vision" / "a.safetensors",
        {"weft.config": json.dumps({"clip_vision": TINY})},
    )
    settings: Any = clip_vision_loader("a.safetensors", ctx=FolderContext(tmp_path)).network.config
    assert (settings.num_attention_heads, settings.hidden_act) == (2, "gelu")


@pytest.mark.parametrize(("height", "width"), [(61, 90), (90, 61), (301, 301), (57, 200)])
def test_pictures_are_prepared_as_transformers_does(height: int, width: int) -> None:
    (given,) = pixels(1, height, width)
    picture = Picture.fromarray((given * 255).byte().movedim(0, -1).numpy().astype(np.uint8))
    theirs = CLIPImageProcessorPil(size=56, crop_size=56)(picture, return_tensors="pt")
    ours = prepared(given[None], 56, True)
    # Rounding to 8 bits may fall one step apart.
    step = 1 / 255 / 0.2613
    assert (ours - theirs["pixel_values"]).abs().max() < 1.01 * step
    assert (ours - theirs["pixel_values"]).abs().mean() < 0.3 * step


def test_without_a_cut_the_whole_picture_is_seen() -> None:
    given = torch.zeros(1, 4, 40, 100)
    given[..., :10] = 1
    cut, whole = prepared(given, 28, True), prepared(given, 28, False)
    assert cut.shape == whole.shape == (1, 3, 28, 28)
    assert torch.equal(cut.amax((2, 3)), cut.amin((2, 3)))
    assert (whole[..., :2] > whole[..., 4:6]).all()


def test_what_an_encoder_says_is_kept_on_disk(tmp_path: Path) -> None:
    vision = ClipVision(image_encoder(), 28, "float32", "tiny")
    made = clip_vision_encode(vision, Image(pixels()), "none")
    STORED.dump(made, tmp_path / "value")
    back = STORED.load(tmp_path / "value")
    assert torch.equal(back.image_embeds, made.image_embeds)
    assert torch.equal(back.penultimate_hidden_states, made.penultimate_hidden_states)


@pytest.mark.parametrize("name", ["text_model.final_layer_norm.weight", "a.b"])
def test_other_files_get_a_sentence(tmp_path: Path, name: str) -> None:
    save_file({name: torch.zeros(1)}, tmp_path / "a.safetensors")
    with pytest.raises(FileProblem, match="holds no image encoder"):
        load_clip_vision(tmp_path / "a.safetensors", "float32")


def test_a_folder_without_its_configuration_is_told(tmp_path: Path) -> None:
    image_encoder().save_pretrained(tmp_path / "tiny")
    (tmp_path / "tiny" / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(FileProblem, match="missing or damaged"):
        load_clip_vision(tmp_path / "tiny", "float32")
