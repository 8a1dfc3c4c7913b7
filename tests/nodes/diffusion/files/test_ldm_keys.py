"""Weights keep their values and take the names that real files use, both ways."""

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.loaders.single_file_utils import (
    convert_ldm_unet_checkpoint,
    convert_ldm_vae_checkpoint,
)
from torch import Tensor
from transformers import CLIPTextConfig, CLIPTextModel

from nodes.diffusion.files import ldm_keys

SD15_UNET = {
    "cross_attention_dim": 768,
    "attention_head_dim": 8,
    "sample_size": 64,
}
SDXL_UNET = {
    "block_out_channels": (320, 640, 1280),
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "transformer_layers_per_block": (1, 2, 10),
    "attention_head_dim": (5, 10, 20),
    "cross_attention_dim": 2048,
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 2816,
}
MINI_UNET = {
    "sample_size": 16,
    "block_out_channels": (8, 16),
    "layers_per_block": 1,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
    "attention_head_dim": 2,
    "cross_attention_dim": 16,
    "norm_num_groups": 4,
}
LAYERS_PER_LEVEL = {
    **MINI_UNET,
    "block_out_channels": (8, 8, 16),
    "layers_per_block": (1, 3, 2),
    "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D", "CrossAttnUpBlock2D"),
}
NO_MIDDLE_ATTENTION = {
    **MINI_UNET,
    "mid_block_type": "UNetMidBlock2D",
    "num_class_embeds": 10,
}
SD_VAE = {
    "block_out_channels": (128, 256, 512, 512),
    "layers_per_block": 2,
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "latent_channels": 4,
}
MINI_VAE = {
    "block_out_channels": (4, 8, 8),
    "layers_per_block": 1,
    "down_block_types": ("DownEncoderBlock2D",) * 3,
    "up_block_types": ("UpDecoderBlock2D",) * 3,
    "norm_num_groups": 2,
}


