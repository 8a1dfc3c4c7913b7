"""Stable Cascade's stages and coders out of single files, in the layouts that are passed on."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from nodes.diffusion.cascades.efficientnet import efficientnet
from nodes.diffusion.cascades.stable_cascade import STAGE_B as B_LATENTS
from nodes.diffusion.cascades.stable_cascade import STAGE_C as C_LATENTS
from nodes.diffusion.cascades.stable_cascade import StageA
from nodes.diffusion.cascades.stage_c_coder import Encoder, Previewer
from nodes.diffusion.files.checkpoint import load_checkpoint
from nodes.errors import FileProblem, NodeError
from nodes.loaders import clip_loader, unet_loader, vae_loader
from nodes.sampling import k_sampler
from nodes.stable_cascade import (
    stable_cascade_empty_latent_image,
    stable_cascade_stage_b_conditioning,
    stable_cascade_stage_c_vae_encode,
)
from nodes.text import clip_text_encode
from nodes.types import Conditioning, Image, Vae
from nodes.vae import vae_decode, vae_encode
from tests.nodes.diffusion import stable_cascade_files as files
from tests.nodes.diffusion.cascades.test_efficientnet import shapes, waved
from tests.nodes.diffusion.family_files import text_with_projection
from tests.nodes.diffusion.tiny_sampling import prompt
from tests.nodes.folder_context import FolderContext
from tests.nodes.test_cascade import picture

FOLDERS = ("checkpoints", "diffusion_models", "text_encoders", "vae")


@pytest.fixture
def host(tmp_path: Path) -> FolderContext:
    for kind in FOLDERS:
        (tmp_path / kind).mkdir()
    return FolderContext(tmp_path)


def parts_of_c() -> tuple[nn.Module, nn.Module]:
    """Make narrow parts of stage C's coder, whose shapes they are told themselves."""
    backbone = {f"backbone.{n}": s for n, s in shapes(efficientnet(*files.EFFICIENTNET)).items()}
    encoder = Encoder(backbone | {"mapper.0.weight": (16, 24, 1, 1)})
    return waved(encoder), waved(Previewer({"blocks.0.weight": (8, 16, 1, 1)}))


def text(seed: int) -> Conditioning:
    pooled = torch.randn(1, 1280, generator=torch.Generator().manual_seed(seed))
    return prompt(seed, 5, 1280, pooled=pooled)


def same_weights(found: Any, expected: nn.Module) -> bool:
    ours, theirs = found.state_dict(), expected.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[n], theirs[n]) for n in theirs)


@pytest.mark.parametrize("layout", ["of its makers", "in a checkpoint", "of diffusers"])
@pytest.mark.parametrize("name", ["b", "c"])
def test_a_stage_of_its_own_loads_in_every_layout(
    host: FolderContext, name: str, layout: str
) -> None:
    network = files.stage(name)
    weights = network.state_dict()
    if layout != "of diffusers":
        weights = files.of_makers(weights, name == "b")
    before = "model.diffusion_model." if layout == "in a checkpoint" else ""
    save_file(files.prefixed(before, weights), host.root / "diffusion_models" / "a.safetensors")
    found = unet_loader("a.safetensors", ctx=host)
    assert same_weights(found.network, network)
    told: Any = found.network.config
    for key, value in (files.STAGE_B if name == "b" else files.STAGE_C).items():
        assert told[key] == value, key
    assert found.latent_format == (B_LATENTS if name == "b" else C_LATENTS)


