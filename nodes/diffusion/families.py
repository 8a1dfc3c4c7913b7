"""Which model a file holds, told by the shapes of its weights; nothing is guessed in silence."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nodes.diffusion.ldm_keys import UNET_PREFIX, VAE_PREFIX
from nodes.diffusion.text_keys import text_places
from nodes.errors import FileProblem
from nodes.types import LatentFormat

Shapes = Mapping[str, Sequence[int]]
Config = dict[str, Any]

# The published training of Stable Diffusion 1 and 2, and of SDXL.
STABLE_DIFFUSION_NOISE: Config = {
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "num_train_timesteps": 1000,
    "prediction_type": "epsilon",
}

# Colours of a latent's channels: a linear fit for this VAE that its users have long shared.
SD_LATENTS = LatentFormat(
    4,
    0.18215,
    rgb=(
        (0.298, 0.207, 0.208),
        (0.187, 0.286, 0.173),
        (-0.158, 0.189, 0.264),
        (-0.184, -0.271, -0.473),
    ),
)
SDXL_LATENTS = LatentFormat(4, 0.13025)


@dataclass(frozen=True)
class TextUse:
    """Which hidden state a UNet reads: counted from the end, and normalised or not."""

    skip: int = 1
    normed: bool = True


# By the widths of a file's text encoders: OpenCLIP's H; its bigG; CLIP L and bigG.
TEXT_USES: Mapping[tuple[int, ...], TextUse] = {
    (1024,): TextUse(2),
    (1280,): TextUse(2, normed=False),
    (768, 1280): TextUse(2, normed=False),
}


@dataclass(frozen=True)
class Family:
    """A model's kind and the configurations of its parts, in diffusers' and transformers' terms.

    Attributes:
        name: Stable name, such as "stable-diffusion-v1".
        latents: The latent space that the UNet works in.
        unet: Of the UNet2DConditionModel.
        vae: Of the AutoencoderKL; empty where the file has none.
        text_encoder: Of the CLIPTextModel; empty where the file has none.
        scheduler: How the noise was scheduled in training and what is predicted.
        tokenizer: `vocab` and `merges` if the file brings its own; empty for CLIP's.
        text_encoder_2: Of the second CLIPTextModel; empty where there is none.
        text_use: Which hidden state of the text encoders the UNet was trained on.
    """

    name: str
    latents: LatentFormat
    unet: Config
    vae: Config
    text_encoder: Config
    scheduler: Config
    tokenizer: Config = field(default_factory=dict)
    text_encoder_2: Config = field(default_factory=dict)
    text_use: TextUse = TextUse()


def detect(shapes: Shapes, metadata: Mapping[str, str]) -> Family:
    """Tell the family of an LDM checkpoint and derive the configuration of its parts.

    Args:
        shapes: Shape of every tensor of the file by its name.
        metadata: The file's own words; `modelspec.prediction_type` is heeded.

    Raises:
        FileProblem: If it is no Stable Diffusion checkpoint, or of a kind not known here.
    """
    if UNET_PREFIX + "input_blocks.0.0.weight" not in shapes:
        raise FileProblem(_what_else(shapes), code="checkpoint.kind")
    unet = unet_config(shapes)
    name = _FAMILIES.get((unet["cross_attention_dim"], unet["in_channels"]))
    if name is None:
        raise FileProblem(
            f"This checkpoint's UNet (text width {unet['cross_attention_dim']}, "
            f"{unet['in_channels']} input channels) is of no family known here.",
            "If it was made with this project, its configuration is missing from its header.",
            code="checkpoint.kind",
        )
    unet |= heads(unet)
    latents = SDXL_LATENTS if name.startswith("stable-diffusion-xl") else SD_LATENTS
    texts = [place.config for place in text_places(shapes)]
    widths = tuple(text["hidden_size"] for text in texts)
    return Family(
        name,
        latents,
        unet,
        vae_config(shapes, VAE_PREFIX, latents.scaling_factor),
        texts[0] if texts else {},
        _noise(shapes, metadata),
        text_encoder_2=texts[1] if len(texts) > 1 else {},
        text_use=TEXT_USES.get(widths, TextUse()),
    )


_FAMILIES = {
    (768, 4): "stable-diffusion-v1",
    (768, 8): "stable-diffusion-v1-edit",
    (768, 9): "stable-diffusion-v1-inpaint",
    (1024, 4): "stable-diffusion-v2",
    (1024, 9): "stable-diffusion-v2-inpaint",
    (2048, 4): "stable-diffusion-xl",
    (2048, 9): "stable-diffusion-xl-inpaint",
    (1280, 4): "stable-diffusion-xl-refiner",
}


def heads(unet: Config) -> Config:
    """Give a UNet's attention heads, which leave no trace in the shapes, by its family.

    What diffusers calls attention_head_dim counts heads: 8 in Stable Diffusion 1, and in the
    families after it as many of 64 channels as there are.
    """
    if unet["cross_attention_dim"] == _SD1_TEXT_WIDTH:
        return {"attention_head_dim": 8}
    return {"attention_head_dim": [channels // 64 for channels in unet["block_out_channels"]]}


_SD1_TEXT_WIDTH = 768


def unet_config(shapes: Shapes, prefix: str = UNET_PREFIX) -> Config:
    """Derive a UNet2DConditionModel's configuration, but for its attention heads, from shapes."""
    names = {key.removeprefix(prefix): shapes[key] for key in shapes if key.startswith(prefix)}
    levels = _levels(names)
    attended = [bool(level.depths) for level in levels]
    # The middle's depth is the last level's; it stands for levels without attention as well.
    middle = _count(names, "middle_block.1.transformer_blocks.") or 1
    depths = [max(level.depths, default=middle) for level in levels]
    projection = names["middle_block.1.proj_in.weight"]
    context = names["middle_block.1.transformer_blocks.0.attn2.to_k.weight"]
    config: Config = {
        "sample_size": 64,
        "in_channels": names["input_blocks.0.0.weight"][1],
        "block_out_channels": tuple(level.channels for level in levels),
        "layers_per_block": levels[0].layers,
        "down_block_types": tuple(
            "CrossAttnDownBlock2D" if yes else "DownBlock2D" for yes in attended
        ),
        "up_block_types": tuple(
            "CrossAttnUpBlock2D" if yes else "UpBlock2D" for yes in reversed(attended)
        ),
        "transformer_layers_per_block": tuple(depths),
        "cross_attention_dim": context[1],
        "use_linear_projection": len(projection) == 2,
    }
    # A ControlNet is a UNet's first half, without a way out.
    if "out.2.weight" in names:
        config["out_channels"] = names["out.2.weight"][0]
    if "label_emb.0.0.weight" in names:
        width = names["label_emb.0.0.weight"][1]
        config |= {
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 256,
            "projection_class_embeddings_input_dim": width,
        }
    return config


