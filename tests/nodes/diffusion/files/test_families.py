"""Families and configurations are told by the shapes of real models' weights."""

from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

from nodes.diffusion.files import ldm_keys
from nodes.diffusion.files.families import detect
from nodes.diffusion.files.unet_shapes import unet_config
from nodes.diffusion.files.vae_shapes import SD_LATENTS, vae_config
from nodes.errors import FileProblem

Shapes = dict[str, tuple[int, ...]]

SD1: dict[str, Any] = {"cross_attention_dim": 768, "attention_head_dim": 8}
SD2: dict[str, Any] = {
    "cross_attention_dim": 1024,
    "attention_head_dim": [5, 10, 20, 20],
    "use_linear_projection": True,
}
SDXL: dict[str, Any] = {
    "block_out_channels": (320, 640, 1280),
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "transformer_layers_per_block": (1, 2, 10),
    "attention_head_dim": [5, 10, 20],
    "cross_attention_dim": 2048,
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 2816,
}
REFINER: dict[str, Any] = SDXL | {
    "block_out_channels": (384, 768, 1536, 1536),
    "down_block_types": (
        "DownBlock2D",
        "CrossAttnDownBlock2D",
        "CrossAttnDownBlock2D",
        "DownBlock2D",
    ),
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "transformer_layers_per_block": (4, 4, 4, 4),
    "attention_head_dim": [6, 12, 24, 24],
    "cross_attention_dim": 1280,
    "projection_class_embeddings_input_dim": 2560,
}
VAE: dict[str, Any] = {
    "block_out_channels": (128, 256, 512, 512),
    "layers_per_block": 2,
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
}
TEXT: dict[str, Any] = {
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
}


def unet_shapes(config: dict[str, Any]) -> Shapes:
    with torch.device("meta"):
        network: Any = UNet2DConditionModel(**config)
    named = ldm_keys.unet_to_ldm(network.state_dict(), config)
    return {name: tuple(tensor.shape) for name, tensor in named.items()}


def vae_shapes(config: dict[str, Any]) -> Shapes:
    with torch.device("meta"):
        network: Any = AutoencoderKL(**config)
    named = ldm_keys.vae_to_ldm(network.state_dict(), config)
    return {name: tuple(tensor.shape) for name, tensor in named.items()}


def text_shapes(config: dict[str, Any]) -> Shapes:
    with torch.device("meta"):
        weights = CLIPTextModel(CLIPTextConfig(**config)).state_dict()
    named = ldm_keys.text_encoder_to_ldm(weights, config)
    return {name: tuple(tensor.shape) for name, tensor in named.items()}


@pytest.mark.parametrize(
    ("config", "family"),
    [
        (SD1, "stable-diffusion-v1"),
        (SD1 | {"in_channels": 9}, "stable-diffusion-v1-inpaint"),
        (SD1 | {"in_channels": 8}, "stable-diffusion-v1-edit"),
        (SD2, "stable-diffusion-v2"),
        (SD2 | {"in_channels": 9}, "stable-diffusion-v2-inpaint"),
        (SDXL, "stable-diffusion-xl"),
        (SDXL | {"in_channels": 9}, "stable-diffusion-xl-inpaint"),
        (REFINER, "stable-diffusion-xl-refiner"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_families_are_told_by_the_unet_alone(config: dict[str, Any], family: str) -> None:
    shapes = unet_shapes(config)
    found = detect(shapes, {})
    assert found.name == family
    assert unet_shapes(found.denoiser) == shapes
    assert found.denoiser["attention_head_dim"] == config["attention_head_dim"]
    assert not found.vae
    assert not found.text_encoders


def test_a_whole_stable_diffusion_checkpoint_is_described() -> None:
    shapes = unet_shapes(SD1) | vae_shapes(VAE) | text_shapes(TEXT)
    found = detect(shapes, {})
    assert vae_shapes(found.vae) == vae_shapes(VAE)
    (text,) = found.text_encoders
    assert text_shapes(text) == text_shapes(TEXT)
    assert text["num_attention_heads"] == 12
    assert found.vae["scaling_factor"] == 0.18215
    assert found.scheduler["prediction_type"] == "epsilon"
    assert found.scheduler["beta_end"] == 0.012
    assert not found.tokenizer


def test_what_is_predicted_is_taken_from_the_files_own_words() -> None:
    shapes = unet_shapes(SD1)
    said = detect(shapes, {"modelspec.prediction_type": "v"})
    assert said.scheduler["prediction_type"] == "v_prediction"
    marked = detect(shapes | {"v_pred": (0,), "ztsnr": (0,)}, {})
    assert marked.scheduler["prediction_type"] == "v_prediction"
    assert marked.scheduler["rescale_betas_zero_snr"]


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("lora_unet_down_blocks_0_attentions_0_proj_in.lora_down.weight", "a LoRA"),
        ("control_model.input_blocks.0.0.weight", "a ControlNet"),
        ("decoder.up.0.block.0.conv1.weight", "a VAE without a UNet"),
        ("something.else", "no denoiser"),
    ],
)
def test_other_files_are_told_by_name(name: str, what: str) -> None:
    with pytest.raises(FileProblem, match=what):
        detect({name: (1, 1)}, {})


def test_an_unknown_width_is_not_guessed() -> None:
    config = SD1 | {"cross_attention_dim": 512, "block_out_channels": (32, 64, 64, 64)}
    with pytest.raises(FileProblem, match="text width 512"):
        detect(unet_shapes(config), {})


@pytest.mark.parametrize(
    "config",
    [
        VAE,
        VAE | {"latent_channels": 16, "use_quant_conv": False, "use_post_quant_conv": False},
        VAE | {"mid_block_add_attention": False, "layers_per_block": 1},
    ],
)
def test_vae_configurations_follow_from_shapes(config: dict[str, Any]) -> None:
    shapes = vae_shapes(config)
    assert vae_shapes(vae_config(shapes, SD_LATENTS)) == shapes


def test_levels_with_one_layer_or_several_transformers_are_counted() -> None:
    config = SDXL | {"layers_per_block": 1}
    found = unet_config(unet_shapes(config))
    assert found["layers_per_block"] == 1
    assert found["transformer_layers_per_block"] == (10, 2, 10)
    assert found["down_block_types"] == SDXL["down_block_types"]