def test_stages_out_of_files_draw_one_after_the_other(host: FolderContext) -> None:
    for name in "bc":
        weights = files.of_makers(files.stage(name).state_dict(), name == "b")
        path = host.root / "diffusion_models" / f"{name}.safetensors"
        save_file(files.prefixed("", weights), path)
    models = {name: unet_loader(f"{name}.safetensors", ctx=host) for name in "bc"}
    empty = stable_cascade_empty_latent_image(256, 256)
    drawn = k_sampler(models["c"], text(1), text(2), empty.stage_c, steps=2)
    shown = stable_cascade_stage_b_conditioning(text(1), drawn)
    enlarged = k_sampler(models["b"], shown, text(2), empty.stage_b, steps=2)
    assert enlarged.samples.shape == (1, 4, 64, 64)
    other = k_sampler(models["b"], text(1), text(2), empty.stage_b, steps=2)
    assert not torch.allclose(enlarged.samples, other.samples, atol=1e-3)


def test_a_checkpoint_of_stage_c_brings_its_text_encoder_and_its_coder(tmp_path: Path) -> None:
    model, (encoder, previewer) = text_with_projection(1280), parts_of_c()
    weights = files.of_makers(files.stage("c").state_dict(), of_b=False)
    named = dict(model.state_dict())
    projection = named.pop("text_projection.weight").T
    path = tmp_path / "stable_cascade_stage_c.safetensors"
    save_file(
        files.prefixed("model.diffusion_model.", weights)
        | files.prefixed("text_encoder.clip_g.transformer.", named)
        | files.prefixed("text_encoder.clip_g.", {"text_projection": projection})
        | files.prefixed("vae.encoder.", encoder.state_dict())
        | files.prefixed("vae.previewer.", previewer.state_dict())
        | files.prefixed("clip_l_vision.", {"visual_projection.weight": torch.zeros(2, 2)}),
        path,
    )
    found = load_checkpoint(path, "float32")
    assert found.family == "stable-cascade-prior"
    assert same_weights(found.model.network, files.stage("c"))
    said = clip_text_encode("a cat", found.clip).parts[0]
    # It goes on with end marks, and does not look at them.
    ids = torch.tensor([[49406, 320, 2368, *[49407] * 74]])
    mask = torch.tensor([[1] * 4 + [0] * 73])
    expected = model(ids, attention_mask=mask, output_hidden_states=True)
    assert torch.allclose(said.embeds, expected.hidden_states[-1], atol=1e-4)
    assert said.pooled is not None
    assert torch.allclose(said.pooled, expected.text_embeds, atol=1e-4)
    reduced = stable_cascade_stage_c_vae_encode(picture(256, 300), found.vae).stage_c
    shown = vae_decode(reduced, found.vae)
    assert shown.pixels.shape == (1, 3, 6 * 32, 7 * 32)


def test_a_checkpoint_of_stage_b_brings_stage_a_and_says_what_it_lacks(tmp_path: Path) -> None:
    weights = files.of_makers(files.stage("b").state_dict(), of_b=True)
    path = tmp_path / "stable_cascade_stage_b.safetensors"
    save_file(
        files.prefixed("model.diffusion_model.", weights)
        | files.prefixed("vae.", files.stage_a_of_makers()),
        path,
    )
    found = load_checkpoint(path, "float32")
    assert found.family == "stable-cascade-decoder"
    assert same_weights(found.vae.network, files.stage_a())
    with pytest.raises(FileProblem, match="no text encoder"):
        clip_text_encode("a cat", found.clip)


def test_stage_a_of_its_own_codes_for_stage_b(host: FolderContext) -> None:
    path = host.root / "vae" / "stage_a.safetensors"
    save_file(files.prefixed("", files.stage_a_of_makers()), path)
    found = vae_loader("stage_a.safetensors", ctx=host)
    image = picture(32, 48)
    own = super(StageA, files.stage_a()).encode(image.pixels).latents / 0.3764
    latent = vae_encode(image, found)
    assert torch.allclose(latent.samples, own, atol=1e-4)
    assert vae_decode(latent, found).pixels.shape == image.pixels.shape


def coder(host: FolderContext, name: str, weights: dict[str, Tensor]) -> Vae:
    save_file(weights, host.root / "vae" / name)
    return vae_loader(name, ctx=host)


