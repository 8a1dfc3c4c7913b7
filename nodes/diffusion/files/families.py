"""Which model a file holds, told by the shapes of its weights; nothing is guessed in silence."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from nodes.diffusion.files.ldm_keys import UNET_PREFIX
from nodes.diffusion.files.scaled_weights import without_marks
from nodes.diffusion.files.text_keys import text_places
from nodes.diffusion.files.transformers import (
    CHROMA_NETWORK,
    SD3_NETWORK,
    Transformer,
    find_transformer,
)
from nodes.diffusion.files.unet_shapes import UNET_NETWORK, heads, unet_config, video_config
from nodes.diffusion.files.vae_shapes import (
    FLUX_LATENTS,
    PLAYGROUND_LATENTS,
    SD3_LATENTS,
    SD_LATENTS,
    SDXL_LATENTS,
    vae_config,
)
from nodes.diffusion.files.weight_shapes import Config, Shapes
from nodes.diffusion.inputs.video import VIDEO_NETWORK
from nodes.errors import FileProblem
from nodes.types import LatentFormat, TextJoin

# The published training of Stable Diffusion 1 and 2, and of SDXL.
STABLE_DIFFUSION_NOISE: Config = {
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "num_train_timesteps": 1000,
    "prediction_type": "epsilon",
}
# Those of its upscaler, for latents and for the small picture alike.
UPSCALER_NOISE: Config = STABLE_DIFFUSION_NOISE | {
    "beta_start": 0.0001,
    "beta_end": 0.02,
    "prediction_type": "v_prediction",
}
UPSCALER_LATENTS = LatentFormat(4, 0.08333, downscale=4)
# The noise of flow models, as their makers' schedulers describe it.
SD3_NOISE: Config = {"prediction_type": "flow", "shift": 3.0}
SCHNELL_NOISE: Config = {"prediction_type": "flow", "shift": 1.0}
FLUX_NOISE: Config = {"prediction_type": "flow", "use_dynamic_shifting": True, "max_shift": 1.15}


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
        latents: The latent space that the denoiser works in.
        denoiser: Of a UNet2DConditionModel, or of the transformer that is named.
        vae: Of the AutoencoderKL; empty where the file has none.
        text_encoders: Of each CLIPTextModel or T5EncoderModel, in the order in which they are read.
        scheduler: How the noise was scheduled in training and what is predicted.
        tokenizer: `vocab` and `merges` if the file brings its own; empty for CLIP's.
        text_use: Which hidden state of the text encoders the denoiser was trained on.
        text_join: How what they say is put together.
        network: Name of the denoiser's class in diffusers.
        transformer: Where it stands in the file; None for a UNet, and for a folder.
    """

    name: str
    latents: LatentFormat
    denoiser: Config
    vae: Config
    text_encoders: tuple[Config, ...]
    scheduler: Config
    tokenizer: Config = field(default_factory=dict)
    text_use: TextUse = TextUse()
    text_join: TextJoin = "side by side"
    network: str = UNET_NETWORK
    transformer: Transformer | None = None


def detect(shapes: Shapes, metadata: Mapping[str, str]) -> Family:
    """Tell the family of a checkpoint and derive the configuration of its parts.

    Args:
        shapes: Shape of every tensor of the file by its name.
        metadata: The file's own words; `modelspec.prediction_type` is heeded.

    Raises:
        FileProblem: If it is no checkpoint, or of a kind not known here.
        UnknownKeysError: If it holds a weight that does not belong to it.
    """
    shapes = without_marks(shapes)
    transformer = find_transformer(shapes)
    if transformer is not None:
        return _of_transformer(transformer, shapes)
    if UNET_PREFIX + "input_blocks.0.0.weight" not in shapes:
        raise FileProblem(_what_else(shapes), code="checkpoint.kind")
    if UNET_PREFIX + "input_blocks.1.0.time_stack.in_layers.0.weight" in shapes:
        return _of_video(shapes)
    unet = unet_config(shapes)
    name = _FAMILIES.get((unet["cross_attention_dim"], unet["in_channels"]))
    if "class_embed_type" in unet:
        name = UNCLIP
    if name is None:
        raise FileProblem(
            f"This checkpoint's UNet (text width {unet['cross_attention_dim']}, "
            f"{unet['in_channels']} input channels) is of no family known here.",
            "If it was made with this project, its configuration is missing from its header.",
            code="checkpoint.kind",
        )
    latents = PLAYGROUND_LATENTS if PLAYGROUND_MARKS[0] in shapes else _latents(name)
    texts = tuple(place.config for place in text_places(shapes))
    return Family(
        name,
        latents,
        unet | heads(unet),
        vae_config(shapes, latents),
        texts,
        UPSCALER_NOISE if name == UPSCALER else _noise(name, shapes, metadata),
        text_use=TEXT_USES.get(tuple(text.get("hidden_size", 0) for text in texts), TextUse()),
    )


