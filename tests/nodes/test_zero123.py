"""Stable Zero123 reads a picture and the way of the camera through its own projection."""

from functools import cache
from math import pi
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import UNet2DConditionModel
from safetensors.torch import save_file
from torch import Tensor
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from nodes.diffusion.conditions import fit_conditionings
from nodes.diffusion.denoiser import denoise
from nodes.diffusion.files import ldm_keys
from nodes.diffusion.inputs.model_inputs import completed
from nodes.errors import NodeError
from nodes.sampling import k_sampler
from nodes.types import Conditioning, Image, Latent, Model
from nodes.video import VideoParts, image_only_checkpoint_loader, stable_zero123_conditioning
from tests.nodes.diffusion.family_files import open_clip, text_with_projection, vae
from tests.nodes.diffusion.tiny_models import SD1_UNET
from tests.nodes.diffusion.tiny_sampling import tiny_model
from tests.nodes.diffusion.vision_files import VIT_L, open_clip_vision
from tests.nodes.folder_context import FolderContext


@cache
def unet() -> Any:
    torch.manual_seed(0)
    network: Any = UNet2DConditionModel(**SD1_UNET, in_channels=8)
    return network.requires_grad_(False).eval()


@cache
def vision() -> Any:
    torch.manual_seed(1)
    encoder: Any = CLIPVisionModelWithProjection(
        CLIPVisionConfig(**VIT_L | {"projection_dim": 768})
    )
    return encoder.requires_grad_(False).eval()


@cache
def projection() -> Any:
    torch.manual_seed(2)
    return torch.nn.Linear(772, 768).requires_grad_(False)


def load(folder: Path, more: dict[str, Tensor]) -> VideoParts:
    """Write a checkpoint, and load it."""
    weights = ldm_keys.unet_to_ldm(unet().state_dict(), dict(unet().config))
    weights |= ldm_keys.vae_to_ldm(vae().state_dict(), dict(vae().config))
    weights |= open_clip_vision(vision(), "cond_stage_model.model.visual.")
    weights |= {f"cc_projection.{name}": t for name, t in projection().state_dict().items()}
    (folder / "checkpoints").mkdir()
    path = folder / "checkpoints" / "zero123.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in (weights | more).items()}, path)
    return image_only_checkpoint_loader("zero123.safetensors", ctx=FolderContext(folder))


@pytest.fixture
def parts(tmp_path: Path) -> VideoParts:
    return load(tmp_path, {})


def picture() -> Image:
    values = torch.randint(256, (1, 3, 28, 28), generator=torch.Generator().manual_seed(5))
    return Image(values / 255)


def estimated(model: Model, x: Tensor, *given: Conditioning) -> list[Tensor]:
    whole = completed(given, model, Latent(torch.zeros_like(x)))
    return denoise(model, x, 2.0, fit_conditionings(whole, model.sampling, x, 8))


def test_a_view_is_asked_for_as_in_training(parts: VideoParts) -> None:
    positive, negative, latent = stable_zero123_conditioning(
        parts.clip_vision, picture(), parts.vae, 64, 64, 2, 30.0, -90.0
    )
    assert latent.samples.shape == (2, 4, 8, 8)
    x = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    cond, uncond = estimated(parts.model, x, positive, negative)
    mean, deviation = (
        torch.tensor(values).view(1, 3, 1, 1)
        for values in (
            (0.48145466, 0.4578275, 0.40821073),
            (0.26862954, 0.26130258, 0.27577711),
        )
    )
    summary = vision()((picture().pixels - mean) / deviation).image_embeds
    camera = torch.tensor([[-pi / 6, -1.0, 0.0, pi / 2]])
    word = projection()(torch.cat([summary, camera], dim=1))[:, None]
    large = torch.nn.functional.interpolate(picture().pixels, (64, 64), mode="bilinear")
    beside = vae().encode(large * 2 - 1).latent_dist.mode()
    timestep = parts.model.sampling.timestep(2.0)
    for made, text, shown in (
        (cond, word, beside),
        (uncond, torch.zeros_like(word), torch.zeros_like(beside)),
    ):
        given = torch.cat([x / 5**0.5, shown.expand(2, -1, -1, -1)], dim=1)
        noise = unet()(given, timestep, text.expand(2, -1, -1)).sample
        assert torch.allclose(made, x - 2.0 * noise, atol=1e-4)


def test_a_view_is_sampled(parts: VideoParts) -> None:
    given = stable_zero123_conditioning(parts.clip_vision, picture(), parts.vae, 64, 64)
    made = k_sampler(parts.model, *given, 1, 2, 4.0).samples
    assert made.isfinite().all()


def test_another_model_is_told(parts: VideoParts) -> None:
    positive, *_ = stable_zero123_conditioning(parts.clip_vision, picture(), parts.vae, 64, 64)
    with pytest.raises(NodeError, match="encoded to 772 numbers a token"):
        estimated(tiny_model(), torch.zeros(1, 4, 8, 8), positive)


def test_the_text_encoder_beside_the_image_encoder_does_no_harm(tmp_path: Path) -> None:
    text = open_clip(text_with_projection(768), "cond_stage_model.model.")
    found = load(tmp_path, text)
    own = vision().state_dict()
    network: Any = found.clip_vision.network
    assert all(torch.equal(network.state_dict()[name], tensor) for name, tensor in own.items())
