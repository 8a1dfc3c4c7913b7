"""Narrow upscalers in the published layouts, and pipelines of diffusers for them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import diffusers
import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import T5Config, T5EncoderModel

from nodes.diffusion.files import ldm_keys
from tests.nodes.diffusion.family_files import open_clip, text_with_projection
from tests.nodes.diffusion.t5_files import write_spiece
from tests.nodes.diffusion.tiny_models import Config, tiny_parts, tiny_vocabulary

# Stable Diffusion's x4 upscaler: 7 channels, classes of noise, attention to the text alone in all
# levels but the last.
X4_UNET: Config = {
    "in_channels": 7,
    "block_out_channels": (32, 64, 64, 64),
    "down_block_types": ("DownBlock2D", *["CrossAttnDownBlock2D"] * 3),
    "up_block_types": (*["CrossAttnUpBlock2D"] * 3, "UpBlock2D"),
    "layers_per_block": 1,
    "cross_attention_dim": 1024,
    "attention_head_dim": 8,
    "use_linear_projection": True,
    "only_cross_attention": (True, True, True, False),
    "num_class_embeds": 1000,
}
# A folder tells its configuration, so that it may be as narrow as its text encoder.
X4_NARROW: Config = X4_UNET | {
    "block_out_channels": (8, 16, 16, 16),
    "norm_num_groups": 4,
    "cross_attention_dim": 16,
    "attention_head_dim": 2,
}
X4_VAE: Config = {
    "block_out_channels": (32, 32, 32),
    "layers_per_block": 1,
    "down_block_types": ("DownEncoderBlock2D",) * 3,
    "up_block_types": ("UpDecoderBlock2D",) * 3,
    "scaling_factor": 0.08333,
}
X4_NOISE: Config = {
    "beta_schedule": "scaled_linear",
    "beta_start": 0.0001,
    "beta_end": 0.02,
}


def made(kind: Any, config: Mapping[str, Any]) -> Any:
    """Make a frozen network of random weights."""
    torch.manual_seed(0)
    return kind(**config).requires_grad_(False).eval()


@cache
def x4_unet(narrow: bool = True) -> Any:
    return made(diffusers.UNet2DConditionModel, X4_NARROW if narrow else X4_UNET)


@cache
def x4_vae() -> Any:
    return made(diffusers.AutoencoderKL, X4_VAE)


def euler(spacing: str, **config: Any) -> Any:
    kind: Any = diffusers.EulerDiscreteScheduler
    return kind(timestep_spacing=spacing, **config)


def x4_pipeline() -> Any:
    """Make diffusers' pipeline; prompts are given to it encoded."""
    kind: Any = diffusers.StableDiffusionUpscalePipeline
    noising: Any = diffusers.DDPMScheduler
    return quiet(
        kind(
            vae=x4_vae(),
            text_encoder=None,
            tokenizer=None,
            unet=x4_unet(),
            low_res_scheduler=noising(**X4_NOISE),
            scheduler=euler("linspace", **X4_NOISE, prediction_type="v_prediction"),
        )
    )


def quiet(pipeline: Any) -> Any:
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def write_x4_file(path: Path) -> Path:
    """Write `x4-upscaler-ema.safetensors`: LDM's names, and buffers that nobody needs."""
    weights = ldm_keys.unet_to_ldm(x4_unet(narrow=False).state_dict(), X4_UNET)
    weights |= ldm_keys.vae_to_ldm(x4_vae().state_dict(), X4_VAE)
    weights |= open_clip(text_with_projection(1024), "cond_stage_model.model.")
    weights |= {name: torch.zeros(1000) for name in ("betas", "low_scale_model.betas")}
    save_file({name: tensor.contiguous() for name, tensor in weights.items()}, path)
    return path


def write_x4_folder(folder: Path) -> Path:
    """Write the folder of a pipeline."""
    index = {"_class_name": "StableDiffusionUpscalePipeline", "max_noise_level": 300}
    scheduler = X4_NOISE | {"prediction_type": "v_prediction"}
    write_parts(folder, {"unet": x4_unet(), "vae": x4_vae()}, index)
    write_config(folder / "scheduler" / "scheduler_config.json", scheduler)
    write_config(folder / "low_res_scheduler" / "scheduler_config.json", X4_NOISE)
    write_text_encoder(folder)
    return folder


def write_parts(folder: Path, parts: Mapping[str, Any], index: Config) -> None:
    for name, part in parts.items():
        part.save_pretrained(folder / name)
    write_config(folder / "model_index.json", index)


def write_text_encoder(folder: Path) -> None:
    tiny_parts().text_encoder.save_pretrained(folder / "text_encoder")
    own = tiny_vocabulary()
    write_config(folder / "tokenizer" / "vocab.json", own["vocab"])
    merges = "#version: 0.2\n" + "\n".join(" ".join(pair) for pair in own["merges"])
    (folder / "tokenizer" / "merges.txt").write_text(merges, encoding="utf-8")


def write_config(path: Path, config: Config) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(config), encoding="utf-8")


