"""Networks out of a configuration and weights: built without memory, filled by assignment."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from types import MappingProxyType
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    ChromaTransformer2DModel,
    FluxTransformer2DModel,
    SD3Transformer2DModel,
    UNet2DConditionModel,
    UNetSpatioTemporalConditionModel,
)
from diffusers.models.downsampling import KDownsample2D
from diffusers.models.upsampling import KUpsample2D
from torch import Tensor, nn

from nodes.diffusion.betas import BETA_SCHEDULES
from nodes.diffusion.files.ldm_keys import VIDEO_VAE
from nodes.diffusion.files.scaled_weights import factors_apart
from nodes.diffusion.files.transformers import CHROMA_NETWORK, FLUX_NETWORK, SD3_NETWORK
from nodes.diffusion.files.unet_shapes import UNET_NETWORK
from nodes.diffusion.files.weight_shapes import Config
from nodes.diffusion.inputs.video import VIDEO_NETWORK
from nodes.diffusion.memory.by_layer import multiply
from nodes.diffusion.memory.precision import as_computed, compute_in
from nodes.diffusion.model_sampling import ModelSampling
from nodes.diffusion.pixel_space import FOLDED_UNET, FoldedUNet, is_pixel_space, pixel_vae
from nodes.diffusion.vae import fit_rgb
from nodes.diffusion.video_vae import video_vae
from nodes.errors import FileProblem
from nodes.types import Clip, LatentFormat, Model, Vae

_NETWORKS: Mapping[str, tuple[Any, str]] = MappingProxyType(
    {
        UNET_NETWORK: (UNet2DConditionModel, "UNet"),
        FOLDED_UNET: (FoldedUNet, "UNet"),
        VIDEO_NETWORK: (UNetSpatioTemporalConditionModel, "UNet"),
        SD3_NETWORK: (SD3Transformer2DModel, "transformer"),
        FLUX_NETWORK: (FluxTransformer2DModel, "transformer"),
        CHROMA_NETWORK: (ChromaTransformer2DModel, "transformer"),
    }
)
_FLOW = "FlowMatch"
# Schedulers of Karras et al. 2022, arXiv:2206.00364.
_CONTINUOUS = "EDM"
# How fine the tables of noise levels are that schedules pick from: the field's numbers.
_FLOW_LEVELS, _FLUX_LEVELS = 1000, 10_000
_PREDICTIONS = ("epsilon", "v_prediction", "sample")


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint holds; in place of a part that it lacks stands one that says so."""

    family: str
    model: Model
    clip: Clip
    vae: Vae


@dataclass(frozen=True)
class Weights:
    """Mapped weights of a checkpoint's parts, under the names of diffusers and transformers 5."""

    denoiser: Mapping[str, Tensor]
    vae: Mapping[str, Tensor]
    text_encoders: Sequence[Mapping[str, Tensor]]