def shapes(state_dict: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {key: tuple(tensor.shape) for key, tensor in state_dict.items()}


def meta_state_dict(cls: Any, config: Mapping[str, Any]) -> dict[str, Tensor]:
    with torch.device("meta"):
        state_dict: dict[str, Tensor] = cls(**config).state_dict()
    return state_dict


@pytest.mark.parametrize(
    "config", [SD15_UNET, SDXL_UNET, MINI_UNET, LAYERS_PER_LEVEL, NO_MIDDLE_ATTENTION]
)
def test_unet_names_come_back_as_they_were(config: dict[str, Any]) -> None:
    ours = meta_state_dict(UNet2DConditionModel, config)
    ldm = ldm_keys.unet_to_ldm(ours, config)
    assert len(ldm) == len(ours)
    assert all(key.startswith("model.diffusion_model.") for key in ldm)
    assert shapes(ldm_keys.unet_from_ldm(ldm, config)) == shapes(ours)


@pytest.mark.parametrize("config", [SD15_UNET, SDXL_UNET])
def test_unet_names_are_those_that_diffusers_converts(config: dict[str, Any]) -> None:
    with torch.device("meta"):
        network: Any = UNet2DConditionModel(**config)
    ldm = ldm_keys.unet_to_ldm(network.state_dict(), config)
    converted = convert_ldm_unet_checkpoint(dict(ldm), dict(network.config))
    assert shapes(converted) == shapes(network.state_dict())


def test_unet_of_stable_diffusion_has_its_published_names() -> None:
    ldm = shapes(ldm_keys.unet_to_ldm(meta_state_dict(UNet2DConditionModel, SD15_UNET), SD15_UNET))
    prefix = "model.diffusion_model."
    assert len(ldm) == 686
    assert ldm[prefix + "time_embed.0.weight"] == (1280, 320)
    assert ldm[prefix + "input_blocks.0.0.weight"] == (320, 4, 3, 3)
    assert ldm[prefix + "input_blocks.3.0.op.weight"] == (320, 320, 3, 3)
    assert ldm[prefix + "input_blocks.4.0.skip_connection.weight"] == (640, 320, 1, 1)
    attention = "transformer_blocks.0.attn2.to_k.weight"
    assert ldm[prefix + "input_blocks.8.1." + attention] == (1280, 768)
    assert ldm[prefix + "middle_block.1.proj_in.weight"] == (1280, 1280, 1, 1)
    assert ldm[prefix + "output_blocks.2.1.conv.weight"] == (1280, 1280, 3, 3)
    assert ldm[prefix + "output_blocks.5.2.conv.bias"] == (1280,)
    assert ldm[prefix + "out.2.weight"] == (4, 320, 3, 3)


@pytest.mark.parametrize(
    "config",
    [
        SD_VAE,
        MINI_VAE,
        {**MINI_VAE, "mid_block_add_attention": False},
        {**MINI_VAE, "use_quant_conv": False, "use_post_quant_conv": False},
        {},
    ],
)
def test_vae_names_come_back_as_they_were(config: dict[str, Any]) -> None:
    ours = meta_state_dict(AutoencoderKL, config)
    ldm = ldm_keys.vae_to_ldm(ours, config)
    assert len(ldm) == len(ours)
    assert shapes(ldm_keys.vae_from_ldm(ldm, config)) == shapes(ours)


def test_vae_names_are_those_that_diffusers_converts() -> None:
    network: Any = AutoencoderKL(**MINI_VAE)
    ldm = ldm_keys.vae_to_ldm(network.state_dict(), MINI_VAE)
    converted = convert_ldm_vae_checkpoint(dict(ldm), dict(network.config))
    assert converted.keys() == network.state_dict().keys()
    for key, tensor in network.state_dict().items():
        assert torch.equal(converted[key], tensor), key


def test_vae_of_stable_diffusion_has_its_published_names() -> None:
    ldm = shapes(ldm_keys.vae_to_ldm(meta_state_dict(AutoencoderKL, SD_VAE), SD_VAE))
    prefix = "first_stage_model."
    assert len(ldm) == 248
    assert ldm[prefix + "encoder.mid.attn_1.q.weight"] == (512, 512, 1, 1)
    assert ldm[prefix + "decoder.up.3.upsample.conv.weight"] == (512, 512, 3, 3)
    assert ldm[prefix + "decoder.up.0.block.0.nin_shortcut.weight"] == (128, 256, 1, 1)
    assert ldm[prefix + "encoder.down.0.downsample.conv.weight"] == (128, 128, 3, 3)
    assert ldm[prefix + "quant_conv.weight"] == (8, 8, 1, 1)


def test_text_encoder_names_come_back_and_old_position_ids_are_passed_over() -> None:
    config: dict[str, Any] = {
        "num_hidden_layers": 2,
        "hidden_size": 8,
        "intermediate_size": 16,
        "vocab_size": 10,
    }
    encoder = CLIPTextModel(CLIPTextConfig(**config, num_attention_heads=2))
    ldm = ldm_keys.text_encoder_to_ldm(encoder.state_dict(), config)
    prefix = "cond_stage_model.transformer.text_model."
    assert prefix + "encoder.layers.1.self_attn.q_proj.weight" in ldm
    assert prefix + "embeddings.token_embedding.weight" in ldm
    ldm[prefix + "embeddings.position_ids"] = torch.arange(77)[None]
    back = ldm_keys.text_encoder_from_ldm(ldm, config)
    assert back.keys() == encoder.state_dict().keys()
    for key, tensor in encoder.state_dict().items():
        assert torch.equal(back[key], tensor), key


def test_parts_are_picked_out_of_one_file() -> None:
    unet = meta_state_dict(UNet2DConditionModel, MINI_UNET)
    vae = meta_state_dict(AutoencoderKL, MINI_VAE)
    both = ldm_keys.unet_to_ldm(unet, MINI_UNET) | ldm_keys.vae_to_ldm(vae, MINI_VAE)
    assert ldm_keys.unet_from_ldm(both, MINI_UNET).keys() == unet.keys()
    assert ldm_keys.vae_from_ldm(both, MINI_VAE).keys() == vae.keys()


def test_weights_of_another_model_are_refused_by_name() -> None:
    with pytest.raises(ldm_keys.UnknownKeysError, match=r"UNet of this .*: stray\.weight$"):
        ldm_keys.unet_to_ldm({"stray.weight": torch.zeros(1)}, MINI_UNET)
    deeper = ldm_keys.unet_to_ldm(meta_state_dict(UNet2DConditionModel, SD15_UNET), SD15_UNET)
    with pytest.raises(ldm_keys.UnknownKeysError, match=r"input_blocks\.1\.1.* and \d+ more$"):
        ldm_keys.unet_from_ldm(deeper, MINI_UNET)