@contextmanager
def drawing(module: Any, planes: Sequence[Tensor]) -> Iterator[None]:
    """Have a pipeline of diffusers draw given noise, one plane after another."""
    left, own = list(planes), module.randn_tensor
    module.randn_tensor = lambda shape, **_: left.pop(0).reshape(shape)
    try:
        yield
    finally:
        module.randn_tensor = own
    assert not left


# DeepFloyd IF: pixels, a text that is pooled as well, and a variance behind each prediction.
IF_UNET: Config = {
    "sample_size": 16,
    "layers_per_block": 1,
    "block_out_channels": (32, 64),
    "down_block_types": ("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"),
    "mid_block_type": "UNetMidBlock2DSimpleCrossAttn",
    "up_block_types": ("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"),
    "in_channels": 3,
    "out_channels": 6,
    "cross_attention_dim": 32,
    "encoder_hid_dim": 32,
    "attention_head_dim": 8,
    "addition_embed_type": "text",
    "addition_embed_type_num_heads": 2,
    "cross_attention_norm": "group_norm",
    "resnet_time_scale_shift": "scale_shift",
    "act_fn": "gelu",
}
IF_LARGER: Config = IF_UNET | {"in_channels": 6, "class_embed_type": "timestep"}
IF_NOISE: Config = {
    "beta_schedule": "squaredcos_cap_v2",
    "thresholding": True,
    "dynamic_thresholding_ratio": 0.95,
    "sample_max_value": 1.5,
}
IF_T5: Config = {
    "vocab_size": 48,
    "d_model": 32,
    "d_kv": 8,
    "d_ff": 16,
    "num_layers": 2,
    "num_heads": 2,
    "feed_forward_proj": "gated-gelu",
}


@cache
def if_unet(larger: bool) -> Any:
    return made(diffusers.UNet2DConditionModel, IF_LARGER if larger else IF_UNET)


@cache
def if_t5() -> Any:
    torch.manual_seed(0)
    return T5EncoderModel(T5Config(**IF_T5)).requires_grad_(False).eval()


def if_pipeline(larger: bool) -> Any:
    """Make diffusers' pipeline, with the first-order solver of its kind that adds no noise."""
    solver: Any = diffusers.DPMSolverMultistepScheduler
    noising: Any = diffusers.DDPMScheduler
    kind: Any = diffusers.IFSuperResolutionPipeline if larger else diffusers.IFPipeline
    more = {"image_noising_scheduler": noising(beta_schedule="squaredcos_cap_v2")} if larger else {}
    return quiet(
        kind(
            tokenizer=None,
            text_encoder=None,
            unet=if_unet(larger),
            scheduler=solver(**IF_NOISE, solver_order=1),
            safety_checker=None,
            feature_extractor=None,
            watermarker=None,
            requires_safety_checker=False,
            **more,
        )
    )


def write_if_folder(folder: Path, larger: bool) -> Path:
    """Write the folder of a stage; the larger one's brings no text encoder."""
    kind = "IFSuperResolutionPipeline" if larger else "IFPipeline"
    text = [None, None] if larger else ["transformers", "T5EncoderModel"]
    write_parts(folder, {"unet": if_unet(larger)}, {"_class_name": kind, "text_encoder": text})
    learned = IF_NOISE | {"variance_type": "learned_range"}
    write_config(folder / "scheduler" / "scheduler_config.json", learned)
    if larger:
        noise = {"beta_schedule": "squaredcos_cap_v2"}
        write_config(folder / "image_noising_scheduler" / "scheduler_config.json", noise)
    else:
        if_t5().save_pretrained(folder / "text_encoder")
        write_spiece(folder / "tokenizer")
    return folder


# Stable Diffusion's x2 upscaler: a UNet of k-diffusion's kind, which reads log sigma, and another
# latent beside its own; a fifth channel of what it gives has no use.
X2_UNET: Config = {
    "act_fn": "gelu",
    "attention_head_dim": 8,
    "norm_num_groups": None,
    "block_out_channels": (32, 32, 64, 64),
    "time_cond_proj_dim": 128 + 16,
    "conv_in_kernel": 1,
    "conv_out_kernel": 1,
    "cross_attention_dim": 16,
    "down_block_types": ("KDownBlock2D", *["KCrossAttnDownBlock2D"] * 3),
    "in_channels": 8,
    "mid_block_type": None,
    "only_cross_attention": False,
    "out_channels": 5,
    "resnet_time_scale_shift": "scale_shift",
    "time_embedding_type": "fourier",
    "timestep_post_act": "gelu",
    "up_block_types": (*["KCrossAttnUpBlock2D"] * 3, "KUpBlock2D"),
}
X2_NOISE: Config = {
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
}
LDM_UNET: Config = {
    "in_channels": 6,
    "out_channels": 3,
    "block_out_channels": (32, 64),
    "layers_per_block": 1,
    "down_block_types": ("DownBlock2D", "AttnDownBlock2D"),
    "up_block_types": ("AttnUpBlock2D", "UpBlock2D"),
}
LDM_VAE: Config = {
    "block_out_channels": (32, 32, 32),
    "down_block_types": ("DownEncoderBlock2D",) * 3,
    "up_block_types": ("UpDecoderBlock2D",) * 3,
    "latent_channels": 3,
}
LDM_NOISE: Config = {
    "beta_schedule": "scaled_linear",
    "beta_start": 0.0015,
    "beta_end": 0.0195,
}