def make_denoiser(
    config: Config, weights: Mapping[str, Tensor], dtype: str, network: str = UNET_NETWORK
) -> nn.Module:
    """Build a denoising network around weights named as in diffusers.

    Args:
        config: Of its class.
        weights: Under the names of diffusers.
        dtype: What to compute in; weights of another dtype are cast once. Flux and Chroma overflow
            in float16, so that they compute in bfloat16 then.
        network: Name of the class in diffusers.

    Raises:
        FileProblem: If configuration and weights do not agree.
    """
    kind, part = _NETWORKS[network]
    if network in (FLUX_NETWORK, CHROMA_NETWORK):
        dtype = wide_half(dtype)
    with torch.device("meta"):
        made = configured(part, kind.from_config, config)
    if network == CHROMA_NETWORK:
        # Which modulation is which: in no file, so that the meta device has left it without values.
        told = made.time_text_embed
        places, channels = told.mod_proj.shape
        made.time_text_embed = type(told)(channels // 2, places)
    for module in made.modules():
        if isinstance(module, KDownsample2D | KUpsample2D):
            # What is in no file, and the meta device has left without values.
            fixed: Any = type(module)()
            module.register_buffer("kernel", fixed.kernel, persistent=False)
    return filled(made, weights, dtype, part)


def wide_half(dtype: str) -> str:
    """Give the half precision that has the range of float32, where a half is asked for."""
    return "bfloat16" if dtype == "float16" else dtype


def make_vae(
    config: Config, weights: Mapping[str, Tensor], latents: LatentFormat, dtype: str, key: str
) -> Vae:
    """Build a VAE around weights named as in diffusers.

    In half precision the decoder of Stable Diffusion overflows, so it computes in float32 then.

    Raises:
        FileProblem: If configuration and weights do not agree.
    """
    if is_pixel_space(config):
        return pixel_vae(latents, key)
    dtype = "float32" if dtype == "float16" else dtype
    over_time = config.get("_class_name") == VIDEO_VAE
    make = partial(video_vae, names=weights.keys()) if over_time else AutoencoderKL.from_config
    with torch.device("meta"):
        network = configured("VAE", make, config)
    network = filled(network, weights, dtype, "VAE")
    return Vae(network, latents if latents.rgb else fit_rgb(network, latents), dtype, f"{key}#vae")


def model_sampling(config: Config) -> ModelSampling:
    """Make the noise levels of a model out of a scheduler's configuration.

    Raises:
        FileProblem: If it asks for what is not known here.
    """
    if config.get("prediction_type") == "flow" or _FLOW in str(config.get("_class_name")):
        # Flux's shift follows the picture's size; this is the one of its largest.
        moving = config.get("use_dynamic_shifting", False)
        shift = math.exp(config.get("max_shift", 1.15)) if moving else config.get("shift", 1.0)
        return ModelSampling.from_flow(float(shift), _FLUX_LEVELS if moving else _FLOW_LEVELS)
    prediction = config.get("prediction_type", "epsilon")
    named = str(config.get("_class_name"))
    if named.startswith(_CONTINUOUS) or config.get("timestep_type") == "continuous":
        return ModelSampling.continuous(
            "edm" if prediction == "epsilon" else prediction,
            float(config.get("sigma_min", 0.002)),
            float(config.get("sigma_max", 80.0)),
            "log",
            float(config.get("sigma_data", 1.0 if prediction == "v_prediction" else 0.5)),
        )
    schedule = config.get("beta_schedule", "linear")
    if prediction not in _PREDICTIONS or schedule not in BETA_SCHEDULES:
        raise FileProblem(
            f"The model predicts {prediction!r} under {schedule!r} noise, which is not known here.",
            code="checkpoint.config",
        )
    return ModelSampling.from_betas(
        schedule,
        float(config.get("beta_start", 0.0001)),
        float(config.get("beta_end", 0.02)),
        int(config.get("num_train_timesteps", 1000)),
        prediction=prediction,
        zero_snr=bool(config.get("rescale_betas_zero_snr", False)),
    )


def filled(network: nn.Module, weights: Mapping[str, Tensor], dtype: str, part: str) -> nn.Module:
    """Assign weights to a network that has none yet, and freeze it.

    Weights that `as_computed` leaves as they are stay so; their layers convert them, and apply
    their factors, as they read them.

    Args:
        network: On the meta device.
        weights: By name, with factors as `with_factors` names them.
        dtype: What to compute in.
        part: What it is called in messages.

    Raises:
        FileProblem: If a weight is missing, surplus, or of another shape.
    """
    weights, factors = factors_apart(weights)
    expected = network.state_dict()
    missing = sorted(expected.keys() - weights.keys())
    surplus = sorted(weights.keys() - expected.keys())
    if missing or surplus:
        what = f"lacks {missing[0]}" if missing else f"has {surplus[0]}, which does not belong"
        raise FileProblem(
            f"The {part} in this file {what} ({len(missing)} missing, {len(surplus)} surplus).",
            "Fetch the file again, or another export of the model.",
            "checkpoint.weights",
        )
    for name, tensor in expected.items():
        if tensor.shape != weights[name].shape:
            raise FileProblem(
                f"{name} of the {part} should have the shape {tuple(tensor.shape)}, "
                f"and has {tuple(weights[name].shape)}.",
                code="checkpoint.weights",
            )
    kind = getattr(torch, dtype)
    # A weight of the right dtype already is assigned as it is and stays mapped.
    network.load_state_dict(as_computed(weights, kind), assign=True)
    compute_in(network.requires_grad_(False).eval(), kind)
    for module, factor in factors.items():
        multiply(network.get_submodule(module), factor)
    left = [
        name
        for name, tensor in chain(network.named_parameters(), network.named_buffers())
        if tensor.is_meta
    ]
    if left:
        raise FileProblem(f"{left[0]} of the {part} got no values.", code="checkpoint.weights")
    return network


def configured(part: str, make: Any, config: Config) -> Any:
    """Build a part from its configuration.

    Raises:
        FileProblem: If the configuration is wrong.
    """
    try:
        return make(dict(config))
    except (TypeError, ValueError, KeyError, IndexError, ZeroDivisionError) as error:
        raise FileProblem(
            f"The configuration of the {part} is wrong: {error}.", code="checkpoint.config"
        ) from error