UNCLIP = "stable-diffusion-v2-unclip"
UPSCALER = "stable-diffusion-x4-upscaler"
_FAMILIES = {
    (768, 4): "stable-diffusion-v1",
    (768, 8): "stable-diffusion-v1-edit",
    (768, 9): "stable-diffusion-v1-inpaint",
    (1024, 4): "stable-diffusion-v2",
    (1024, 7): UPSCALER,
    (1024, 9): "stable-diffusion-v2-inpaint",
    (2048, 4): "stable-diffusion-xl",
    (2048, 9): "stable-diffusion-xl-inpaint",
    (1280, 4): "stable-diffusion-xl-refiner",
}


def _latents(name: str) -> LatentFormat:
    if name == UPSCALER:
        return UPSCALER_LATENTS
    return SDXL_LATENTS if name.startswith("stable-diffusion-xl") else SD_LATENTS


def _of_video(shapes: Shapes) -> Family:
    return Family(
        "stable-video-diffusion",
        SD_LATENTS,
        video_config(shapes),
        vae_config(shapes, SD_LATENTS),
        (),
        VIDEO_NOISE,
        network=VIDEO_NETWORK,
    )


def _of_transformer(found: Transformer, shapes: Shapes) -> Family:
    texts = tuple(place.config for place in text_places(shapes))
    if found.network == SD3_NETWORK:
        return Family(
            "stable-diffusion-3",
            SD3_LATENTS,
            found.config,
            vae_config(shapes, SD3_LATENTS),
            texts,
            SD3_NOISE,
            text_use=TextUse(2, normed=False),
            text_join="sd3",
            network=found.network,
            transformer=found,
        )
    channels = found.config["in_channels"]
    if found.network == CHROMA_NETWORK:
        return Family(
            "chroma",
            FLUX_LATENTS,
            found.config,
            vae_config(shapes, FLUX_LATENTS),
            texts,
            FLUX_NOISE,
            text_join="chroma",
            network=found.network,
            transformer=found,
        )
    if channels not in _FLUX_KINDS:
        raise FileProblem(
            f"This Flux model reads {channels} channels, which is not known here.",
            "Choose Flux dev, schnell, Fill, or one for canny edges or depth.",
            "checkpoint.family",
        )
    schnell = not found.config["guidance_embeds"] and channels == _FLUX_CHANNELS
    return Family(
        "flux-schnell" if schnell else _FLUX_KINDS[channels],
        FLUX_LATENTS,
        found.config,
        vae_config(shapes, FLUX_LATENTS),
        texts,
        SCHNELL_NOISE if schnell else FLUX_NOISE,
        text_join="flux",
        network=found.network,
        transformer=found,
    )


_FLUX_CHANNELS = 64
_FLUX_KINDS = {_FLUX_CHANNELS: "flux-dev", 128: "flux-control", 384: "flux-fill"}


# Tensors by which models of continuous noise levels tell themselves: Playground 2.5 and CosXL.
PLAYGROUND_MARKS = ("edm_mean", "edm_std")
COSXL_MARKS = ("edm_vpred.sigma_min", "edm_vpred.sigma_max")
PLAYGROUND_NOISE: Config = {
    "_class_name": "EDMDPMSolverMultistepScheduler",
    "prediction_type": "epsilon",
    "sigma_min": 0.002,
    "sigma_max": 80.0,
    "sigma_data": 0.5,
}
COSXL_NOISE: Config = {
    "_class_name": "EDMEulerScheduler",
    "prediction_type": "v_prediction",
    "sigma_min": 0.002,
    "sigma_max": 120.0,
    "sigma_data": 1.0,
}


VIDEO_NOISE: Config = COSXL_NOISE | {"sigma_max": 700.0}


def _noise(name: str, shapes: Shapes, metadata: Mapping[str, str]) -> Config:
    if PLAYGROUND_MARKS[0] in shapes:
        return PLAYGROUND_NOISE
    if COSXL_MARKS[0] in shapes:
        return COSXL_NOISE
    noise = dict(STABLE_DIFFUSION_NOISE)
    if name == UNCLIP:
        noise["prediction_type"] = "v_prediction"
    said = metadata.get("modelspec.prediction_type", "").lower()
    # Fine-tuned models that predict velocity say so by an empty tensor of this name.
    if said.startswith("v") or "v_pred" in shapes:
        noise["prediction_type"] = "v_prediction"
    if "ztsnr" in shapes:
        noise["rescale_betas_zero_snr"] = True
    return noise


_OTHERS = (
    ("lora_unet_", "a LoRA"),
    ("lora_te_", "a LoRA"),
    (".lora_A.weight", "a LoRA"),
    ("control_model.", "a ControlNet"),
    ("controlnet_cond_embedding.", "a ControlNet"),
    ("input_hint_block.", "a ControlNet"),
    ("down_blocks.0.resnets.", "a part of a diffusers folder"),
    ("decoder.up.0.block.", "a VAE without a UNet"),
    ("text_model.encoder.layers.", "a text encoder without a UNet"),
    ("encoder.block.0.layer.0.SelfAttention.", "a text encoder without a UNet"),
)


def _what_else(shapes: Shapes) -> str:
    for sign, what in _OTHERS:
        if any(sign in name for name in shapes):
            return f"This file is {what}, not a checkpoint."
    return "This file has no denoiser under names that are known here."
