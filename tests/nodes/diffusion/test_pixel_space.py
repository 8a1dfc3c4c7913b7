"""Models on pixels: their own latents, folded for the network, kept between black and white."""

import json
from typing import Any

import pytest
import torch
from diffusers import DDPMScheduler, UNet2DConditionModel
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.functional import pixel_shuffle, pixel_unshuffle
from transformers import CLIPTextConfig, CLIPTextModel

from nodes.diffusion.files import ldm_keys
from nodes.diffusion.files.checkpoint import load_checkpoint
from nodes.diffusion.files.checkpoint_networks import Checkpoint
from nodes.diffusion.patches.patch import Estimates, GuidancePatch
from nodes.diffusion.patches.thresholds import thresholds
from nodes.diffusion.pixel_space import FOLDED_UNET, PIXEL_SPACE, FoldedUNet, pixel_latents
from nodes.diffusion.preview import latent_to_rgb
from nodes.latent import empty_latent_image
from nodes.sampling import k_sampler
from nodes.text import clip_text_encode
from nodes.types import Image, LatentFormat
from nodes.vae import vae_decode, vae_decode_tiled, vae_encode
from tests.nodes.diffusion.tiny_models import SCHEDULER, TEXT, UNET, tiny_vocabulary

FOLD = 2
FOLDED = {**UNET, "in_channels": 3 * FOLD**2, "out_channels": 3 * FOLD**2}
NOISE = {**SCHEDULER, "prediction_type": "sample", "clip_sample": True}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    torch.manual_seed(0)
    unet: Any = UNet2DConditionModel(**FOLDED)
    text = CLIPTextModel(CLIPTextConfig(**TEXT))
    config = {
        "unet": FOLDED | {"_class_name": FOLDED_UNET},
        "vae": {"_class_name": PIXEL_SPACE, "scaling_factor": 0.25},
        "text_encoder": TEXT,
        "tokenizer": tiny_vocabulary(),
        "scheduler": NOISE,
    }
    weights = ldm_keys.unet_to_ldm(unet.state_dict(), FOLDED)
    weights |= ldm_keys.text_encoder_to_ldm(text.state_dict(), TEXT)
    path = tmp_path_factory.mktemp("pixels") / "pixels.safetensors"
    named = {name: tensor.contiguous() for name, tensor in weights.items()}
    save_file(named, path, {"weft.config": json.dumps(config)})
    return load_checkpoint(path, "float32")


def plain(network: Any) -> Any:
    unet: Any = UNet2DConditionModel(**FOLDED)
    unet.load_state_dict(network.state_dict())
    return unet.eval()


def folded(checkpoint: Checkpoint) -> Any:
    network = checkpoint.model.network
    assert isinstance(network, FoldedUNet)
    return network


@torch.no_grad()
def test_the_network_sees_squares_of_pixels_as_channels(checkpoint: Checkpoint) -> None:
    network = folded(checkpoint)
    x, text = torch.randn(1, 3, 16, 24), torch.randn(1, 5, 16)
    asked = pixel_unshuffle(x, FOLD), torch.tensor([500]), text
    expected = pixel_shuffle(plain(network)(*asked).sample, FOLD)
    for made in (
        network(x, torch.tensor([500]), text).sample,
        network(x, torch.tensor([500]), text, return_dict=False)[0],
    ):
        assert torch.allclose(made, expected, atol=1e-6)


@torch.no_grad()
def test_sides_that_do_not_fold_keep_their_length(checkpoint: Checkpoint) -> None:
    x = torch.randn(1, 3, 15, 17)
    made = folded(checkpoint)(x, torch.tensor([500]), torch.randn(1, 5, 16)).sample
    assert made.shape == x.shape


def test_pictures_are_their_own_latents(checkpoint: Checkpoint) -> None:
    picture = Image(torch.rand(2, 3, 12, 20))
    latent = vae_encode(picture, checkpoint.vae)
    assert torch.allclose(latent.samples, (2 * picture.pixels - 1) * 0.25)
    assert torch.allclose(vae_decode(latent, checkpoint.vae).pixels, picture.pixels, atol=1e-6)
    tiled = vae_decode_tiled(latent, checkpoint.vae, tile_size=64).pixels
    assert torch.allclose(tiled, picture.pixels, atol=1e-6)
    shown = latent_to_rgb(latent.samples[0], checkpoint.model.latent_format)
    assert torch.allclose(shown, picture.pixels[0], atol=1e-6)


def test_an_empty_latent_becomes_as_many_pixels_as_it_was_asked_for(checkpoint: Checkpoint) -> None:
    says, nothing = (clip_text_encode(text=text, clip=checkpoint.clip) for text in ("ab", ""))
    made = k_sampler(
        model=checkpoint.model,
        seed=1,
        steps=3,
        cfg=7.0,
        sampler_name="euler",
        scheduler="normal",
        positive=says,
        negative=nothing,
        latent_image=empty_latent_image(64, 32, 2),
        denoise=1.0,
    )
    assert made.samples.shape == (2, 3, 32, 64)
    assert not torch.equal(made.samples[0], made.samples[1])
    # The last step gives the estimate itself, which stays between black and white.
    assert made.samples.abs().max() <= 0.25 + 1e-6


def estimated(patch: GuidancePatch, guided: Tensor) -> Tensor:
    nothing: Any = None
    estimates = Estimates(guided, 1.0, guided, guided, 1.0, lambda *_: guided, 0, {}, nothing)
    return patch.rule(lambda _: guided, estimates, **patch.options)


def test_the_dynamic_threshold_is_that_of_diffusers() -> None:
    guided = torch.randn(3, 3, 16, 16) * torch.tensor([0.5, 2.0, 9.0]).reshape(3, 1, 1, 1)
    options = {"thresholding": True, "dynamic_thresholding_ratio": 0.9, "sample_max_value": 4.0}
    (patch,) = thresholds(options, pixel_latents(1.0))
    scheduler: Any = DDPMScheduler(**options)
    expected = scheduler._threshold_sample(guided)
    assert torch.allclose(estimated(patch, guided), expected, atol=1e-6)
    (dim,) = thresholds(options, pixel_latents(0.25))
    assert torch.allclose(estimated(dim, guided * 0.25), expected * 0.25, atol=1e-6)


def test_latents_are_never_cut() -> None:
    assert thresholds({"clip_sample": True, "thresholding": True}, LatentFormat(4, 0.18)) == ()
    assert thresholds({"clip_sample": False}, pixel_latents(1.0)) == ()