def test_pictures_are_reduced_as_stage_c_saw_them(host: FolderContext) -> None:
    encoder, _ = parts_of_c()
    found = coder(host, "effnet_encoder.safetensors", files.prefixed("", encoder.state_dict()))
    # 4 and 6 cells of 42 pixels become as many squares of 32.
    image = picture(4 * 42, 6 * 42)
    made = stable_cascade_stage_c_vae_encode(image, found)
    assert made.stage_c.samples.shape == (1, 16, 4, 6)
    assert made.stage_c.space == C_LATENTS
    assert made.stage_b.samples.shape == (1, 4, 42, 62)
    mean, deviation = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])[..., None, None]
    sized = Image(torch.nn.functional.interpolate(image.pixels, (128, 192), mode="bicubic"))
    seen = (sized.pixels.clamp(0, 1) - mean) / deviation
    backbone, mapper = encoder.get_submodule("backbone"), encoder.get_submodule("mapper")
    assert torch.allclose(made.stage_c.samples, mapper(backbone(seen)), atol=1e-4)
    with pytest.raises(FileProblem, match="shows its latents"):
        vae_decode(made.stage_c, found)


def test_a_previewer_shows_cells_as_squares(host: FolderContext) -> None:
    _, previewer = parts_of_c()
    found = coder(host, "previewer.safetensors", files.prefixed("", previewer.state_dict()))
    latent = stable_cascade_empty_latent_image(256, 384).stage_c
    shown = vae_decode(latent, found).pixels
    small = previewer(latent.samples)
    assert shown.shape == (1, 3, 9 * 32, 6 * 32)
    assert small.shape == (1, 3, 9 * 8, 6 * 8)
    large = torch.nn.functional.interpolate(small, scale_factor=4, mode="bilinear")
    assert torch.allclose(shown, large.clamp(0, 1), atol=1e-5)
    with pytest.raises(FileProblem, match="encodes pictures"):
        stable_cascade_stage_c_vae_encode(picture(64, 64), found)


def test_coders_saved_with_their_colours_are_read_too(host: FolderContext) -> None:
    encoder, previewer = parts_of_c()
    weights = files.prefixed("encoder.", encoder.state_dict())
    weights |= files.prefixed("previewer.", previewer.state_dict())
    weights |= {"encoder.mean": torch.zeros(3), "encoder.std": torch.ones(3)}
    found = coder(host, "stage_c_vae.safetensors", weights)
    latent = stable_cascade_stage_c_vae_encode(picture(64, 64), found).stage_c
    assert vae_decode(latent, found).pixels.shape == (1, 3, 32, 32)


def test_another_vae_is_told_not_to_encode_for_stage_c(host: FolderContext) -> None:
    path = host.root / "vae" / "stage_a.safetensors"
    save_file(files.prefixed("", files.stage_a_of_makers()), path)
    with pytest.raises(NodeError, match="does not encode"):
        stable_cascade_stage_c_vae_encode(picture(64, 64), vae_loader(path.name, ctx=host))


def test_weights_that_are_missing_are_named(tmp_path: Path) -> None:
    weights = files.prefixed("", files.of_makers(files.stage("c").state_dict(), of_b=False))
    del weights["up_blocks.0.0.depthwise.bias"]
    save_file(weights, tmp_path / "a.safetensors")
    with pytest.raises(FileProblem, match=r"lacks up_blocks\.0\.0\.depthwise\.bias"):
        load_checkpoint(tmp_path / "a.safetensors", "float32")


def test_the_text_encoder_of_its_own_goes_on_with_end_marks(host: FolderContext) -> None:
    weights = files.prefixed("", text_with_projection(1280).state_dict())
    save_file(weights, host.root / "text_encoders" / "clip_g.safetensors")
    clip = clip_loader("clip_g.safetensors", "stable_cascade", ctx=host)
    assert clip.tokenizer.pad == clip.tokenizer.end
