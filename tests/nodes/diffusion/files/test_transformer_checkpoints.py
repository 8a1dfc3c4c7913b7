"""Stable Diffusion 3 and Flux load from files, folders and parts, and draw what they should."""

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from nodes.diffusion.files.checkpoint import load_checkpoint
from nodes.diffusion.files.separate_parts import load_denoiser
from nodes.errors import FileProblem
from nodes.loaders import (
    checkpoint_loader_simple,
    clip_loader,
    vae_loader,
)
from nodes.sampling import k_sampler
from nodes.text import (
    clip_text_encode,
    flux_guidance,
)
from nodes.types import Image, Latent
from nodes.vae import vae_decode, vae_encode
from tests.nodes.diffusion.family_files import text_with_projection, write
from tests.nodes.diffusion.t5_files import t5, write_spiece
from tests.nodes.diffusion.transformer_checkpoints import (
    PROMPT,
    TEXTS,
    clip_ids,
    close,
    encoded,
    file_of,
    loaded,
    sd3_text,
    t5_states,
    text_weights,
    vae_of,
    write_folder,
)
from tests.nodes.diffusion.transformer_files import original, transformer
from tests.nodes.folder_context import FolderContext


def same_weights(network: Any, other: Any) -> bool:
    mine, theirs = network.state_dict(), other.state_dict()
    return mine.keys() == theirs.keys() and all(torch.equal(mine[k], theirs[k]) for k in mine)


def test_a_whole_flux_loads(models: FolderContext) -> None:
    found = loaded(models, "flux")
    assert found.family == "flux-dev"
    assert same_weights(found.model.network, transformer("flux"))
    assert same_weights(found.vae.network, vae_of("flux"))
    assert found.vae.latent_format.scaling_factor == 0.3611
    assert found.model.latent_format == found.vae.latent_format
    # At half time, sigma is e^1.15 / (e^1.15 + 1).
    assert float(found.model.sampling.sigma(500)) == pytest.approx(1 / (1 + math.exp(-1.15)))
    part = encoded(found.clip)
    assert close(part.embeds, t5_states(256))
    small = text_with_projection(768).text_model(clip_ids(49407))
    assert close(part.pooled, small.pooler_output)


def test_schnell_is_told_by_its_lack_of_guidance(models: FolderContext) -> None:
    found = loaded(models, "schnell")
    assert found.family == "flux-schnell"
    assert float(found.model.sampling.sigma(500)) == pytest.approx(0.5)


def test_a_whole_stable_diffusion_3_loads(models: FolderContext) -> None:
    found = loaded(models, "sd3")
    assert found.family == "stable-diffusion-3"
    assert same_weights(found.model.network, transformer("sd3"))
    assert found.vae.latent_format.scaling_factor == 1.5305
    assert float(found.model.sampling.sigma(500)) == pytest.approx(0.75)
    part = encoded(found.clip)
    embeds, pooled = sd3_text()
    assert close(part.embeds, embeds)
    assert close(part.pooled, pooled)


@pytest.mark.parametrize("name", ["sd35", "flux"])
def test_a_folder_is_the_same_as_a_file(tmp_path: Path, name: str) -> None:
    found = load_checkpoint(write_folder(tmp_path / "model", name), "float32")
    assert same_weights(found.model.network, transformer(name))
    assert same_weights(found.vae.network, vae_of("flux" if name == "flux" else "sd3"))
    path = write(tmp_path / "file.safetensors", file_of(name))
    write_spiece(tmp_path / "text_encoders")
    file = load_checkpoint(path, "float32")
    assert found.model.latent_format.shift == file.model.latent_format.shift
    assert torch.equal(found.model.sampling.sigmas, file.model.sampling.sigmas)
    one, two = encoded(found.clip), encoded(file.clip)
    assert two.pooled is not None
    assert close(one.embeds, two.embeds)
    assert close(one.pooled, two.pooled)


def test_a_denoiser_may_be_the_folder_of_a_pipelines_part(tmp_path: Path) -> None:
    transformer("flux").save_pretrained(tmp_path / "transformer", max_shard_size="1MB")
    assert len(list((tmp_path / "transformer").glob("*.safetensors"))) > 1
    found = load_denoiser(tmp_path / "transformer", "float32")
    assert same_weights(found.network, transformer("flux"))


def test_a_checkpoint_without_encoders_draws_with_those_of_other_files(
    models: FolderContext, tmp_path: Path
) -> None:
    (tmp_path / "checkpoints").mkdir()
    write(tmp_path / "checkpoints" / "bare.safetensors", file_of("sd3", ()))
    parts = checkpoint_loader_simple("bare.safetensors", ctx=FolderContext(tmp_path))
    with pytest.raises(FileProblem, match=r"bare\.safetensors holds no text encoder"):
        clip_text_encode(PROMPT, parts.clip)
    clip = clip_loader("g.safetensors", "sd3", ctx=models)
    prompt = clip_text_encode(PROMPT, clip)
    latent = Latent(torch.zeros(1, 16, 4, 4))
    made = k_sampler(parts.model, prompt, prompt, latent, steps=1, cfg=1.0, scheduler="simple")
    assert torch.isfinite(made.samples).all()


