"""Nodes that read and write files, in a folder of their own."""

from pathlib import Path

import pytest
import torch
from PIL import Image as PillowImage

from nodes.api import QUIET
from nodes.errors import FileProblem, NodeError
from nodes.image import load_image, load_image_output
from nodes.imaging.picture_files import read_picture, write_png
from nodes.latent import empty_latent_image
from nodes.loaders import checkpoint_loader_simple, diffusers_loader, vae_loader
from nodes.mask import load_image_mask
from nodes.output import (
    image_compare,
    mask_preview,
    preview_any,
    preview_image,
    save_image,
    save_image_advanced,
    save_text,
)
from nodes.sampling import k_sampler
from nodes.text import clip_text_encode
from nodes.types import Image, Mask
from nodes.vae import vae_decode
from tests.nodes.diffusion.tiny_models import tiny_parts, write_tiny
from tests.nodes.folder_context import TEXTS, FolderContext


@pytest.fixture
def host(tmp_path: Path) -> FolderContext:
    for kind in ("input", "checkpoints", "vae", "diffusers"):
        (tmp_path / kind).mkdir()
    return FolderContext(tmp_path)


def pixels(channels: int = 4) -> torch.Tensor:
    return torch.arange(channels * 6.0).reshape(channels, 2, 3) / 255


def test_a_picture_is_loaded_with_its_transparency_as_mask(host: FolderContext) -> None:
    write_png(host.root / "input" / "a.png", pixels(), {})
    loaded = load_image("a.png", ctx=host)
    assert torch.equal(loaded.image.pixels[0], pixels()[:3])
    assert torch.equal(loaded.mask.values[0], 1 - pixels()[3:])


def test_a_picture_without_alpha_has_an_empty_mask_of_its_size(host: FolderContext) -> None:
    write_png(host.root / "input" / "a.png", pixels(3), {})
    assert torch.equal(load_image("a.png", ctx=host).mask.values, torch.zeros(1, 1, 2, 3))


@pytest.mark.parametrize(("channel", "index"), [("red", 0), ("green", 1), ("blue", 2)])
def test_a_channel_is_loaded_as_a_mask(host: FolderContext, channel: str, index: int) -> None:
    write_png(host.root / "input" / "a.png", pixels(), {})
    made = load_image_mask("a.png", channel, ctx=host)
    assert torch.equal(made.values[0, 0], pixels()[index])


def test_alpha_is_loaded_as_what_is_transparent(host: FolderContext) -> None:
    write_png(host.root / "input" / "a.png", pixels(), {})
    assert torch.equal(load_image_mask("a.png", ctx=host).values[0, 0], 1 - pixels()[3])


def test_every_picture_of_a_batch_is_saved_with_its_texts(host: FolderContext) -> None:
    save_image(
        Image(torch.stack([pixels(3), pixels(3).flip(0)])), "cats/%width%x%height%", ctx=host
    )
    assert [path.name for path, _ in host.saved] == ["3x2_00001_.png", "3x2_00002_.png"]
    path, about = host.saved[1]
    assert path.parent.name == "cats"
    assert about == {
        "mime": "image/png",
        "temporary": False,
        "kind": "image",
        "width": 3,
        "height": 2,
    }
    with PillowImage.open(path) as image:
        assert image.text == TEXTS  # type: ignore[attr-defined]
    assert host.counted == [(2, 2)]


def test_a_picture_is_saved_with_sixteen_bits_and_passed_on(host: FolderContext) -> None:
    made = Image(pixels()[None])
    assert save_image_advanced(made, "fine", bit_depth="16-bit", ctx=host) is made
    ((path, _),) = host.saved
    assert path.read_bytes()[24] == 16  # the header's bit depth
    read, _ = read_picture(path)
    assert torch.allclose(read[0], made.pixels[0, :3], atol=1 / 255)


def test_what_was_saved_loads_again(host: FolderContext) -> None:
    save_image(Image(pixels()[None]), "input/a", ctx=host)
    loaded = load_image(host.saved[0][0].name, ctx=host)
    assert torch.equal(loaded.image.pixels[0], pixels()[:3])


