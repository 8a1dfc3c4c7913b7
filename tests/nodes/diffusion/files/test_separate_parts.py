"""Denoisers and text encoders in files of their own are those of whole checkpoints."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch

from nodes.diffusion.files import ldm_keys
from nodes.diffusion.files.checkpoint import load_checkpoint
from nodes.diffusion.files.separate_parts import load_clip, load_denoiser
from nodes.diffusion.files.vae_shapes import FLUX_LATENTS, SD3_LATENTS, SD_LATENTS, SDXL_LATENTS
from nodes.diffusion.preview import latent_to_rgb
from nodes.diffusion.text.encoding import encode
from nodes.errors import FileProblem
from nodes.loaders import clip_loader, dual_clip_loader, unet_loader
from nodes.text import clip_text_encode
from tests.nodes.diffusion.family_files import (
    file_of,
    open_clip,
    plain_clip,
    text_with_projection,
    unet,
    write,
)
from tests.nodes.diffusion.transformer_files import original, transformer
from tests.nodes.folder_context import FolderContext

SENTENCE = "a photo of a cat"


@pytest.fixture
def host(tmp_path: Path) -> FolderContext:
    for kind in ("diffusion_models", "text_encoders"):
        (tmp_path / kind).mkdir()
    return FolderContext(tmp_path)


@pytest.mark.parametrize("layout", ["ldm", "ldm alone", "diffusers"])
@pytest.mark.parametrize("name", ["sd2", "sdxl"])
def test_a_unet_of_its_own_loads_in_every_layout(
    host: FolderContext, layout: str, name: str
) -> None:
    network: Any = unet(name)
    prefix = "" if layout == "ldm alone" else ldm_keys.UNET_PREFIX
    weights = network.state_dict()
    if layout != "diffusers":
        weights = ldm_keys.unet_to_ldm(weights, dict(network.config), prefix)
    write(host.root / "diffusion_models" / "a.safetensors", weights)
    found = unet_loader("a.safetensors", ctx=host)
    made: Any = found.network
    assert made.state_dict().keys() == network.state_dict().keys()
    assert all(torch.equal(made.state_dict()[n], t) for n, t in network.state_dict().items())
    assert tuple(made.config.attention_head_dim) == network.config.attention_head_dim
    assert found.latent_format == (SDXL_LATENTS if name == "sdxl" else SD_LATENTS)


@pytest.mark.parametrize("name", ["sd3", "flux"])
def test_a_transformer_of_its_own_can_be_watched(host: FolderContext, name: str) -> None:
    write(host.root / "diffusion_models" / "a.safetensors", original(transformer(name), ""))
    space = unet_loader("a.safetensors", ctx=host).latent_format
    shown = latent_to_rgb(torch.randn(16, 4, 4), space)
    assert space == (SD3_LATENTS if name == "sd3" else FLUX_LATENTS)
    assert shown.shape == (3, 4, 4)
    assert 0.05 < shown.std() < 0.5


def test_velocity_is_told_in_a_unet_of_its_own(tmp_path: Path) -> None:
    weights = dict(unet("sd2").state_dict())
    name = "up_blocks.3.attentions.1.transformer_blocks.0.norm1.bias"
    weights[name] = torch.tensor([0.2, -0.2]).repeat(32)
    found = load_denoiser(write(tmp_path / "a.safetensors", weights), "float32")
    assert found.sampling.prediction == "v_prediction"


def test_two_files_in_either_order_are_sdxls_encoders(host: FolderContext) -> None:
    folder = host.root / "text_encoders"
    write(folder / "l.safetensors", plain_clip("text_model."))
    big = {n: t.contiguous() for n, t in text_with_projection(1280).state_dict().items()}
    write(folder / "g.safetensors", big)
    whole = load_checkpoint(write(host.root / "xl.safetensors", file_of("sdxl")), "float32").clip
    embeds, pooled = encode(whole, SENTENCE)
    for names in (("l.safetensors", "g.safetensors"), ("g.safetensors", "l.safetensors")):
        clip = dual_clip_loader(*names, ctx=host)
        ours, summary = encode(clip, SENTENCE)
        assert torch.allclose(ours, embeds, atol=1e-6)
        assert summary is not None
        assert pooled is not None
        assert torch.allclose(summary, pooled, atol=1e-6)


def test_an_encoder_in_open_clips_names_is_stable_diffusion_2s(host: FolderContext) -> None:
    write(host.root / "text_encoders" / "h.safetensors", open_clip(text_with_projection(1024), ""))
    clip = clip_loader("h.safetensors", ctx=host)
    assert (clip.skip, clip.normed, clip.tokenizer.pad) == (2, True, 0)
    assert clip.projection is None
    assert encode(clip, SENTENCE)[0].shape == (1, 77, 1024)


def test_clip_l_is_stable_diffusion_1s(host: FolderContext) -> None:
    write(host.root / "text_encoders" / "l.safetensors", plain_clip("text_model."))
    clip = clip_loader("l.safetensors", ctx=host)
    assert (clip.skip, clip.normed, clip.tokenizer.pad) == (1, True, 49407)


class Elsewhere(FolderContext):
    """A host whose device computes in half precision, and counts what it is given to hold."""

    def resident(self, model: Any) -> AbstractContextManager[Any]:
        self.counted.append((1, None))
        return nullcontext(model)


def test_an_encoder_on_the_cpu_is_not_brought_to_the_device(host: FolderContext) -> None:
    write(host.root / "text_encoders" / "l.safetensors", plain_clip("text_model."))
    device = Elsewhere(host.root, dtype="float16")
    here = clip_loader("l.safetensors", device="cpu", ctx=device)
    assert next(here.encoder.parameters()).dtype == torch.float32
    made = clip_text_encode(SENTENCE, here, ctx=device)
    assert device.counted == []
    there = clip_loader("l.safetensors", ctx=device)
    assert next(there.encoder.parameters()).dtype == torch.float16
    near = clip_text_encode(SENTENCE, there, ctx=device)
    assert device.counted == [(1, None)]
    assert (made.parts[0].embeds - near.parts[0].embeds).abs().max() < 0.1


def test_other_files_get_a_sentence(tmp_path: Path) -> None:
    small = write(tmp_path / "l.safetensors", plain_clip("text_model."))
    other = write(tmp_path / "t5.safetensors", {"encoder.block.0.weight": torch.zeros(1)})
    with pytest.raises(FileProblem, match="no text encoder of CLIP's or T5's kind"):
        load_clip([other], "float32")
    with pytest.raises(FileProblem, match="width 768 and 768"):
        load_clip([small, small], "float32")
    with pytest.raises(FileProblem, match="a text encoder without a UNet"):
        load_denoiser(small, "float32")