def layers_told(names: Collection[str]) -> Config:
    """Tell what the names of weights under diffusers depend on, from the names themselves.

    Args:
        names: Of the weights of a UNet2DConditionModel or a ControlNetModel.
    """
    levels = len({n.split(".")[1] for n in names if n.startswith("down_blocks.")})
    layers = len({n.split(".")[3] for n in names if n.startswith("down_blocks.0.resnets.")})

    def kinds(way: str) -> tuple[str, ...]:
        blocks = [f"{way.lower()}_blocks.{n}.attentions.0.norm.weight" for n in range(levels)]
        return tuple(f"{'CrossAttn' if b in names else ''}{way}Block2D" for b in blocks)

    return {
        "down_block_types": kinds("Down"),
        "up_block_types": kinds("Up"),
        "layers_per_block": layers,
    }


@dataclass(frozen=True)
class _Level:
    """One resolution of a UNet: width, residual layers, transformer blocks of each attention."""

    channels: int
    layers: int
    depths: tuple[int, ...]


def _levels(names: Shapes) -> list[_Level]:
    levels: list[_Level] = []
    channels, layers, depths = 0, 0, list[int]()
    index = 1
    while True:
        block = f"input_blocks.{index}."
        if block + "0.out_layers.3.weight" in names:
            channels = names[block + "0.out_layers.3.weight"][0]
            layers += 1
            depth = _count(names, block + "1.transformer_blocks.")
            depths += [depth] if depth else []
        else:
            levels.append(_Level(channels, layers, tuple(depths)))
            layers, depths = 0, []
            if block + "0.op.weight" not in names:
                return levels
        index += 1