def test_previews_are_temporary(host: FolderContext) -> None:
    preview_image(Image(pixels(3)[None]), ctx=host)
    mask_preview(Mask(pixels(1)[None]), ctx=host)
    assert all(about["temporary"] for _, about in host.saved)
    assert len(host.saved) == 2


def test_saving_nowhere_is_told() -> None:
    with pytest.raises(NodeError, match="nowhere to save"):
        save_image(Image(pixels(3)[None]), ctx=QUIET)


def test_a_checkpoint_gives_its_three_parts(host: FolderContext) -> None:
    write_tiny(host.root / "checkpoints" / "tiny.safetensors")
    parts = checkpoint_loader_simple("tiny.safetensors", ctx=host)
    assert parts.model.dtype == "float32"
    assert parts.vae.latent_format.channels == 4
    assert len({parts.model.key, parts.clip.key, parts.vae.key}) == 3


def test_a_vae_is_loaded_out_of_a_checkpoint(host: FolderContext) -> None:
    write_tiny(host.root / "vae" / "tiny.safetensors")
    weights = vae_loader("tiny.safetensors", ctx=host).network.state_dict()
    assert all(torch.equal(weights[k], v) for k, v in tiny_parts().vae.state_dict().items())


def test_a_prompt_becomes_a_saved_picture(host: FolderContext) -> None:
    write_tiny(host.root / "checkpoints" / "tiny.safetensors")
    model, clip, vae = checkpoint_loader_simple("tiny.safetensors", ctx=host)
    positive, negative = clip_text_encode("ab (c:1.2)", clip), clip_text_encode("", clip)
    noise = empty_latent_image(64, 64, 2)
    made = k_sampler(model, positive, negative, noise, seed=5, steps=3, ctx=host)
    save_image(vae_decode(made, vae, ctx=host), ctx=host)
    first, second = (read_picture(path)[0] for path, _ in host.saved)
    assert first.shape == (1, 3, 64, 64)
    assert not torch.equal(first, second)


def test_a_file_that_is_not_there_is_told(host: FolderContext) -> None:
    with pytest.raises(FileProblem, match=r"no gone\.safetensors"):
        checkpoint_loader_simple("gone.safetensors", ctx=host)
    (host.root / "diffusers" / "empty").mkdir()
    with pytest.raises(FileProblem, match=r"empty/model_index\.json is missing"):
        diffusers_loader("empty", ctx=host)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("as it is", "as it is"),
        (0.5, "0.5"),
        (True, "True"),
        ([1, 2], "1\n2"),
        (Mask(torch.zeros(1, 1, 4, 6)), "Mask(values: 1 × 1 × 4 × 6 numbers)"),
    ],
)
def test_any_value_is_shown_as_text(host: FolderContext, value: object, text: str) -> None:
    assert preview_any(value, ctx=host) == text
    path, about = host.saved[0]
    assert path.read_text(encoding="utf-8") == text
    assert about["mime"] == "text/plain"
    assert about["temporary"]


def test_a_text_is_saved_as_it_stands_and_passed_on(host: FolderContext) -> None:
    text = "Grüße,\nhier: ○\r\n"
    assert save_text(text, "notes/first", "md", ctx=host) == text
    (path, about) = host.saved[0]
    assert path.suffix == ".md"
    assert path.read_bytes() == text.encode()
    assert not about["temporary"]


def test_pictures_are_compared_side_by_side(host: FolderContext) -> None:
    one, two = (Image(torch.rand(count, 3, 8, 6)) for count in (1, 2))
    image_compare(one, two, ctx=host)
    names = [path.name.rpartition("_0")[0] for path, _ in host.saved]
    assert names == ["compare_a", "compare_b", "compare_b"]
    assert all(about["temporary"] for _, about in host.saved)
    with pytest.raises(NodeError, match="no picture to compare"):
        image_compare(ctx=host)


def test_what_a_run_has_made_is_loaded_by_its_name(host: FolderContext) -> None:
    write_png(host.root / "input" / "weft_1_.png [output]", pixels(), {})
    loaded = load_image_output("weft_1_.png [output]", ctx=host)
    assert torch.equal(
        loaded.image.pixels, load_image("weft_1_.png [output]", ctx=host).image.pixels
    )
