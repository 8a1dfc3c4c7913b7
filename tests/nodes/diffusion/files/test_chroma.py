"""Chroma loads under both kinds of names, reads T5 without padding, and is called as by itself."""

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import FluxPipeline
from safetensors.torch import save_file
from torch import Tensor

from nodes.diffusion.adapters.lora import model_with_lora, read_lora
from nodes.diffusion.files.separate_parts import load_denoiser
from nodes.errors import FileProblem
from nodes.loaders import clip_loader, unet_loader
from nodes.sampling import k_sampler
from nodes.text import clip_text_encode
from nodes.types import Latent
from tests.nodes.diffusion.t5_files import NUMBER, t5, t5_weights, write_spiece
from tests.nodes.diffusion.test_network_calls import SIGMA, asked, drawn, model_of, text
from tests.nodes.diffusion.transformer_files import original, transformer
from tests.nodes.folder_context import FolderContext


@pytest.fixture
def host(tmp_path: Path) -> FolderContext:
    write_spiece(tmp_path / "text_encoders")
    save_file(t5_weights(), tmp_path / "text_encoders" / "t5.safetensors")
    (tmp_path / "diffusion_models").mkdir()
    save_file(original(transformer("chroma"), ""), tmp_path / "diffusion_models" / "a.safetensors")
    return FolderContext(tmp_path)


@pytest.mark.parametrize("layout", ["original", "within a checkpoint", "diffusers"])
def test_every_layout_is_the_same_network(tmp_path: Path, layout: str) -> None:
    network = transformer("chroma")
    if layout == "diffusers":
        weights = {name: t.contiguous() for name, t in network.state_dict().items()}
    else:
        weights = original(network, "" if layout == "original" else "model.diffusion_model.")
    save_file(weights, tmp_path / "a.safetensors")
    found = load_denoiser(tmp_path / "a.safetensors", "float32")
    made: Any = found.network
    assert made.state_dict().keys() == network.state_dict().keys()
    assert all(torch.equal(made.state_dict()[n], t) for n, t in network.state_dict().items())
    assert torch.equal(made.time_text_embed.mod_proj, network.time_text_embed.mod_proj)
    assert (found.latent_format.scaling_factor, len(found.latent_format.rgb)) == (0.3611, 16)


def test_it_is_called_as_by_its_pipeline(host: FolderContext) -> None:
    model, x = unet_loader("a.safetensors", ctx=host), drawn(1, 2, 16, 8, 12)
    pipeline: Any = FluxPipeline
    embeds = drawn(2, 1, 5, 4096)
    output = transformer("chroma")(
        hidden_states=pipeline._pack_latents(x, *x.shape),
        timestep=torch.tensor([SIGMA] * 2),
        encoder_hidden_states=embeds.expand(2, -1, -1),
        txt_ids=torch.zeros(5, 3),
        img_ids=pipeline._prepare_latent_image_ids(2, 4, 6, "cpu", torch.float32),
    ).sample
    theirs: Tensor = x - SIGMA * pipeline._unpack_latents(output, 64, 96, 8)
    # A summary that Flux would read is passed over.
    (made,) = asked(model, x, text(2, model_of("flux"), 5))
    assert torch.allclose(made, theirs, atol=1e-4)


def test_texts_are_read_by_t5_alone_and_not_filled_up(host: FolderContext) -> None:
    clip = clip_loader("t5.safetensors", "chroma", ctx=host)
    (part,) = clip_text_encode("a red cat", clip).parts
    row = [NUMBER[piece] for piece in ("▁a", "▁red", "▁cat")]
    states = t5()(torch.tensor([[*row, 1]])).last_hidden_state
    assert torch.allclose(part.embeds, states, atol=1e-4)
    assert part.pooled is None


def test_a_picture_is_drawn_from_files(host: FolderContext) -> None:
    model = unet_loader("a.safetensors", ctx=host)
    clip = clip_loader("t5.safetensors", "chroma", ctx=host)
    positive, negative = (clip_text_encode(words, clip) for words in ("a red cat", ""))
    latent = Latent(torch.zeros(1, 16, 4, 4))
    made = k_sampler(model, positive, negative, latent, 5, 2, 3.0, "euler", "simple", ctx=host)
    other = k_sampler(model, positive, negative, latent, 5, 2, 1.0, "euler", "simple", ctx=host)
    assert torch.isfinite(made.samples).all()
    assert not torch.allclose(made.samples, other.samples, atol=1e-3)


def test_a_lora_under_the_originals_names_changes_it(host: FolderContext) -> None:
    model = unet_loader("a.safetensors", ctx=host)
    up, down = torch.ones(384, 1), torch.full((1, 128), 1e-2)
    start = "lora_unet_double_blocks_0_img_attn_qkv"
    save_file(
        {f"{start}.lora_up.weight": up, f"{start}.lora_down.weight": down},
        host.root / "lora.safetensors",
    )
    changed, used = model_with_lora(model, read_lora(host.root / "lora.safetensors"), 1.0)
    assert used == {start}
    for letter in "qkv":
        name = f"transformer_blocks.0.attn.to_{letter}.weight"
        before = model.network.state_dict()[name]
        assert torch.allclose(changed.network.state_dict()[name], before + 1e-2, atol=1e-6)


def test_its_relative_in_pixels_is_told(tmp_path: Path) -> None:
    weights = original(transformer("chroma"), "") | {"nerf_blocks.0.weight": torch.zeros(1)}
    save_file(weights, tmp_path / "a.safetensors")
    with pytest.raises(FileProblem, match="Chroma Radiance"):
        load_denoiser(tmp_path / "a.safetensors", "float32")