def vae_config(shapes: Shapes, prefix: str, scaling_factor: float) -> Config:
    """Derive an AutoencoderKL's configuration from shapes; empty if there is no VAE.

    Args:
        shapes: Shape of every tensor by its LDM name.
        prefix: Stands before the VAE's names.
        scaling_factor: Leaves no trace in the shapes.
    """
    names = {key.removeprefix(prefix): shapes[key] for key in shapes if key.startswith(prefix)}
    if "encoder.conv_in.weight" not in names or "decoder.conv_in.weight" not in names:
        return {}
    levels = _count(names, "encoder.down.")
    return {
        "block_out_channels": tuple(
            names[f"encoder.down.{level}.block.0.conv1.weight"][0] for level in range(levels)
        ),
        "layers_per_block": _count(names, "encoder.down.0.block."),
        "down_block_types": ("DownEncoderBlock2D",) * levels,
        "up_block_types": ("UpDecoderBlock2D",) * levels,
        "latent_channels": names["decoder.conv_in.weight"][1],
        "mid_block_add_attention": "encoder.mid.attn_1.q.weight" in names,
        "use_quant_conv": "quant_conv.weight" in names,
        "use_post_quant_conv": "post_quant_conv.weight" in names,
        "scaling_factor": scaling_factor,
    }


def latents_of(vae: Config) -> LatentFormat:
    """Describe the latent space of a VAE by its configuration; the scale tells Stable Diffusion's.

    Raises:
        KeyError: If it lacks the scaling factor.
    """
    channels, scaling = vae.get("latent_channels", 4), vae["scaling_factor"]
    if (channels, scaling) == (SD_LATENTS.channels, SD_LATENTS.scaling_factor):
        return SD_LATENTS
    downscale = 2 ** (len(vae["block_out_channels"]) - 1)
    return LatentFormat(channels, scaling, downscale, vae.get("shift_factor") or 0.0)


def _noise(shapes: Shapes, metadata: Mapping[str, str]) -> Config:
    noise = dict(STABLE_DIFFUSION_NOISE)
    said = metadata.get("modelspec.prediction_type", "").lower()
    # Fine-tuned models that predict velocity say so by an empty tensor of this name.
    if said.startswith("v") or "v_pred" in shapes:
        noise["prediction_type"] = "v_prediction"
    if "ztsnr" in shapes:
        noise["rescale_betas_zero_snr"] = True
    return noise


def _count(names: Shapes, start: str) -> int:
    """Count the numbers that follow a name's start."""
    pattern = re.compile(re.escape(start) + r"(\d+)\.")
    found = (pattern.match(name) for name in names)
    return len({match[1] for match in found if match})


_OTHERS = (
    ("double_blocks.0.", "a Flux model"),
    ("joint_blocks.0.", "a Stable Diffusion 3 model"),
    ("lora_unet_", "a LoRA"),
    ("lora_te_", "a LoRA"),
    (".lora_A.weight", "a LoRA"),
    ("control_model.", "a ControlNet"),
    ("controlnet_cond_embedding.", "a ControlNet"),
    ("input_hint_block.", "a ControlNet"),
    ("down_blocks.0.resnets.", "a part of a diffusers folder"),
    ("decoder.up.0.block.", "a VAE without a UNet"),
    ("text_model.encoder.layers.", "a text encoder without a UNet"),
)


def _what_else(shapes: Shapes) -> str:
    for sign, what in _OTHERS:
        if any(sign in name for name in shapes):
            return f"This file is {what}, not a Stable Diffusion checkpoint."
    return "This file has no UNet under the names of a Stable Diffusion checkpoint."