def test_t5_without_its_vocabulary_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "flux.safetensors", file_of("schnell"))
    with pytest.raises(FileProblem, match=r"T5 text encoder of flux\.safetensors needs its"):
        load_checkpoint(path, "float32")


@pytest.mark.parametrize("name", ["sd3", "flux"])
def test_a_picture_is_drawn_from_file_to_pixels(models: FolderContext, name: str) -> None:
    parts = checkpoint_loader_simple(f"{name}.safetensors", ctx=models)
    positive, negative = (clip_text_encode(text, parts.clip) for text in (PROMPT, ""))
    if name == "flux":
        positive = flux_guidance(positive, 2.5)
    latent = Latent(torch.zeros(1, 16, 4, 6))
    scale = 1.0 if name == "flux" else 3.0
    made = k_sampler(
        parts.model, positive, negative, latent, 5, 2, scale, "euler", "simple", ctx=models
    )
    noise = torch.randn(1, 16, 4, 6, generator=torch.Generator().manual_seed(5))
    assert torch.allclose(
        made.samples, euler(parts.model, positive, negative, noise, scale), atol=1e-3
    )
    picture = vae_decode(made, parts.vae)
    assert picture.pixels.shape == (1, 3, 32, 48)
    raw = made.samples / parts.vae.latent_format.scaling_factor + parts.vae.latent_format.shift
    colours = vae_of("flux").decode(raw).sample
    assert torch.allclose(picture.pixels, (colours / 2 + 0.5).clamp(0, 1), atol=1e-4)


def euler(model: Any, positive: Any, negative: Any, x: Tensor, scale: float) -> Tensor:
    """Sample in two steps by hand, calling the network as diffusers' pipelines do."""
    levels = [1.0, float(model.sampling.sigma(500)), 0.0]
    for high, low in pairwise(levels):
        velocities = [velocity(model.network, each, x, high) for each in (positive, negative)]
        cond, uncond = velocities
        x = x + (low - high) * (uncond + scale * (cond - uncond))
    return x


def velocity(network: Any, conditioning: Any, x: Tensor, sigma: float) -> Tensor:
    (part,) = conditioning.parts
    time = torch.tensor([sigma])
    if network.config.joint_attention_dim and "pos_embed_max_size" in network.config:
        made: Tensor = network(x, part.embeds, part.pooled, time * 1000).sample
        return made
    rows, columns = x.shape[2] // 2, x.shape[3] // 2
    tokens = x.view(1, 16, rows, 2, columns, 2).permute(0, 2, 4, 1, 3, 5)
    places = torch.cartesian_prod(torch.arange(rows), torch.arange(columns))
    output: Tensor = network(
        tokens.reshape(1, rows * columns, 64),
        part.embeds,
        part.pooled,
        time,
        torch.cat([torch.zeros(rows * columns, 1), places], dim=1),
        torch.zeros(part.embeds.shape[1], 3),
        torch.tensor([part.extras.get("guidance", 3.5)]),
    ).sample
    squares = output.view(1, rows, columns, 16, 2, 2).permute(0, 3, 1, 4, 2, 5)
    return squares.reshape(x.shape)


def test_a_vae_of_sixteen_channels_loads_alone(models: FolderContext) -> None:
    vae = vae_loader("ae.safetensors", ctx=models)
    assert same_weights(vae.network, vae_of("flux"))
    assert (vae.latent_format.scaling_factor, vae.latent_format.shift) == (0.3611, 0.1159)
    assert len(vae.latent_format.rgb) == 16
    picture = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    raw = vae_of("flux").encode(picture * 2 - 1).latent_dist.mode()
    made = vae_encode(Image(picture), vae)
    assert torch.allclose(made.samples, (raw - 0.1159) * 0.3611, atol=1e-4)


def test_weights_of_8_bits_without_a_factor_are_read_as_they_are(tmp_path: Path) -> None:
    weights = original(transformer("schnell"), "")
    stored = {name: weight.to(torch.float8_e4m3fn) for name, weight in weights.items()}
    save_file(stored, tmp_path / "fp8.safetensors")
    made: Any = load_denoiser(tmp_path / "fp8.safetensors", "float32").network
    weight = transformer("schnell").state_dict()["x_embedder.weight"]
    kept = made.state_dict()["x_embedder.weight"]
    assert torch.equal(kept.float(), weight.to(torch.float8_e4m3fn).float())


def test_flux_and_t5_compute_in_the_half_precision_of_wide_range(models: FolderContext) -> None:
    found = load_checkpoint(models.root / "checkpoints" / "schnell.safetensors", "float16")
    assert next(found.model.network.parameters()).dtype == torch.bfloat16
    assert next(found.clip.encoder.parameters()).dtype == torch.float16
    assert found.clip.second is not None
    assert next(found.clip.second.parameters()).dtype == torch.bfloat16
    assert len(found.clip.second.state_dict()) == len(t5().state_dict())
    words: Any = found.clip.second
    assert words.encoder.embed_tokens.weight is words.shared.weight


def test_texts_within_a_checkpoint_are_told_apart() -> None:
    names = {name for text in TEXTS for name in text_weights(text)}
    assert len(names) == sum(len(text_weights(text)) for text in TEXTS)