@cache
def x2_unet() -> Any:
    return made(diffusers.UNet2DConditionModel, X2_UNET)


@cache
def ldm_unet() -> Any:
    return made(diffusers.UNet2DModel, LDM_UNET)


@cache
def ldm_vae() -> Any:
    return made(diffusers.VQModel, LDM_VAE)


def x2_pipeline() -> Any:
    kind: Any = diffusers.StableDiffusionLatentUpscalePipeline
    return quiet(
        kind(
            vae=tiny_parts().vae,
            text_encoder=None,
            tokenizer=None,
            unet=x2_unet(),
            scheduler=euler("trailing", **X2_NOISE, prediction_type="sample"),
        )
    )


def ldm_pipeline() -> Any:
    kind: Any = diffusers.LDMSuperResolutionPipeline
    solver: Any = diffusers.DDIMScheduler
    spaced = {"timestep_spacing": "trailing", "clip_sample": False, "set_alpha_to_one": True}
    return quiet(kind(vqvae=ldm_vae(), unet=ldm_unet(), scheduler=solver(**LDM_NOISE, **spaced)))


def write_x2_folder(folder: Path) -> Path:
    index = {"_class_name": "StableDiffusionLatentUpscalePipeline"}
    write_parts(folder, {"unet": x2_unet(), "vae": tiny_parts().vae}, index)
    write_config(folder / "scheduler" / "scheduler_config.json", X2_NOISE)
    write_text_encoder(folder)
    return folder


def write_ldm_folder(folder: Path) -> Path:
    index = {"_class_name": "LDMSuperResolutionPipeline"}
    write_parts(folder, {"unet": ldm_unet(), "vqvae": ldm_vae()}, index)
    write_config(folder / "scheduler" / "scheduler_config.json", LDM_NOISE)
    return folder


# The original file is as wide as its head's channels ask for; attention stands at the last level.
LDM_ORIGINAL: Config = LDM_UNET | {
    "block_out_channels": (32, 32, 64),
    "layers_per_block": 2,
    "down_block_types": ("DownBlock2D", "DownBlock2D", "AttnDownBlock2D"),
    "up_block_types": ("AttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
    "attention_head_dim": 32,
}
LDM_ORIGINAL_NOISE: Config = LDM_NOISE | {"beta_end": 0.0155}


def ldm_original_pipeline() -> Any:
    """Make diffusers' pipeline of what `write_ldm_file` writes."""
    pipeline = ldm_pipeline()
    unet, solver = made(diffusers.UNet2DModel, LDM_ORIGINAL), type(pipeline.scheduler)
    scheduler = solver.from_config(pipeline.scheduler.config, **LDM_ORIGINAL_NOISE)
    return quiet(type(pipeline)(vqvae=ldm_vae(), unet=unet, scheduler=scheduler))


def write_ldm_file(path: Path) -> Path:
    """Write the original file: LDM's names, attention as one convolution, averages and buffers."""
    weights: dict[str, Tensor] = {}
    for name, weight in ldm_original_pipeline().unet.state_dict().items():
        weights |= _original_unet(name, weight)
    vae = dict(ldm_vae().state_dict())
    codebook = "quantize.embedding.weight"
    weights["first_stage_model." + codebook] = vae.pop(codebook)
    weights |= ldm_keys.vae_to_ldm(vae, LDM_VAE)
    weights = _with_joint_projections(weights)
    averages = {"model_ema.diffusion_modelout2weight": torch.zeros(3, 32, 3, 3)}
    weights |= averages | {"betas": torch.zeros(1000), "logvar": torch.zeros(1000)}
    save_file({name: tensor.contiguous() for name, tensor in weights.items()}, path)
    return path


def _original_unet(name: str, weight: Tensor) -> dict[str, Tensor]:
    """Name a weight as LDM does, projections of attention still apart."""
    (renamed,) = ldm_keys.unet_to_ldm({name: weight}, LDM_ORIGINAL)
    if ".attentions." in name:
        renamed = renamed.replace("group_norm", "norm").replace("to_out.0", "proj_out")
        weight = weight[..., None] if weight.ndim == 2 else weight
    return {renamed: weight}


def _with_joint_projections(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Put queries, keys and values of each head of 32 channels behind each other."""
    joint = dict(weights)
    for name in weights:
        if name.startswith("model.") and ".to_q." in name:
            apart = [joint.pop(name.replace("to_q", kind)) for kind in ("to_q", "to_k", "to_v")]
            heads = [torch.cat(parts) for parts in zip(*(p.split(32) for p in apart), strict=True)]
            joint[name.replace("to_q", "qkv")] = torch.cat(heads)
    return joint
